"""``torch.tensor`` of tensors, each with a warning."""

import warnings

import torch
from example import Scale
from torch import nn

DEVICE = "cuda"


class Copies(nn.Module):
    def forward(self, x: torch.Tensor):
        y = x * 2
        first = torch.tensor(y)  # PC310
        first += 1  # its own memory
        second = torch.tensor(y.t())  # PC310
        third = torch.tensor(x)  # PC310
        with torch.no_grad():
            fourth = torch.tensor(y[:, ::2])  # PC310
        return y, first, second, third, fourth, torch.tensor(y[:0])  # PC310


def run():
    scale, copies = Scale(), Copies()
    found = []
    for dtype in (torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64):
        weight = torch.randn(4, 6).to(DEVICE, dtype).t()
        if dtype.is_floating_point:
            weight.requires_grad_()
        factor = torch.randn(6, 4).to(DEVICE, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found += [scale(weight, factor), *copies(weight)]
    return found, [one.stride() for one in found]


def cost():
    """Warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Copies()(torch.ones(2, 3, device=DEVICE))
    return len(caught)
