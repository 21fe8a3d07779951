"""Conversions in a row; what is left out is a copy for each of them."""

import torch
from example import Pool, Stem
from torch import nn
from torch.overrides import TorchFunctionMode

DEVICE = "cuda"
CONVERSIONS = frozenset(
    {torch.Tensor.to, torch.Tensor.half, torch.Tensor.long, torch.Tensor.float, torch.Tensor.int}
)


class Converted(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        flags = x > 0
        return [
            x.half().to(memory_format=torch.channels_last),  # PC312
            x.to(memory_format=torch.channels_last).to(torch.bfloat16),  # PC312
            flags.to(y.dtype).to(memory_format=torch.channels_last),  # PC312
            flags.to(dtype=torch.float32).to(memory_format=torch.contiguous_format),  # PC312
            flags.long().float(),  # PC312
            flags.int().half(),  # PC312
            flags.to(torch.uint8).to(torch.float64),  # PC312
            (x == y).float().to(torch.bfloat16),  # PC312
            (x <= 0.5).double().int(),  # PC312
        ]


def run():
    pool, stem, converted = Pool(), Stem().to(DEVICE).half(), Converted()
    odd = torch.tensor([-float("inf"), float("inf"), -0.0, 1e-45, 65520.0, 0.1]).reshape(1, 1, 2, 3)
    found, images = [], []
    for dtype in (torch.float32, torch.float16, torch.float64, torch.bfloat16):
        for x in (
            torch.randn(2, 3, 4, 5),
            torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
            torch.randn(2, 6, 8, 5)[:, ::2, ::2],
            torch.randn(2, 6, 4, 5).to(memory_format=torch.channels_last)[:, :3],
            torch.randn(2, 3, 1, 4, 5).expand(2, 3, 6, 4, 5)[:, :, 0],
            odd.expand(2, 3, 2, 3),
            torch.zeros(0, 3, 4, 5),
        ):
            x = x.to(dtype).to(DEVICE).requires_grad_()
            made = converted(x, torch.randn_like(x))
            sum(one.double().nan_to_num().sum() for one in made[:2]).backward()
            found += [*made, x.grad]
            images.append([one.stride() for one in made])
            images.append([one is x for one in made])
    nan = torch.full((2, 3, 2, 3), float("nan"), device=DEVICE)
    found += [one.isnan() for one in converted(nan, nan)]  # which bits it has is up to each kernel
    found.append(pool(torch.randn(2, 5, 3, device=DEVICE), torch.ones(2, device=DEVICE)))
    found.append(stem(torch.randn(2, 3, 8, 8, device=DEVICE)))
    return found, images


class _Count(TorchFunctionMode):
    calls = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls += func in CONVERSIONS
        return func(*args, **(kwargs or {}))


def cost():
    """Calls of conversions."""
    with _Count() as count:
        run()
    return count.calls
