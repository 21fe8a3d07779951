"""Parts of files have the trees, and the positions, that they have in the whole."""

import ast
import copy
import importlib.util
from pathlib import Path

import pytest

from perfcheck.lint.index import ModuleRecord, index
from perfcheck.lint.trees import Trees

ODD = """
import torch

if torch.cuda.is_available():
    @torch.no_grad()
    @torch.compile(
        mode="max-autotune",
    )
    def guarded(x): return x
else:
\tasync def guarded(x):
\t\treturn x

@(
    torch.compile
)
def parenthesised(x):
    '''A text
less indented, with a form feed \f and "é".
'''
    def nested(y, z=[i for i in range(3)]):
        return y
    class Local:
        size = 3
        def method(self): return self.size
    return nested(x), "é".item(x)

class Empty: pass

class Settings(
    object,
):
    limit: int = 3
    if limit:
        def first(self): pass
    @property
    def name(self):
        return 1
    @name.setter
    def name(self, value):
        self.x = value
    other = '''
def not_a_function(): pass
'''

first = second = Settings()
"""


def whole(text: str) -> tuple[ast.Module, ModuleRecord, Trees]:
    tree = ast.parse(text)
    return tree, index(tree, "m", "/m.py", False, text), Trees(lambda path: text)


def source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def dump(node: ast.AST) -> str:
    return ast.dump(node, include_attributes=True)


TEXTS = pytest.mark.parametrize("text", [ODD, *map(source, ("dataclasses", "asyncio.tasks", "inspect"))])


@TEXTS
def test_functions(text: str) -> None:
    tree, module, trees = whole(text)
    by_line = {n.lineno: n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    functions = [record for record in module.functions.values() if record.qualname]
    assert functions
    for record in functions:
        for _ in range(2):  # parsed, and remembered
            node = trees.function(module, record)
            assert node is not None
            assert dump(node) == dump(by_line[record.line])


@TEXTS
def test_attributes_of_classes(text: str) -> None:
    tree, module, trees = whole(text)
    by_line = {node.lineno: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert module.classes
    for record in module.classes.values():
        expected = [s for s in by_line[record.line].body if isinstance(s, (ast.Assign, ast.AnnAssign))]
        assert list(map(dump, trees.attributes(module, record))) == list(map(dump, expected))


@TEXTS
def test_globals(text: str) -> None:
    tree, module, trees = whole(text)
    found = trees.globals(module)
    assert [statement.lineno for statement in found.body] == [statement.lineno for statement in tree.body]
    for statement, expected in zip(found.body, tree.body):
        if isinstance(expected, (ast.Assign, ast.Import, ast.ImportFrom, ast.Expr)):
            assert dump(statement) == dump(expected)
        elif isinstance(expected, (ast.FunctionDef, ast.ClassDef)):
            assert isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            assert statement.name == expected.name


@TEXTS
def test_what_is_prepared_is_what_is_asked_for_alone(text: str) -> None:
    tree, module, alone = whole(text)
    by_line = {n.lineno: n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    functions = [record for record in module.functions.values() if record.qualname]
    for wanted in (functions[:1], functions[1::3], [module.functions[""]], []):
        trees = Trees(lambda path: text)
        trees.prepare(module, wanted)
        for record in functions:
            node = trees.function(module, record)
            assert node is not None
            assert dump(node) == dump(by_line[record.line])
        for class_ in module.classes.values():
            assert list(map(dump, trees.attributes(module, class_))) == list(
                map(dump, alone.attributes(module, class_))
            )
        assert trees.imported(module) == alone.imported(module)
        assert dump(without_bodies(trees.module(module))) == dump(without_bodies(tree))
        trees.complete(module)
        assert dump(trees.module(module)) == dump(tree)
        assert not trees.complete(module)
    assert dump(without_bodies(alone.module(module))) == dump(without_bodies(tree))


def without_bodies(tree: ast.Module) -> ast.Module:
    """A copy in which functions do nothing; where they, and what they stand in, end is not told."""
    tree = copy.deepcopy(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = []
        if hasattr(node, "body"):
            node.end_lineno = node.end_col_offset = None  # type: ignore[attr-defined]
    return tree


def test_what_is_gone_is_no_function() -> None:
    _, module, _ = whole("def f(x):\n    return x\n")
    assert Trees(lambda path: "x = 1\n").function(module, module.functions["f"]) is None
    assert Trees(lambda path: "").function(module, module.functions["f"]) is None
