"""Calls of ``contiguous`` that give back what they are given."""

import torch
from example import Gather
from torch import nn
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode

DEVICE = "cuda"


class Made(nn.Module):
    def forward(self, x: torch.Tensor, keep: torch.Tensor):
        return [
            x.index_select(0, keep).contiguous(),  # PC302
            x.mT.index_select(-1, keep).contiguous(),  # PC302
            x.repeat(1, 2, 1).contiguous(),  # PC302
            torch.bmm(x, x.mT).contiguous(),  # PC302
            one_hot(keep, 7).contiguous(),  # PC302
            x.new_zeros(3, 2).contiguous(),  # PC302
            x.repeat_interleave(2, 1, output_size=2 * x.shape[1]).contiguous(),  # PC302
            torch.tril(x.mT).contiguous(),  # PC302
        ]


def run():
    gather, made = Gather(), Made()
    keep = torch.tensor([0, 2, 2], device=DEVICE)
    found = []
    for dtype in (torch.float32, torch.float16, torch.float64):
        for x in (
            torch.randn(3, 4, 5),
            torch.randn(5, 4, 3).transpose(0, 2),
            torch.randn(3, 4, 10)[..., ::2],
        ):
            x = x.to(DEVICE, dtype)
            found += [gather(x, keep), *made(x, keep)]
    empty = torch.zeros(3, 0, 5, device=DEVICE)
    found += made(empty, torch.zeros(0, dtype=torch.int64, device=DEVICE))[:3]
    return found, [one.stride() for one in found]


class _Count(TorchFunctionMode):
    calls = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls += func is torch.Tensor.contiguous
        return func(*args, **(kwargs or {}))


def cost():
    """Calls of ``contiguous``."""
    with _Count() as count:
        run()
    return count.calls
