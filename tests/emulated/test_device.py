"""What scripts do with devices, tensors and modules beside computing."""

import copy
import pickle
import runpy
import threading
import weakref
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import Tensor, nn  # noqa: E402

from perfcheck.counted import Tally, total  # noqa: E402


def test_torch_says_that_there_is_a_device(tally: Tally) -> None:
    assert torch.cuda.is_available() and torch.cuda.device_count() == 1
    assert torch.accelerator.current_accelerator() == torch.device("cuda")
    assert torch.cuda.current_device() == 0 and torch.cuda.get_device_capability() == (9, 0)
    assert torch.cuda.get_device_properties(0).total_memory == torch.cuda.mem_get_info()[1]
    assert torch.cuda.is_bf16_supported() and torch.version.cuda and torch.backends.cuda.is_built()
    with torch.cuda.device(0), torch.cuda.nvtx.range("x"):
        assert torch.cuda.current_stream() == torch.cuda.default_stream()
    with torch.cuda.stream(stream := torch.cuda.Stream()):
        assert torch.cuda.current_stream() == stream
    assert torch.cuda.memory_allocated() == 0 and "Allocated memory" in torch.cuda.memory_summary()
    assert [one.feature for one in tally.left_out()] == ["device memory statistics"]


def test_a_tensor_is_on_the_device(tally: Tally) -> None:
    x = torch.rand(2, 3, device="cuda")
    assert x.is_cuda and not x.is_cpu and x.device == torch.device("cuda:0") and x.get_device() == 0
    assert isinstance(x, torch.Tensor) and torch.is_tensor(x) and x.type() == "torch.cuda.FloatTensor"
    assert repr(torch.ones(2, device="cuda")) == "tensor([1., 1.], device='cuda:0')"
    assert repr(torch.nn.Parameter(torch.ones(1, device="cuda"))) == (
        "Parameter containing:\ntensor([1.], device='cuda:0', requires_grad=True)"
    )
    assert str(type(x)) == "<class 'torch.Tensor'>"
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x @ torch.rand(3, 2)
    with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy"):
        x.numpy()
    with pytest.raises(RuntimeError, match="DLPack"):
        torch.utils.dlpack.to_dlpack(x)
    torch.from_dlpack(x)[0] = 7.0
    assert x[0].tolist() == [7.0] * 3
    with pytest.raises(RuntimeError, match="cannot pin"):
        x.pin_memory()
    assert torch.empty(3, pin_memory=True).is_pinned() and not torch.empty(3).is_pinned()


def test_types_by_name(tally: Tally) -> None:
    assert torch.cuda.FloatTensor(2, 3).shape == (2, 3)
    assert torch.cuda.LongTensor([1, 2]).tolist() == [1, 2]
    half = torch.ones(2).type("torch.cuda.HalfTensor")
    assert half.is_cuda and half.dtype is torch.half and isinstance(half, torch.cuda.HalfTensor)
    assert not isinstance(half, torch.cuda.FloatTensor) and not isinstance(
        torch.ones(2), torch.cuda.FloatTensor
    )
    assert half.type(torch.FloatTensor).device.type == "cpu" and half.type(torch.float32).is_cuda


