import pytest

from perfcheck.events import Hotness
from perfcheck.lint.roles import is_host_side, is_kernel, is_setup, is_test_path, role
from tests.lint.programs import Program


def role_of(base: str, method: str, name: str = "Thing") -> tuple[Hotness, bool]:
    program = Program(
        f"""
        import torch, torchmetrics, lightning
        from torch import nn
        class {name}({base}):
            def {method}(self): ...
        """
    )
    return role(program.project, program.function(f"{name}.{method}"))


@pytest.mark.parametrize(
    ("base", "method", "name"),
    [
        ("nn.Module", "forward", "Net"),
        ("lightning.LightningModule", "training_step", "Task"),
        ("torch.optim.Optimizer", "step", "Mine"),
        ("object", "step", "FusedAdamW"),
        ("torchmetrics.Metric", "update", "Mean"),
        ("torch.distributions.Distribution", "log_prob", "Mine"),
        ("torch.autograd.Function", "backward", "Round"),
        ("object", "__call__", "ImagePipeline"),
        ("object", "__call__", "AttnProcessor2_0"),
        ("object", "step", "EulerDiscreteScheduler"),
        ("object", "build", "FlashAttentionMetadataBuilder"),
        ("object", "validation_step", "Anything"),
        ("lightning.LightningModule", "configure_gradient_clipping", "Task"),
        ("object", "clip_grad_norm", "Anything"),
        ("object", "add", "ConfusionMeter"),
    ],
)
def test_hot_by_role(base: str, method: str, name: str) -> None:
    assert role_of(base, method, name) == (Hotness.STEP, False)


@pytest.mark.parametrize("method", ["on_train_epoch_end", "validation_epoch_end", "compute_metrics"])
def test_once_an_epoch(method: str) -> None:
    assert role_of("object", method) == (Hotness.EPOCH, False)


@pytest.mark.parametrize(
    ("path", "level"), [("torchmetrics/iou.py", Hotness.EPOCH), ("models/iou.py", Hotness.COLD)]
)
def test_what_sums_a_metric_up(path: str, level: Hotness) -> None:
    program = Program({path: "def _iou_compute(x): ..."})
    assert role(program.project, program.function("_iou_compute", path)) == (level, False)


@pytest.mark.parametrize(
    "method",
    [
        "load_weights",
        "save_checkpoint",
        "state_dict",
        "reset_parameters",
        "plot_losses",
        "__repr__",
        "__del__",
        "train_dataloader",
        "from_pretrained",
        "warmup",
        "_init_weights",
    ],
)
def test_cold_wherever_it_is_called_from(method: str) -> None:
    assert role_of("nn.Module", method) == (Hotness.COLD, True)


@pytest.mark.parametrize("method", ["__init__", "encode", "loadable", "update", "playful"])
def test_no_role(method: str) -> None:
    assert role_of("nn.Module", method) == (Hotness.COLD, False)


def test_a_scheduler_of_rates_is_no_scheduler_of_noise() -> None:
    assert role_of("object", "step", "CosineLRScheduler")[0] is Hotness.COLD


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_x.py",
        "pkg/tests/helper.py",
        "test_model.py",
        "model_test.py",
        "conftest.py",
        "docs/conf.py",
        "setup.py",
        "benchmarks/run.py",
        "tools/export/onnx.py",
        "convert_weights.py",
    ],
)
def test_paths_that_never_train(path: str) -> None:
    assert is_test_path(path)


@pytest.mark.parametrize(
    "path", ["train.py", "src/model.py", "contest.py", "latest/model.py", "attention.py"]
)
def test_other_paths(path: str) -> None:
    assert not is_test_path(path)


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
        ("kit/data/patches.py", "class PatchSampler:\n    def f(self, x): ...", True),
        ("kit/models/noise.py", "class NoiseSampler:\n    def f(self, x): ...", False),
    ],
)
def test_what_treats_samples(path: str, source: str, expected: bool) -> None:
    program = Program({"kit/__init__.py": "", path: source})
    (name,) = (n for n in program.module(path).functions if n.rpartition(".")[2] == "f")
    assert is_host_side(program.project, program.function(name, path)) is expected


def test_kernels() -> None:
    source = """
        from numba import cuda
        @cuda.jit(fastmath=True)
        def add(x, y): ...
        @cuda.stream
        def run(x, y): ...
    """
    program = Program(source)
    assert is_kernel(program.function("add"))
    assert not is_kernel(program.function("run"))


def test_setters_are_set_up() -> None:
    program = Program(
        "class A:\n    @limits.setter\n    def limits(self, x): ...\n    def other(self, x): ..."
    )
    assert is_setup(program.function("A.limits"))
    assert not is_setup(program.function("A.other"))


def test_what_is_restored_or_saved_now_and_then_is_no_step() -> None:
    assert role_of("object", "_maybe_restore_best_score_and_step", "Trainer")[0] is Hotness.COLD
    assert role_of("object", "maybe_complete_save_operation", "Trainer") == (Hotness.COLD, True)
    assert role_of("object", "reset_non_persistent_buffers", "Trainer") == (Hotness.COLD, True)
