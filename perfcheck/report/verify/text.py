"""A verification for people."""

from collections.abc import Iterable, Sequence
from typing import Final

from perfcheck.report.gate import amount
from perfcheck.report.printable import printable, width
from perfcheck.report.style import Paint, paint
from perfcheck.report.summary import plural
from perfcheck.verify.costs import Changed, Cost
from perfcheck.verify.differences import Difference, Kind, Largest
from perfcheck.verify.verification import Fixed, Verdict, Verification

MOST: Final = 8
"""Differences of a kind that are told; the JSON document has them all."""

MOST_UNSTABLE: Final = 2
"""The same of what differs without a change."""

MOST_LINES: Final = 6

_WIDEST: Final = 60  # characters of a line of a script's output

_TITLES: Final[dict[Kind, tuple[str, str]]] = {
    "loss": ("losses", "call of backward()"),
    "state": ("parameters", "step"),
    "output": ("output", "line"),
    "file": ("files", "file"),
    "exit code": ("exit code", "run"),
}

_COLORS: Final[dict[Verdict, str]] = {
    "equal": "green",
    "worse": "red",
    "different": "red",
    "failed": "red",
    "not reproducible": "yellow",
    "nothing to compare": "yellow",
}


def render(found: Verification, *, color: bool) -> str:
    style = paint(color)
    blocks = [
        _fixes("Fixes", found.fixes, style),
        _fixes("Left out, at lines that did not run", found.left_out, style),
        printable_lines(found.diff),
        _failure(found, style) if found.failure is not None else _results(found, style),
        _costs(found, style),
        "".join(f"{style('note', 'cyan')}: {printable(note)}\n" for note in found.notes),
        _summary(found, style),
    ]
    return "\n".join(block for block in blocks if block)


def printable_lines(text: str) -> str:
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def _fixes(title: str, fixes: Sequence[Fixed], style: Paint) -> str:
    if not fixes:
        return ""
    rows = [
        (printable(f"{one.path}:{one.line}"), one.rule, printable(one.message), one.safety) for one in fixes
    ]
    first, second = (max(width(row[column]) for row in rows) for column in (0, 1))
    lines = [
        f"  {_padded(place, first)}  {_padded(rule, second)}  {message}"
        + (f" ({style('unsafe', 'yellow')})" if safety == "unsafe" else "")
        for place, rule, message, safety in rows
    ]
    return f"{style(title, 'bold')}:\n" + "\n".join(lines) + "\n"


def _failure(found: Verification, style: Paint) -> str:
    told = "".join(f"  {printable(line)}\n" for line in (found.failure or "").split("\n"))
    return f"{style(f'Fails {_version(found)}, and does not before', 'red')}:\n{told}"


def _version(found: Verification) -> str:
    return found.after if found.fixes else "after the change"


def _results(found: Verification, style: Paint) -> str:
    lines: list[str] = []
    for kind, (title, unit) in _TITLES.items():
        count = found.counts.get(kind, 0)
        different = [one for one in found.differences if one.kind == kind]
        unstable = [one for one in found.unstable if one.kind == kind]
        if not count or (kind == "exit code" and not different):
            continue
        verdict = style("equal", "green")
        if different:
            verdict = style("different", "red")
        elif unstable:
            verdict = style("differs from run to run by itself", "yellow")
        compared = f"{plural(count, unit) if kind != 'loss' else f'{count:,} {_calls(count)}'}"
        lines.append(f"  {title:<10}  {verdict}, {compared}")
        lines += _told(different[:MOST], "")
        if len(different) > MOST:
            lines.append(f"    and {len(different) - MOST:,} more, which the JSON document has")
        if unstable:
            lines += _told(unstable[:MOST_UNSTABLE], "from run to run: ")
    if not lines:
        return ""
    return f"{style('Results', 'bold')}:\n" + "\n".join(lines) + "\n"


def _calls(count: int) -> str:
    return "call of backward()" if count == 1 else "calls of backward()"


def _told(differences: Sequence[Difference], prefix: str) -> list[str]:
    return [f"    {prefix}{_difference(one)}" for one in differences]


