import ast
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.rulebook.patterns import Pattern, PatternError, compile_pattern, same

GLOBALS = {
    "torch": "torch",
    "cat": "torch.cat",
    "F": "torch.nn.functional",
    "np": "numpy",
    **{name: f"builtins.{name}" for name in ("float", "int", "super", "len", "print")},
}
"""What the names of the sources below refer to; other names are local variables."""


def resolve(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return GLOBALS.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := resolve(node.value)):
        return f"{owner}.{node.attr}"
    return None


def node_of(source: str) -> ast.AST:
    statement = ast.parse(source).body[0]
    return statement.value if isinstance(statement, ast.Expr) else statement


def match(pattern: str, source: str) -> dict[str, str] | None:
    """What the metavariables stand for, as source text."""
    bindings = compile_pattern(pattern).match(node_of(source), resolve)
    return (
        None
        if bindings is None
        else {name: ast.get_source_segment(source, node) or "" for name, node in bindings.items()}
    )


@pytest.mark.parametrize(
    ("pattern", "source", "bindings"),
    [
        # names, however imported
        ("torch.cat($X)", "torch.cat(a)", {"X": "a"}),
        ("torch.cat($X)", "cat(a)", {"X": "a"}),
        ("torch.nn.functional.relu($X)", "F.relu(a)", {"X": "a"}),
        ("numpy.asarray($X)", "np.asarray(a)", {"X": "a"}),
        ("float($X)", "float(a + 1)", {"X": "a + 1"}),
        ("torch.cuda.FloatTensor", "torch.cuda.FloatTensor", {}),
        # attributes of anything
        ("$T.item()", "self.losses[0].item()", {"T": "self.losses[0]"}),
        ("$T.data", "x.data", {"T": "x"}),
        ("torch.zeros($...A).to($D)", "torch.zeros(2, 3).to(device)", {"A": "2, 3", "D": "device"}),
        ("super().forward($X)", "super().forward(x)", {"X": "x"}),
        ("self.mask = $V", "self.mask = torch.ones(3)", {"V": "torch.ones(3)"}),
        # arguments
        ("torch.cat($...A)", "cat((a, b), dim=1)", {"A": "(a, b), dim=1"}),
        ("torch.cat($...A)", "cat()", {"A": ""}),
        ("torch.cat($X, $...A)", "cat(a, *rest, **options)", {"X": "a", "A": "*rest, **options"}),
        ("torch.cat($...A, $X)", "cat(a, b, c)", {"A": "a, b", "X": "c"}),
        ("torch.cat($X, dim=0)", "cat(a, dim=0)", {"X": "a"}),
        ("torch.cat($X, dim=0, out=$O)", "cat(a, out=b, dim=0)", {"X": "a", "O": "b"}),
        ("torch.cat($X, dim=0, $...A)", "cat(a, out=b, dim=0)", {"X": "a", "A": "out=b"}),
        ("torch.cat($..._)", "cat(a, dim=1)", {}),
        ("torch.cat([$X, $...A])", "cat([a, b, c])", {"X": "a", "A": "b, c"}),
        # structure
        ("$X + $X", "a.b + a.b", {"X": "a.b"}),
        ("$_ + $_", "a + b", {}),
        ("$X = $X + $Y", "total = total + loss", {"X": "total", "Y": "loss"}),
        ("$X += $Y", "total += loss", {"X": "total", "Y": "loss"}),
        ("del $X", "del x", {"X": "x"}),
        ("assert $T", "assert ok", {"T": "ok"}),
        ("return $T", "return x", {"T": "x"}),
        ("not $T", "not x", {"T": "x"}),
        ("$X[$I]", "x[1:2, ::3]", {"X": "x", "I": "1:2, ::3"}),
        ("$X if $C else $Y", "a if c else b", {"X": "a", "C": "c", "Y": "b"}),
        ("[$E for $V in $S]", "[f(v) for v in xs]", {"E": "f(v)", "V": "v", "S": "xs"}),
        ("print('$X')", "print('$X')", {}),
        ("len($X) == -1", "len(a) == -1", {"X": "a"}),
    ],
)
def test_matches(pattern: str, source: str, bindings: dict[str, str]) -> None:
    assert match(pattern, source) == bindings


@pytest.mark.parametrize(
    ("pattern", "source"),
    [
        ("torch.cat($X)", "np.cat(a)"),
        ("torch.cat($X)", "local.cat(a)"),
        ("float($X)", "myfloat(a)"),
        ("print($X)", "self.print(a)"),
        ("$T.item()", "x.items()"),
        ("$T.item()", "x.item(0)"),
        ("$T.item()", "item()"),
        ("self.mask = $V", "other.mask = 1"),
        ("self.mask = $V", "a = self.mask = 1"),
        ("torch.cat($X)", "cat(a, b)"),
        ("torch.cat($X)", "cat(a, dim=0)"),
        ("torch.cat($X)", "cat(*a)"),
        ("torch.cat($X)", "cat(a, **options)"),
        ("torch.cat($X, $...A)", "cat()"),
        ("torch.cat($X, dim=0)", "cat(a, 0)"),
        ("torch.cat($X, dim=0)", "cat(a, dim=0.0)"),
        ("torch.cat($X, dim=0)", "cat(a, dim=False)"),
        ("torch.cat($X, dim=0, $...A)", "cat(a, **options)"),
        ("$X + $X", "a + b"),
        ("$X + $Y", "a - b"),
        ("$X = $Y", "x: int = 1"),
        ("[$X]", "[*a]"),
        ("[$X]", "(a,)"),
        ("print('$X')", "print('$Y')"),
    ],
)
def test_does_not_match(pattern: str, source: str) -> None:
    assert match(pattern, source) is None


