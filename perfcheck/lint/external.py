"""What is known of classes outside the project: their bases, and what their instances are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.values import Kind

_BASES: Final = (
    ("torch", r"torch\.nn\.(modules\.\w+\.)?[A-Z]\w*(?<!Parameter)(?<!ParameterList)", "torch.nn.Module"),
    ("torch", r"torch\.jit\.ScriptModule", "torch.nn.Module"),
    ("torch_geometric", r"torch_geometric\.nn\.[\w.]+", "torch.nn.Module"),
    (
        "pytorch_lightning lightning",
        r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningModule",
        "torch.nn.Module",
    ),
    (
        "pytorch_lightning lightning",
        r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningModule",
        "lightning.LightningModule",
    ),
    (
        "pytorch_lightning lightning",
        r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningDataModule",
        "lightning.LightningDataModule",
    ),
    (
        "pytorch_lightning lightning",
        r"(pytorch_lightning|lightning)(\.[\w.]+)?\.Callback",
        "lightning.Callback",
    ),
    (
        "transformers",
        r"transformers(\.[\w.]+)?\.(\w*PreTrainedModel|\w+For[A-Z]\w+|\w+Model)",
        "torch.nn.Module",
    ),
    ("transformers", r"transformers(\.[\w.]+)?\.\w*Trainer", "transformers.Trainer"),
    ("trl", r"trl(\.[\w.]+)?\.\w*Trainer", "transformers.Trainer"),
    (
        "transformers",
        r"transformers(\.[\w.]+)?\.\w*(LogitsProcessor|LogitsWarper|StoppingCriteria)",
        "transformers.LogitsProcessor",
    ),
    (
        "diffusers timm peft torchvision monai kornia segment_anything open_clip",
        r"(diffusers|timm|peft|torchvision\.models|monai\.networks|kornia|segment_anything|open_clip)(\.[\w.]+)?"
        r"\.(\w*Model\w*|\w*Module|\w*Net\w*|\w*Mixin|\w*Block\w*|\w*Layer\w*|\w*Attention\w*|\w*Transformer\w*|\w*Mlp|\w*Embed\w*)",
        "torch.nn.Module",
    ),
    (
        "mmengine mmcv",
        r"mmengine\.model\.\w+|mmcv\.runner\.BaseModule|mmengine\.model\.BaseModule",
        "torch.nn.Module",
    ),
    ("fairseq", r"fairseq(\.[\w.]+)?\.(\w*Model|\w*Encoder|\w*Decoder|\w*Criterion)", "torch.nn.Module"),
    (
        "transformer_lens",
        r"transformer_lens(\.[\w.]+)?\.(Hooked\w+|HookPoint)",
        "torch.nn.Module",
    ),
    ("fairscale apex", r"fairscale\.nn\.[\w.]+|apex\.[\w.]*Fused\w*Norm", "torch.nn.Module"),
    (
        "torchmetrics pytorch_lightning lightning",
        r"(torchmetrics|pytorch_lightning\.metrics|lightning\.metrics)(\.[\w.]+)?\.[A-Z]\w*",
        "torchmetrics.Metric",
    ),
    ("torchmetrics", r"torchmetrics\.Metric", "torch.nn.Module"),
    ("torch", r"torch\.optim\.(\w+\.)?[A-Z]\w*", "torch.optim.Optimizer"),
    (
        "",
        r"(apex|bitsandbytes|deepspeed|transformers|timm|fairseq)[\w.]*\.\w*(Adam\w*|SGD\w*|LAMB|Lamb|Optimizer|AdamW|Adagrad|Adafactor|Lion)",
        "torch.optim.Optimizer",
    ),
    ("torch", r"torch\.optim\.lr_scheduler\.\w+", "torch.optim.lr_scheduler.LRScheduler"),
    ("torch", r"torch\.utils\.data\.(dataset\.)?(\w*Dataset|Subset)", "torch.utils.data.Dataset"),
    (
        "torchvision datasets fairseq",
        r"(torchvision\.datasets|torchvision\.datasets\.folder|datasets|fairseq\.data)(\.[\w.]+)?\.\w+",
        "torch.utils.data.Dataset",
    ),
    (
        "torch torch_geometric dgl torchdata monai torchtext mmengine",
        r"(torch\.utils\.data|torch_geometric\.(loader|data)|dgl\.dataloading|torchdata|monai\.data|torchtext|mmengine\.dataset)(\.[\w.]+)?"
        r"\.\w*(DataLoader|Loader)2?",
        "torch.utils.data.DataLoader",
    ),
    ("torch", r"torch\.utils\.data(\.[\w.]+)?\.\w*Sampler", "torch.utils.data.Sampler"),
    ("torch", r"torch\.autograd(\.function)?\.(Function|InplaceFunction)", "torch.autograd.Function"),
    ("torch", r"torch\.distributions(\.[\w.]+)?\.[A-Z]\w*", "torch.distributions.Distribution"),
    (
        "gpytorch",
        r"gpytorch(\.[\w.]+)?\.\w*(Kernel|Module|Likelihood|Mean|Variational\w*|Strategy)",
        "torch.nn.Module",
    ),
    ("", r"unittest\.\w*TestCase|\w*(\.\w+)*\.\w*TestCase\w*", "unittest.TestCase"),
    ("enum", r"enum\.\w+", "enum.Enum"),
    (
        "",
        r"(typing\.)?NamedTuple|(builtins\.)?(dict|list|tuple|str|int|float|Exception|object)",
        "builtins.object",
    ),
)
"""Packages (none: whichever), the names of classes in them, and what these derive from."""


def bases(name: str) -> Iterator[str]:
    """What an outside class, by its dotted name, is known to derive from at once."""
    package = name.partition(".")[0]
    for packages, pattern, base in _BASES:
        if (not packages or package in packages.split()) and re.fullmatch(pattern, name):
            yield base


INSTANCE_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("torch.nn.Module", "module"),
    ("torch.optim.Optimizer", "optimizer"),
    ("torch.optim.lr_scheduler.LRScheduler", "scheduler"),
    ("torch.utils.data.DataLoader", "loader"),
    ("torch.utils.data.Dataset", "dataset"),
    ("torch.distributions.Distribution", "distribution"),
)
"""The kind of an instance, by what its class derives from."""
