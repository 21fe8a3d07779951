"""The engine as a whole: the same answers however it is asked, and an answer whatever it is asked about."""

import ast
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfcheck.findings import INTERNAL, LintResult
from perfcheck.lint.check import LintOptions, lint
from perfcheck.source.cache import Store
from perfcheck.source.text import SourceFile
from tests.cli.command import lint as command
from tests.cli.command import write
from tests.lint.programs import MAIN, builtin_rules, linted, rule, texts

SCRIPTS = Path(__file__).parent.parent.parent / "fixtures" / "scripts"
PROJECT = {
    "pkg/__init__.py": "from .net import Net\n",
    "pkg/net.py": """
        import torch
        from torch import nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("mean", torch.zeros(1))
            def forward(self, x):
                if x.isnan().any():
                    return float(self.mean), x.item()
                return helper(x)
        def helper(x):
            return x.sum().item()
        """,
    "pkg/data.py": """
        from torch.utils.data import DataLoader
        def make_loader(dataset):
            return DataLoader(dataset, batch_size=4)
        """,
    "train.py": """
        import torch
        from pkg import Net
        from pkg.data import make_loader
        from pkg.report import note
        def train(dataset, device):
            net = Net().to(device)
            for epoch in range(3):
                for step, (x, y) in enumerate(make_loader(dataset)):
                    loss = net(x.to(device)) - y.to(device)
                    note(loss)
                    if step % 10 == 0:
                        print(loss)
        """,
    "pkg/report.py": """
        import torch
        def note(loss):
            print(f"{loss.item():.3f}")
        """,
    "broken.py": "import torch\ndef f(:\n",
}


@pytest.fixture(scope="module")
def plain() -> LintResult:
    return linted(PROJECT, rules=builtin_rules(), events=True)


def test_backends_of_other_devices_are_left_alone() -> None:
    loop = "import torch\ndef f(loader, x: torch.Tensor):\n    for b in loader:\n        x.item()\n"
    files = dict.fromkeys(("ops/_ascend/loss.py", "npu_ops.py", "loss_xla.py", "ops/example.py"), loop)
    assert {one.path for one in linted(files, rules=builtin_rules()).findings} == {"ops/example.py"}


def test_there_is_something_to_compare(plain: LintResult) -> None:
    assert {one.path for one in plain.findings} >= {"pkg/net.py", "pkg/report.py", "train.py"}
    assert len(plain.predicted) > 5
    assert [(one.path, one.line) for one in plain.errors] == [("broken.py", 2)]
    assert plain.files == len(PROJECT)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_files(plain: LintResult, seed: int) -> None:
    order = list(PROJECT)
    random.Random(seed).shuffle(order)
    assert linted(PROJECT, rules=builtin_rules(), events=True, targets=order) == plain


def test_more_processes(plain: LintResult) -> None:
    more = {f"pkg/more/n{number}.py": PROJECT["pkg/net.py"] for number in range(60)}
    files = {**PROJECT, **more}
    one = linted(files, rules=builtin_rules(), events=True, jobs=1)
    assert linted(files, rules=builtin_rules(), events=True, jobs=2) == one
    assert one.findings != plain.findings


