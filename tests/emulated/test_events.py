"""What is counted at which line. ``#@ host-sync 2`` in a program: twice at this line; else never."""

import re
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch")

from perfcheck.counted import Tally

TOLD = ("host-sync", "h2d-copy", "d2h-copy", "pageable-copy", "hidden-copy", "loader-wait")

PROGRAMS = {
    "reading values": """
        x = torch.rand(3, 4, device="cuda")
        s = x.sum()
        s.item()                                #@ host-sync 1
        float(s), int(s), bool(s)               #@ host-sync 3
        f"{s:.3f}"                              #@ host-sync 1
        if s > 0: pass                          #@ host-sync 1
        range(s.long())                         #@ host-sync 1
        x.tolist()                              #@ host-sync 1  d2h-copy 1
        x.cpu()                                 #@ host-sync 1  d2h-copy 1
        x.to("cpu", non_blocking=True)          #@ d2h-copy 1
        str(s + 0.5)                            #@ host-sync 8
        str(torch.tensor(3, device="cuda").long() * 1)  #@ host-sync 3  h2d-copy 1  pageable-copy 1
        torch.tensor([s, s])                    #@ host-sync 2
        x.numpy(force=True)                     #@ host-sync 1  d2h-copy 1
    """,
    "shapes that depend on values": """
        x = torch.rand(3, 4, device="cuda")
        mask = x > 0.5
        x[mask]                                 #@ host-sync 1
        x.nonzero()                             #@ host-sync 1
        torch.where(mask)                       #@ host-sync 1
        torch.where(mask, x, 0.0)
        x.masked_select(mask)                   #@ host-sync 1
        x.unique()                              #@ host-sync 1
        x.masked_fill(mask, 0.0)
        x.masked_fill(mask, x.sum())            #@ host-sync 1
        x[mask] = 1.0
        x[mask] = x.sum()                       #@ host-sync 1
        x.repeat_interleave(torch.ones(3, dtype=torch.long, device="cuda"), 0)  #@ host-sync 1
        x.repeat_interleave(2, 0)
        torch.nn.functional.one_hot(mask.long())                                 #@ host-sync 1
        torch.nn.functional.one_hot(mask.long(), 2)
        y = x.clone().requires_grad_()
        loss = y[mask].sum()                    #@ host-sync 1
        loss.backward()                         #@ host-sync 1
    """,
    "indices": """
        x = torch.rand(3, 4, device="cuda")
        x[[0, 1]]                               #@ host-sync 1  h2d-copy 1  pageable-copy 1
        x[torch.tensor([0, 1])]                 #@ host-sync 1  h2d-copy 1  pageable-copy 1
        x[torch.tensor([0, 1], device="cuda")]  #@ host-sync 1  h2d-copy 1  pageable-copy 1
        x[x[:, 0].argmax()]                     #@ host-sync 1
        x[:, 0]
        x[0]
        x[0, 0] = 5.0                           #@ host-sync 1  h2d-copy 1  pageable-copy 1
        x[0] = 5.0
        x[0] = torch.zeros(4)                   #@ host-sync 1  h2d-copy 1  pageable-copy 1
    """,
    "copies to the device": """
        host = torch.rand(1000)
        pinned = host.pin_memory()
        host.cuda()                             #@ host-sync 1  h2d-copy 1  pageable-copy 1
        torch.empty(0).cuda(), torch.tensor([], device="cuda").cpu()
        host.to("cuda", non_blocking=True)      #@ h2d-copy 1  pageable-copy 1
        pinned.cuda()                           #@ host-sync 1  h2d-copy 1
        pinned.cuda(non_blocking=True)          #@ h2d-copy 1
        torch.tensor([1.0, 2.0], device="cuda") #@ host-sync 1  h2d-copy 1  pageable-copy 1
        torch.zeros(3, device="cuda")
        torch.full((3,), 2.0, device="cuda")
        there = torch.empty(1000, device="cuda")
        there.copy_(pinned, non_blocking=True)  #@ h2d-copy 1
        there.copy_(host)                       #@ host-sync 1  h2d-copy 1  pageable-copy 1
        host.copy_(there)                       #@ host-sync 1  d2h-copy 1
        there.copy_(there)
        there.to(torch.float64)
        nn.Linear(3, 3).cuda()                  #@ host-sync 2  h2d-copy 2  pageable-copy 2
        torch.as_tensor([1, 2]).to("cuda", torch.float32)  #@ host-sync 1  h2d-copy 1  pageable-copy 1
    """,
    "copies for another layout": """
        x = torch.rand(3, 4, device="cuda")
        x.contiguous()
        x.t().contiguous()                      #@ hidden-copy 1
        x.t().reshape(12)                       #@ hidden-copy 1
        x.reshape(12)
        x.t().clone()
        images = torch.rand(2, 3, 4, 4, device="cuda")
        images.contiguous(memory_format=torch.channels_last)  #@ hidden-copy 1
    """,
    "waiting on purpose": """
        stream, event = torch.cuda.Stream(), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()                #@ host-sync 1
        torch.accelerator.synchronize()         #@ host-sync 1
        stream.synchronize()                    #@ host-sync 1
        event.record()
        event.synchronize()                     #@ host-sync 1
        with torch.cuda.stream(stream):
            stream.wait_stream(torch.cuda.default_stream())
        torch.cuda.empty_cache()                #@ host-sync 1
    """,
    "library code": """
        model = nn.Linear(4, 4).cuda()          #@ host-sync 2  h2d-copy 2  pageable-copy 2
        x = torch.rand(2, 4, device="cuda")
        scaler = torch.amp.GradScaler("cuda")
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        scaler.scale(model(x).sum()).backward()
        scaler.step(optimizer)                  #@ host-sync 1
        scaler.update()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)  #@ host-sync 1
        choice = torch.distributions.Categorical(x.softmax(1))    #@ host-sync 1
        choice.log_prob(choice.sample())        #@ host-sync 1
        torch.multinomial(x, 1)
        padded, lengths = torch.rand(2, 3, 4, device="cuda"), torch.tensor([2, 3])
        pack = nn.utils.rnn.pack_padded_sequence
        packed = pack(padded, lengths, True, False)  #@ host-sync 1  h2d-copy 1  pageable-copy 1
        out, _ = nn.LSTM(4, 4).cuda()(packed)   #@ host-sync 4  h2d-copy 4  pageable-copy 4
        nn.utils.rnn.pad_packed_sequence(out)   #@ host-sync 1  d2h-copy 1
    """,
    "under inference_mode": """
        x = torch.rand(3, 4, device="cuda")
        with torch.inference_mode():
            y = nn.functional.linear(x, x)
            y.sum().item()                      #@ host-sync 1
            y[y > 0]                            #@ host-sync 1
            y.cpu()                             #@ host-sync 1  d2h-copy 1
    """,
    "a loader": """
        data = torch.utils.data.TensorDataset(torch.rand(8, 2))
        for (x,) in torch.utils.data.DataLoader(data, batch_size=4, pin_memory=True):  #@ loader-wait 2
            x.cuda(non_blocking=True)           #@ h2d-copy 2
        for (x,) in torch.utils.data.DataLoader(data, batch_size=4):  #@ loader-wait 2
            x.cuda(non_blocking=True)           #@ h2d-copy 2  pageable-copy 2
    """,
    "threads": """
        import threading
        def work():
            torch.rand(3, device="cuda").sum().item()  #@ host-sync 1
        class Own(threading.Thread):
            def run(self):
                work()
        thread = Own(); thread.start(); thread.join()
    """,
    "lines": """
        s = torch.rand(3, device="cuda").sum()
        values = [
            s.item()                            #@ host-sync 2
            for _ in range(2)]
        max(
            float(                              #@ host-sync 1
                s
            ),
            s.item(),                           #@ host-sync 1
        )
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, grad):
                grad.sum().item()               #@ host-sync 1
                return grad * 2
        x = torch.ones(3, device="cuda", requires_grad=True)
        Double.apply(x).sum().backward()
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_events_at_their_lines(name: str, tally: Tally, tmp_path: Path) -> None:
    lines = [line.removeprefix("        ") for line in PROGRAMS[name].splitlines()]
    path = tmp_path / "program.py"
    path.write_text("\n".join(["import torch; from torch import nn", *lines]))
    expected: Counter[tuple[int, str]] = Counter()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for event, count in re.findall(r"([\w-]+) (\d+)", line.partition("#@")[2]):
            expected[number, event] = int(count)

    exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})

    counted: Counter[tuple[int, str]] = Counter()
    for one in tally.counted():
        if one.event in TOLD:
            assert one.path == str(path)
            counted[one.line, one.event] += one.count
    assert counted == expected
