"""From the Markdown of a rule page to a :class:`Rule`.

A page is front matter (TOML between two ``+++`` lines), sections under ``## `` headings, and
examples: fenced code blocks tagged ``python bad``, ``python good`` or ``python fixed``.
"""

import ast
import os.path
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from string import Formatter
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from perfcheck.events import EVENTS, Event
from perfcheck.findings import Confidence, Safety, Severity
from perfcheck.rulebook.patterns import Pattern, PatternError, compile_pattern, mark_metavariables
from perfcheck.rulebook.predicates import Predicate, PredicateError, parse_predicate
from perfcheck.rulebook.rule import CODEMODS, Example, FixRecipe, Rule

SECTIONS: Final = (
    "What it does",
    "Why it is slow",
    "Example",
    "Use instead",
    "When it is fine",
    "Fix safety",
    "References",
)

SUBJECT: Final = "T"
"""The metavariable that a rule with ``operators`` has without a pattern: what the operator reads."""

_STRUCTURE: Final = re.compile(r"^(?:(`{3,}|~{3,})[ \t]*(.*?)[ \t]*|##? .*)$", re.MULTILINE)
MARK: Final = re.compile(r"#[ \t]*([A-Z]{2,5}\d+(?:[, \t]+[A-Z]{2,5}\d+)*)[ \t]*$", re.MULTILINE)
_CODE: Final = re.compile(r"[A-Z]{2,5}\d{3,4}")
_BUILT_IN_CODE: Final = re.compile(r"PC[A-Z]{0,3}\d{3,4}")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CATEGORY: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_TEMPLATE_NAME: Final = re.compile(r"\$(?:\.\.\.)?([A-Z][A-Z0-9_]*)")
_TOML_PLACE: Final = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")


MOST_TOLD: Final = 20
"""Things wrong with pages that one message tells."""


class PageError(NamedTuple):
    """What is wrong with a page, where, and what to do about it. Lines count from 1."""

    path: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}: {self.remedy}"


class BadPages(ValueError):
    """Rule pages that cannot be used, with all that is wrong with them; the message tells some of it."""

    def __init__(self, errors: Iterable[PageError]) -> None:
        self.errors = tuple(sorted(errors))
        left = len(self.errors) - MOST_TOLD
        more = [f"and {left:,} more; perfcheck rule --check tells all"] if left > 0 else []
        super().__init__("\n".join([*map(str, self.errors[:MOST_TOLD]), *more]))


class Header(NamedTuple):
    """The front matter of a page, and where the rest begins."""

    text: str
    body_line: int  # the page's line, from 1, that follows the closing "+++"
    body: str


def split_page(path: str, text: str) -> Header:
    """Cut a page behind its front matter."""
    if not text.startswith("+++\n"):
        raise _only(
            path, 1, "the page does not begin with front matter", "begin with a line `+++`, then TOML"
        )
    end = text.find("\n+++\n", 3)
    if end < 0:
        raise _only(path, 1, "the front matter has no end", "close it with a line `+++`")
    header = text[4 : end + 1]
    return Header(header, header.count("\n") + 3, text[end + 5 :])


