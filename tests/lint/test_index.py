import ast

import pytest

from perfcheck.events import Hotness
from perfcheck.lint.dotted import dotted
from perfcheck.lint.index import CallSite
from tests.lint.programs import record


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("x", "x"),
        ("torch.nn.functional.relu", "torch.nn.functional.relu"),
        ("self.model.encode", "self.model.encode"),
        ("losses[0].item", ".item"),
        ("f(x).mean().item", ".item"),
        ("super().forward", "super.forward"),
        ("super(A, self).forward", "super.forward"),
        ("x[0]", ""),
        ("(lambda: 0)", ""),
    ],
)
def test_dotted_names(expression: str, name: str) -> None:
    assert dotted(ast.parse(expression, mode="eval").body) == name


@pytest.mark.parametrize(
    ("path", "statement", "imports"),
    [
        ("pkg/mod.py", "import torch", {"torch": "torch"}),
        ("pkg/mod.py", "import torch.nn.functional as F", {"F": "torch.nn.functional"}),
        ("pkg/mod.py", "import torch.nn.functional", {"torch": "torch"}),
        ("pkg/mod.py", "from torch import nn, zeros as make", {"nn": "torch.nn", "make": "torch.zeros"}),
        ("pkg/mod.py", "from . import ops", {"ops": "pkg.ops"}),
        ("pkg/mod.py", "from .ops import add", {"add": "pkg.ops.add"}),
        ("pkg/sub/mod.py", "from ..ops import add", {"add": "pkg.ops.add"}),
        ("pkg/sub/__init__.py", "from .ops import add", {"add": "pkg.sub.ops.add"}),
        ("pkg/sub/__init__.py", "from ..ops import add", {"add": "pkg.ops.add"}),
        ("src/pkg/mod.py", "from .ops import add", {"add": "pkg.ops.add"}),
        ("mod.py", "from .ops import add", {"add": "ops.add"}),
        ("mod.py", "from .... import add", {"add": "add"}),
        ("mod.py", "def f():\n    from torch import nn", {"nn": "torch.nn"}),
        ("mod.py", "try:\n    import a\nexcept ImportError:\n    import b as a", {"a": "b"}),
    ],
)
def test_imports_are_absolute(path: str, statement: str, imports: dict[str, str]) -> None:
    assert record(statement, path).imports == imports


def test_star_imports() -> None:
    assert record("from torch import *\nfrom .ops import *", "pkg/mod.py").stars == ("torch", "pkg.ops")


def test_functions_and_classes_by_qualified_name() -> None:
    found = record(
        """
        class Outer(Base, pkg.Other, Generic[T]):
            class Inner:
                def method(self): ...
            async def run(self, a, /, b, *rest, c=1, **more):
                def nested(): ...

        if True:
            def conditional(): ...
        """
    )
    assert list(found.functions) == [
        "Outer.Inner.method", "Outer.run.nested", "Outer.run", "conditional", "",
    ]  # fmt: skip
    run, nested = found.functions["Outer.run"], found.functions["Outer.run.nested"]
    assert (run.owner, run.outer, run.params, run.name) == ("Outer", "", ("self", "a", "b", "c"), "run")
    assert nested.outer == "Outer.run"
    assert found.classes["Outer"].bases == ("Base", "pkg.Other", "Generic")
    assert found.classes["Outer"].methods == ("run",)
    assert (found.classes["Outer"].line, found.classes["Outer"].end_line) == (1, 5)


def test_what_a_body_calls_reads_stores_and_passes() -> None:
    found = record(
        """
        @torch.no_grad()
        @wraps
        def f(self, x):
            self.count = x.shape[0]
            self.total += 1
            other.count = 2
            run(self.step, callback, x.view(1))
        """
    ).functions["f"]
    assert found.decorators == ("torch.no_grad", "wraps")
    assert found.stores == {"count", "total"}
    assert found.names >= {"shape", "run", "view", "step"}
    assert found.passed == {"self.step", "callback"}
    assert not found.loops


def test_calls_know_the_loops_and_guards_around_them() -> None:
    found = record(
        """
        def fit(loader):
            before()
            for epoch in range(3):
                each_epoch()
                for batch in loader:
                    each_step()
                    for part in batch:
                        each_part()
                    if step % 10 == 0:
                        now_and_then()
            for name in names:
                again()
            [inner(n) for n in names]
        """
    ).functions["fit"]
    calls = {site.target: site for site in found.calls}
    assert found.loops
    assert {name: site.level for name, site in calls.items() if name != "range"} == {
        "before": Hotness.COLD,
        "each_epoch": Hotness.EPOCH,
        "each_step": Hotness.STEP,
        "each_part": Hotness.ELEMENT,
        "now_and_then": Hotness.STEP,
        "again": Hotness.COLD,
        "inner": Hotness.COLD,
    }
    assert {name for name, site in calls.items() if site.guarded} == {"now_and_then"}
    assert {name for name, site in calls.items() if site.repeated} >= {"each_part", "again", "inner"}
    assert calls["before"] == CallSite("before", 2, Hotness.COLD, False, False)


@pytest.mark.parametrize(
    "statement",
    [
        "try:\n    pass\nexcept E:\n    f()",
        "if debug:\n    f()",
        "raise ValueError(f())",
        "if x is bad:\n    f()\n    raise E",
    ],
)
def test_guarded_calls(statement: str) -> None:
    (site,) = [s for s in record(statement).functions[""].calls if s.target == "f"]
    assert site.guarded


@pytest.mark.parametrize(
    "statement",
    [
        "match x:\n    case 1:\n        f()",
        "with a as b, f():\n    pass",
        "async def g():\n    await f()",
        "assert f(), 'text'",
        "del x[f()]",
        "x: int = f()",
        "x = y = f()",
        "x += f()",
        "lambda: f()",
        "try:\n    pass\nfinally:\n    f()",
        "while f():\n    pass",
        "for x in y:\n    pass\nelse:\n    f()",
        "class A:\n    x = f()",
        "@decorate(f())\ndef g(): ...",
        "def g(x=f(), *, y=1): ...",
    ],
)
def test_no_call_is_overlooked(statement: str) -> None:
    functions = record(statement).functions.values()
    assert [site.target for f in functions for site in f.calls if site.target == "f"] == ["f"]


def test_globals() -> None:
    found = record("A = B = 1\nC: int = 2\nA.x = 3\ndef f():\n    D = 4\n")
    assert found.globals == {"A", "B", "C"}


def test_what_is_a_tensor_by_what_it_is_used_for() -> None:
    source = """
        import torch
        def table(x, n, args):
            n = torch.arange(n, device=args.device)
            return x.sum(dim=0) * n.flatten().unsqueeze(0)
        def scaled(x, n):
            n = n.clamp(min=0)
            n = torch.as_tensor(n)
            return x.sum(dim=0) * n
    """
    functions = record(source).functions
    assert functions["table"].tensors == {"x"}
    assert "n" not in functions["table"].arrays
    assert {"x", "n"} <= functions["scaled"].tensors | functions["scaled"].arrays
