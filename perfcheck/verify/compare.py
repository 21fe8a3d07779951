"""Two runs, compared: how they ended, what they printed, computed and wrote."""

from collections.abc import Iterator, Sequence
from filecmp import cmp
from pathlib import Path
from typing import NamedTuple

from perfcheck.capture.values import Keep, Loss, State
from perfcheck.verify.copies import written
from perfcheck.verify.differences import Difference, Kind, Largest, Tolerance, in_lines, largest
from perfcheck.verify.running import Ran
from perfcheck.verify.tensors import SUFFIXES, Unreadable, in_files, in_states

KEPT = "kept"


class Compared(NamedTuple):
    """What differs, the first first, and how much was compared."""

    differences: tuple[Difference, ...]
    counts: dict[Kind, int]

    @property
    def first_state(self) -> Keep | None:
        """The step of the optimizer after which what it trains differs for the first time."""
        for one in self.differences:
            if one.kind == "state" and one.step is not None:
                return Keep(int(one.where.split()[1].rstrip(",")), one.step)
        return None


def compare(before: Ran, after: Ran, snapshots: tuple[Path, Path], tolerance: Tolerance) -> Compared:
    """``snapshots``: what the two copies were before they ran."""
    losses, states = (before.losses, after.losses), (before.states, after.states)
    lines = (before.lines, after.lines)
    files = (written(before.tree, snapshots[0]), written(after.tree, snapshots[1]))
    differences = (
        *_exit_codes(before, after),
        *_losses(*losses, tolerance),
        *_states(before, after, states, tolerance),
        *_output(*lines, tolerance),
        *_files(before.tree, after.tree, files, tolerance),
    )
    counts: dict[Kind, int] = {
        "loss": max(map(len, losses)),
        "state": max(map(len, states)),
        "output": max(map(len, lines)),
        "file": len({*files[0], *files[1]}),
        "exit code": 1,
    }
    return Compared(differences, counts)


def _exit_codes(before: Ran, after: Ran) -> Iterator[Difference]:
    if before.code != after.code:
        yield Difference("exit code", "", str(before.code), str(after.code))


def _losses(before: Sequence[Loss], after: Sequence[Loss], tolerance: Tolerance) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip(before, after), start=1):
        if one.digest == other.digest and one.dtype == other.dtype:
            continue
        pairs = list(zip(one.values, other.values))
        alike = (one.dtype, one.shape) == (other.dtype, other.shape)
        if alike and pairs and not tolerance.is_exact and all(tolerance.allows(*pair) for pair in pairs):
            continue
        yield Difference(
            "loss", f"backward() {number}", _loss(one), _loss(other), largest(pairs), step=one.step
        )
    if len(before) != len(after):
        yield Difference("loss", "calls of backward()", str(len(before)), str(len(after)))


def _loss(loss: Loss) -> str:
    if len(loss.values) == 1 and not loss.shape:
        return f"{loss.values[0]!r} ({loss.dtype})"
    return f"{loss.dtype} of shape {list(loss.shape)}"


def _states(
    before: Ran, after: Ran, states: tuple[Sequence[State], Sequence[State]], tolerance: Tolerance
) -> Iterator[Difference]:
    """The first state of each optimizer that differs, and the last ones if they do."""
    one, other = ({(state.optimizer, state.step): state for state in found} for found in states)
    first: dict[int, int] = {}
    for optimizer, step in sorted(one.keys() | other.keys()):
        if optimizer in first:
            continue
        if (optimizer, step) not in one or (optimizer, step) not in other:
            first[optimizer] = step
            there, gone = f"step {step}", "no such step"
            words = (there, gone) if (optimizer, step) in one else (gone, there)
            yield Difference("state", f"optimizer {optimizer}, steps", *words)
        elif one[optimizer, step].digests != other[optimizer, step].digests and tolerance.is_exact:
            first[optimizer] = step
            yield from _first(one[optimizer, step], other[optimizer, step], before, after)
    if first or not tolerance.is_exact:
        ends = before.tensors(), after.tensors()
        for optimizer in sorted({state.optimizer for found in states for state in found}):
            last = [found.get(str(optimizer), {}) for found in ends]
            for name, how in in_states(last[0], last[1], tolerance).items():
                yield _tensor(f"optimizer {optimizer}, at the end, {name}", how)


def _first(one: State, other: State, before: Ran, after: Ran) -> Iterator[Difference]:
    hows = in_states(before.tensors().get(KEPT, {}), after.tensors().get(KEPT, {}), Tolerance())
    for name in dict.fromkeys((*one.digests, *other.digests)):
        if one.digests.get(name) != other.digests.get(name):
            where = f"optimizer {one.optimizer}, {name}"
            yield _tensor(where, hows.get(name, "the bits differ"), one.step)


def _tensor(where: str, how: Largest | str, step: int | None = None) -> Difference:
    if isinstance(how, str):
        return Difference("state", where, "", how, step=step)
    return Difference("state", where, repr(how.before), repr(how.after), how, step)


def _output(before: Sequence[str], after: Sequence[str], tolerance: Tolerance) -> Iterator[Difference]:
    for one in in_lines(before, after, tolerance):
        where = f"line {one.number}" if one.before else f"after line {one.number}"
        yield Difference("output", where, one.before, one.after).with_numbers(one.numbers)


def _files(
    one: Path, other: Path, names: tuple[Sequence[str], Sequence[str]], tolerance: Tolerance
) -> Iterator[Difference]:
    before, after = names
    for name in sorted({*before, *after}):
        if name in before and name in after:
            yield from _file(name, one / name, other / name, tolerance)
        else:
            yield Difference("file", name, *(("written", "") if name in before else ("", "written")))


def _file(name: str, one: Path, other: Path, tolerance: Tolerance) -> Iterator[Difference]:
    try:
        if cmp(one, other, shallow=False):
            return
        if one.suffix in SUFFIXES:
            for part, how in in_files(one, other, tolerance).items():
                if isinstance(how, str):
                    yield Difference("file", f"{name}, {part}", "", how)
                else:
                    yield Difference("file", f"{name}, {part}", repr(how.before), repr(how.after), how)
            return
        first, second = (path.read_text(encoding="utf-8").splitlines() for path in (one, other))
    except (Unreadable, UnicodeDecodeError, OSError):
        yield Difference("file", name, "", "its bytes differ")
        return
    for line in in_lines(first, second, tolerance):
        where = f"{name}, line {line.number}"
        yield Difference("file", where, line.before, line.after).with_numbers(line.numbers)
