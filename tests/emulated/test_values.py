"""Programs nobody thought of compute on the device what they compute on the CPU."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from perfcheck.counted import Tally  # noqa: E402
from perfcheck.emulated import install  # noqa: E402

SIZE = 4

# Of two square matrices; the first may be written to. What makes views is among them, so that writes travel.
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "multiply": lambda x, y: x * y,
    "matrix product": lambda x, y: x @ y,
    "transposed": lambda x, y: x.t(),
    "rows in turn": lambda x, y: x.roll(1, 0),
    "contiguous": lambda x, y: x.t().contiguous(),
    "column": lambda x, y: x[:, 1:2].expand(SIZE, SIZE),
    "softmax": lambda x, y: x.softmax(1),
    "norm": lambda x, y: torch.nn.functional.layer_norm(x, (SIZE,)),
    "where": lambda x, y: torch.where(x > y, x, y.sin()),
    "masked": lambda x, y: x.masked_fill(y > 0, 0.5),
    "selected": lambda x, y: x + x[x > y].sum(),
    "sorted": lambda x, y: x.sort(1).values + y.sort(0).indices,
    "gathered": lambda x, y: x.gather(0, y.argsort(0)),
    "cat": lambda x, y: torch.cat([x, y])[::2],
    "random": lambda x, y: x + torch.rand_like(y),
    "dropout": lambda x, y: torch.nn.functional.dropout(x, 0.5),
    "half": lambda x, y: (x.half() * y.half()).float(),
    "convolution": lambda x, y: torch.nn.functional.conv2d(x[None], y[None, None, 1:, 1:], padding="same")[0],
    "attention": lambda x, y: torch.nn.functional.scaled_dot_product_attention(x[None], y[None], x[None])[0],
    "read": lambda x, y: x * (float(y.detach().sum()) > 0),
    "to the host and back": lambda x, y: x.cpu().sin().to(y.device),
    "detached": lambda x, y: x.detach() + y,
    "from a view": lambda x, y: x.view(-1)[: SIZE * SIZE].view(SIZE, SIZE) if x.is_contiguous() else x,
}
IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "add_": lambda x, y: x.add_(y),
    "row": lambda x, y: x[0].mul_(2),
    "written column": lambda x, y: x.t()[1].copy_(y[0]),
    "written mask": lambda x, y: x.__setitem__(y > 0.5, 0.25),
    "index": lambda x, y: x.index_add_(0, y[:, 0].argsort(), y),
    "data": lambda x, y: x.data.clamp_(-1, 1),
}

Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from([*OPERATIONS, *IN_PLACE]), st.integers(0, 9), st.integers(0, 9)), max_size=12
)


def run(steps: list[Step], seed: int, device: str) -> list[Any]:
    """All values of a program, and the gradients of what it began with."""
    torch.manual_seed(seed)
    leaves = [torch.randn(SIZE, SIZE).to(device).requires_grad_() for _ in range(2)]
    values = [leaf * 1 for leaf in leaves]
    for name, first, second in steps:
        x, y = values[first % len(values)], values[second % len(values)]
        if name in OPERATIONS:
            values.append(OPERATIONS[name](x, y))
        else:
            x = x.clone()
            values.append(x)
            IN_PLACE[name](x, y)
    total = torch.stack([value.float().sum() for value in values]).sum()
    total.backward()
    return [value.detach().cpu() for value in values] + [leaf.grad.cpu() for leaf in leaves]


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 3))
def test_the_same_values_and_gradients(steps: list[Step], seed: int) -> None:
    host = run(steps, seed, "cpu")
    device = install(Tally())
    try:
        emulated = run(steps, seed, "cuda")
    finally:
        device.uninstall()
    for expected, found in zip(host, emulated, strict=True):
        assert torch.equal(expected.nan_to_num(), found.nan_to_num())
