"""What is answered does not depend on what was asked before."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfcheck.findings import Predicted
from perfcheck.lint.answers import Answers, Key
from tests.lint.programs import linted

Graph = Mapping[int, Sequence[int]]


def key(node: int) -> Key:
    return 0, f"{node:02}", "", ""


class Terms:
    """The answer for a node names it and, unless it is deaf, the answers of those it leads to."""

    def __init__(self, graph: Graph, keeps: bool = False, deaf: Sequence[int] = ()) -> None:
        self.answers = Answers()
        self.evaluated: list[int] = []
        self._graph = graph
        self._keeps = keeps
        self._deaf = deaf

    def __call__(self, node: int) -> str:
        return self.answers.ask(key(node), lambda: self._term(node), lambda: f"{node}?")

    def _term(self, node: int) -> str:
        before: str | None = self.answers.unchanged(key(node)) if self._keeps else None
        if before is not None:
            return before
        self.evaluated.append(node)
        told = " ".join(map(self, self._graph[node]))
        return f"{node}" if node in self._deaf else f"{node}({told})"


def test_each_question_is_answered_once() -> None:
    ask = Terms({0: [1, 2], 1: [2], 2: []})
    assert ask(0) == "0(1(2()) 2())"
    assert sorted(ask.evaluated) == [0, 1, 2]
    assert not ask.answers.circular


def test_what_leads_back_to_itself_does_without() -> None:
    ask = Terms({0: [0]})
    assert ask(0) == "0(0?)"
    assert ask.answers.circular == {key(0)}


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_least_of_a_circle_is_answered_first(first: int) -> None:
    ask = Terms({0: [1], 1: [2], 2: [0]})
    ask(first)
    assert [ask(node) for node in range(3)] == ["0(1(2(0?)))", "1(2(0(1(2(0?)))))", "2(0(1(2(0?))))"]
    assert ask.answers.circular == {key(0)}


def test_after_an_exception_all_can_be_asked_again() -> None:
    failing = True

    def answer() -> int:
        if failing:
            raise RecursionError
        return 3

    answers = Answers()
    for _ in range(2):
        with pytest.raises(RecursionError):
            answers.ask(key(0), lambda: answers.ask(key(1), answer, int), int)
    failing = False
    assert answers.ask(key(1), answer, int) == 3
    assert not answers.circular


graphs = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size),
        st.permutations(range(size)),
    )
)


@given(graphs)
def test_any_order_of_questions(case: tuple[list[list[int]], list[int]]) -> None:
    edges, order = case
    graph = dict(enumerate(edges))
    one, other = Terms(graph), Terms(graph)
    for node in order:
        other(node)
    assert [one(node) for node in graph] == [other(node) for node in graph]
    alone = {node: Terms(graph)(node) for node in graph}
    assert alone == {node: one(node) for node in graph}


@given(graphs)
def test_what_stands_is_not_answered_again(case: tuple[list[list[int]], list[int]]) -> None:
    edges, order = case
    graph = dict(enumerate(edges))
    one, other = Terms(graph), Terms(graph, keeps=True)
    assert [one(node) for node in order] == [other(node) for node in order]
    assert one.answers.circular == other.answers.circular
    assert len(other.evaluated) <= len(one.evaluated)


def test_whoever_is_told_the_same_is_not_asked_again() -> None:
    graph = {0: [3], 1: [0], 2: [1], 3: [2]}
    ask, anew = Terms(graph, keeps=True, deaf=[2]), Terms(graph, deaf=[2])
    assert ask(3) == anew(3) == "3(2)"
    assert ask.evaluated.count(3) == 1
    assert anew.evaluated.count(3) > 1


# ---- programs ----------------------------------------------------------------------------------

FILES = ("a", "b", "c")
statements = st.sampled_from(
    [
        "x = a.first(x)",
        "x = b.first(x)",
        "x = c.first(x)",
        "x = a.second(x)",
        "x = c.second(x)",
        "x = a.Net().step(x)",
        "x = b.Net().other(x)",
        "x = c.Net().kept",
        "x = a.STATE",
        "x = x.cpu()",
        "x = x + 1",
        "x = [x]",
        "x = torch.zeros(3, device='cuda')",
    ]
)
blocks = st.lists(statements, max_size=2).map(lambda lines: "\n            ".join([*lines, "x.item()"]))
conditional = "if x.any():\n                return 1"
bodies = st.tuples(blocks, st.sampled_from(["pass", conditional])).map("\n            ".join)
states = st.sampled_from(["torch.ones(2)", "first(torch.ones(2))", "second(torch.ones(2, device='cuda'))"])
modules = st.fixed_dictionaries(
    {**dict.fromkeys(("first", "second", "step", "other", "init"), bodies), "state": states}
)


def text(parts: Mapping[str, str]) -> str:
    return f"""
    import torch
    import a, b, c

    def first(x):
            {parts["first"]}
            return x

    def second(x):
            {parts["second"]}
            return x

    class Net(torch.nn.Module):
        def __init__(self):
            x = torch.ones(1)
            {parts["init"]}
            self.kept = x
            self.more = self.step(x)

        def step(self, x):
            {parts["step"]}
            self.kept = self.more
            self.kept.item()
            return x

        def other(self, x):
            {parts["other"]}
            self.more = self.kept.to(x.device)
            return self.more

    STATE = {parts["state"]}
    """


def predicted(program: Mapping[str, str], names: Sequence[str]) -> list[Predicted]:
    result = linted(program, targets=[f"{name}.py" for name in names], events=True)
    assert not result.errors
    return list(result.predicted)


@settings(max_examples=40)
@given(st.tuples(modules, modules, modules), st.permutations(FILES))
def test_any_order_of_files_whose_functions_call_each_other(
    parts: tuple[Mapping[str, str], ...], order: Sequence[str]
) -> None:
    program = {f"{name}.py": text(part) for name, part in zip(FILES, parts)}
    told = predicted(program, FILES)
    assert predicted(program, order) == told
    for name in FILES:
        assert predicted(program, [name]) == [one for one in told if one.path == f"{name}.py"]
