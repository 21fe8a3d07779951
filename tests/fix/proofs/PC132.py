"""Numbers of every type become tensors on the device."""

import math

import torch
from example import Loss

DEVICE = "cuda"
GONE = ("host-sync", "h2d-copy")


def numbers(x: torch.Tensor, rows: list[int]) -> list[torch.Tensor]:
    batch, width = x.shape
    found = [
        torch.tensor(0.1, device=DEVICE),  # PC132
        torch.tensor(-0.0, device=DEVICE),  # PC132
        torch.tensor(1e-320, device=DEVICE),  # PC132
        torch.tensor(3.4e38, device=DEVICE),  # PC132
        torch.tensor(math.inf, device=DEVICE),  # PC132
        torch.tensor(float("nan"), device=DEVICE),  # PC132
        torch.tensor(True, device=DEVICE),  # PC132
        torch.tensor(-9223372036854775807, device=DEVICE),  # PC132
        torch.tensor(len(rows), device=DEVICE),  # PC132
        torch.tensor(batch * width // 2, device=DEVICE),  # PC132
        torch.tensor(x.shape[0] / 3, device=DEVICE),  # PC132
        torch.as_tensor(x.numel(), device=DEVICE),  # PC132
        torch.tensor(0.5, device=DEVICE, requires_grad=True),  # PC132
    ]
    for half in range(2):
        found.append(torch.tensor(half, device=DEVICE))  # PC132
    found += [x.half().new_tensor(0.1), x.double().new_tensor(0.1)]  # PC132
    found += [x.bfloat16().new_tensor(True), x.int().new_tensor(0.9), x.bool().new_tensor(7)]  # PC132
    return found


def train(model, loader, optimizer):
    for x in loader:
        found = numbers(x.to(DEVICE), [1, 2, 3])
        loss = model(x.to(DEVICE))
        loss.backward()
        optimizer.step()
        yield found, loss


def run():
    weight = torch.nn.Parameter(torch.ones(6, device=DEVICE))
    module = Loss()

    def model(x):
        return module(x * weight)

    optimizer = torch.optim.SGD([weight], lr=0.1)
    data = [torch.randn(5, 6), torch.randn(8, 6).half().float(), torch.full((4, 6), torch.inf)]
    found = list(train(model, data, optimizer))
    torch.set_default_dtype(torch.float64)
    try:
        found.append(numbers(torch.randn(3, 4, device=DEVICE), []))
    finally:
        torch.set_default_dtype(torch.float32)
    return found, weight, weight.grad
