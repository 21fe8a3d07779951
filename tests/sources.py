"""Small programs with a wait that nobody doubts, for tests of what is done with findings."""

TRAIN = """\
import torch
from torch import nn

device = torch.device("cuda")


def fit(model: nn.Module, loader, optimizer) -> float:
    model.to(device)
    total = 0.0
    for inputs, targets in loader:
        inputs = inputs.to(device, non_blocking=True)
        targets = targets.to(device, non_blocking=True)
        loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)
"""
"""One finding: PC101 on line ``LINE``."""

LINE = 17
FIT = 7
LOOP = 10


def trained(comment: str, line: int = LINE) -> str:
    """The program with a comment at the end of a line."""
    lines = TRAIN.split("\n")
    lines[line - 1] += "  " + comment
    return "\n".join(lines)
