"""Where it is not certain that a fix changes no result, it is not offered as a safe one.

Each case is a program with a place that looks as if it could be mended (marked ``# HERE``). Most that are not
safe are still offered as unsafe; None stands for no fix at all.
"""

import re
import textwrap
from collections.abc import Callable, Iterable

import pytest

from perfcheck.cli.rule import example_linter
from perfcheck.findings import Finding
from perfcheck.lint.detectors import DETECTORS
from perfcheck.rulebook.book import load_rules

RULES = load_rules(detectors=DETECTORS)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Iterable[Finding]]:
    return example_linter(RULES, tmp_path_factory.mktemp("promises"))


def cases(text: str) -> dict[str, tuple[str, str | None]]:
    """Programs below ``# safe: NAME``, ``# unsafe: NAME`` and ``# none: NAME``."""
    parts = re.split(r"(?m)^# (safe|unsafe|none): (.*)\n", text)[1:]
    return {
        name: (body, None if safety == "none" else safety)
        for safety, name, body in zip(parts[::3], parts[1::3], parts[2::3])
    }


def offered(findings: Callable[[str], Iterable[Finding]], text: str, rule: str) -> str | None:
    """How safe the fix of a rule is at the marked line; None where there is no fix."""
    line = next(n for n, row in enumerate(text.split("\n"), 1) if row.endswith("# HERE"))
    found = {
        mend.safety
        for finding in findings(text)
        if finding.rule == rule and finding.fix is not None
        for mend in finding.fix.mends
        if mend.place.line == line
    }
    assert len(found) <= 1
    return next(iter(found), None)


NUMBERS = [
    ("0.5", "safe"),
    ("-1", "safe"),
    ("True", "safe"),
    ("float('inf')", "safe"),
    ("math.pi", "safe"),
    ("len(rows)", "safe"),
    ("x.shape[0]", "safe"),
    ("x.size(0) // 2", "safe"),
    ("int(share)", "safe"),
    ("1 if rows else 0", "safe"),
    ("1e39", "unsafe"),  # infinite to torch.tensor, an error to torch.full
    ("LIMIT", "unsafe"),
    ("share", "unsafe"),  # np.float64 is a float, and keeps its type
    ("count", "unsafe"),  # np.int32 where the caller is careless
    ("self.scale", "unsafe"),
    ("self.sizes", None),  # annotated as one number, and measured as a list
    ("float(share)", "unsafe"),  # beyond the range of float32?
    ("share > 0", "unsafe"),  # np.bool_
    ("np.pi", "unsafe"),
    ("1 << 63", "unsafe"),
    ("len(rows) if rows else 0.0", None),  # of one type now, of another then
]