def test_a_cache_that_is_off_cold_or_warm(plain: LintResult, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    files = tmp_path / "project"
    write(files, {"pyproject.toml": "", **texts(PROJECT)})  # in one place: the keys hold the paths
    targets = [SourceFile(files / path, path, text) for path, text in texts(PROJECT).items()]

    def run(kept: Store | None) -> LintResult:
        options = LintOptions(events=True)
        return lint(targets, root=files, rules=builtin_rules(), options=options, store=kept)

    off, cold, warm = run(None), run(store), run(store)
    assert off == cold == warm == plain
    changed = SourceFile(files / "pkg/report.py", "pkg/report.py", "import torch\n")
    targets[list(PROJECT).index("pkg/report.py")] = changed
    assert run(store) == run(None) != plain


@pytest.mark.parametrize("path", PROJECT)
def test_a_file_alone_is_told_what_it_is_told_among_others(plain: LintResult, path: str) -> None:
    alone = linted(PROJECT, rules=builtin_rules(), events=True, targets=[path])
    assert alone.findings == tuple(one for one in plain.findings if one.path == path)
    assert alone.predicted == tuple(one for one in plain.predicted if one.path == path)
    assert alone.errors == tuple(one for one in plain.errors if one.path == path)


def test_what_is_asked_for_changes_nothing_else(plain: LintResult) -> None:
    assert linted(PROJECT, rules=builtin_rules()).findings == plain.findings
    codes = {one.rule for one in plain.findings}
    alone = [one for one in builtin_rules() if one.code in codes]
    assert {one.rule for one in linted(PROJECT, rules=alone).findings} == codes


def test_the_number_of_lines() -> None:
    assert linted({"a.py": "x = 1\ny = 2", "b.py": "", "c.py": "x = 1\n"}).lines == 3


# ---- waiting that is permitted -----------------------------------------------------------------------

ALLOWED = """
    import torch
    from mine import timed, waiting, Timer
    def log_metrics(loader, x: torch.Tensor):
        for batch in loader:
            x.item()
    def train(loader, x: torch.Tensor, timer):
        for batch in loader:
            with waiting("why"):
                x.item()
            with timer.section:
                x.item()
            note(x.item())
            x.item()
    @timed
    def decorated(loader, x: torch.Tensor):
        for batch in loader:
            x.item()
    class Net:
        def method(self, loader, x: torch.Tensor):
            for batch in loader:
                x.item()
    """
ALL = {5, 9, 11, 12, 13, 17, 21}


@pytest.mark.parametrize(
    ("names", "permitted"),
    [
        ([], set()),
        (["log_metrics"], {5}),
        (["waiting"], {9}),
        (["mine.waiting"], {9}),
        (["timer.section"], {11}),
        (["section"], {11}),
        (["note"], {12}),
        (["timed"], {17}),
        (["mine.timed"], {17}),
        (["main.log_metrics"], {5}),
        (["main.Net.method"], {21}),
        (["Net.method"], {21}),
        (["method"], {21}),
        (["waiting", "timed"], {9, 17}),
        (["wait"], set()),
    ],
)
def test_where_waiting_is_permitted(names: list[str], permitted: set[int]) -> None:
    reads = rule(operators=["Tensor.item"], where=["hot('step')"])
    result = linted(ALLOWED, rules=[reads], sync_allowed=names)
    found = {place.line for one in result.findings for place in (one.place, *one.places)}
    assert ALL - found == permitted


def test_the_configuration_permits_waiting(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "train.py": (
                "import torch\n"
                "def train(loader, x: torch.Tensor):\n"
                "    for batch in loader:\n"
                "        log_metrics(x)\n"
                "        print(x.item())\n"
                "def log_metrics(x: torch.Tensor):\n"
                "    print(x.item())\n"
            )
        },
    )
    assert command("--select", "PC101", cwd=tmp_path).found == [
        ("train.py", "PC101", 5),
        ("train.py", "PC101", 7),
    ]
    write(tmp_path, {"perfcheck.toml": 'sync-allowed = ["log_metrics"]\n'})
    assert command("--select", "PC101", cwd=tmp_path).found == [("train.py", "PC101", 5)]


def test_parsing_is_quiet(recwarn: pytest.WarningsRecorder) -> None:
    linted({MAIN: "import torch\nx = '\\d'\nassert (1, 'a')\n1 is 1\n"}, rules=builtin_rules())
    assert not recwarn.list


# ---- anything ----------------------------------------------------------------------------------------

REAL = [path.read_text() for path in sorted(SCRIPTS.glob("*.py"))]


def swap(parts: list[str], i: int, j: int) -> None:
    parts[i], parts[j] = parts[j], parts[i]


def delete(parts: list[str], i: int, j: int) -> None:
    del parts[i]


def duplicate(parts: list[str], i: int, j: int) -> None:
    parts.insert(i, parts[i])


def move(parts: list[str], i: int, j: int) -> None:
    parts.insert(min(j, len(parts) - 1), parts.pop(i))


def substitute(parts: list[str], i: int, j: int) -> None:
    parts[i] = parts[j]