@pytest.mark.parametrize(
    ("pattern", "node_type", "tail", "metavariables"),
    [
        ("$T.item()", ast.Call, "item", {"T"}),
        ("torch.cat($X, $...A)", ast.Call, "cat", {"X", "A"}),
        ("float($_)", ast.Call, "float", set()),
        ("$F($X)", ast.Call, None, {"F", "X"}),
        ("$T.data", ast.Attribute, "data", {"T"}),
        ("torch.cuda.FloatTensor", ast.Attribute, "FloatTensor", set()),
        ("$X = $Y", ast.Assign, None, {"X", "Y"}),
        ("$X += $Y", ast.AugAssign, None, {"X", "Y"}),
        ("$X == $Y", ast.Compare, None, {"X", "Y"}),
    ],
)
def test_dispatch(pattern: str, node_type: type[ast.AST], tail: str | None, metavariables: set[str]) -> None:
    compiled = compile_pattern(pattern)
    assert (compiled.node_type, compiled.tail) == (node_type, tail)
    assert compiled.metavariables == metavariables


@pytest.mark.parametrize(
    ("pattern", "message", "remedy"),
    [
        ("$T.item(", "not Python", "one expression"),
        ("", "0 statements", "one expression"),
        ("f(); g()", "2 statements", "one expression"),
        ("for $X in $Y: pass", "compound", "detector"),
        ("import torch", "compound or declaring", "detector"),
        ("$X", "every expression", "$X.item()"),
        ("$t.item()", "`$t`", "capitals"),
        ("$T.item() + $", "`$`", "capitals"),
        ("$T.$M()", "plain name", "whole expressions"),
        ("$F($X, $K=1)", "plain name", "whole expressions"),
        ("cat($X)", "neither a builtin", "torch.cat"),
        ("np.asarray($X)", "abbreviation", "numpy."),
        ("F.relu($X)", "abbreviation", "torch.nn.functional."),
        ("torch.cat($...A, $...B)", "two `$...`", "keep one"),
        ("$...A + 1", "not among the arguments", "as an argument"),
        ("$...A", "not among the arguments", "as an argument"),
        ("not " * 100 + "$X", "deep", "smaller"),
        ("(" * 5000, "not Python", "one expression"),
    ],
)
def test_refused(pattern: str, message: str, remedy: str) -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern(pattern)
    assert message in refused.value.message
    assert remedy in refused.value.remedy


def test_the_empty_rest_lies_before_the_closing_bracket() -> None:
    bindings = compile_pattern("torch.cat($...A)").match(node_of("cat( )"), resolve)
    assert bindings is not None
    rest = bindings["A"]
    assert isinstance(rest, ast.Tuple)
    assert (rest.elts, rest.col_offset, rest.end_col_offset) == ([], 5, 5)


def test_patterns_survive_pickling_and_compare_by_text() -> None:
    pattern = compile_pattern("torch.cat([$X, $...A], dim=$D)")
    again: Pattern = pickle.loads(pickle.dumps(pattern))
    assert again == pattern
    assert hash(again) == hash(pattern)
    assert again != compile_pattern("torch.cat([$X, $...A])")
    assert again.match(node_of("cat([a, b], dim=1)"), resolve) is not None


def test_structural_equality_needs_no_stack() -> None:
    deep = "x" + ".y" * 20_000
    node: ast.expr = ast.Name("x", ast.Load())
    other: ast.expr = ast.Name("x", ast.Load())
    for _ in range(len(deep) // 2):
        node, other = ast.Attribute(node, "y", ast.Load()), ast.Attribute(other, "y", ast.Load())
    assert same(node, other)


NAMES = st.sampled_from(["a", "b", "self", "torch"])
EXPRESSIONS = st.recursive(
    st.one_of(NAMES, st.integers(0, 3).map(str), st.sampled_from(["'a'", "None", "1.5"])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} + {two[1]})"),
        st.tuples(NAMES, inner, inner).map(lambda three: f"{three[0]}.f({three[1]}, k={three[2]})"),
        inner.map(lambda one: f"(-{one})"),
        st.tuples(inner, inner).map(lambda two: f"[{two[0]}, {two[1]}]"),
        st.tuples(NAMES, inner).map(lambda two: f"{two[0]}[{two[1]}]"),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_a_repeated_metavariable_is_structural_equality(left: str, right: str) -> None:
    expected = ast.dump(node_of(left)) == ast.dump(node_of(right))
    assert (match("$X is $X", f"({left}) is ({right})") is not None) == expected


@given(EXPRESSIONS)
def test_a_metavariable_takes_any_expression_as_written(source: str) -> None:
    found = compile_pattern("float($X)").match(node_of(f"float({source})"), resolve)
    assert found is not None
    assert ast.dump(found["X"]) == ast.dump(node_of(source))


def test_no_rest_among_indices() -> None:
    """Python 3.10 has no grammar for it, later ones would match tuples only."""
    with pytest.raises(PatternError):
        compile_pattern("$X[0, $...A]")
