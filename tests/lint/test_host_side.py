import pytest

from perfcheck.lint.host_side import is_host_side
from tests.lint.programs import Program


@pytest.mark.parametrize(
    ("source", "qualname", "expected"),
    [
        ("def collate_fn(batch): ...", "collate_fn", True),
        ("def my_collate(batch): ...", "my_collate", True),
        ("def f(batch): ...", "f", False),
        (
            "from torch.utils.data import Dataset\nclass A(Dataset):\n    def __getitem__(self, i): ...",
            "A.__getitem__",
            True,
        ),
        ("class ImageDataset:\n    def crop(self, x): ...", "ImageDataset.crop", True),
        ("class Images:\n    def crop(self, x): ...", "Images.crop", False),
        ("class Base(Transform): ...\nclass Crop(Base):\n    def f(self, x): ...", "Crop.f", False),
        ("class Transform: ...\nclass Crop(Transform):\n    def f(self, x): ...", "Crop.f", True),
        ("class MyTokenizer:\n    def encode(self, x): ...", "MyTokenizer.encode", True),
        ("class EnvBase: ...\nclass Cart(EnvBase):\n    def f(self, x): ...", "Cart.f", True),
        ("class ReplayBuffer:\n    def f(self, x): ...", "ReplayBuffer.f", True),
        ("class Envelope:\n    def f(self, x): ...", "Envelope.f", False),
        ("def blur_cpu(x): ...", "blur_cpu", True),
        ("def cpuinfo(x): ...", "cpuinfo", False),
        ("def at(processor, x): return processor.image_processor.merge_size", "at", True),
        ("def at(tokenizer, model, x): tokenizer.convert_tokens_to_ids(model(x))", "at", False),
        (
            "from torch import nn\nclass MyTokenizer(nn.Module):\n    def encode(self, x): ...",
            "MyTokenizer.encode",
            False,
        ),
    ],
)
def test_data_loading(source: str, qualname: str, expected: bool) -> None:
    program = Program(source)
    assert is_host_side(program.project, program.function(qualname)) is expected


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("kit/transforms/blur.py", "class Blur:\n    def f(self, x): ...", True),
        ("kit/transforms/blur.py", "class Blur:\n    def f(self, x): return x.cuda()", False),
        ("kit/transforms/blur.py", "def f(x): ...", False),
        ("kit/transforms/v2/functional/_blur.py", "def f(x): ...", True),
        ("kit/transforms/functional.py", "def f(x): return x.cuda()", False),
        (
            "kit/transforms/blur.py",
            "from torch import nn\nclass Blur(nn.Module):\n    def f(self, x): ...",
            False,
        ),
        (
            "kit/transforms/blur.py",
            "from torch import nn\nclass Transform(nn.Module): ...\n"
            "class Blur(Transform):\n    def f(self, x): ...",
            True,
        ),
        (
            "kit/transforms/blur.py",
            "from torch import nn\nclass Transform(nn.Module):\n    def inverse(self, x): ...\n"
            "class Spline(Transform):\n    def f(self, x): ...",
            False,
        ),
        (
            "kit/data/transforms.py",
            "from torch import nn\nclass Blur(nn.Module):\n    def f(self, x): ...",
            True,
        ),
        (
            "kit/data/encoder.py",
            "from torch import nn\nclass Net(nn.Module):\n    def f(self, x): ...",
            False,
        ),
        ("kit/data/patches.py", "class PatchSampler:\n    def f(self, x): ...", True),
        ("kit/models/noise.py", "class NoiseSampler:\n    def f(self, x): ...", False),
    ],
)
def test_what_treats_samples(path: str, source: str, expected: bool) -> None:
    program = Program({"kit/__init__.py": "", path: source})
    (name,) = (n for n in program.module(path).functions if n.rpartition(".")[2] == "f")
    assert is_host_side(program.project, program.function(name, path)) is expected
