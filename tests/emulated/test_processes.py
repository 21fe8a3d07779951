"""Scripts of several processes."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch")

from tests.emulated.scripts import run

DISTRIBUTED = """
import os, tempfile
import torch, torch.distributed as dist
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"
file = os.path.join(tempfile.mkdtemp(), "store")
backend = "nccl" if device == "cuda" else "gloo"
dist.init_process_group(backend, init_method=f"file://{file}", rank=0, world_size=1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)).to(device)
model = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for step in range(4):
    x = torch.randn(8, 4, device=device)
    loss = model(x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    total = loss.detach().clone()
    dist.all_reduce(total)
    print(step, total.item())
parts = [torch.zeros_like(total)]
dist.all_gather(parts, total)
dist.barrier()
print(parts[0].item())
dist.destroy_process_group()
"""

UNUSED_PARAMETERS = """
import os, tempfile
import torch, torch.distributed as dist
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"
file = os.path.join(tempfile.mkdtemp(), "store")
dist.init_process_group("gloo", init_method=f"file://{file}", rank=0, world_size=1)
torch.manual_seed(0)
for options in ({"find_unused_parameters": True}, {"static_graph": True}):
    model = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2)]).to(device)
    model.forward = lambda x: model[0](x)
    parallel = nn.parallel.DistributedDataParallel(model, **options)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        loss = parallel(torch.ones(8, 4, device=device)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(step, loss.item(), model[1].weight.grad)
dist.destroy_process_group()
"""

SHARED_MODEL = """
import torch, torch.multiprocessing
from torch import nn

def train(model):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(2, 3, device=model.weight.device)).sum().backward()
        optimizer.step()

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Linear(3, 2).to(device).share_memory()
context = torch.multiprocessing.get_context("fork")
for _ in range(2):
    process = context.Process(target=train, args=(model,))
    process.start()
    process.join()
    print(process.exitcode, model.weight.sum().item())
queue = context.SimpleQueue()
queue.put(model.weight.detach())
print(queue.get().device.type == device)
"""


def test_prints_what_it_prints_without_a_device(tmp_path: Path) -> None:
    scripts = {"shared.py": SHARED_MODEL, "distributed.py": DISTRIBUTED, "unused.py": UNUSED_PARAMETERS}
    paths = [tmp_path / name for name in scripts]
    for path in paths:
        path.write_text(scripts[path.name])
    host = json.loads(run(paths, tmp_path, emulated=False))
    device = json.loads(run(paths, tmp_path))
    for name in scripts:
        assert device[name]["prints"] == host[name]["prints"]
    assert device["distributed.py"]["left out"] == ["NCCL"]
    lines = DISTRIBUTED.splitlines()
    loop = range(lines.index("for step in range(4):") + 2, len(lines))
    put_in_other_buckets = lines.index("    loss = model(x).pow(2).mean()") + 1  # the gradients, once
    reads = [number for number, line in enumerate(lines, 1) if ".item()" in line]
    waits = device["distributed.py"]["waits"]
    assert [number for number in loop if str(number) in waits] == [put_in_other_buckets, *reads]
