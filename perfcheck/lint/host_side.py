"""What works on the host: data loading, collation, transforms of single samples, simulators."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from perfcheck.lint.spelling import spelled

if TYPE_CHECKING:
    from perfcheck.lint.project import ClassRef, FunctionRef, Project

_HOST_NAMES = frozenset(
    {
        "collate_fn",
        "collate",
        "_collate_fn",
        "collater",
        "worker_init_fn",
        "torch_call",
        "tf_call",
        "numpy_call",
    }
)
_LOADING = re.compile(r"(^|/)(dataloaders|datasets?|collat\w+)(/\w+)?\.py$|(^|/)replay_?buffers?(/|\.py$)")
_OF_SAMPLES = re.compile(r"(^|\.)(transforms?|augmentations?)(\.|$)")
_IN_TRANSFORMS = re.compile(r"(^|\.)transforms\.(\w+\.)*_?functional")
_OF_DATA = re.compile(r"(^|\.)data(\.|$)")
_FOR_HOST = re.compile(r"(^|_)(cpu|numpy)(_|$)")
_KEEPS_SAMPLES = re.compile(r"(Replay(Buffer|Memory)|Storage|Spec)$")
_SIMULATES = re.compile(r"(Simulator|Env(ironment)?(Base|Wrapper)?)$")


def is_host_side(project: Project, function: FunctionRef) -> bool:
    """Data loading: runs in worker processes, on host tensors. So do replay buffers and environments, unless
    they are told otherwise, and what is called after the CPU."""
    name = function.record.name
    if name in _HOST_NAMES or "collate" in name or _loads_data(function.module.path):
        return True
    if _is_for_host(name) or _prepares_samples(function):
        return True
    owner = project.owner(function)
    if owner is None:
        return _computes_transforms(function)
    ancestors, outside = project.ancestry(owner)
    if owner.record.qualname.endswith("ImageTransform") or _treats_samples(function, ancestors, outside):
        return True
    if "torch.utils.data.Dataset" in outside or "torch.utils.data.Sampler" in outside:
        return True
    last = owner.record.qualname.rpartition(".")[2]
    if "torch.nn.Module" not in outside:
        if last.endswith(("Dataset", "Collator", "Tokenizer")):
            return True
        if any(c.record.name.endswith("Transform") or _keeps_samples(c.record.name) for c in ancestors):
            return True  # of the samples of a data set
        if any(simulates(c.record.name) for c in ancestors):
            return not _makes_on_device(ancestors)
    return (
        name == "__getitem__"
        and "torch.nn.Module" not in outside
        and "__len__" in owner.record.methods
        and "dataset" in function.module.path.lower()
    )


def _treats_samples(function: FunctionRef, ancestors: Sequence[ClassRef], outside: Collection[str]) -> bool:
    """Is it a transform of single samples, or does it draw patches of one? None that speaks of a GPU, or
    that can be inverted, as those of densities can."""
    record, module = function.record, function.module.name
    if not record.names.isdisjoint(_BETWEEN_DEVICES):
        return False
    if "torch.nn.Module" in outside:
        derived = any(c.record.name == "Transform" for c in ancestors) or _is_of_data(module)
        inverts = any("inverse" in c.record.methods for c in ancestors)
        return derived and not inverts and _is_of_samples(module)
    if any(base.startswith("torch.") for base in outside):
        return False
    draws = record.owner.endswith("Sampler") and _is_of_data(module)
    return draws or _is_of_samples(module)


def _computes_transforms(function: FunctionRef) -> bool:
    """Is it a function that a package of transforms calls for each sample, before it is batched?"""
    record = function.record
    treats = not record.owner and _is_in_transforms(function.module.name)
    return treats and record.names.isdisjoint(_BETWEEN_DEVICES)


_BETWEEN_DEVICES = frozenset({"cpu", "cuda", "is_cuda"})


def _makes_on_device(classes: Sequence[ClassRef]) -> bool:
    """Does a method make tensors where ``self.device`` says? Then thousands of worlds are stepped there at
    once."""
    methods = (
        c.module.functions.get(f"{c.record.qualname}.{method}")
        for c in classes
        for method in c.record.methods
    )
    return any(
        record is not None and "device" in record.names and not _FACTORIES.isdisjoint(record.names)
        for record in methods
    )


_FACTORIES = frozenset({"zeros", "ones", "full", "empty", "tensor", "zeros_like", "ones_like", "rand"})


def _prepares_samples(function: FunctionRef) -> bool:
    """``get_rope_index(processor, input_ids)``: what Transformers' processors do, on samples of the host."""
    record = function.record
    if {"processor", "tokenizer"}.isdisjoint(record.params[:2]) or _OF_PROCESSORS.isdisjoint(record.names):
        return False
    return not any("model" in name for name in (*record.params, *record.names))


_OF_PROCESSORS = frozenset(
    {
        "apply_chat_template",
        "convert_tokens_to_ids",
        "feature_extractor",
        "image_processor",
        "video_processor",
    }
)

_is_for_host = spelled(_FOR_HOST.search)
_keeps_samples = spelled(_KEEPS_SAMPLES.search)
_is_of_data = spelled(_OF_DATA.search)
_is_of_samples = spelled(_OF_SAMPLES.search)
_is_in_transforms = spelled(_IN_TRANSFORMS.search)
_loads_data = spelled(_LOADING.search)
simulates = spelled(_SIMULATES.search)
"""Is a class, by its name, a world that is stepped: ``CartPoleEnv``, ``Simulator``?"""
