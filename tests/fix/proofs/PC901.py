"""Sums of losses that nobody walks back; what goes are the graphs that they keep."""

import weakref

import torch
from example import train_epoch
from torch import nn

DEVICE = "cuda"
most_alive = 0


class Seen(torch.autograd.Function):
    """Counts its own nodes: the context is the node of the graph."""

    alive: list = []

    @staticmethod
    def forward(ctx, x):
        global most_alive
        Seen.alive = [one for one in Seen.alive if one() is not None] + [weakref.ref(ctx)]
        most_alive = max(most_alive, len(Seen.alive))
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Seen.apply(self.linear(x))


def fit(model: nn.Module, loader, optimizer):
    total = torch.zeros((), device=DEVICE)
    count = 0
    for inputs, targets in loader:
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        count += 1
        total = total + loss * 2  # PC901
        if count % 2 == 0:
            print((total / count).item())
    return (total.double().mean() / count).item()


def run():
    model = Model().to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = [(torch.randn(5, 4, device=DEVICE), torch.randint(3, (5,)).to(DEVICE)) for _ in range(6)]
    train_epoch(model, loader, optimizer)
    return fit(model, loader, optimizer), list(model.parameters())


def cost():
    """The most graphs that were alive at once."""
    global most_alive
    most_alive = 0
    run()
    return most_alive
