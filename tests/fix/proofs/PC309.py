"""Copies without a graph; what is left out is a node of the graph for each of them."""

import torch
from example import Target
from torch import nn

DEVICE = "cuda"


class Copies(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: torch.Tensor):
        y = x @ self.weight
        first = y.clone().detach()  # PC309
        first += 1  # its own memory
        image = (y[:, :, None, None] * torch.ones(2, 2, device=y.device)).to(
            memory_format=torch.channels_last
        )
        second = image.clone().detach()  # PC309
        third = y.t().clone().detach()  # PC309
        fourth = self.weight.clone().detach()  # PC309
        empty = y[:0].clone().detach()  # PC309
        half = y.half().clone().detach()  # PC309
        return y.sum() + first.sum(), [first, second, third, fourth, empty, half]


def run():
    target, copies = Target(4).to(DEVICE), Copies().to(DEVICE)
    x = torch.randn(5, 4, device=DEVICE)
    loss, found = copies(x)
    loss = loss + target(x).square().sum()
    loss.backward()
    strides = [one.stride() for one in found]
    return loss, found, strides, copies.weight.grad, target.weight.grad


def cost():
    """Nodes of the graph."""
    count = torch._C._autograd._get_sequence_nr
    before = count()
    run()
    return count() - before
