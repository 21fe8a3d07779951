"""For people: the line with a caret, the reason, the remedy, and where to read more."""

from collections.abc import Iterator, Mapping
from typing import Any

from perfcheck.findings import Finding, LintError, LintResult, Place
from perfcheck.report.context import Context, elsewhere, where
from perfcheck.report.printable import printable, width
from perfcheck.report.style import SEVERITY_COLORS, Paint, paint
from perfcheck.report.summary import by_severity, plural, statistics
from perfcheck.rulebook.rule import Rule

LONGEST_LINE = 160  # characters of source shown, so that generated one-line files stay readable

_EXPLAINED = ("Why it is slow", "When it is fine")


def render(result: LintResult, context: Context) -> str:
    style = paint(context.color)
    blocks = []
    explained: set[str] = set()  # rules
    for finding in result.findings:
        block = _finding(finding, context, style)
        if context.explain and finding.rule not in explained:
            explained.add(finding.rule)
            block += _explanation(context.rules.get(finding.rule), style)
        blocks.append(block)
    if result.errors:
        blocks.append("".join(_error(error, style) for error in result.errors))
    if context.statistics and result.findings:
        blocks.append(statistics(result, style))
    if not context.quiet:
        blocks.append(_summary(result, style))
    return "\n".join(blocks)


def _finding(finding: Finding, context: Context, style: Paint) -> str:
    place, message = printable(where(finding)), printable(finding.message)
    severity = style(finding.severity, SEVERITY_COLORS[finding.severity])
    taken = width(f"{place}: {finding.severity}: ")
    head = _wrapped(f"{message} [{finding.rule}]", context.columns, taken, "  ")
    code = f"[{style(finding.rule, 'cyan')}]"
    gap = "" if head.startswith("\n") else " "
    lines = [f"{style(place, 'bold')}: {severity}:{gap}{head.removesuffix(f'[{finding.rule}]')}{code}"]
    margin = len(str(finding.place.line))
    source = context.lines(finding)
    if 0 < finding.place.line <= len(source):
        free = max(context.columns - margin - 5, 40) if context.columns else LONGEST_LINE
        line = source[finding.place.line - 1]
        shown, caret = _excerpt(line, finding.place, min(LONGEST_LINE, free))
        bar = style("|", "dim")
        lines += [
            f"{' ' * margin} {bar}",
            f"{style(str(finding.place.line), 'dim')} {bar} {shown}".rstrip(),
            f"{' ' * margin} {bar} {style(caret, SEVERITY_COLORS[finding.severity])}",
        ]
    for label, text in _notes(finding, context):
        begin = margin + len(f" = {label}: ")
        text = _wrapped(text, context.columns, begin, " " * begin)
        lines.append(f"{' ' * margin} {style('=', 'dim')} {style(label + ':', 'bold')} {text}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, columns: int, taken: int, indentation: str) -> str:
    """The text broken between words to fit a terminal; ``taken`` columns of the first line are not free."""
    if taken + width(text) <= columns or not columns:
        return text
    from textwrap import wrap

    fits = taken + width(text.partition(" ")[0]) <= columns  # else it begins on a line of its own
    lines = wrap(
        text,
        columns,
        initial_indent=" " * taken if fits else indentation,
        subsequent_indent=indentation,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[taken:] if fits else "\n".join(["", *lines])


def _excerpt(line: str, place: Place, longest: int) -> tuple[str, str]:
    """The line, cut where it is longer than that, and the carets below it."""
    begin = min(place.column, len(line) + 1) - 1
    end = place.end_column - 1 if place.end_line == place.line else len(line.rstrip())
    end = max(min(end, len(line)), begin)
    first = 0 if end <= longest else min(begin, min(end + longest // 8, len(line)) - longest)
    last = min(len(line), first + longest)
    end = min(end, last)
    before = ("…" if first else "") + printable(line[first:begin])
    marked = printable(line[begin:end])
    after = printable(line[end:last]) + ("…" if last < len(line) else "")
    return before + marked + after, " " * width(before) + "^" * max(width(marked), 1)


def _notes(finding: Finding, context: Context) -> Iterator[tuple[str, str]]:
    yield "help", printable(finding.help)
    if finding.fix is not None:
        yield "fix", f"{printable(finding.fix.message)} ({finding.fix.safety})"
    if finding.places:
        yield "also", elsewhere(finding)
    if "verdict" in finding.evidence:
        yield "run", _shown_by_run(finding.evidence)
    if context.explain:
        function = f"in `{finding.function}`, " if finding.function else ""
        often = "runs seldom" if finding.hotness == "cold" else f"runs per {finding.hotness}"
        yield "known", printable(f"{function}{often}, {finding.confidence} confidence")
        if callers := finding.evidence.get("called_by"):
            yield "hot", printable(f"called by {' → '.join(callers)}")
        facts = [
            f"{key} {value}" for key, value in finding.evidence.items() if key not in ("kind", "called_by")
        ]
        yield "evidence", printable(", ".join([str(finding.evidence.get("kind")), *facts]))
    yield "more", f"perfcheck rule {finding.rule} ({finding.name})"


def _shown_by_run(evidence: Mapping[str, Any]) -> str:
    verdict, count, steps = evidence["verdict"], evidence["count"], evidence["steps"]
    if not count:
        return str(verdict)
    during = f" in {plural(steps, 'step')}" if steps else ""
    idle = evidence.get("idle_ns_per_step")
    cost = f", the GPU idle for {idle / 1e6:.3g} ms a step" if idle else ""
    return f"{verdict}: {plural(count, evidence['event'])}{during}{cost}"


def _explanation(rule: Rule | None, style: Paint) -> str:
    """The rule's reason, as its page gives it."""
    lines = []
    for heading, text in rule.sections if rule else ():
        if heading in _EXPLAINED:
            lines += ["", f"  {style(heading, 'bold')}", ""]
            lines += [f"  {printable(line)}".rstrip() for line in text.split("\n")]
    return "".join(f"{line}\n" for line in lines)


def _error(error: LintError, style: Paint) -> str:
    place = style(f"{printable(error.path)}:{error.line}", "bold")
    return f"{place}: {style('not linted', 'red')}: {printable(error.message)}\n"


def _summary(result: LintResult, style: Paint) -> str:
    looked_at = plural(result.files, "file")
    unread = len({error.path for error in result.errors})
    failed = f"; {style(plural(unread, 'file') + ' not linted', 'red')}" if unread else ""
    if not result.findings:
        return f"{style('No findings', 'green')} in {looked_at}{failed}.\n"
    counts = ", ".join(
        style(plural(count, severity) if severity != "info" else f"{count:,} info", SEVERITY_COLORS[severity])
        for severity, count in by_severity(result).items()
        if count
    )
    return f"{plural(len(result.findings), 'finding')} in {looked_at} ({counts}){failed}.\n"
