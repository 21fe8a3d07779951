"""The questions about one body."""

import ast

import pytest

from perfcheck.events import Hotness, Truth
from perfcheck.lint.scope import BodyScope
from tests.lint.programs import Program

IMPORTS = "import torch\nfrom torch import nn\n"


def scope(body: str, name: str = "f") -> BodyScope:
    return Program(IMPORTS + body).scope(name)


def at(found: BodyScope, name: str = "here") -> ast.Call:
    """The call of ``here()``."""
    (call,) = found.calls(name)
    return call


def test_nodes_in_source_order_without_those_of_nested_functions_and_classes() -> None:
    found = scope(
        """
def f():
    a = 1
    def nested():
        b = 2
    class Inner:
        c = 3
    d = [e for e in range(4)]
    return lambda: 5
"""
    )
    assert [n.value for n in found.walk(ast.Constant)] == [1, 4, 5]  # type: ignore[attr-defined]
    kinds = [type(n) for n in found.walk(ast.Return, ast.Assign)]
    assert kinds == [ast.Assign, ast.Assign, ast.Return]
    assert [n.id for n in found.walk(ast.Name)] == ["a", "d", "e", "e", "range"]  # type: ignore[attr-defined]


def test_defaults_of_a_nested_function_belong_to_the_body_around_it() -> None:
    found = scope("def f(x):\n    def nested(a=here(), *, b=x.item()):\n        there()\n")
    assert [ast.unparse(call) for call in found.walk(ast.Call)] == ["here()", "x.item()"]
    assert isinstance(found.statement(at(found)), ast.FunctionDef)


def test_calls_by_their_last_name() -> None:
    found = scope("def f(x):\n    x.item()\n    g(item(x.a.item))\n    x[0].item()\n")
    assert [ast.unparse(call) for call in found.calls("item")] == [
        "x.item()",
        "item(x.a.item)",
        "x[0].item()",
    ]
    assert [call.lineno for call in found.calls("g", "item")] == sorted(
        call.lineno for call in found.calls("item", "g")
    )
    assert [ast.unparse(node) for node in found.attributes("item")] == ["x.item", "x.a.item", "x[0].item"]
    assert list(found.calls("absent")) == []


def test_parents_and_statements() -> None:
    found = scope("def f(x):\n    if x:\n        y = g(here())\n")
    call = at(found)
    assert [type(node).__name__ for node in found.ancestors(call)] == ["Call", "Assign", "If"]
    assert ast.unparse(found.statement(call)) == "y = g(here())"
    assert found.parent(found.statement(call)) is found.node.body[0]


@pytest.mark.parametrize(
    ("body", "targets"),
    [
        ("for a in x:\n        for b in y:\n            here()", ["a", "b"]),
        ("for a in here(): pass", []),
        ("for a in x: pass\n    else: here()", []),
        ("while here(): pass", ["while"]),
        ("[here() for a in x for b in y]", ["a", "b"]),
        ("[a for a in here()]", []),
        ("[a for a in x if here()]", ["a"]),
        ("{a: here() for a in x}", ["a"]),
        ("for a in x:\n        [here() for b in a]", ["a", "b"]),
        ("here()", []),
    ],
)
def test_loops_outermost_first(body: str, targets: list[str]) -> None:
    found = scope(f"def f(x, y):\n    {body}\n")
    names = [
        "while" if isinstance(loop, ast.While) else ast.unparse(loop.target)
        for loop in found.loops(at(found))
    ]
    assert names == targets


def test_what_is_assigned() -> None:
    found = scope(
        """
def f(x, self):
    for i, (j, k) in x:
        self.a = b = 1
        c += 1
        (d := 1)
        x[0] = 2
"""
    )
    assert found.assigned(found.node.body[0]) >= {"i", "j", "k", "self.a", "b", "c", "d"}
    assert "x" not in found.assigned(found.node.body[0])


@pytest.mark.parametrize(
    ("body", "definition"),
    [
        ("a = g()\n    here()", "g()"),
        ("a: int = 1\n    here()", "1"),
        ("a = 1\n    a = 2\n    here()", None),
        ("a = 1\n    here()\n    a = 2", "1"),
        ("a, b = g()\n    here()", None),
        ("for a in x: pass\n    here()", None),
        ("with g() as a: here()", None),
        ("for i in x:\n        here()\n        a = 1", "1"),
        ("a = 1\n    for i in x:\n        here()\n        a = 2", None),
        ("if (a := g()): here()", "g()"),
        ("here()", None),
    ],
)
def test_definitions(body: str, definition: str | None) -> None:
    found = scope(f"def f(x):\n    {body}\n")
    node = found.definition("a", at(found))
    assert (None if node is None else ast.unparse(node)) == definition


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("if step % 10 == 0: here()", True),
        ("if debug: here()", True),
        ("if x: here()", False),
        ("if step % 10: pass\n    else: here()", True),
        ("try: pass\n    except E: here()", True),
        ("try: here()\n    except E: pass", False),
        ("raise E(here())", True),
        ("if not debug: return\n    here()", True),
        ("if x: return\n    here()", False),
        ("if debug:\n        for batch in loader: here()", False),
        ("for batch in loader:\n        if debug: here()", True),
        ("if debug:\n        if x: here()", True),
        ("warnings.warn(here())", True),
    ],
)
def test_guards(body: str, guarded: bool) -> None:
    found = scope(f"def f(x, step, debug, loader):\n    {body}\n")
    assert found.guarded(at(found)) is guarded


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("loss = g(n) if n > 0 else torch.tensor(0.0)", True),
        ("loss = torch.tensor(0.0) if not len(x) else g(x)", True),
        ("if mask.any(): loss = g(x)\n    else: loss = torch.tensor(0.0)", True),
        ("loss = g(x) if weight > 0 else torch.tensor(0.0)", False),
        ("loss = torch.tensor(0.0)\n    if n > 0: loss = g(n)", False),
        ("return x.mean() if x is not None else torch.tensor(0.0).to(x.device)", True),
    ],
)
def test_answers_where_there_is_nothing(body: str, guarded: bool) -> None:
    found = scope(f"def f(x, mask, weight):\n    n = torch.sum(mask)\n    {body}\n")
    (constant,) = found.calls("tensor")
    assert found.guarded(constant) is guarded


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("for batch in loader: g(batch)\n    here()", Hotness.EPOCH),
        ("here()\n    for batch in loader: g(batch)", Hotness.EPOCH),
        ("for batch in loader: here()", Hotness.ELEMENT),
        ("for x in micro:\n        x.backward()\n    optimizer.step()\n    here()", Hotness.STEP),
        ("for x in data:\n        x.backward()\n        optimizer.step()\n    here()", Hotness.EPOCH),
        ("for batch in loader: g(batch)\n    for step in range(max_steps): here()", Hotness.STEP),
    ],
)
def test_what_stands_around_a_pass_over_the_data(body: str, level: Hotness) -> None:
    source = f"def f(loader, micro, data):\n    {body}\ndef go():\n    for step in range(max_steps): f()\n"
    found = scope(source)
    assert found.hotness(at(found)) == level


