"""The children of nodes."""

import ast
import importlib.util
from pathlib import Path

import pytest

from perfcheck.lint.nodes import CHILDREN, walk

_MARKS = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


@pytest.mark.parametrize("module", ["ast", "argparse", "asyncio.base_events", "dataclasses", "enum"])
def test_children_are_those_of_ast(module: str) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        expected = [child for child in ast.iter_child_nodes(node) if not isinstance(child, _MARKS)]
        assert [child for child in CHILDREN[type(node)](node) if child is not None] == expected
    tree = ast.parse("f(x, *[y for y in z if not y], k=lambda a, b=1: a[b:2].c) if p else {1: q, **r}")
    assert walk(tree) == [node for node in ast.walk(tree) if not isinstance(node, _MARKS)]
