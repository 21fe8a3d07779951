import pytest

from perfcheck.events import Hotness
from perfcheck.lint.roles import is_setup, is_test_path, role
from tests.lint.programs import Program


def role_of(base: str, method: str, name: str = "Thing") -> tuple[Hotness, bool]:
    program = Program(
        f"""
        import torch, torchmetrics, lightning, transformers
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
        ("transformers.StoppingCriteria", "__call__", "EndOfText"),
        ("transformers.generation.LogitsProcessor", "__call__", "Penalty"),
        ("object", "__call__", "ImagePipeline"),
        ("object", "__call__", "AttnProcessor2_0"),
        ("object", "__call__", "PoseLoss"),
        ("object", "step", "EulerDiscreteScheduler"),
        ("object", "build", "FlashAttentionMetadataBuilder"),
        ("object", "validation_step", "Anything"),
        ("nn.Module", "calculate_loss", "Recommender"),
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
        "on_validation_start",
        "data_aware_initialization",
        "naive_attention",
        "forward_reference",
        "compute_model_complexity",
        "count_flops",
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
    ("decorator", "once"),
    [
        ("functools.lru_cache(maxsize=8)", True),
        ("lru_cache_unless_export", True),
        ("singleton('projector')", True),
        ("cache_hit_logged", True),
        ("uncachedly", False),
    ],
)
def test_what_is_kept_for_the_same_arguments(decorator: str, once: bool) -> None:
    program = Program(f"class A:\n    @{decorator}\n    def forward(self, x, y): ...\n")
    assert role(program.project, program.function("A.forward"))[1] is once


def test_what_is_assigned_to_a_parameter_and_what_a_trainer_logs() -> None:
    assert role_of("nn.Module", "right_inverse") == (Hotness.COLD, True)
    assert role_of("object", "right_inverse") == (Hotness.COLD, False)
    assert role_of("transformers.Trainer", "log") == (Hotness.COLD, True)


def test_a_change_of_mode_is_made_now_and_then() -> None:
    assert role_of("nn.Module", "train") == (Hotness.EPOCH, True)
    assert role_of("object", "train")[0] == Hotness.COLD


@pytest.mark.parametrize(("parameter", "level"), [("epoch", Hotness.EPOCH), ("batch", Hotness.STEP)])
def test_a_step_that_goes_through_the_data(parameter: str, level: Hotness) -> None:
    program = Program(
        f"""
        class Trainer:
            def train_step(self, {parameter}):
                for inputs in self.train_loader:
                    self.model(inputs)
        """
    )
    assert role(program.project, program.function("Trainer.train_step")) == (level, False)


@pytest.mark.parametrize(
    ("name", "once"),
    [
        ("resize", True),
        ("_reinit_grads", True),
        ("eject", True),
        ("precompute_tables", True),
        ("resize_image", False),
        ("reject", False),
    ],
)
def test_what_changes_a_model_is_done_once(name: str, once: bool) -> None:
    program = Program(f"class A:\n    def {name}(self, x): ...")
    assert is_setup(program.function(f"A.{name}")) is once


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