@pytest.mark.parametrize(("number", "safety"), NUMBERS)
def test_numbers_of_python_alone_become_tensors(
    number: str, safety: str | None, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import math
import numpy as np
import torch
from torch import nn

LIMIT = 1e39


class Loss(nn.Module):
    def __init__(self, scale: float = 1.0, sizes: int = 1) -> None:
        super().__init__()
        self.scale = scale
        self.sizes = sizes

    def count(self):
        return len(self.sizes)

    def forward(self, x: torch.Tensor, share: float, count: int, rows: list) -> torch.Tensor:
        return x * torch.tensor({number}, device=x.device)  # HERE
"""
    assert offered(findings, text, "PC132") == safety


@pytest.mark.parametrize(
    ("before", "number"),
    [
        ("len = max", "len(rows)"),
        ("from tools import *", "len(rows)"),
    ],
)
def test_a_builtin_function_that_is_hidden_may_give_anything(
    before: str, number: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn

{before}


class Loss(nn.Module):
    def forward(self, x: torch.Tensor, rows: list) -> torch.Tensor:
        return x * torch.tensor({number}, device=x.device)  # HERE
"""
    assert offered(findings, text, "PC132") in ("unsafe", None)


LOOPS = cases("""\
# safe: a plain loop
for i in range(stop):
    found.append(z[i].item())  # HERE
# safe: it breaks
for i in range(stop):
    if z[i].item() > 3:  # HERE
        break
# safe: it returns
for i in range(stop):
    if z[i].item() > 3:  # HERE
        return i
# safe: else
for i in range(stop):
    found.append(int(z[i]))  # HERE
else:
    found = []
# safe: try
try:
    for i in range(9):
        found.append(z[i].item())  # HERE
except IndexError:
    pass
# safe: a comprehension
found = [z[i].item() for i in range(stop)]  # HERE
# safe: a sum
found.append(sum(z[i].item() for i in range(stop)))  # HERE
# unsafe: written to
for i in range(stop):
    found.append(z[i].item())  # HERE
    z.add_(1)
# unsafe: written to under another name
y = z
for i in range(stop):
    found.append(z[i].item())  # HERE
    y += 1
# unsafe: a view is written to
y = z[2:]
for i in range(stop):
    found.append(z[i].item())  # HERE
    y[i] = 0
# unsafe: something is called
for i in range(stop):
    found.append(z[i].item())  # HERE
    step(i)
# unsafe: print is hidden
print = step
for i in range(stop):
    print(z[i].item())  # HERE
# unsafe: somebody's append
for i in range(stop):
    log.append(z[i].item())  # HERE
# unsafe: a generator goes on
for i, part in enumerate(parts):
    found.append(z[i].item())  # HERE
# unsafe: yield
for i in range(stop):
    yield z[i].item()  # HERE
# unsafe: with
for i in range(stop):
    with lock:
        found.append(z[i].item())  # HERE
# unsafe: there on one way only
if flag:
    w = torch.zeros(3, device='cuda')
for i in range(stop):
    if flag:
        found.append(w[i].item())  # HERE
# unsafe: perhaps there
for i in range(stop):
    if maybe is not None:
        found.append(maybe[i].item())  # HERE
# unsafe: the same statement writes
found = [z.add_(1), [z[i].item() for i in range(stop)]]  # HERE
# unsafe: of a shape that nobody knows
for i in range(stop):
    found.append(x[i].item())  # HERE
# none: rows of one
w = torch.zeros(9, 1, device='cuda')
for i in range(stop):
    found.append(w[i].item())  # HERE
# none: later
found = (z[i].item() for i in range(stop))  # HERE
z.add_(1)
# none: lambda
found = lambda: [z[i].item() for i in range(stop)]  # HERE
# none: while
while any(z[i].item() > 0 for i in range(stop)):  # HERE
    z.sub_(1)
# none: elif
if flag:
    pass
elif any(z[i].item() > 0 for i in range(stop)):  # HERE
    found = []
""")


@pytest.mark.parametrize("name", LOOPS)
def test_a_list_stands_for_a_tensor_that_nobody_writes_to(
    name: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    body, safety = LOOPS[name]
    text = f"""\
import torch


def read(x: torch.Tensor, stop: int, step, parts, log, lock, flag: bool, maybe: torch.Tensor = None):
    x = x.to("cuda")
    z = torch.zeros(10, device="cuda")
    found = []
{textwrap.indent(body, "    ")}
    return found


def main(epochs: int, *rest):
    for epoch in range(epochs):
        read(*rest)
"""
    assert offered(findings, text, "PC103") == safety


SUMS = cases("""\
# safe: item
return total.item()
# safe: float of a mean
return float(total / len(loader))
# safe: a format
print(f'{total:.3f}')
# unsafe: a text that shows the graph of all but numbers
print(f'loss {total}')
# unsafe: print shows the graph
print(total)
# unsafe: returned
return total
# unsafe: somebody walks it back
print(float(torch.autograd.grad(total, weights)[0].sum()))
# unsafe: handed on
print(float(finish(total)))
# unsafe: asked for its graph
print(int(total.requires_grad))
# unsafe: kept
mean = total / 2
return mean.item()
# unsafe: looked at from within
def report():
    return total
return report
# unsafe: locals
print(locals())
""")


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_detached_where_it_ends_in_a_number(
    name: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    body, safety = SUMS[name]
    text = f"""\
import torch
from torch import nn


def train(model, loader, optimizer, finish, weights):
    total = 0.0
    for inputs, targets in loader:
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss  # HERE
{textwrap.indent(body, "    ")}
"""
    assert offered(findings, text, "PC901") == safety


def test_what_only_calls_itself_a_loss_need_not_be_a_tensor(
    findings: Callable[[str], Iterable[Finding]],
) -> None:
    text = """\
def train(model, loader, optimizer):
    total = 0.0
    for batch in loader:
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
        total += loss  # HERE
    return total.item()
"""
    assert offered(findings, text, "PC901") == "unsafe"


DEVICES = [
    ("torch.zeros(3).to(x.device)", "safe"),
    ("torch.zeros(3).to(where)", "safe"),
    ("torch.zeros(3).to('cuda')", "safe"),
    ("torch.zeros(3).cuda()", "safe"),
    ("torch.arange(count).to(where)", "safe"),
    ("torch.zeros(1, 3, dtype=torch.half).to(where)", "safe"),
    ("torch.zeros(0, 3, dtype=torch.half).to(where)", None),  # nothing to copy
    ("torch.zeros(3).to(device)", "unsafe"),  # a name is no proof: a dtype, a tensor?
    ("torch.zeros(3).to(device=pick())", None),
    ("torch.arange(0, 1, 0.1).to(where)", "unsafe"),  # rounds as the device does
    ("torch.randn(3).to(where)", "unsafe"),  # another generator
    ("torch.zeros(3, requires_grad=True).to(where)", None),  # would become a leaf
    ("torch.zeros(3, pin_memory=True).to(where)", None),
    ("torch.zeros(3, **more).to(where)", None),
    ("torch.zeros(*sizes).to(where)", None),
    ("torch.zeros(3).to(where, torch.half)", None),
    ("torch.tensor([1.0, 2.0]).to(where)", None),
]


@pytest.mark.parametrize(("made", "safety"), DEVICES)
def test_tensors_are_made_where_they_are_needed(
    made: str, safety: str | None, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn


class Pad(nn.Module):
    def forward(self, x: torch.Tensor, where: torch.device, device, pick, count: int, sizes, more: dict):
        return torch.cat([x, {made}])  # HERE
"""
    assert offered(findings, text, "PC201") == safety


LAYOUTS = [
    ("x.index_select(1, keep)", "safe"),
    ("torch.bmm(x, x)", "safe"),
    ("x[keep]", None),  # follows the layout of x
    ("torch.zeros_like(x)", None),
    ("torch.bmm(x, x, out=more)", None),
    ("torch.empty(2, 3, 4, 5, device=x.device, memory_format=torch.channels_last)", None),
    ("x.contiguous(memory_format=torch.channels_last)", None),
]


@pytest.mark.parametrize(("made", "safety"), LAYOUTS)
def test_contiguous_goes_where_the_layout_is_known(
    made: str, safety: str | None, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn


class Gather(nn.Module):
    def forward(self, x: torch.Tensor, keep: torch.Tensor, more: torch.Tensor):
        return {made}.contiguous().softmax(-1)  # HERE
"""
    assert offered(findings, text, "PC302") == safety


@pytest.mark.parametrize(
    "change",
    ["y.t_()", "y.data = y.data.mT", "y.resize_(3, 4, memory_format=torch.channels_last)", "z = y\nz.t_()"],
)
def test_a_name_may_have_been_laid_out_anew(
    change: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn


class Gather(nn.Module):
    def forward(self, x: torch.Tensor, keep: torch.Tensor):
        y = x.index_select(1, keep)
{textwrap.indent(change, "        ")}
        return y.contiguous().softmax(-1)  # HERE
"""
    assert offered(findings, text, "PC302") in ("unsafe", None)


COPIES = {
    "a tensor": ("torch.tensor(x * 2)", "", "safe"),
    "a number or a tensor": ("torch.tensor(total)", "", None),
    "a list, perhaps": ("torch.tensor(more)", "", None),
    "the default device": ("torch.tensor(x * 2)", "torch.set_default_device('cuda')", "unsafe"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_tensor_is_copied_where_it_is(name: str, findings: Callable[[str], Iterable[Finding]]) -> None:
    made, before, safety = COPIES[name]
    text = f"""\
import torch
from torch import nn

{before}


class Scale(nn.Module):
    def forward(self, x: torch.Tensor, parts, more) -> torch.Tensor:
        total = 0.0
        for part in parts:
            total = total + x
        return x * {made}  # HERE
"""
    assert offered(findings, text, "PC310") == safety


BATCHES = cases("""\
# safe: only copied
images = images.to(device)  # HERE
out = model(images)
# safe: copied in place
out = model(images.to(device))  # HERE
# safe: asked for its shape
out = model(images.to(device)) / images.shape[0]  # HERE
# none: changed by somebody
images = augment(images)
images = images.to(device)  # HERE
out = model(images)
# unsafe: looked at before
augment(images)
images = images.to(device)  # HERE
out = model(images)
# unsafe: looked at after
out = model(images.to(device))  # HERE
augment(images)
# none: written to
out = model(images.to(device))  # HERE
images.zero_()
# unsafe: under another name
host = images
images = images.to(device)  # HERE
out = model(images)
host.zero_()
# unsafe: as an array
out = model(images.to(device))  # HERE
images.numpy()[:] = 0
# unsafe: on one way only
if flag:
    images = images.to(device)  # HERE
augment(images)
out = model(images)
""")


def test_a_collate_function_may_hand_out_one_buffer_again_and_again(
    findings: Callable[[str], Iterable[Finding]],
) -> None:
    text = """\
import torch
from torch.utils.data import DataLoader


def embed(model, dataset, refill):
    for images in DataLoader(dataset, collate_fn=refill, num_workers=4, pin_memory=True):
        model(images.to("cuda"))  # HERE
"""
    assert offered(findings, text, "PC404") == "unsafe"


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_that_goes_to_the_device_alone_is_copied_without_waiting(
    name: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    body, safety = BATCHES[name]
    text = f"""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

device = torch.device("cuda")


@torch.no_grad()
def embed(model: nn.Module, dataset: Dataset, augment, flag: bool) -> list:
    found = []
    loader = DataLoader(dataset, batch_size=64, num_workers=4, pin_memory=True)
    for images in loader:
{textwrap.indent(body, "        ")}
        found.append(out)
    return found
"""
    assert offered(findings, text, "PC404") == safety


CONVERSIONS = [
    ("x.half().to(memory_format=torch.channels_last)", "safe"),
    ("x.to(memory_format=torch.channels_last).to(y.dtype)", "safe"),
    ("(x > y).long().float()", "safe"),
    ("(x == 0).to(torch.uint8).to(torch.bfloat16)", "safe"),
    ("(x > y).int().bool()", "unsafe"),  # the mask itself, and no copy
    ("x.half().contiguous(memory_format=torch.channels_last)", "unsafe"),  # of a slice, `to` makes no copy
    ("batch.half().to(memory_format=torch.channels_last)", None),  # a dictionary of tensors?
    ("x.softmax(-1).double().float()", "unsafe"),  # may become the same tensor, which somebody writes to
    ("x.softmax(-1).float().half()", "unsafe"),  # float64 would be rounded twice
    ("x.float().half()", None),  # large integers, too
    ("x.half().float()", None),
    ("x.softmax(-1).bfloat16().half()", None),
    ("x.long().float()", None),
    ("x.bool().float()", None),
    ("x.argmax(-1).int().long()", None),
    ("(x > y).float().float()", None),  # the second does nothing
    ("x.half().contiguous()", None),  # `to` would keep the order of the dimensions
    ("x.to(torch.float16, copy=True).to(memory_format=torch.channels_last)", None),
    ("x.to(y.device).to(memory_format=torch.channels_last)", None),
    ("torch.zeros(4, 3, 2, 2).cuda().half()", None),
    ("torch.zeros(4, 3, 2, 2).half().to(memory_format=torch.channels_last)", None),  # on the host
]


@pytest.mark.parametrize(("expression", "safety"), CONVERSIONS)
def test_conversions_are_merged_where_nothing_is_lost_between_them(
    expression: str, safety: str | None, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn


class Convert(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor, batch) -> torch.Tensor:
        return {expression}  # HERE
"""
    assert offered(findings, text, "PC312") == safety


@pytest.mark.parametrize(
    ("expression", "confidence"),
    [
        ("x.half().to(memory_format=torch.channels_last)", "medium"),
        ("x.float().to(memory_format=torch.channels_last)", "heuristic"),  # most tensors are that already
        ("(x > y).float().to(memory_format=torch.channels_last)", "medium"),
        ("x.to(memory_format=torch.channels_last).to(y.dtype)", "heuristic"),
        ("(x > y).long().float()", "medium"),
        ("x.softmax(-1).float().half()", "heuristic"),
    ],
)
def test_conversions_that_may_do_nothing_are_told_when_asked_for(
    expression: str, confidence: str, findings: Callable[[str], Iterable[Finding]]
) -> None:
    text = f"""\
import torch
from torch import nn


class Convert(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return {expression}
"""
    assert [one.confidence for one in findings(text) if one.rule == "PC312"] == [confidence]


def test_bytes_are_converted_after_the_copy_and_nobody_says_otherwise(
    findings: Callable[[str], Iterable[Finding]],
) -> None:
    text = """\
import torch
from torch import nn
from torch.utils.data import DataLoader


@torch.no_grad()
def embed(model: nn.Module, loader: DataLoader, device: torch.device) -> list:
    found = []
    for images in loader:
        {}
        found.append(model(images))
    return found
"""
    after = text.format("images = images.to(device, non_blocking=True).float()")
    before = text.format("images = (images.float() / 255).to(device, non_blocking=True)")
    assert not {finding.rule for finding in findings(after)} & {"PC211", "PC312"}
    assert {finding.rule for finding in findings(before)} & {"PC211", "PC312"} == {"PC211"}
