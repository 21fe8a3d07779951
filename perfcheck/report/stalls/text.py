"""The summary of an analysis that fits a screen: health, idle time by cause and line, the biggest stalls."""

from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from perfcheck.findings import Finding
from perfcheck.report.printable import printable
from perfcheck.report.stalls import words
from perfcheck.report.style import SEVERITY_COLORS
from perfcheck.report.summary import plural
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, Ranks, Recording

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS: Final = 100
"""How wide the summary is where no terminal says otherwise."""

_BAR: Final = 16
_CAUSES: Final = 5
_LINES: Final = 4
_STALLS: Final = 2
_FINDINGS: Final = 3
_HEALTH: Final = 3
_DEVICES: Final = 5
_COLORS: Final = {"note": "blue", "info": "blue", "warning": "yellow", "error": "bold red"}


def render(analysis: Analysis, *, columns: int = 0, color: bool = False, ascii_only: bool = False) -> str:
    """The summary; ``columns`` wide (0: :data:`COLUMNS`), bars in ASCII where the reader has no other."""
    parts: list[RenderableType] = [_recordings(analysis), *_health(analysis)]
    if analysis.ranks is not None:
        parts.append(_ranks(analysis, analysis.ranks))
    elif len(analysis.devices) > 1:
        parts.append(_devices(analysis))
    if analysis.devices:
        worst = max(analysis.devices, key=lambda device: device.window.idle_ns)
        parts += _device(analysis, worst, "#" if ascii_only else "█")
        if all(device.concluded for device in analysis.devices) or analysis.findings:
            parts += _findings(analysis.findings)
    return written(parts, columns or COLUMNS, color)


