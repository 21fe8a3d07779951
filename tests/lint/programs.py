"""Small projects, given as texts by path, and what the engine knows about them."""

import ast
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from perfcheck.events import Event as EventName
from perfcheck.findings import Confidence, LintResult
from perfcheck.lint.check import LintOptions, lint
from perfcheck.lint.corpus import Store, module_name
from perfcheck.lint.engine import Engine
from perfcheck.lint.hotness import HotnessMap
from perfcheck.lint.index import ModuleRecord, index
from perfcheck.lint.project import FunctionRef, Project
from perfcheck.lint.scope import BodyScope
from perfcheck.lint.trees import Trees
from perfcheck.lint.values import Value
from perfcheck.rulebook.book import load_rules
from perfcheck.rulebook.patterns import compile_pattern
from perfcheck.rulebook.predicates import parse_predicate
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile

MAIN = "main.py"
Sources = str | Mapping[str, str]
"""The text of ``main.py``, or texts by path. They may be indented as the code around them is."""

_ROOT = Path("/project")
_HEAT = ("cold", "epoch", "step", "element")


@cache
def builtin_rules() -> tuple[Rule, ...]:
    return load_rules()


def texts(sources: Sources) -> dict[str, str]:
    files = {MAIN: sources} if isinstance(sources, str) else sources
    return {path: textwrap.dedent(text).lstrip("\n") for path, text in files.items()}


def record(text: str, path: str = MAIN) -> ModuleRecord:
    """The index of one file."""
    text = texts(text)[MAIN]
    name, is_package = module_name(_ROOT, f"{_ROOT}/{path}")
    return index(ast.parse(text), name, f"{_ROOT}/{path}", is_package, text)


class Program:
    """A project that is analysed without touching a disk."""

    def __init__(self, sources: Sources) -> None:
        self.files = texts(sources)
        records = [record(text, path) for path, text in self.files.items()]
        self.project = Project(records, Trees(lambda path: self.files[self._name(path)]))
        self.engine = Engine(self.project)
        self.heat = HotnessMap(self.engine, {r.path: self._name(r.path) for r in records})

    @staticmethod
    def _name(path: str) -> str:
        return path.removeprefix(f"{_ROOT}/")

    def module(self, path: str = MAIN) -> ModuleRecord:
        return self.project.by_path[f"{_ROOT}/{path}"]

    def function(self, qualname: str, path: str = MAIN) -> FunctionRef:
        module = self.module(path)
        return FunctionRef(module, module.functions[qualname])

    def scope(self, qualname: str, path: str = MAIN, sync_allowed: Sequence[str] = ()) -> BodyScope:
        function = self.function(qualname, path)
        run = self.engine.evaluate(function)
        if run is None:
            raise LookupError(qualname)
        lines = self.files[path].split("\n")
        return BodyScope(function, run, self.heat.of(function), path, lines, None, sync_allowed)

    def revealed(self, qualname: str = "", path: str = MAIN) -> list[Value]:
        """The values of the arguments of ``reveal(…)`` in a body, in source order."""
        scope = self.scope(qualname, path)
        return [scope.value(argument) for call in scope.calls("reveal") for argument in call.args]


def value(body: str, **others: str) -> Value:
    """What ``reveal(…)``, the only one in a function, is given; ``others`` are modules beside it."""
    files = {f"{name}.py": text for name, text in others.items()}
    main = "import torch\nfrom torch import nn\n" + textwrap.dedent(body).lstrip("\n")
    program = Program({**files, MAIN: main})
    found = [
        seen
        for qualname, function in program.module().functions.items()
        if any(site.target == "reveal" for site in function.calls)
        for seen in program.revealed(qualname)
    ]
    (only,) = found
    return only


def expression(text: str, parameters: str = "", before: str = "pass") -> Value:
    """The value of an expression in a function with the parameters, after other statements."""
    statements = textwrap.indent(textwrap.dedent(before).strip(), "    ")
    return value(f"def f({parameters}):\n{statements}\n    reveal({text})\n")


def linted(
    sources: Sources,
    *,
    rules: Sequence[Rule] = (),
    targets: Sequence[str] | None = None,
    events: bool = False,
    sync_allowed: Sequence[str] = (),
    store: Store | None = None,
    jobs: int = 1,
) -> LintResult:
    """Lint the files named by ``targets`` (all, if none is), in that order, in a folder of their own."""
    files = texts(sources)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").touch()  # all of it is one project
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        wanted = [SourceFile(root / path, path, files[path]) for path in targets or files]
        options = LintOptions(events=events, sync_allowed=tuple(sync_allowed))
        return lint(wanted, root=root, rules=rules, options=options, store=store, jobs=jobs)


class Event(NamedTuple):
    """A predicted event; the line is told by its text."""

    line: str
    event: str
    operator: str
    certainty: str


def events(sources: Sources, path: str = MAIN, *, supposing: bool = False) -> list[Event]:
    """What is predicted for a file, in its order; ``supposing``: certain is what is so if tensors of
    unknown place are on the device, too."""
    lines = texts(sources)[path].split("\n")
    result = linted(sources, events=True)
    assert not result.errors
    return [
        Event(
            lines[one.line - 1].strip(),
            one.event,
            one.operator,
            "maybe" if one.supposed and not supposing else one.certainty,
        )
        for one in result.predicted
        if one.path == path
    ]


def operators(body: str, parameters: str = "x: torch.Tensor") -> set[tuple[str, str, str]]:
    """(event, operator, certainty) of all that statements in a function raise."""
    source = "import torch\nimport torch.nn.functional as F\nimport numpy as np\nimport math\n"
    source += f"def f({parameters}):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    return {(one.event, one.operator, one.certainty) for one in events(source)}


def heats(sources: Sources, *, presumed: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """(how hot each place is said to be by a comment at its end, how hot it is).

    Such a place waits whatever else is true: ``torch.cuda.synchronize()  # step``. ``presumed``: as findings
    and events tell it, guesses included; else what roles and calls alone say.
    """
    files = texts(sources)
    said = {
        f"{path}:{number}": line.rpartition("#")[2].strip()
        for path, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if line.rpartition("#")[2].strip() in _HEAT
    }
    if presumed:
        result = linted(files, events=True)
        assert not result.errors
        return said, {
            f"{one.path}:{one.line}": one.hotness
            for one in result.predicted
            if one.operator == "torch.cuda.synchronize"
        }
    program = Program(files)
    scopes = [program.scope(name, path) for path in files for name in program.module(path).functions]
    return said, {
        f"{scope.path}:{call.lineno}": scope.hotness(call).word
        for scope in scopes
        for call in scope.calls("synchronize")
    }


def rule(
    code: str = "PC101",
    *,
    match: Sequence[str] = (),
    operators: Sequence[str] = (),
    where: Sequence[str] = (),
    worth: Sequence[str] = (),
    confidence: Confidence = "high",
    instead_of: Sequence[str] = (),
    message: str = "{T} waits",
    event: EventName = "host-sync",
    category: str = "sync",
) -> Rule:
    """A rule of a few words."""
    return Rule(
        code=code,
        name=f"rule-{code.lower()}",
        category=category,
        severity="error",
        confidence=confidence,
        event=event,
        message=message,
        help="Do it later.",
        sources=(),
        match=tuple(map(compile_pattern, match)),
        operators=tuple(operators),
        detector=None,
        where=tuple(parse_predicate(text, None) for text in where),
        worth=tuple(parse_predicate(text, None) for text in worth),
        instead_of=tuple(instead_of),
        fix=None,
        page="page.md",
        sections=(),
        examples=(),
    )
