"""Which rule speaks where, how sure it is, and what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.findings import Finding, Place
from perfcheck.rulebook.rule import Rule
from tests.lint.programs import Sources, builtin_rules, linted, rule, texts

ITEM = rule("PC101", match=["$T.item()"], where=["on_device($T)", "hot('step')"])
READ = rule("PC102", operators=["Tensor.item", "Tensor.__float__"])


def found(source: Sources, *rules: Rule) -> list[Finding]:
    result = linted(source, rules=rules)
    assert not result.errors
    return list(result.findings)


def some(*codes: str) -> list[Rule]:
    return [rule for rule in builtin_rules() if rule.code in codes]


def lines(finding: Finding) -> list[int]:
    return [place.line for place in (finding.place, *finding.places)]


# ---- which rule --------------------------------------------------------------------------------------


def test_patterns_and_predicates() -> None:
    source = """
        import torch
        def fit(loader, x: torch.Tensor):
            h = torch.zeros(1)
            x.item()
            for batch in loader:
                x.item()
                h.item()
                x.tolist()
        """
    assert [lines(one) for one in found(source, ITEM)] == [[6]]


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import torch", "torch.zeros(n)"),
        ("import torch as t", "t.zeros(n)"),
        ("from torch import zeros", "zeros(n)"),
        ("from torch import zeros as make", "make(n)"),
        ("from torch import *", "zeros(n)"),
    ],
)
def test_functions_by_other_names(imports: str, call: str) -> None:
    zeros = rule(match=["torch.zeros($X)"], message="{X}")
    assert [one.message for one in found(f"{imports}\ndef f(n):\n    {call}\n", zeros)] == ["n"]
    assert found(f"{imports}\ndef f(n, zeros, make):\n    n.{call}\n", zeros) == []


@pytest.mark.parametrize(
    ("match", "operators"), [(["$T.item()"], []), (["$T += $X"], []), ([], ["Tensor.item"])]
)
def test_rules_that_speak_of_test_code(match: list[str], operators: list[str]) -> None:
    source = """
        import torch
        def f(x: torch.Tensor, total: float):
            for i in range(3):
                total += x[i].item()
        """
    for where, told in (([], 1), (["not test_code()"], 0), (["hot('step')"], 0)):
        asked = rule(match=match, operators=operators, where=where)
        assert len(found({"tests/test_f.py": source}, asked)) == told


def test_operators_by_name_variant_and_family() -> None:
    source = """
        import torch
        def f(x: torch.Tensor):
            z = torch.zeros(3, device="cuda")
            z[z > 0]
            x.item()
            torch.nonzero(x)
        """
    assert [lines(one) for one in found(source, rule(operators=["Tensor.__getitem__"]))] == [[4]]
    assert [lines(one) for one in found(source, rule(operators=["Tensor.__getitem__:mask"]))] == [[4]]
    assert found(source, rule(operators=["Tensor.__getitem__:index"])) == []
    assert [lines(one) for one in found(source, rule(operators=["Tensor.*"]))] == [[4, 5]]
    assert [lines(one) for one in found(source, rule(operators=["torch.*"]))] == [[6]]
    assert found(source, rule(operators=["Tensor.*"], event="h2d-copy")) == []


def test_the_module_s_own_body() -> None:
    assert lines(
        found("import torch\nx = torch.ones(1).cuda()\nfor batch in x:\n    x.item()\n", ITEM)[0]
    ) == [4]


# ---- how sure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "confidence"),
    [
        ("for b in loader:\n        x.item()", "high"),
        ("for b in loader:\n        u.item()", "medium"),  # if it is on the device
        ("x.item()", "medium"),  # if it is called often
        ("u.item()", "heuristic"),
    ],
)
def test_what_is_only_likely_is_told_with_less_confidence(body: str, confidence: str) -> None:
    source = f"import torch\ndef f(x: torch.Tensor, u, loader):\n    {body}\n"
    (only,) = found(source, rule(operators=["Tensor.item"], where=["hot('step')"]))
    assert only.confidence == confidence


def test_a_method_that_is_known_to_be_called_and_nowhere_often_is_told_when_asked_for() -> None:
    source = """
        import torch
        class Codebook(torch.nn.Module):
            def widened(self, x: torch.Tensor):
                return x / x.max().item()
            def narrowed(self, x: torch.Tensor):
                return x * x.max().item()
            def narrowed_all(self, batch: torch.Tensor):
                return batch * batch.max().item()
            def scaled(self, x: torch.Tensor):
                return x - x.max().item()
            def moved(self, x: torch.Tensor):
                return self.scaled(x)
        def tables(book: Codebook, table):
            return [book.narrowed(table), book.narrowed_all(table)]
        def all_tables(book: Codebook, tables):
            return [book.moved(table) for table in tables]
        """
    told = {one.place.line: one.confidence for one in found(source, *some("PC101"))}
    assert told == {4: "medium", 6: "heuristic", 8: "medium", 10: "medium"}


def test_what_is_read_beside_a_figure_is_told_when_asked_for() -> None:
    source = """
        import torch
        import matplotlib.pyplot as plt
        def show(losses: list, words: torch.Tensor, loader):
            for batch in loader:
                batch = batch.cuda()
                print(batch.sum().item())
            for batch in loader:
                figure, axes = plt.subplots()
                axes.imshow(batch.cuda().sum(0).tolist())
                print(batch.cuda().sum().item())
        """
    told = {one.place.line: one.confidence for one in found(source, *some("PC101"))}
    assert told == {6: "high", 10: "heuristic"}


def test_a_rule_that_asks_for_no_heat_does_not_care_who_calls() -> None:
    (only,) = found("import torch\ndef f(x: torch.Tensor):\n    x.item()\n", READ)
    assert only.confidence == "high"


def test_a_medium_rule_never_becomes_surer() -> None:
    source = "import torch\ndef f(x: torch.Tensor, loader):\n    for b in loader:\n        x.item()\n"
    (only,) = found(source, rule(operators=["Tensor.item"], confidence="medium"))
    assert only.confidence == "medium"


@pytest.mark.parametrize(
    ("comment", "confidence"),
    [
        ("# one host sync for all of them", "heuristic"),
        ("# All sizes are read in a single sync", "heuristic"),
        ("# so that the pair costs a single synchronisation", "heuristic"),
        ("# loop to reduce peak memory", "heuristic"),
        ("# the first", "high"),
    ],
)
def test_who_says_that_it_waits_knows(comment: str, confidence: str) -> None:
    source = f"""
        import torch
        def f(x: torch.Tensor):
            {comment}
            # (there is no other way)
            a, b = (
                x.sum(),
                x.mean(),
                x.max().item(),
            )
        """
    assert [one.confidence for one in found(source, READ)] == [confidence]


def test_a_finding_says_who_makes_it_hot() -> None:
    source = """
        import torch
        def train(loader):
            for batch in loader:
                read(batch)
        def read(x: torch.Tensor):
            x.item()
            for step in range(max_steps):
                x.sum().item()
    """
    hot = rule(match=["$T.item()"], where=["hot('step')"])
    (only,) = found(source, hot)
    assert only.evidence == {"kind": "predicted", "called_by": ["main.train"]}
    assert found(source.replace("                read(batch)", "                pass"), hot)[0].evidence == {
        "kind": "predicted"
    }


def test_expressions_are_told_with_their_parentheses() -> None:
    reads = rule(match=["$T.tolist()"], message="`{T}.tolist()` reads {T}")
    (only,) = found("import torch\ndef f(x: torch.Tensor, y):\n    (x - y).tolist()\n", reads)
    assert only.message == "`(x - y).tolist()` reads x - y"


def test_what_is_not_worth_telling_is_told_when_asked_for() -> None:
    wants_loop = rule(match=["$T.item()"], worth=["in_loop()"])
    source = (
        "import torch\ndef f(x: torch.Tensor, n):\n    x.item()\n    for i in range(n):\n        x.item()\n"
    )
    told = [(one.confidence, lines(one)) for one in found(source, wants_loop)]
    assert sorted(told) == [("heuristic", [3]), ("high", [5])]


# ---- one finding a cause -----------------------------------------------------------------------------


def test_repeats_in_a_function_are_places_of_one_finding() -> None:
    source = """
        import torch
        def f(x: torch.Tensor):
            b = x.sum().item() + x.item()
            a = x.item()
            def g():
                return x.item()
        class A:
            def f(self, x: torch.Tensor):
                return x.item()
        """
    assert [(one.function, lines(one)) for one in found(source, READ)] == [
        ("f", [3, 3, 4]),
        ("f.g", [6]),
        ("A.f", [9]),
    ]


def test_repeats_of_different_confidence_are_told_apart() -> None:
    source = "import torch\ndef f(x: torch.Tensor, u):\n    x.item()\n    u.item()\n    x.item()\n"
    assert [(one.confidence, lines(one)) for one in found(source, READ)] == [
        ("high", [3, 5]),
        ("medium", [4]),
    ]


def test_a_rule_in_place_of_another() -> None:
    source = "import torch\ndef f(x: torch.Tensor):\n    x.sum().item()\n    x.item()\n"
    general = rule("PC101", match=["$T.item()"])
    special = rule("PC102", match=["$T.sum().item()"], instead_of=["PC101"], event="cpu-op")
    for rules in ([general, special], [special, general]):
        assert [(one.rule, lines(one)) for one in found(source, *rules)] == [("PC102", [3]), ("PC101", [4])]


def test_two_rules_about_one_event_at_one_place_are_one_finding() -> None:
    source = "import torch\ndef f(x: torch.Tensor):\n    x.item()\n"
    unsure = rule("PC103", match=["$T.item()"], confidence="medium")
    assert [one.rule for one in found(source, unsure, READ)] == ["PC102"]
    assert [one.rule for one in found(source, READ, unsure)] == ["PC102"]
    other = rule("PC103", match=["$T.item()"], event="cpu-op")
    assert [one.rule for one in found(source, READ, other)] == ["PC102", "PC103"]


# ---- what it says ------------------------------------------------------------------------------------


def test_a_finding() -> None:
    source = """
        import torch
        def fit(loader, x: torch.Tensor):
            for batch in loader:
                y = (x
                     .sum()).item()
        """
    (only,) = found(source, rule(operators=["Tensor.item"], message="`{T}` is read by {operator}"))
    assert only.place == Place(4, 13, 5, 28)
    assert only.message == "`x.sum()` is read by Tensor.item"
    assert (only.rule, only.name, only.severity) == ("PC101", "rule-pc101", "error")
    assert (only.path, only.function, only.hotness) == ("main.py", "fit", "step")
    assert only.help == "Do it later."


def test_long_expressions_are_cut() -> None:
    name = "x" * 100
    (only,) = found(f"import torch\ndef f({name}: torch.Tensor):\n    {name}.item()\n", READ)
    assert only.message == "x" * 57 + "… waits"


@pytest.mark.parametrize("before", ["", "é", "日本", "🚀🚀", "a\u0301", "\u2028"])
def test_columns_count_characters(before: str) -> None:
    source = f"import torch\ndef f(x: torch.Tensor):\n    y = '{before}', x.item(), '{before}'\n"
    (only,) = found(source, READ)
    text = texts(source)["main.py"].split("\n")[2]
    assert text[only.place.column - 1 : only.place.end_column - 1] == "x.item()"


@given(before=st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\\'\f"), max_size=8))
def test_columns_whatever_stands_before(before: str) -> None:
    source = f"import torch\ndef f(x: torch.Tensor):\n    y = '{before}', x.item()\n"
    (only,) = found(source, READ)
    text = source.split("\n")[only.place.line - 1]
    assert text[only.place.column - 1 : only.place.end_column - 1] == "x.item()"


# ---- fingerprints ------------------------------------------------------------------------------------

PROGRAM = """\
import torch


