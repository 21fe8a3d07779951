"""The table against torch 2.13: every sample is called, and its host syncs and its result are looked at.

A read inside an operator shows on the CPU too: ``aten::item`` and its kind appear in the profile. A CUDA
kernel may wait where a CPU kernel does not, and the other way round; effects of which the table does not
claim to have seen them on 2.13 are therefore allowed, and not demanded.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch.autograd.profiler import profile  # noqa: E402

from perfcheck.operators import Result, find, operators, results  # noqa: E402
from tests.operators.calls import TENSOR_OPERATORS, Call, Sample, samples  # noqa: E402

SYNCHRONIZES = {
    f"aten::{name}"
    for name in (
        "item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2",
        "unique_dim", "unique_consecutive", "unique_dim_consecutive", "bincount",
    )
}  # fmt: skip

# Operators whose CPU kernel reads a value that the CUDA kernel does not read.
ONLY_ON_CPU = {
    "torch.std": "a fast path of the CPU",
    "torch.var": "a fast path of the CPU",
    "torch.quantile": "checks q; the source says: on the CPU alone, in order not to synchronize",
    "torch.nanquantile": "the same",
    "torch.multinomial": "_assert_async, which does not wait on CUDA",
    "torch.linalg.lu_solve": "the CPU kernel checks the pivots",
    "torch.lu_solve": "the CPU kernel checks the pivots",
    "torch.linalg.inv_ex": "lu_solve",
    "torch.linalg.solve_ex": "lu_solve",
    "torch.linalg.cond": "lu_solve, for p=1",
    "torch.cholesky_solve": "the CPU helper checks LAPACK's info",
    "torch.nn.functional.rrelu": "reads a mean it made on the host",
    "torch.rrelu": "reads a mean it made on the host",
    "torch.linalg.ldl_solve": "the CPU kernel checks the pivots",
    "torch.embedding_renorm_": "the CPU kernel sorts and visits the indices",
    "torch.nn.functional.multilabel_margin_loss": "the CPU kernel checks the targets",
    "torch.equal(f, v)": "shows by its own name, but looks at the shapes alone",
    "Tensor.equal(f, v)": "the same",
    "torch.nn.functional.one_hot(n, num_classes=3)": "checks the classes, on CUDA it does not",
    "torch.nn.functional.embedding(n[:3] * 0, m, max_norm=1.0)": "embedding_renorm_",
    "Tensor.__setitem__(f, b, 1.0)": "reads the number, which is made a tensor on the host",
    "Tensor.__setitem__(f, (slice(None), b[0]), 1.0)": "the same",
    "Distribution.sample(torch.distributions.Categorical(v))": "multinomial",
}


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def row(name: str) -> set[str]:
    operator = find(name)
    return set(operator.names) if operator else set()


CPU_ROWS = {name for first in ONLY_ON_CPU for name in (*row(first), first, f"{first}_")}


def by_operator() -> dict[str, list[Sample]]:
    grouped: dict[str, list[Sample]] = {}
    for sample in samples():
        operator = find(sample.name)
        grouped.setdefault(operator.names[0] if operator else sample.name, []).append(sample)
    return grouped


SAMPLES = by_operator()


@pytest.mark.parametrize("name", SAMPLES)
def test_operator(name: str) -> None:
    problems = [p for sample in SAMPLES[name] for p in (*sync_problems(sample), *result_problems(sample))]
    assert problems == []


def sync_problems(sample: Sample) -> Iterator[str]:
    call = Call(sample)
    with profile(use_kineto=False) as profiled:
        call()
    observed = sorted({event.name for event in profiled.function_events} & SYNCHRONIZES)
    effects = [e for e in call.operator.effects if e.event == "host-sync" and call.holds(e.when)]
    copies = {effect.when for effect in call.operator.effects if effect.event.endswith("-copy")}
    demanded = any("2.13" in e.source and e.when not in copies for e in effects) or call.reads_number()
    if demanded and not observed:
        yield f"{sample} claims a host sync that torch does not show: {effects}"
    if (
        observed
        and not effects
        and not call.reads_number()
        and CPU_ROWS.isdisjoint((sample.name, str(sample)))
    ):
        yield f"{sample} reads device values: {observed}"


VARIANTS = {
    "as written": {},
    "integers": {"f": torch.ones(3, 4, dtype=torch.int64), "g": torch.ones(3, 4, dtype=torch.int64)},
    "bools": {"f": torch.ones(3, 4, dtype=torch.bool), "g": torch.ones(3, 4, dtype=torch.bool)},
    "scalars": {"f": torch.tensor(0.5), "g": torch.tensor(0.25)},
    "scalar and matrix": {"f": torch.tensor(0.5)},
    "broadcast": {"f": torch.rand(1, 3, 1), "g": torch.rand(4)},
    "transposed": {"f": torch.rand(4, 3).T},
}


def result_problems(sample: Sample) -> Iterator[str]:
    for variant, replaced in VARIANTS.items():
        if replaced and not re.search(r"\b[fg]\b", sample.arguments):
            continue
        try:
            call = Call(sample, replaced)
            got = call()
        except (RuntimeError, IndexError, TypeError, ValueError, AssertionError):
            if not replaced:
                raise
            continue  # torch takes no such operands
        if problem := mismatch(call.result(results(call.operator.returns)), got, call):
            yield f"{sample} with {variant}: {problem}, the table says {call.operator.returns!r}"
        if layout_problem(call, got):
            yield f"{sample} with {variant}: contiguous is not {call.operator.contiguous}"


def layout_problem(call: Call, got: Any) -> bool:
    claim = call.operator.contiguous
    if (
        not isinstance(got, torch.Tensor)
        or got.layout is not torch.strided
        or 1 in got.shape
        or not got.dim()
    ):
        return False
    if claim is False:  # where its receiver is
        return got.is_contiguous() and bool(call.arguments[0].is_contiguous())
    return claim is True and not got.is_contiguous()


PYTHON: dict[str, type | tuple[type, ...]] = {
    "number": (int, float, complex),
    "int": int,
    "bool": bool,
    "str": str,
    "none": type(None),
    "size": (torch.Size, tuple),
    "dtype": torch.dtype,
    "torch-device": torch.device,
    "distribution": torch.distributions.Distribution,
    "context": contextlib.AbstractContextManager,
    "generator": torch.Generator,
}


def mismatch(expected: Result, got: Any, call: Call) -> str:
    """What is wrong about the claim; "" if it is right."""
    kind = expected.kind
    if kind in ("unknown", "host-object", "list", "tuple") and not expected.items:
        return ""
    if kind in PYTHON:
        return "" if isinstance(got, PYTHON[kind]) else f"gives {type(got).__name__}"
    if kind == "self":
        return "" if got is call.arguments[0] else "gives another object"
    if kind in ("list", "tuple"):
        items = list(got)
        claims = list(expected.items) if kind == "tuple" else list(expected.items) * len(items)
        if kind == "tuple" and len(items) != len(claims):
            return f"gives {len(items)} items"
        return next(
            (p for claim, item in zip(claims, items, strict=True) if (p := mismatch(claim, item, call))), ""
        )
    if not isinstance(got, torch.Tensor):
        return f"gives {type(got).__name__}"
    return _tensor_mismatch(expected, got, call)


def category(dtype: Any) -> str:
    if dtype is torch.bool:
        return "bool"
    return "complex" if dtype.is_complex else "float" if dtype.is_floating_point else "int"


def _tensor_mismatch(expected: Result, got: Any, call: Call) -> str:
    words, tensors = expected.words, call.tensors
    claims = words & {"bool", "int", "float", "complex", "promoted"}
    actual = category(got.dtype)
    if claims - {"promoted"}:
        claim = next(iter(claims))
        if actual != claim and not (claim == "float" and actual == "complex"):
            return f"its dtype is {got.dtype}"
    elif tensors and isinstance(call.arguments[0], torch.Tensor | list) and "dtype" not in call.bound:
        order = ["bool", "int", "float", "complex"]
        found = max((category(t.dtype) for t in tensors), key=order.index)
        if expected.kind in ("view", "like", "same") or "own" in words:
            found = category(tensors[0].dtype)
        elif any(isinstance(v, float) for v in call.arguments):
            found = max(found, "float", key=order.index)
        if "promoted" in words and found == "bool":
            found = "int"
        if expected.kind in ("tensor", "view", "same", "like") and actual != found:
            return f"its dtype is {got.dtype}, not {found}"
    ranks = [t.dim() for t in tensors]
    if "0d" in words and got.dim() != 0:
        return f"it has {got.dim()} dimensions"
    if "1d" in words and got.dim() != 1:
        return f"it has {got.dim()} dimensions"
    if "elementwise" in words and ranks and got.dim() != max(ranks):
        return f"it has {got.dim()} dimensions, not {max(ranks)}"
    if "reduce" in words and ranks:
        over = call.bound.get("dim", call.bound.get("axis"))
        if over is None and got.dim() != 0:
            return f"it has {got.dim()} dimensions"
        if over is not None and "keepdim" not in call.bound and ranks[0] and got.dim() != ranks[0] - 1:
            return f"it has {got.dim()} dimensions, not {ranks[0] - 1}"
    return ""


NOT_CALLED = {
    "Tensor.cuda": "needs an accelerator",
    "Tensor.xpu": "needs an accelerator",
    "Tensor.pin_memory": "needs an accelerator",
    "Tensor.record_stream": "needs an accelerator",
    "torch.Event": "needs an accelerator",
    "torch.Stream": "needs an accelerator",
    "Tensor.numpy": "needs NumPy",
    "Tensor.__array__": "needs NumPy",
    "torch.from_numpy": "needs NumPy",
    "torch.from_file": "needs a file",
    "torch.load": "needs a file",
    "torch.compile": "slow",
    "torch.manual_seed": "changes the state of the process, like the following",
    "torch.seed": "",
    "torch.set_rng_state": "",
    "torch.set_printoptions": "",
    "torch.set_default_dtype": "",
    "torch.set_default_device": "",
    "torch.set_num_threads": "",
    "torch.set_float32_matmul_precision": "",
    "torch.use_deterministic_algorithms": "",
}


def test_every_operator_has_a_sample() -> None:
    sampled = {sample.name for sample in samples()}
    missing = [
        operator.names[0]
        for operator in operators()
        if any(
            name.rpartition(".")[0] in TENSOR_OPERATORS and not name.endswith("*") for name in operator.names
        )
        and sampled.isdisjoint(operator.names)
        and NOT_CALLED.keys().isdisjoint(operator.names)
    ]
    assert missing == []