def test_a_step_that_learns_from_the_parts_of_its_batch_is_a_step() -> None:
    found = scope(
        """
def training_step(parts):
    for part in parts:
        part.backward()
        optimizer.step()
    here()
""",
        "training_step",
    )
    assert found.hotness(at(found)) == Hotness.STEP


@pytest.mark.parametrize(
    ("source", "off"),
    [
        ("def f():\n    with torch.no_grad():\n        here()", True),
        ("def f():\n    with a, torch.inference_mode():\n        if b:\n            here()", True),
        ("@torch.no_grad()\ndef f():\n    here()", True),
        ("@torch.inference_mode\ndef f():\n    here()", True),
        ("def f():\n    with torch.no_grad():\n        pass\n    here()", None),
        ("def f():\n    with torch.set_grad_enabled(a):\n        here()", None),
        ("def f():\n    with torch.set_grad_enabled(False):\n        here()", True),
        ("def f():\n    torch.set_grad_enabled(False)\n    if a:\n        here()", True),
        ("def f():\n    if a:\n        torch.set_grad_enabled(False)\n    here()", None),
        ("def f():\n    torch.set_grad_enabled(False)\n    torch.set_grad_enabled(True)\n    here()", None),
        ("def f():\n    with torch.set_grad_enabled(False):\n        pass\n    here()", None),
        ("def f():\n    here()", None),
    ],
)
def test_grad_mode(source: str, off: Truth) -> None:
    found = scope(source + "\n")
    assert found.no_grad(at(found)) is off


def test_names() -> None:
    calls = ("torch.cat(x)", "nn.functional.relu(x)", "float(x)", "x.item()", "y = x", "y()")
    found = scope("def f(x):\n    " + "\n    ".join(calls) + "\n")
    names = [found.resolve(call.func) for call in found.walk(ast.Call)]  # type: ignore[attr-defined]
    assert names == ["torch.cat", "torch.nn.functional.relu", "builtins.float", None, None]


def test_settings_are_named_where_they_are_set() -> None:
    found = scope("def f():\n    torch.backends.cudnn.benchmark = True\n")
    (assign,) = found.walk(ast.Assign)
    assert isinstance(assign, ast.Assign)
    assert found.resolve(assign.targets[0]) == "torch.backends.cudnn.benchmark"


def test_keywords() -> None:
    found = scope("def f(more):\n    here(1, *more, a=2)\n    there(1, b=2, **more)\n    kept(**{'a': 1})\n")
    here, there, kept = at(found), at(found, "there"), at(found, "kept")
    first, given = found.keyword(here, "x", 0), found.keyword(here, "a", 3)
    assert isinstance(first, ast.Constant) and first.value == 1
    assert isinstance(given, ast.Constant) and given.value == 2
    assert found.keyword(here, "x", 1) is None  # hidden by what is spread
    assert found.keyword(there, "a") is None
    assert found.may_pass(there, "a") and not found.may_pass(here, "a")
    assert found.may_pass(kept, "a") and not found.may_pass(kept, "b")


def test_in_class() -> None:
    program = Program(IMPORTS + "class A(nn.Module): ...\nclass B(A):\n    def f(self): ...\ndef f(): ...\n")
    assert program.scope("B.f").in_class("torch.nn.Module")
    assert not program.scope("B.f").in_class("torch.optim.Optimizer")
    assert not program.scope("f").in_class("torch.nn.Module")


def test_classes_that_are_not_to_be_used_any_more() -> None:
    program = Program(
        """
        class Average:
            \"\"\"A running average (DEPRECATED).\"\"\"
            def f(self): ...
        class AdamLegacy:
            def f(self): ...
        class Adam:
            def f(self): ...
        """
    )
    classes = ("Average", "AdamLegacy", "Adam")
    assert [program.scope(f"{name}.f").deprecated() for name in classes] == [True, True, False]
    moved = Program({"a/deprecated/b.py": "def f(x): ...\n", "a/c.py": "def f(x): ...\n"})
    assert moved.scope("f", "a/deprecated/b.py").deprecated()
    assert not moved.scope("f", "a/c.py").deprecated()


def test_text() -> None:
    found = scope("def f(x):\n    here(x [ 0 ],\n         'a')\n")
    assert found.text(at(found)) == "here(x[0], 'a')"
