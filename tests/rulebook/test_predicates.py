import ast
from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.events import Truth
from perfcheck.rulebook.predicates import (
    VOCABULARY,
    Metavariable,
    PredicateError,
    evaluate,
    parse_predicate,
)

TRUTHS: tuple[Truth, ...] = (True, False, None)


def answer(text: str, facts: Mapping[str, Truth]) -> Truth:
    return evaluate(parse_predicate(text, {"T"}), lambda name, arguments: facts[name])


@pytest.mark.parametrize(("left", "right"), list(product(TRUTHS, TRUTHS)))
def test_kleene_logic(left: Truth, right: Truth) -> None:
    facts = {"guarded": left, "compiled": right}
    conjunction = False if False in (left, right) else None if None in (left, right) else True
    disjunction = True if True in (left, right) else None if None in (left, right) else False
    assert answer("guarded() and compiled()", facts) is conjunction
    assert answer("guarded() or compiled()", facts) is disjunction
    assert answer("not guarded()", facts) is {True: False, False: True, None: None}[left]
    assert answer("likely(guarded())", facts) is (left is not False)
    assert answer("likely(guarded() and compiled())", facts) is (conjunction is not False)


FORMULAS = st.recursive(
    st.sampled_from(["guarded()", "compiled()", "tensor($T)"]),
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda three: f"({three[0]}) {three[1]} ({three[2]})"
        ),
    ),
    max_leaves=8,
)


@given(FORMULAS, st.tuples(*[st.sampled_from(TRUTHS)] * 3))
def test_what_is_known_stays_so_when_more_is_known(formula: str, truths: tuple[Truth, ...]) -> None:
    """An answer of yes or no holds however the unknown facts turn out."""
    names = ("guarded", "compiled", "tensor")
    known = answer(formula, dict(zip(names, truths, strict=True)))
    if known is not None:
        for guess in product((True, False), repeat=3):
            facts = {
                name: fact if fact is not None else guessed
                for name, fact, guessed in zip(names, truths, guess, strict=True)
            }
            assert answer(formula, facts) is known


def test_arguments_reach_the_engine() -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []

    def ask(name: str, arguments: tuple[object, ...]) -> Truth:
        asked.append((name, arguments))
        return True

    text = "dtype($T, 'float') and keyword_is('dim', -1, 1) and in_function('forward', 'step')"
    predicate = parse_predicate(text, {"T"})
    assert predicate.text == text
    assert evaluate(predicate, ask) is True
    assert asked == [
        ("dtype", (Metavariable("T"), "float")),
        ("keyword_is", ("dim", -1, 1)),
        ("in_function", ("forward", "step")),
    ]


def test_asks_no_more_than_it_needs() -> None:
    asked: list[str] = []

    def ask(name: str, arguments: tuple[object, ...]) -> Truth:
        asked.append(name)
        return False

    assert evaluate(parse_predicate("guarded() and compiled()", ()), ask) is False
    assert asked == ["guarded"]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("on_devise($T)", "`on_devise`", "did you mean `on_device`?"),
        ("xyzzy()", "`xyzzy`", "tensor, on_device"),
        ("on_device()", "0 arguments", "accelerator's memory"),
        ("hot('step', 'epoch')", "2 arguments", "at least once"),
        ("in_function()", "1 or more arguments", "one of the names"),
        ("keyword_is('dim')", "2 to 3 arguments", "this value"),
        ("on_device($X)", "`$X`", "ask about `$T`"),
        ("on_device($_)", "`$_`", "name the metavariable"),
        ("on_device(T)", "neither a metavariable nor", "`$T`"),
        ("on_device('T')", "not a metavariable", "`$T`"),
        ("hot('steps')", "not one of", "'step'"),
        ("rank($T, True)", "not a whole number", "a whole number"),
        ("torch_at_least('two')", "not a version", "'2.0'"),
        ("torch_at_least(2.0)", "not a version", "'2.0'"),
        ("keyword_is('dim', [1])", "neither a metavariable nor", "a number"),
        ("hot(level='step')", "keywords", "by position"),
        ("guarded", "not asked", "guarded(…)"),
        ("not guarded() or $T", "`$T`", "questions"),
        ("guarded() == True", "no question", "questions"),
        ("guarded(", "does not parse", "questions"),
        ("on_device($t)", "`$t`", "capitals"),
        ("not " * 100 + "guarded()", "deep", "several entries"),
        ("(" * 5000, "does not parse", "questions"),
    ],
)
def test_refused(text: str, message: str, remedy: str) -> None:
    with pytest.raises(PredicateError) as refused:
        parse_predicate(text, {"T"})
    assert message in refused.value.message
    assert remedy in refused.value.remedy


def test_without_known_metavariables_all_are_allowed() -> None:
    assert parse_predicate("on_device($ANY)", None).text == "on_device($ANY)"


@pytest.mark.parametrize("name", VOCABULARY)
def test_the_vocabulary_can_be_asked(name: str) -> None:
    signature = VOCABULARY[name]
    samples = {
        "metavariable": "$T",
        "text": "'x'",
        "count": "1",
        "literal": "None",
        "version": "'2.0'",
    }
    arguments = [
        repr(parameter.words[0]) if parameter.kind == "word" else samples[parameter.kind]
        for parameter in signature.parameters
    ]
    assert parse_predicate(f"{name}({', '.join(arguments)})", {"T"})
    assert name.isidentifier()
    assert signature.meaning.endswith(".")
    assert isinstance(ast.parse(f"{name}()", mode="eval").body, ast.Call)