def _difference(one: Difference) -> str:
    step = f"step {one.step}, " if one.step is not None else ""
    where = printable(step + one.where)
    words = [_short(text) for text in (one.before, one.after)]
    if one.kind in ("state", "file") and not one.before:
        told = words[1] if one.after != "written" else "written after the change alone"
    elif one.kind == "file" and not one.after:
        told = "not written any more"
    elif not one.before:
        told = f"new: {words[1]}"
    elif not one.after:
        told = f"gone: {words[0]}"
    elif one.numbers and one.largest is not None:
        told = f"{words[0]}: {one.largest.before:.10g} → {one.largest.after:.10g}"
    else:
        told = f"{words[0]} → {words[1]}"
    return f"{where}: {told}{_by(one.largest)}"


def _short(text: str) -> str:
    text = printable(text.strip())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _by(largest: Largest | None) -> str:
    if largest is None:
        return ""
    return f" (largest difference {largest.absolute:.3g}, relative {largest.relative:.3g})"


def _costs(found: Verification, style: Paint) -> str:
    shown = [cost for cost in found.costs if cost.before or cost.after]
    if not shown and not found.times:
        return ""
    steps = found.run.get("counted_steps")
    rows: list[tuple[str, ...]] = [("a step" if steps else "the whole run", "before", "after", "")]
    for cost in shown:
        numbers = [amount(cost.what, number) for number in (cost.before, cost.after)]
        rows.append((cost.what, *numbers, _lines(cost)))
    if found.times is not None:
        rows += [
            ("time, recorded", *(f"{time.step_ns / 1e6:,.3g} ms" for time in found.times), ""),
            ("GPU idle", *(f"{time.idle_ns / max(time.step_ns, 1):.1%}" for time in found.times), ""),
        ]
    sizes = [max(width(row[column]) for row in rows) for column in range(3)]
    worse = {cost.what for cost in found.worse}
    lines: list[str] = []
    for number, (what, before, after, where) in enumerate(rows):
        last = after.rjust(sizes[2])
        if what in worse:
            last = style(last, "red")
        elif any(cost.what == what and cost.after < cost.before for cost in shown):
            last = style(last, "green")
        told = f"{_padded(what, sizes[0])}  {before.rjust(sizes[1])}  {last}  {where}".rstrip()
        lines.append(told if number else style(told, "bold"))
    return "\n".join(lines) + "\n"


def _lines(cost: Cost) -> str:
    told = [_line(cost.what, line) for line in cost.lines[:MOST_LINES]]
    more = len(cost.lines) - len(told)
    return ", ".join([*told, *([f"{more} more"] if more else [])])


def _line(what: str, line: Changed) -> str:
    number = line.before_line if line.before_line is not None else f"{line.after_line} (after)"
    numbers = " → ".join(amount(what, value) for value in (line.before, line.after))
    return printable(f"{line.path}:{number} {numbers}")


def _summary(found: Verification, style: Paint) -> str:
    verdict = style(found.verdict, _COLORS[found.verdict])
    return f"perfcheck verify: {verdict}: {_reason(found)}\n"


def _reason(found: Verification) -> str:
    if found.verdict == "failed":
        return f"the script fails {_version(found)}"
    if found.verdict == "nothing to compare":
        return (
            "the script prints and writes nothing and trains nothing; let it print what has to stay the same"
        )
    if found.verdict == "not reproducible":
        return f"before any change, two runs with seed {found.seed} differ{_most(found.unstable)}" + (
            ". --rtol and --atol allow for some of that" if _numbers(found.unstable) else ""
        )
    if found.verdict == "different":
        if found.after_unstable and not found.unstable:
            return "the results differ, and after the change from run to run, too"
        return f"the results differ{_most(found.differences)}"
    how = "to the bit" if found.tolerance.is_exact else "within the tolerance"
    where = " on an emulated device" if found.run.get("device") == "emulated" else ""
    same = f"the results are equal {how}{where}"
    if found.verdict == "worse":
        grew = ", ".join(
            f"{cost.what} from {amount(cost.what, cost.before)} to {amount(cost.what, cost.after)}"
            for cost in found.worse
        )
        return f"{same}, but {grew}"
    return f"{same}, and nothing got worse"


def _numbers(differences: Iterable[Difference]) -> list[Largest]:
    return [one.largest for one in differences if one.largest is not None]


def _most(differences: Iterable[Difference]) -> str:
    numbers = _numbers(differences)
    if not numbers:
        return ""
    absolute, relative = (max(one[position] for one in numbers) for position in (0, 1))
    return f", by {absolute:.3g} at most, relative {relative:.3g}"


def _padded(text: str, size: int) -> str:
    return text + " " * (size - width(text))