def written(parts: "Iterable[RenderableType]", columns: int, color: bool) -> str:
    """What rich makes of the parts, without blanks at the ends of lines."""
    stream = StringIO()
    console = Console(
        file=stream,
        width=columns,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(Group(*parts))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _text(text: str, style: str = "") -> Text:
    """What may come from a recording, on one line and without any power over the terminal."""
    return Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")


def _recordings(analysis: Analysis) -> Text:
    if len(analysis.recordings) != 1:
        events = sum(recording.events for recording in analysis.recordings)
        head = _text(plural(len(analysis.recordings), "recording"), "bold")
        return head.append(f": {events:,} events", style="not bold")
    recording = analysis.recordings[0]
    head = _text(recording.path, "bold")
    return head.append(f": {printable(_facts(recording, analysis.devices))}", style="not bold")


def _facts(recording: Recording, devices: Iterable[DeviceAnalysis]) -> str:
    names = dict.fromkeys(device.name for device in devices if device.name)
    facts = [*names, f"{recording.events:,} events"]
    if recording.rank is not None:
        world = f" of {recording.world_size}" if recording.world_size else ""
        facts.append(f"rank {recording.rank}{world}")
    if recording.torch_version:
        facts.append(f"torch {recording.torch_version}")
    return ", ".join(facts)


def _health(analysis: Analysis) -> Iterable[Text]:
    rows = words.grouped(analysis.health)
    for row, others in rows[:_HEALTH]:
        line = Text(f"{row.severity}: ", style=_COLORS[row.severity])
        said = words.told(row, others, len(analysis.recordings) > 1)
        yield line.append(printable(said), style="default not bold")
    if len(rows) > _HEALTH:
        yield dim(f"{plural(len(rows) - _HEALTH, 'more remark')} on health in the JSON report")


def dim(text: str) -> Text:
    return Text(text, style="dim")


def columns_of(*justify: str) -> Table:
    """Columns ("l", "r", or "w" for the one that takes what is left) without rules around them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in justify:
        wide = each == "w"
        table.add_column(
            justify="right" if each == "r" else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if wide else None,
        )
    table.expand = "w" in justify
    return table


def _ranks(analysis: Analysis, ranks: Ranks) -> "RenderableType":
    causes = {(device.recording, device.device): _greatest(device) for device in analysis.devices}
    table = columns_of("l", "r", "r", "r", "r", "r", "l", "w")
    head = ("rank", "ms/step", "busy", "idle", "waits for others", "others for it", "", "idle for")
    table.add_row(*map(dim, head))
    rows = sorted(ranks.rows, key=lambda row: (not row.straggler, -row.waited_for_ns, -row.step_ns, row.rank))
    for row in rows[:_DEVICES]:
        times = (row.step_ns, row.busy_ns, row.idle_ns, row.collective_wait_ns, row.waited_for_ns)
        table.add_row(
            str(row.rank),
            *map(words.milliseconds, times),
            Text("straggler", style="red") if row.straggler else "",
            causes.get((row.recording, row.device), ""),
        )
    fastest, slowest = words.duration(ranks.fastest_step_ns), words.duration(ranks.slowest_step_ns)
    said = f"{plural(len(ranks.rows), 'rank')}: steps of {fastest} to {slowest}; {printable(ranks.matched)}"
    return Group("", Text(said), table)


def _devices(analysis: Analysis) -> "RenderableType":
    table = columns_of("l", "r", "r", "w")
    table.add_row(*map(dim, ("device", "idle", "ms/step", "idle for")))
    worst = sorted(analysis.devices, key=lambda device: -device.window.idle_ns)
    for device in worst[:_DEVICES]:
        idle = device.window.idle_ns // max(1, device.step_count)
        share = words.percent(device.window.idle_share)
        name = _text(words.who(analysis, device))
        table.add_row(name, share, words.milliseconds(idle), _greatest(device))
    return Group("", table)


def _greatest(device: DeviceAnalysis) -> str:
    return device.causes[0].cause if device.causes else ""


def _device(analysis: Analysis, device: DeviceAnalysis, bar: str) -> "Iterable[RenderableType]":
    window, count = device.window, device.step_count
    per = " a step" if count else ""
    idle = window.idle_ns // max(1, count)
    name = printable(words.who(analysis, device))
    head = Text(f"{name}: idle {words.percent(window.idle_share)}", style="bold")
    steps = f" over {plural(count, 'step')}" if count else ", no steps recorded"
    head.append(
        f": {words.duration(idle)} of {words.duration(device.step_ns)}{per}{steps}, "
        f"in {plural(window.gaps, 'gap')}",
        style="not bold",
    )
    yield from ("", head)
    facts = "; ".join(_facts_of(device))
    if facts:
        yield dim(facts)
    if not device.concluded:
        yield Text("The recording's health forbids to say why: all of it stays unattributed.", style="yellow")
    if window.idle_ns:
        yield _causes(device, bar)
    if device.lines:
        yield _lines(device)
    if device.stalls and len(analysis.devices) == 1:
        yield _stalls(device)
    yield _sums(device)


def _facts_of(device: DeviceAnalysis) -> Iterable[str]:
    count = max(1, device.step_count)
    per = " a step" if device.step_count else ""
    if device.spread is not None and device.step_count > 1:
        spread = device.spread
        shortest, median, longest = map(
            words.duration, (spread.shortest_ns, spread.median_ns, spread.longest_ns)
        )
        yield f"steps of {shortest} to {longest}, median {median}"
    bound = sum(run.duration_ns for run in device.launch_bound)
    if bound:
        yield f"launch-bound for {words.duration(bound // count)}{per}"
    if device.communication is not None:
        busy, exposed = device.communication.busy_ns // count, device.communication.exposed_ns // count
        yield f"communication {words.duration(busy)}{per} ({words.duration(exposed)} exposed)"


def _findings(findings: tuple[Finding, ...]) -> "Iterable[RenderableType]":
    """What to do about the gravest; lint's formats tell all of them in full."""
    if not findings:
        yield Text("No findings.", style="green")
        return
    table = columns_of("l", "l", "w")
    table.columns[-1].no_wrap = False
    for finding in sorted(findings, key=lambda each: list(SEVERITY_COLORS).index(each.severity))[:_FINDINGS]:
        name = finding.rule if finding.rule.startswith("PC") else finding.name
        table.add_row(
            Text(f"{finding.severity}:", style=_COLORS[finding.severity]),
            _text(name),
            printable(finding.help),
        )
    yield table
    if len(findings) > _FINDINGS:
        yield dim(f"and {plural(len(findings) - _FINDINGS, 'more finding')}")


def _causes(device: DeviceAnalysis, bar: str) -> Table:
    count = max(1, device.step_count)
    table = columns_of("l", "r", "r", "l", "w")
    table.add_row(*map(dim, ("idle by cause", "ms/step" if device.steps else "ms")))
    rows: list[tuple[str, int, str]] = [
        (row.cause, row.idle_ns, words.MEANINGS[row.cause]) for row in device.causes[:_CAUSES]
    ]
    rest = device.causes[_CAUSES:]
    if rest:
        rows.append((f"{len(rest)} more", sum(row.idle_ns for row in rest), ""))
    if device.unattributed_ns:
        rows.append((words.UNATTRIBUTED, device.unattributed_ns, "no cause was found"))
    greatest = max((idle for _, idle, _ in rows), default=0)
    for name, idle, meaning in rows:
        table.add_row(
            name,
            words.milliseconds(idle // count),
            words.percent(idle / max(1, device.window.duration_ns)),
            Text((bar * round(_BAR * idle / greatest)).ljust(_BAR), style="cyan") if greatest else "",
            Text(meaning, style="dim"),
        )
    return table


def _lines(device: DeviceAnalysis) -> Table:
    count = max(1, device.step_count)
    table = columns_of("r", "l", "w")
    table.add_row(*map(dim, ("ms/step" if device.steps else "ms", "cause", "idle by line")))
    for row in device.lines[:_LINES]:
        table.add_row(
            words.milliseconds(row.idle_ns // count), row.cause, _text(words.label(row.site, row.cause))
        )
    return table


def _stalls(device: DeviceAnalysis) -> Table:
    table = columns_of("r", "l", "l", "w")
    table.add_row(*map(dim, ("longest", "step", "cause", "what the host was doing")))
    for stall in device.stalls[:_STALLS]:
        step = device.step_rows[stall.step].name.rpartition("#")[2] if stall.step >= 0 else "–"
        table.add_row(
            words.duration(stall.duration_ns),
            _text(step),
            stall.cause or words.UNATTRIBUTED,
            _text(words.doing(stall)),
        )
    return table


def _sums(device: DeviceAnalysis) -> Text:
    blamed = sum(row.idle_ns for row in device.causes)
    by_line = sum(row.idle_ns for row in device.lines)
    idle, rest = device.window.idle_ns, device.unattributed_ns
    if blamed + rest == idle == by_line + rest:
        return Text(
            f"sums close: {blamed:,} ns blamed + {rest:,} ns unattributed = {idle:,} ns idle", style="dim"
        )
    return Text(
        f"sums do not close: {blamed:,} ns by cause, {by_line:,} ns by line, "
        f"{rest:,} ns unattributed, {idle:,} ns idle",
        style="bold red",
    )