def first(x: torch.Tensor):
    y = x.sum()
    return y.item()


class Net:
    def second(self, x: torch.Tensor):
        a = x.item()
        b = float(x)
        return a, b
"""
EDITS = st.lists(
    st.tuples(
        st.integers(0, PROGRAM.count("\n")),
        st.sampled_from(["", "# a comment", "    # é", "        # indented", "#\ttab"]),
    ),
    max_size=6,
)


def fingerprints(source: str) -> list[tuple[str, str, str]]:
    return [(one.rule, one.function, one.fingerprint) for one in found(source, ITEM, READ)]


@given(edits=EDITS)
def test_fingerprints_survive_blank_lines_and_comments(edits: list[tuple[int, str]]) -> None:
    rows = PROGRAM.split("\n")
    for at, text in edits:
        rows.insert(at, text)
    assert fingerprints("\n".join(rows)) == fingerprints(PROGRAM)


def test_fingerprints_survive_other_code() -> None:
    other = "def other(x: torch.Tensor):\n    return x.item()\n"
    changed = PROGRAM.replace("import torch\n", f"import torch\n{other}").replace(
        "y = x.sum()", "y = x.mean()"
    )
    assert [one for one in fingerprints(changed) if one[1] != "other"] == fingerprints(PROGRAM)


def test_fingerprints_tell_findings_apart() -> None:
    marks = [mark for _, _, mark in fingerprints(PROGRAM)]
    assert len(marks) == len(set(marks)) == 2
    assert not set(marks) & {mark for _, _, mark in fingerprints(PROGRAM.replace("first", "third"))[:1]}


def test_where_a_host_index_was_made_is_a_place_too() -> None:
    source = """
        import torch
        from torch import nn


        class Net(nn.Module):
            def forward(self, x):
                order = torch.randperm(x.shape[0])
                return x[order]
        """
    (one,) = found(source, *some("PC111"))
    assert lines(one) == [8, 7]


def test_whatever_is_sliced_its_bounds_are_read() -> None:
    source = """
        import torch
        def fit(loader, cu_seqlens: torch.Tensor, parts: list, things):
            for batch in loader:
                parts[cu_seqlens[0] : cu_seqlens[1]]
                things[: cu_seqlens[1]]
        """
    bounds = rule("PC134", operators=["Tensor.__index__"], where=["hot('step')"])
    assert [lines(one) for one in found(source, bounds)] == [[4, 4, 5]]


def test_writers_read_what_they_are_given() -> None:
    source = """
        from torch.utils.tensorboard import SummaryWriter
        class Trainer:
            def __init__(self):
                self.writer = SummaryWriter("runs")
            def fit(self, loader, model, other: SummaryWriter):
                for batch in loader:
                    loss = model(batch.cuda()).mean()
                    self.writer.add_scalar("loss", loss, 1)
                    other.add_scalars("losses", {"a": loss}, 1)
                    other.add_scalar("rate", 0.1, 1)
        """
    (one,) = found(source, *some("PC105"))
    assert lines(one) == [8, 9]
    assert "`loss`" in one.message


def test_what_is_unpacked_is_mended_where_it_is_made() -> None:
    source = """
        import torch
        from torch import nn
        class Grid(nn.Module):
            def forward(self, x):
                ys, xs = torch.meshgrid(torch.arange(8), torch.arange(8))
                grid = torch.stack([ys, xs]).float().to(x.device)
                return x * grid
        """
    found_lines = {line for one in found(source, *some("PC201", "PC214")) for line in lines(one)}
    assert found_lines == {5, 6}


def test_numbers_that_a_loop_reads_are_on_the_device_with_the_others() -> None:
    """Nothing else has an ``item()`` without arguments, and nothing else makes a list of them."""
    source = """
        import torch
        def collect(outputs, requests):
            tokens = []
            for request in requests:
                tokens.append(outputs[request].codes[0, -1].item())
            return torch.tensor(tokens)
        def last(outputs, requests):
            token = outputs[requests[-1]].codes[0, -1].item()
            return torch.tensor([token])
        """
    told = {one.place.line: one.confidence for one in found(source, *some("PC101"))}
    assert told == {5: "medium", 8: "heuristic"}