MUTATIONS: list[Callable[[list[str], int, int], None]] = [swap, delete, duplicate, move, substitute]


def lines_of(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def words_of(text: str) -> list[str]:
    """Names, numbers, operators and blanks; together they are the text."""
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def test_pieces_make_up_the_text() -> None:
    for text in REAL:
        assert "".join(words_of(text)) == "".join(lines_of(text)) == text


@settings(max_examples=250)
@given(
    text=st.sampled_from(REAL),
    cut=st.sampled_from([lines_of, words_of]),
    changes=st.lists(
        st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 10_000), st.integers(0, 10_000)),
        min_size=1,
        max_size=5,
    ),
)
@example(text=REAL[0], cut=lines_of, changes=[(delete, 0, 0)])
def test_mutated_programs_are_linted_or_do_not_parse(
    text: str,
    cut: Callable[[str], list[str]],
    changes: list[tuple[Callable[[list[str], int, int], None], int, int]],
) -> None:
    parts = cut(text)
    for change, i, j in changes:
        change(parts, i % len(parts), j % len(parts))
    mutated = "".join(parts)
    result = linted({MAIN: mutated}, rules=builtin_rules(), events=True)
    assert not [one for one in result.errors if one.message.startswith(INTERNAL)]
    try:
        ast.parse(mutated)
    except (SyntaxError, ValueError):
        assert [one.path for one in result.errors] == [MAIN]
    else:
        assert not result.errors
    total = mutated.count("\n") + 1
    for one in result.findings:
        assert 1 <= one.place.line <= one.place.end_line <= total
        assert one.place.column >= 1


NAMES = ["x", "torch", "self", "loader", "f", "Net", "device", "loss"]
LEAVES = [*NAMES, "1", "None", "'cuda'", "[]", "{}", "()", "...", "1.5", "b''", "0", "*x", "**x"]
EXPRESSIONS = """
X.item | X.to | X.T | X.data | X.shape | X.append | X() | X(X) | X(X, X, key=X) | X[X] | X[X:X] | X[X, X]
(X + X) | (X @ X) | (X and X) | (X in X) | (X < X < X) | (X is X) | (X % X) | (not X) | -X | (X if X else X)
[X for N in X if X] | {X: X for N in X} | (lambda N: X) | (N := X) | (X, X) | {X: X} | {X, X} | [X, X]
f'{X}{X!r:{X}}' | (yield X) | torch.cat(X) | torch.tensor(X) | torch.zeros(X) | torch.where(X)
torch.einsum(X, X) | X.to(X) | X.item() | float(X)
"""
STATEMENTS = """
X | X = X | X += X | X: X = X | for X in X: X | while X: X | with X as X: X | if X: X | del X | return X
assert X, X | def N(N=X): return X | @X\\n    class N(X): X = X | global N | raise X | import N | N = X
match X:\\n        case X: X
"""


def choices(text: str) -> list[str]:
    return [one.replace("\\n", "\n") for line in text.strip().split("\n") for one in line.split(" | ")]


@st.composite
def filled(draw: st.DrawFn, templates: list[str], inner: st.SearchStrategy[str]) -> str:
    """A template with names for its ``N`` and other expressions for its ``X``."""
    parts = re.split(r"\b([XN])\b", draw(st.sampled_from(templates)))
    kinds = {"X": inner, "N": st.sampled_from(NAMES)}
    return "".join(draw(kinds[part]) if part in kinds else part for part in parts)


ANY_EXPRESSION = st.recursive(
    st.sampled_from(LEAVES), lambda inner: filled(choices(EXPRESSIONS), inner), max_leaves=6
)
BODIES = st.lists(filled(choices(STATEMENTS), ANY_EXPRESSION), min_size=1, max_size=5)


@settings(max_examples=400)
@given(body=BODIES)
def test_programs_that_mean_nothing_are_linted(body: list[str]) -> None:
    source = "import torch\ndef f(self, x: torch.Tensor, loader, device):\n    " + "\n    ".join(body) + "\n"
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert linted({MAIN: source}, rules=builtin_rules(), events=True).errors == ()
