"""The summary of an analysis that fits a screen: health, idle time by cause and line, the biggest stalls."""

from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from perfcheck.report.printable import printable
from perfcheck.report.stalls import words
from perfcheck.report.summary import plural
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, Health, LineIdle, Recording

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS: Final = 100
"""How wide the summary is where no terminal says otherwise."""

_BAR: Final = 24
_CAUSES: Final = 6
_LINES: Final = 5
_STALLS: Final = 3
_HEALTH: Final = 3
_DEVICES: Final = 8
_COLORS: Final = {"note": "blue", "warning": "yellow", "error": "bold red"}


def render(analysis: Analysis, *, columns: int = 0, color: bool = False, ascii_only: bool = False) -> str:
    """The summary; ``columns`` wide (0: :data:`COLUMNS`), bars in ASCII where the reader has no other."""
    parts: list[RenderableType] = [_recordings(analysis), *_health(analysis.health)]
    if analysis.ranks is not None:
        parts.append(_ranks(analysis))
    if len(analysis.devices) > 1:
        parts.append(_devices(analysis))
    if analysis.devices:
        worst = max(analysis.devices, key=lambda device: device.window.idle_ns)
        parts += _device(analysis, worst, "#" if ascii_only else "█")
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


def _health(health: tuple[Health, ...]) -> Iterable[Text]:
    order = ("error", "warning", "note")
    rows = sorted(health, key=lambda row: order.index(row.severity))
    for row in rows[:_HEALTH]:
        line = Text(f"{row.severity}: ", style=_COLORS[row.severity])
        told = ". ".join(part.rstrip(".") for part in (row.message, row.remedy) if part)
        yield line.append(printable(f"{told}."), style="default not bold")
    if len(rows) > _HEALTH:
        yield Text(f"{plural(len(rows) - _HEALTH, 'more remark')} on health in the JSON report", style="dim")


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


def _ranks(analysis: Analysis) -> "RenderableType":
    ranks = analysis.ranks
    assert ranks is not None
    table = columns_of("l", "r", "r", "r", "r", "r", "l")
    head = ("rank", "step ms", "busy", "idle", "waits in collectives", "others wait for it", "")
    table.add_row(*map(dim, head))
    rows = sorted(ranks.rows, key=lambda row: (not row.straggler, -row.step_ns, row.rank))[:_DEVICES]
    for row in rows:
        times = (row.step_ns, row.busy_ns, row.idle_ns, row.collective_wait_ns, row.waited_for_ns)
        table.add_row(
            str(row.rank),
            *(words.milliseconds(ns) for ns in times),
            Text("straggler", style="red") if row.straggler else "",
        )
    spread = (
        f"{plural(len(ranks.rows), 'rank')}: steps of {words.duration(ranks.fastest_step_ns)} to "
        f"{words.duration(ranks.slowest_step_ns)}; {printable(ranks.matched)}"
    )
    return Group("", Text(spread), table)


def _devices(analysis: Analysis) -> "RenderableType":
    table = columns_of("w", "r", "r", "l")
    table.add_row(*map(dim, ("device", "idle", "ms a step", "greatest cause")))
    worst = sorted(analysis.devices, key=lambda device: -device.window.idle_ns)
    for device in worst[:_DEVICES]:
        idle = device.window.idle_ns // max(1, device.step_count)
        table.add_row(
            _text(words.who(analysis, device)),
            words.percent(device.window.idle_share),
            words.milliseconds(idle),
            device.causes[0].cause if device.causes else "",
        )
    return Group("", table)


def _device(analysis: Analysis, device: DeviceAnalysis, bar: str) -> "Iterable[RenderableType]":
    window, count = device.window, device.step_count
    per = " a step" if count else ""
    idle = window.idle_ns // max(1, count)
    head = Text(
        f"{printable(words.who(analysis, device))}: idle {words.percent(window.idle_share)}", style="bold"
    )
    steps = f" over {plural(count, 'step')}" if count else ", no steps recorded"
    head.append(
        f": {words.duration(idle)} of {words.duration(device.step_ns)}{per}{steps}, "
        f"in {plural(window.gaps, 'gap')}",
        style="not bold",
    )
    yield from ("", head)
    if not device.concluded:
        yield Text("The recording's health forbids to say why: all of it stays unattributed.", style="yellow")
    yield _causes(device, bar)
    if device.lines:
        yield _lines(device)
    if device.stalls:
        yield _stalls(device)
    yield _sums(device)


def _causes(device: DeviceAnalysis, bar: str) -> Table:
    count = max(1, device.step_count)
    table = columns_of("l", "r", "r", "l", "w")
    table.add_row(*map(dim, ("idle by cause", "ms/step" if device.steps else "ms")))
    rows = [(row.cause, row.idle_ns, words.MEANINGS[row.cause]) for row in device.causes[:_CAUSES]]
    rest = device.causes[_CAUSES:]
    if rest:
        rows.append((f"{len(rest)} more", sum(row.idle_ns for row in rest), ""))  # type: ignore[arg-type]
    if device.unattributed_ns:
        rows.append((words.UNATTRIBUTED, device.unattributed_ns, "no cause was found"))  # type: ignore[arg-type]
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
        table.add_row(words.milliseconds(row.idle_ns // count), row.cause, _text(_where(row)))
    return table


def _where(row: LineIdle) -> str:
    return words.label(row.site)


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
