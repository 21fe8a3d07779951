"""Elements read one after the other, of every type, and of what is empty."""

import torch
from example import report

GONE = ("host-sync",)


def numbers(x: torch.Tensor, wanted: list[int], count: int) -> list:
    x = x.to("cuda").flatten()
    found = [x[i].item() for i in range(count)]  # PC103
    for i in range(count):
        found.append(float(x[i]) if i % 2 else i)  # PC103
        if len(found) > 9:
            break
    else:
        found.append("all")
    for i, factor in enumerate(wanted):
        found.append(int(x[-1 - i]) * factor)  # PC103
    found.append(sum(x[i].item() for i in range(count)))  # PC103
    try:
        for i in range(3):
            found.append(x[i].item())  # PC103
    except IndexError as error:
        found.append(type(error).__name__)
    return found


def run():
    report([torch.tensor([3, 1, 4]), torch.zeros(0, dtype=torch.int64)], 2)
    found = []
    for epoch in range(2):
        for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.bool):
            for x in (torch.randn(2, 3), torch.randn(6, 4).t()[::2], torch.zeros(0), torch.zeros(())):
                wanted = [2, 3] if x.numel() > 1 else []
                found.append(numbers((x * epoch * 9).to(dtype), wanted, x.numel()))
    return found
