"""Tensors of fixed values, made on the host and moved."""

import torch
from example import Pad

GONE = ("h2d-copy", "host-sync")


class Made(torch.nn.Module):
    def forward(self, x: torch.Tensor, device: torch.device):
        rows = x.shape[0]
        return [
            torch.zeros(rows, 3).to(x.device),  # PC201
            torch.ones((2, rows), dtype=torch.half).to(x.device),  # PC201
            torch.full((rows,), 0.1, dtype=torch.bfloat16).to(device),  # PC201
            torch.full((rows,), True).to(device, non_blocking=True),  # PC201
            torch.full((2, 2), 7).to("cuda"),  # PC201
            torch.eye(rows, 3, dtype=torch.float64).to(device),  # PC201
            torch.arange(rows).to(x.device),  # PC201
            torch.zeros(0, 3).to(x.device),
            torch.zeros(1, 3).to(x.device),  # PC201
            torch.zeros(  # PC201
                rows,  # one for each row
                dtype=torch.uint8,
            ).to(x.device),
        ]


def run():
    pad, made, device = Pad(), Made(), torch.device("cuda")
    found = []
    for dtype in (torch.float32, torch.float16, torch.int64, torch.bool):
        for x in (torch.randn(5, 4), torch.randn(4, 6).t(), torch.zeros(0, 2)):
            x = x.to(device, dtype)
            found.append((pad(x), made(x, device)))
    return found