def parse_header(path: str, header: str) -> dict[str, Any]:
    """The TOML of the front matter, types not yet checked."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(header)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are a ValueError
        reason = str(error)
        place = _TOML_PLACE.search(reason)
        line = int(place[1]) + 1 if place and place[1] else header.count("\n") + 1
        raise _only(
            path, line, f"the front matter is not TOML: {_TOML_PLACE.sub('', reason)}", "mend the TOML"
        ) from error


def parse_page(
    path: str, text: str, *, built_in: bool = True, detectors: Collection[str] | None = None
) -> Rule:
    """The rule that a page describes; :class:`BadPages` with all that is wrong with it.

    ``built_in`` pages have codes that begin with PC; ``detectors`` are the names of those that there
    are, None if that is not known here.
    """
    header = split_page(path, text)
    reader = _Reader(path, header, parse_header(path, header.text))
    rule = reader.rule(built_in=built_in, detectors=detectors)
    if reader.errors or rule is None:
        raise BadPages(reader.errors)
    return rule


def marks(code: str) -> dict[int, frozenset[str]]:
    """The rules that the lines of an example name in a trailing comment, by line from 1."""
    return {
        code.count("\n", 0, found.start()) + 1: frozenset(re.split(r"[,\s]+", found[1]))
        for found in MARK.finditer(code)
    }


def _only(path: str, line: int, message: str, remedy: str) -> BadPages:
    return BadPages([PageError(path, line, message, remedy)])


_Shape = Literal["text", "texts", "table"]
_KEYS: Final[dict[str, tuple[_Shape, bool]]] = {  # key: what it holds, and whether it must be there
    "code": ("text", True),
    "name": ("text", True),
    "severity": ("text", True),
    "confidence": ("text", True),
    "event": ("text", True),
    "match": ("texts", False),
    "operators": ("texts", False),
    "detector": ("text", False),
    "where": ("texts", False),
    "worth": ("texts", False),
    "message": ("text", True),
    "help": ("text", True),
    "sources": ("texts", True),
    "instead_of": ("texts", False),
    "fix": ("table", False),
}
_RECIPES: Final = ("replace", "keywords", "codemod")
_FIX_KEYS: Final = (*_RECIPES, "safety", "reason", "where", "proven")
_SHAPES: Final = {"text": "a string", "texts": "a list of strings", "table": "a table"}


class _Reader:
    """Reads one page and collects what is wrong with it."""

    def __init__(self, path: str, header: Header, entries: Mapping[str, Any]) -> None:
        self.path = path
        self.header = header
        self.errors: list[PageError] = []
        self.present = entries.keys()  # those with errors too
        self.entries = {key: value for key, value in entries.items() if self._fits(key, value)}

    def rule(self, *, built_in: bool, detectors: Collection[str] | None) -> Rule | None:
        for key, (_, required) in _KEYS.items():
            if required and key not in self.present:
                self.error(1, f"the key `{key}` is missing", f"add `{key} = …` to the front matter")
        match = self._patterns()
        bound = self._bound(match)
        where, worth = self._predicates("where", bound), self._predicates("worth", bound)
        for key in ("message", "help"):
            self._placeholders(key, bound)
        code, name = self._text("code"), self._text("name")
        category = self._identity(code, name, built_in)
        severity = self._choice("severity", get_args(Severity))
        confidence = self._choice("confidence", get_args(Confidence))
        event = self._choice("event", EVENTS)
        if self.present.isdisjoint(("match", "operators", "detector")):
            self.error(
                1,
                "the page does not say what to look for",
                "add `match` (patterns), `operators` (names in the operator table) or `detector`",
            )
        detector = self._text("detector")
        if detector and detectors is not None and detector not in detectors:
            self.error(
                self.line_of("detector"),
                f"there is no detector `{detector}`",
                _nearest(detector, sorted(detectors)),
            )
        elif detector and not built_in:
            self.error(
                self.line_of("detector"),
                "`detector` is for the pages that come with perfcheck",
                "use `match` (patterns) or `operators` (names in the operator table)",
            )
        for source in self._texts("sources"):
            if not source.startswith("https://"):
                self.error(
                    self.line_of("sources", source), f"the source `{source}` is no link", "give its URL"
                )
        fix = self._fix(bound)
        sections, examples = self._body(code, name)
        if self.errors:
            return None
        return Rule(
            code=code,
            name=name,
            category=category,
            severity=cast(Severity, severity),
            confidence=cast(Confidence, confidence),
            event=cast(Event, event),
            message=self._text("message"),
            help=self._text("help"),
            sources=self._texts("sources"),
            match=match,
            operators=self._texts("operators"),
            detector=detector or None,
            where=where,
            worth=worth,
            instead_of=self._texts("instead_of"),
            fix=fix,
            page=self.path,
            sections=sections,
            examples=examples,
        )

    def error(self, line: int, message: str, remedy: str) -> None:
        self.errors.append(PageError(self.path, line, message, remedy))

    def line_of(self, key: str, text: str = "") -> int:
        """Where a key, or a text in its value, stands in the page."""
        lines = self.header.text.split("\n")
        start = next((n for n, line in enumerate(lines) if re.match(rf"\[?{re.escape(key)}\b", line)), 0)
        shown = text.split("\n")[0]
        return next((n for n, line in enumerate(lines[start:], start) if shown in line), start) + 2

    def _fits(self, key: str, value: object) -> bool:
        if key not in _KEYS:
            self.error(self.line_of(key), f"the key `{key}` is unknown", _nearest(key, _KEYS))
            return False
        shape = _KEYS[key][0]
        if shape == "text":
            fits = isinstance(value, str) and bool(value.strip())
        elif shape == "texts":
            fits = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
        else:
            fits = isinstance(value, dict)
        if not fits:
            self.error(
                self.line_of(key),
                f"`{key}` is not {_SHAPES[shape]}",
                f"write {_SHAPES[shape]} that is not empty",
            )
        return fits

    def _text(self, key: str) -> str:
        return cast(str, self.entries.get(key, ""))

    def _texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.entries.get(key, ()))

    def _choice(self, key: str, choices: Sequence[str]) -> str:
        value = self._text(key)
        if value and value not in choices:
            self.error(self.line_of(key), f"`{value}` is not a known {key}", _nearest(value, choices))
        return value

    def _patterns(self) -> tuple[Pattern, ...]:
        patterns = []
        for text in self._texts("match"):
            try:
                patterns.append(compile_pattern(text))
            except PatternError as error:
                self.error(self.line_of("match", text), error.message, error.remedy)
        return tuple(patterns)

    def _bound(self, match: Sequence[Pattern]) -> frozenset[str] | None:
        """The metavariables that have a value wherever the rule fires; None: whatever the detector binds."""
        if "detector" in self.entries or len(match) < len(self._texts("match")):
            return None
        each = [pattern.metavariables for pattern in match]
        if "operators" in self.entries:
            each.append(frozenset({SUBJECT}))
        return frozenset.intersection(*each) if each else None

    def _predicates(self, key: str, bound: frozenset[str] | None) -> tuple[Predicate, ...]:
        predicates = []
        for text in self._texts(key):
            try:
                predicates.append(parse_predicate(text, bound))
            except PredicateError as error:
                self.error(self.line_of(key, text), error.message, error.remedy)
        return tuple(predicates)

    def _placeholders(self, key: str, bound: Collection[str] | None) -> None:
        template = self._text(key)
        try:
            fields = list(Formatter().parse(template))
        except ValueError as error:
            self.error(
                self.line_of(key), f"`{key}` is no template: {error}", "write literal braces as `{{` and `}}`"
            )
            return
        for _, name, form, conversion in fields:
            if name is None:
                continue
            if form or conversion or not re.fullmatch(r"operator|[A-Z][A-Z0-9_]*", name):
                self.error(
                    self.line_of(key),
                    f"`{{{name}}}` in `{key}` is no placeholder",
                    "write `{T}` for the source of `$T`, `{operator}` for the operator, `{{` for a brace",
                )
            elif name != "operator" and bound is not None and name not in bound:
                self.error(
                    self.line_of(key),
                    f"`{{{name}}}` in `{key}` has no value: not every pattern binds `${name}`",
                    _bind_remedy(name, bound),
                )

    def _identity(self, code: str, name: str, built_in: bool) -> str:
        """Checks code and name against the file's place; gives the category."""
        folder, file = os.path.split(self.path)
        category, stem = os.path.basename(folder), file.removesuffix(".md")
        if code and built_in and not _BUILT_IN_CODE.fullmatch(code):
            self.error(
                self.line_of("code"),
                f"the code `{code}` is not PC and a number",
                "write e.g. PC101, or PCT101 for a pack of its own",
            )
        elif code and not _CODE.fullmatch(code):
            self.error(
                self.line_of("code"),
                f"the code `{code}` is not two to five capitals and a number",
                "write e.g. MY101",
            )
        if name and not _NAME.fullmatch(name):
            self.error(
                self.line_of("name"),
                f"the name `{name}` is not made of small letters, digits and hyphens",
                "write e.g. item-in-hot-loop",
            )
        elif name and stem != name:
            self.error(
                self.line_of("name"),
                f"the name `{name}` is not the file's",
                f"call the file {name}.md, or the rule {stem}",
            )
        if not _CATEGORY.fullmatch(category):
            self.error(
                1,
                f"the folder `{category}` cannot be a category",
                "use a folder named in small letters, digits and hyphens",
            )
        return category

    def _fix(self, bound: Collection[str] | None) -> FixRecipe | None:
        table: Mapping[str, Any] | None = self.entries.get("fix")
        if table is None:
            return None
        for key in table:
            if key not in _FIX_KEYS:
                self.error(
                    self.line_of(key), f"the key `{key}` of [fix] is unknown", _nearest(key, _FIX_KEYS)
                )
        if not self._fix_fits(table):
            return None
        if table.get("safety") not in get_args(Safety):
            self.error(
                self.line_of("fix"),
                "[fix] does not say how safe it is",
                'write `safety = "safe"` or "unsafe"',
            )
        if sum(key in table for key in _RECIPES) != 1:
            self.error(
                self.line_of("fix"),
                "[fix] needs one of `replace`, `keywords` and `codemod`",
                "keep one, remove the others",
            )
        replace, codemod = table.get("replace"), table.get("codemod")
        if isinstance(replace, str):
            self._replacement(replace, bound)
        if codemod is not None and codemod not in CODEMODS:
            self.error(
                self.line_of("codemod"), f"there is no codemod `{codemod}`", _nearest(codemod, CODEMODS)
            )
        for value in table.get("keywords", {}).values():
            self._replacement(value, bound)
        return FixRecipe(
            safety=cast(Safety, table.get("safety")),
            replace=replace if isinstance(replace, str) else None,
            by_pattern=self._templates(replace) if isinstance(replace, dict) else (),
            keywords=tuple(table.get("keywords", {}).items()),
            codemod=codemod,
            reason=table.get("reason", ""),
            where=self._conditions(table.get("where", ())),
            proven=self._conditions(table.get("proven", ())),
        )

    def _fix_fits(self, table: Mapping[str, Any]) -> bool:
        """Does each key of [fix] hold what it may hold?"""
        fits = True
        for key, value in table.items():
            if key in ("where", "proven"):
                good = isinstance(value, list) and all(
                    isinstance(item, str) and item.strip() for item in value
                )
                wanted = "a list of strings"
            elif key == "keywords" or (key == "replace" and isinstance(value, dict)):
                good = (
                    isinstance(value, dict)
                    and bool(value)
                    and all(isinstance(v, str) for v in value.values())
                )
                wanted = "a table of strings"
            else:
                good, wanted = isinstance(value, str) and bool(value.strip()), "a string"
            if not good:
                self.error(
                    self.line_of(key),
                    f"`{key}` of [fix] is not {wanted}",
                    f"write {wanted} that is not empty",
                )
                fits = False
        return fits

    def _templates(self, table: Mapping[str, str]) -> tuple[tuple[Pattern, str], ...]:
        """The patterns of ``[fix.replace]`` and the template for each."""
        found = []
        for text, template in table.items():
            try:
                pattern = compile_pattern(text)
            except PatternError as error:
                self.error(self.line_of("fix", text), error.message, error.remedy)
                continue
            self._replacement(template, pattern.metavariables)
            found.append((pattern, template))
        return tuple(found)

    def _conditions(self, texts: Sequence[str]) -> tuple[Predicate, ...]:
        predicates = []
        for text in texts:
            try:
                predicates.append(parse_predicate(text, None))
            except PredicateError as error:
                self.error(self.line_of("fix", text), error.message, error.remedy)
        return tuple(predicates)

    def _replacement(self, replace: str, bound: Collection[str] | None) -> None:
        try:
            ast.parse(mark_metavariables(replace))
        except (SyntaxError, ValueError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            self.error(
                self.line_of("fix", replace),
                f"the replacement `{replace}` is not Python: {reason}",
                "write `$T` for what $T matched",
            )
            return
        for name in _TEMPLATE_NAME.findall(replace):
            if bound is not None and name not in bound:
                self.error(
                    self.line_of("fix", replace),
                    f"`${name}` in the replacement has no value: not every pattern binds it",
                    _bind_remedy(name, bound),
                )

    def _body(self, code: str, name: str) -> tuple[tuple[tuple[str, str], ...], tuple[Example, ...]]:
        title, sections, blocks = _scan(self.header)
        if name and title != name:
            self.error(
                self.header.body_line, f"the page's title is not `{name}`", f"begin the text with `# {name}`"
            )
        headings = [heading for heading, _ in sections]
        for heading in SECTIONS:
            if heading not in headings:
                self.error(
                    self.header.body_line,
                    f"the section `{heading}` is missing",
                    f"add a heading `## {heading}`",
                )
        examples = [
            example
            for line, tag, block in blocks
            if (example := self._example(line, tag, block, code)) is not None
        ]
        kinds = {"good" if example.kind == "fixed" else example.kind for example in examples}
        for kind in ("bad", "good"):
            if kind not in kinds:
                self.error(
                    self.header.body_line,
                    f"the page has no {kind} example",
                    f"add a fenced block tagged `python {kind}`",
                )
        return tuple(sections), tuple(examples)

    def _example(self, line: int, tag: str, code: str, own: str) -> Example | None:
        words = tag.split()
        if words[:1] != ["python"] or len(words) == 1:
            return None
        kind = " ".join(words[1:])
        if kind not in ("bad", "good", "fixed"):
            self.error(
                line - 1,
                f"the block is tagged `{tag}`",
                "write `python bad`, `python good` or `python fixed`",
            )
            return None
        marked = marks(code)
        if kind == "bad" and own and not any(own in codes for codes in marked.values()):
            self.error(line, "the bad example has no offending line", f"end each offending line in `# {own}`")
        if kind != "bad" and marked:
            self.error(
                line + min(marked) - 1,
                f"the {kind} example marks an offending line",
                "remove the comment, or tag the block `python bad`",
            )
        return Example(cast(Literal["bad", "good", "fixed"], kind), code, line, tuple(marked))


def _scan(header: Header) -> tuple[str, list[tuple[str, str]], list[tuple[int, str, str]]]:
    """The title, the sections, and the fenced blocks (line of their first code line, tag, code)."""
    body = header.body
    title = ""
    headings: list[tuple[str, int, int]] = []  # heading, where its line begins and ends
    blocks: list[tuple[int, str, str]] = []
    fence, tag, start = "", "", 0
    for found in _STRUCTURE.finditer(body):
        line = found[0]
        if fence:
            if line.strip() == fence:
                first = header.body_line + body.count("\n", 0, start)
                blocks.append((first, tag, body[start : found.start()]))
                fence = ""
        elif found[1]:
            fence, tag, start = found[1], found[2], found.end() + 1
        elif line.startswith("## "):
            headings.append((line[3:].strip(), found.start(), found.end()))
        elif not title:
            title = line[2:].strip()
    ends = [begin for _, begin, _ in headings[1:]] + [len(body)]
    sections = [
        (heading, body[after:end].strip()) for (heading, _, after), end in zip(headings, ends, strict=True)
    ]
    return title, sections, blocks


def _bind_remedy(name: str, bound: Collection[str]) -> str:
    listed = ", ".join(f"`{other}`" for other in sorted(bound))
    use = f"use {listed}, or " if listed else ""
    return f"{use}write `${name}` in every pattern"


def _nearest(word: str, choices: Iterable[str]) -> str:
    from difflib import get_close_matches

    listed = list(choices)
    near = get_close_matches(word, listed, n=1)
    return f"did you mean `{near[0]}`?" if near else f"choose from {', '.join(listed)}"