def test_views_and_data_share_memory(tally: Tally) -> None:
    x = torch.zeros(2, 3, device="cuda")
    x.t()[1].add_(1)
    x.view(6)[0] = 5.0
    assert x.tolist() == [[5.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    x.unsqueeze_(0).resize_(6)
    assert x.shape == (6,) and x.stride() == (1,)
    out = torch.empty(0, device="cuda")
    assert torch.add(x, 1, out=out) is out and out.shape == (6,)
    z = torch.zeros(2, dtype=torch.complex64, device="cuda")
    z.conj().imag.add_(1)
    assert z.tolist() == [-1j, -1j]


def test_a_module_moves_with_what_refers_to_it(tally: Tally) -> None:
    layer = nn.Linear(2, 2)
    weight, reference = layer.weight, weakref.ref(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), 0.5, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    layer.cuda()
    assert layer.weight is weight is reference() and weight.is_cuda and weight.grad.is_cuda
    assert isinstance(weight, nn.Parameter) and weight.requires_grad
    weight.data.fill_(2.0)
    optimizer.step()
    assert weight.tolist() == [[1.5, 1.5], [1.5, 1.5]]
    layer.cpu()
    assert layer.weight is weight and type(weight) is nn.Parameter and not weight.is_cuda
    weight.data = weight.data.cuda()
    assert weight.is_cuda
    weight.data.mul_(0)
    assert weight.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_copies_keep_what_is_shared(tally: Tally) -> None:
    layer = nn.Linear(2, 2).cuda()
    twice = nn.ModuleList([layer, nn.Linear(2, 2).cuda()])
    twice[1].weight = layer.weight
    same = copy.deepcopy(twice)
    assert same[0].weight is same[1].weight and same[0].weight.is_cuda
    assert isinstance(same[0].weight, nn.Parameter) and same[0].weight is not layer.weight
    base = torch.zeros(4, device="cuda")
    whole, part = copy.deepcopy([base, base[1:]])
    part.fill_(1)
    assert whole.tolist() == [0.0, 1.0, 1.0, 1.0] and base.tolist() == [0.0] * 4


def test_files(tally: Tally, tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(2, 2).cuda()
    file = tmp_path / "layer.pt"
    tally.clear()
    torch.save({"model": layer.state_dict(), "again": layer.weight, "host": torch.ones(3)}, file)
    assert total(tally.counted(), "d2h-copy") == total(tally.counted(), "host-sync") == 2
    assert sum(one.bytes for one in tally.counted()) == 4 * 4 + 2 * 4
    loaded = torch.load(file)
    assert loaded["model"]["weight"].is_cuda and not loaded["host"].is_cuda
    assert torch.equal(loaded["again"], layer.weight) and isinstance(loaded["again"], nn.Parameter)
    assert not torch.load(file, map_location="cpu")["model"]["weight"].is_cuda
    tally.clear()
    assert torch.load(file, map_location=torch.device("cuda"))["host"].is_cuda
    assert total(tally.counted(), "h2d-copy") == 3
    again = pickle.loads(pickle.dumps(layer.weight.data))
    assert again.is_cuda and torch.equal(again, layer.weight)


def test_files_can_be_read_without_perfcheck(tmp_path: Path) -> None:
    from perfcheck.emulated import install

    device = install(Tally())
    layer = nn.Linear(2, 2).cuda()
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    expected = layer.weight.tolist()
    device.uninstall()
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(tmp_path / "layer.pt")  # it says that it comes from a GPU
    assert torch.load(tmp_path / "layer.pt", map_location="cpu")["weight"].tolist() == expected


def test_data_parallel_on_its_one_device(tally: Tally) -> None:
    torch.manual_seed(0)
    layer = nn.DataParallel(nn.Linear(2, 2).cuda())
    x = torch.rand(3, 2)
    assert torch.equal(layer(x), layer.module(x.cuda()))
    layer(x).sum().backward()
    assert layer.module.weight.grad is not None


def test_library_calls_that_are_one_kernel(tally: Tally) -> None:
    def losses(device: str) -> list[float]:
        torch.manual_seed(0)
        lstm = nn.LSTM(3, 4, bidirectional=True).to(device)
        found = []
        for _ in range(2):
            out, (h, _) = lstm(torch.rand(5, 2, 3).to(device))
            q = out.unsqueeze(1)
            attended = nn.functional.scaled_dot_product_attention(q, q, q)
            logits = nn.functional.log_softmax(out, 2)
            lengths = torch.tensor([5, 5]), torch.tensor([3, 2])
            targets = torch.ones(2, 3, dtype=torch.long).to(device)
            ctc = nn.functional.ctc_loss(logits, targets, *lengths)
            loss = attended.sum() + h.sum() + ctc
            loss.backward(retain_graph=True)
            loss.backward()
            found += [loss.item(), *(p.grad.sum().item() for p in lstm.parameters())]
        return found

    assert losses("cuda") == losses("cpu")
    assert {"aten::lstm", "aten::lstm_backward"} <= {one.operator for one in tally.counted()}


def test_generators(tally: Tally) -> None:
    generator = torch.Generator("cuda").manual_seed(3)
    assert generator.device.type == "cuda"
    numbers = torch.rand(3, device="cuda", generator=generator)
    assert numbers.tolist() == torch.rand(3, generator=torch.Generator().manual_seed(3)).tolist()
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator"):
        torch.rand(3, device="cuda", generator=torch.Generator())
    state = torch.cuda.get_rng_state()
    first = torch.rand(3, device="cuda")
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.rand(3, device="cuda"), first)
    torch.manual_seed(1)
    torch.cuda.manual_seed_all(7)
    torch.manual_seed(1)
    device = torch.rand(3, device="cuda").tolist()
    torch.manual_seed(1)
    assert torch.rand(3).tolist() == device


def test_autocast(tally: Tally) -> None:
    layer = nn.Linear(4, 4).cuda()
    with torch.autocast("cuda", dtype=torch.float16):
        out = layer(torch.rand(2, 4, device="cuda"))
        assert out.dtype is torch.float16 and nn.functional.softmax(out, 1).dtype is torch.float32
        loss = nn.functional.softmax(out, 1)[0, 0] + nn.functional.log_softmax(out, 1).sum()
    loss.backward()
    assert layer.weight.grad.dtype is torch.float32


def test_half_precision_where_the_cpu_has_none(tally: Tally) -> None:
    x = torch.rand(4, 4, dtype=torch.half, device="cuda")
    assert torch.linalg.inv(x.float()).half().dtype is torch.half
    assert x.histc(4, 0, 1).sum().item() == 16
    assert x.cumsum_(0).dtype is torch.half


def test_backward_runs_in_threads(tally: Tally) -> None:
    found = []

    def work() -> None:
        x = torch.ones(3, device="cuda", requires_grad=True)
        (x * 2).sum().backward()
        found.append(x.grad.tolist())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[2.0] * 3] * 3


def test_a_process_has_one_device_that_takes_the_place_of_others(tally: Tally) -> None:
    assert torch.ones(1, device="cuda:1").device == torch.ones(1).cuda(3).device == torch.device("cuda:0")
    assert {one.consequence for one in tally.left_out()} == {
        "cuda:0 took the place of cuda:1",
        "cuda:0 took the place of cuda:3",
    }


def test_what_is_not_emulated_is_said_once_for_each_line(tally: Tally) -> None:
    model = torch.compile(nn.Linear(2, 2).cuda())
    for _ in range(2):
        torch.compile(mode="max-autotune")(model)
    with pytest.raises(NotImplementedError, match="CUDA graphs"):
        torch.cuda.CUDAGraph()
    with pytest.raises(NotImplementedError, match="sparse"):
        torch.eye(2, device="cuda").to_sparse()
    with pytest.raises(NotImplementedError, match="nested"):
        torch._nested_tensor_from_mask(torch.ones(1, 2, 3).cuda(), torch.ones(1, 2, dtype=torch.bool).cuda())
    features = [one.feature for one in tally.left_out()]
    assert features == [
        "CUDA graphs", "nested tensors", "torch.compile", "torch.compile", "torch.sparse_coo tensors"
    ]  # fmt: skip


TRITON = """
import torch, triton, triton.language as tl

@triton.jit
def add_one(x, size: tl.constexpr):
    places = x + tl.arange(0, size)
    tl.store(places, tl.load(places) + 1)

add_one[(1,)](torch.ones(4, device="cuda"), 4)
"""


def test_a_triton_kernel_is_told_of(tally: Tally, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="needs a build of torch with CUDA")
    script = tmp_path / "script.py"  # Triton reads the source
    script.write_text(TRITON)
    with pytest.raises(NotImplementedError, match="Triton kernel add_one"):
        runpy.run_path(str(script))
    (told,) = tally.left_out()
    assert (told.feature, told.path, told.line) == ("the Triton kernel add_one", str(script), 9)


def test_torch_is_put_back_as_it_was() -> None:
    from perfcheck.emulated import install

    before = {name: getattr(torch, name) for name in ("load", "save", "compile", "tensor", "Generator")}
    data = torch.Tensor.data
    device = install(Tally())
    with pytest.raises(RuntimeError, match="already"):
        install(Tally())
    device.uninstall()
    assert {name: getattr(torch, name) for name in before} == before and torch.Tensor.data is data
    assert not torch.cuda.is_available()
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        torch.zeros(1).cuda()
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None


def test_integers_have_a_histogram_as_on_a_gpu(tally: Tally) -> None:
    experts = torch.tensor([0, 1, 1, 3], dtype=torch.int32, device="cuda")
    counts = torch.histc(experts, bins=4, min=0, max=3)
    assert counts.dtype == torch.int32 and counts.tolist() == [1, 2, 0, 1]


def _scripted(x: Tensor) -> Tensor:
    scale = torch.tensor(2.0, device=x.device)
    if x.sum().item() > 0:
        x = x * scale
    return x


def test_functions_that_make_tensors_can_be_scripted(tally: Tally) -> None:
    function = torch.jit.script(_scripted)
    x = torch.arange(3.0, device="cuda")
    result = function(x)
    assert result.is_cuda and result.tolist() == [0.0, 2.0, 4.0]
    assert total(tally.counted(0), "host-sync") == 3  # the number that is made a tensor, .item(), .tolist()
