"""What is known of classes outside the project: their bases, and what their instances are."""

from __future__ import annotations

import re
from typing import Final

from perfcheck.lint.values import Kind

_BASES = (
    (r"torch\.nn\.(modules\.\w+\.)?[A-Z]\w*(?<!Parameter)(?<!ParameterList)", "torch.nn.Module"),
    (r"torch\.jit\.ScriptModule", "torch.nn.Module"),
    (r"torch_geometric\.nn\.[\w.]+", "torch.nn.Module"),
    (r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningModule", "torch.nn.Module"),
    (r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningModule", "lightning.LightningModule"),
    (r"(pytorch_lightning|lightning)(\.[\w.]+)?\.LightningDataModule", "lightning.LightningDataModule"),
    (r"(pytorch_lightning|lightning)(\.[\w.]+)?\.Callback", "lightning.Callback"),
    (r"transformers(\.[\w.]+)?\.(\w*PreTrainedModel|\w+For[A-Z]\w+|\w+Model)", "torch.nn.Module"),
    (r"transformers(\.[\w.]+)?\.\w*Trainer", "transformers.Trainer"),
    (r"trl(\.[\w.]+)?\.\w*Trainer", "transformers.Trainer"),
    (
        r"(diffusers|timm|peft|torchvision\.models|monai\.networks|kornia|segment_anything|open_clip)(\.[\w.]+)?"
        r"\.(\w*Model\w*|\w*Module|\w*Net\w*|\w*Mixin|\w*Block\w*|\w*Layer\w*|\w*Attention\w*|\w*Transformer\w*|\w*Mlp|\w*Embed\w*)",
        "torch.nn.Module",
    ),
    (r"mmengine\.model\.\w+|mmcv\.runner\.BaseModule|mmengine\.model\.BaseModule", "torch.nn.Module"),
    (r"fairseq(\.[\w.]+)?\.(\w*Model|\w*Encoder|\w*Decoder|\w*Criterion)", "torch.nn.Module"),
    (r"fairscale\.nn\.[\w.]+|apex\.[\w.]*Fused\w*Norm", "torch.nn.Module"),
    (
        r"(torchmetrics|pytorch_lightning\.metrics|lightning\.metrics)(\.[\w.]+)?\.[A-Z]\w*",
        "torchmetrics.Metric",
    ),
    (r"torchmetrics\.Metric", "torch.nn.Module"),
    (r"torch\.optim\.(\w+\.)?[A-Z]\w*", "torch.optim.Optimizer"),
    (
        r"(apex|bitsandbytes|deepspeed|transformers|timm|fairseq)[\w.]*\.\w*(Adam\w*|SGD\w*|LAMB|Lamb|Optimizer|AdamW|Adagrad|Adafactor|Lion)",
        "torch.optim.Optimizer",
    ),
    (r"torch\.optim\.lr_scheduler\.\w+", "torch.optim.lr_scheduler.LRScheduler"),
    (r"torch\.utils\.data\.(dataset\.)?(\w*Dataset|Subset)", "torch.utils.data.Dataset"),
    (
        r"(torchvision\.datasets|torchvision\.datasets\.folder|datasets|fairseq\.data)(\.[\w.]+)?\.\w+",
        "torch.utils.data.Dataset",
    ),
    (
        r"(torch\.utils\.data|torch_geometric\.(loader|data)|dgl\.dataloading|torchdata|monai\.data|torchtext|mmengine\.dataset)(\.[\w.]+)?"
        r"\.\w*(DataLoader|Loader)2?",
        "torch.utils.data.DataLoader",
    ),
    (r"torch\.utils\.data(\.[\w.]+)?\.\w*Sampler", "torch.utils.data.Sampler"),
    (r"torch\.autograd(\.function)?\.(Function|InplaceFunction)", "torch.autograd.Function"),
    (r"torch\.distributions(\.[\w.]+)?\.[A-Z]\w*", "torch.distributions.Distribution"),
    (r"gpytorch(\.[\w.]+)?\.\w*(Kernel|Module|Likelihood|Mean|Variational\w*|Strategy)", "torch.nn.Module"),
    (r"unittest\.\w*TestCase|\w*(\.\w+)*\.\w*TestCase\w*", "unittest.TestCase"),
    (r"enum\.\w+", "enum.Enum"),
    (
        r"(typing\.)?NamedTuple|(builtins\.)?(dict|list|tuple|str|int|float|Exception|object)",
        "builtins.object",
    ),
)

EXTERNAL_BASES: Final = tuple((re.compile(pattern), base) for pattern, base in _BASES)

INSTANCE_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("torch.nn.Module", "module"),
    ("torch.optim.Optimizer", "optimizer"),
    ("torch.optim.lr_scheduler.LRScheduler", "scheduler"),
    ("torch.utils.data.DataLoader", "loader"),
    ("torch.utils.data.Dataset", "dataset"),
    ("torch.distributions.Distribution", "distribution"),
)
"""The kind of an instance, by what its class derives from."""
