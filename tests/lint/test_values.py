"""What expressions evaluate to: tensors, their devices, and what else there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.events import Truth
from perfcheck.lint.values import (
    DEVICE_TENSOR,
    HOST_TENSOR,
    NONE,
    UNKNOWN,
    Value,
    either,
    elements,
    join,
    join_all,
)
from tests.lint.programs import MAIN, Program, expression, value

# ---- the lattice -------------------------------------------------------------------------------------

TRUTHS = st.sampled_from([True, False, None])
SIMPLE = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["unknown", "tensor", "number", "str", "none", "array", "list", "device", "module"]
        ),
        "device": TRUTHS,
        "dtype": st.sampled_from([None, "bool", "int", "float"]),
        "rank": st.sampled_from([None, 0, 1]),
        "pinned": TRUTHS,
        "grad": TRUTHS,
        "batch": TRUTHS,
        "const": st.sampled_from([UNKNOWN.const, 1, 1.0, True, "cpu"]),
        "origin": st.sampled_from([frozenset(), frozenset("x"), frozenset("xy")]),
        "assumed": st.booleans(),
    }
).map(lambda facts: Value(**facts))
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map(lambda element: Value("list", element=element)),
        st.tuples(inner, inner).map(lambda items: Value("tuple", items=items)),
    ),
    max_leaves=4,
)


@given(a=VALUES)
def test_joining_a_value_with_itself_changes_nothing(a: Value) -> None:
    assert join(a, a) == a


@given(a=VALUES, b=VALUES)
def test_what_is_certain_after_a_join_was_certain_on_both_ways(a: Value, b: Value) -> None:
    joined = join(a, b)
    if "none" in (a.kind, b.kind):
        return  # gives way to what else it may be
    if joined.is_tensor and not joined.assumed:
        assert a.is_tensor and b.is_tensor
    if joined.kind == "tensor" and a.kind == b.kind:
        assert joined.device in (a.device, None) and joined.device in (b.device, None)
        assert joined.pinned in (a.pinned, None) and joined.pinned in (b.pinned, None)
    if joined.has_const:
        assert (a.const, type(a.const)) == (b.const, type(b.const))


@given(a=VALUES, b=VALUES)
def test_a_join_does_not_depend_on_the_order(a: Value, b: Value) -> None:
    one, other = join(a, b), join(b, a)
    assert (one.kind, one.device, one.rank, one.grad) == (other.kind, other.device, other.rank, other.grad)


@pytest.mark.parametrize(
    ("a", "b", "found"), [(True, True, True), (False, False, False), (True, False, None), (True, None, None)]
)
def test_either(a: Truth, b: Truth, found: Truth) -> None:
    assert either(a, b) is found


def test_joins_of_kinds() -> None:
    number = Value("number")
    assert join(NONE, DEVICE_TENSOR) == DEVICE_TENSOR
    assert join(HOST_TENSOR, DEVICE_TENSOR).device is None
    assert join(number, DEVICE_TENSOR)._replace(assumed=False) == DEVICE_TENSOR
    assert join(number, DEVICE_TENSOR).assumed
    assert join(number, Value("str")).kind == "unknown"
    assert join_all([]) is UNKNOWN


def test_elements() -> None:
    assert elements(Value("list", items=(HOST_TENSOR, HOST_TENSOR))) == HOST_TENSOR
    assert elements(Value("tensor", True, rank=2)).rank == 1
    assert elements(Value("loader", False, pinned=True)) == Value(device=False, batch=True, pinned=True)
    assert elements(Value("str")).kind == "str"
    assert elements(Value("number")) is UNKNOWN


# ---- devices -----------------------------------------------------------------------------------------

DEVICES = [
    ("torch.zeros(3)", False),
    ("torch.zeros(3, device='cpu')", False),
    ("torch.zeros(3, device='cuda')", True),
    ("torch.zeros(3, device=device)", True),
    ("torch.zeros(3, device=torch.device('cuda', 0))", True),
    ("torch.zeros(3, device=torch.device('cpu'))", False),
    ("torch.zeros(3, device=x.device)", True),
    ("torch.zeros(3, device=h.device)", False),
    ("torch.tensor(1.0)", False),
    ("torch.tensor([1, 2]).cuda()", True),
    ("torch.from_numpy(a)", False),
    ("torch.zeros_like(x)", True),
    ("torch.zeros_like(h)", False),
    ("torch.zeros_like(x, device='cpu')", False),
    ("x.new_zeros(3)", True),
    ("x.cpu()", False),
    ("x.to('cpu')", False),
    ("x.to(device)", True),
    ("x.to(device='cpu', dtype=torch.float16)", False),
    ("x.to(torch.float16)", True),
    ("h.to(x)", True),
    ("h.to(x.device)", True),
    ("h.cuda(non_blocking=True)", True),
    ("h.pin_memory()", False),
    ("x.cpu().float().mean()", False),
    ("h.cuda() + 1", True),
    ("2 * h", False),
    ("x @ h.to(x.device)", True),
    ("-h", False),
    ("h > 0", False),
    ("x.sum(dim=0)[0]", True),
    ("torch.cat([h, h])", False),
    ("torch.cat([x, x], dim=0)", True),
    ("torch.stack([h for _ in range(3)])", False),
    ("torch.stack([i for i in x])", True),
    ("torch.where(x > 0, x, 0.0)", True),
    ("torch.nn.functional.relu(h)", False),
    ("x.view(-1).t().contiguous()", True),
    ("x.data", True),
    ("x.T", True),
    ("(x, h)[1]", False),
    ("[x, h][0]", True),
    ("{'a': h, 'b': x}['b']", True),
    ("dict(a=h, b=x)['a']", False),
    ("h if flag else h + 1", False),
    ("(y := h)", False),
    ("next(iter([h]))", False),
    ("list(map(lambda t: t, [h]))[0]", False),
    ("max(h, h)", False),
    ("torch.linalg.norm(x)", True),
    ("copy.deepcopy(h)", False),
]


@pytest.mark.parametrize(("text", "device"), DEVICES)
def test_devices(text: str, device: Truth) -> None:
    found = expression(
        text,
        "x: torch.Tensor, device, flag",
        "import copy\nimport numpy as np\na = np.zeros(3)\nh = torch.ones(3)",
    )
    assert found.device is device
    if device is not None:
        assert found.kind == "tensor"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x.shape", "size"),
        ("x.size()", "size"),
        ("x.size(0)", "number"),
        ("x.shape[-1]", "number"),
        ("len(x)", "number"),
        ("x.dim()", "number"),
        ("x.numel()", "number"),
        ("x.item()", "number"),
        ("float(x)", "number"),
        ("x.device", "device"),
        ("x.dtype", "dtype"),
        ("torch.float16", "dtype"),
        ("torch.device('cuda')", "device"),
        ("x.cpu().numpy()", "array"),
        ("x is None", "number"),
        ("x == None", "number"),
        ("not x", "number"),
        ("f'{x}'", "str"),
        ("str(x)", "str"),
        ("nn.Linear(1, 2)", "module"),
        ("nn.Linear(1, 2).to(device)", "module"),
        ("torch.optim.AdamW([])", "optimizer"),
        ("torch.utils.data.DataLoader(d)", "loader"),
        ("torch.distributions.Normal(x, x)", "distribution"),
        ("torch.is_tensor(x)", "number"),
        ("torch.finfo(x.dtype).min", "number"),
        ("np.finfo(np.float32).eps.item()", "number"),
        ("torch.cuda.device_count()", "number"),
        ("print(x)", "none"),
        ("lambda: x", "function"),
        ("[x]", "list"),
        ("(x,)", "tuple"),
        ("{1}", "set"),
        ("torch._C._somewhere(x)", "unknown"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert expression(text, "x: torch.Tensor, device, d").kind == kind


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("torch.zeros(2, 3)", 2),
        ("torch.zeros((2, 3, 4))", 3),
        ("torch.zeros(2, 3)[0]", 1),
        ("torch.zeros(2, 3)[0, 1]", 0),
        ("torch.zeros(2, 3)[None]", 3),
        ("torch.zeros(2, 3)[:, 0]", 1),
        ("torch.zeros(2, 3)[..., 0]", 1),
        ("torch.zeros(2, 3) + torch.zeros(3)", 2),
        ("torch.tensor(1.0)", 0),
        ("torch.zeros(2).sum()", 0),
        ("torch.zeros(*shape)", None),
    ],
)
def test_ranks(text: str, rank: int | None) -> None:
    assert expression(text, "shape").rank == rank


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("torch.zeros(2, dtype=torch.long)", "int"),
        ("x > 0", "bool"),
        ("x.long()", "int"),
        ("x.to(torch.bool)", "bool"),
        ("x.long() / 2", "float"),
        ("(x > 0) & (x < 1)", "bool"),
    ],
)
def test_dtypes(text: str, dtype: str) -> None:
    assert expression(text, "x: torch.Tensor").dtype == dtype


@pytest.mark.parametrize(
    ("text", "grad"),
    [
        ("nn.Parameter(torch.zeros(1))", True),
        ("nn.Parameter(torch.zeros(1)) * 2", True),
        ("nn.Parameter(torch.zeros(1)).detach()", False),
        ("nn.Parameter(torch.zeros(1)).data", False),
        ("nn.Linear(1, 1)(x)", True),
        ("nn.functional.relu(nn.Linear(1, 1)(x))", True),
    ],
)
def test_graphs(text: str, grad: Truth) -> None:
    assert expression(text, "x: torch.Tensor").grad is grad


@pytest.mark.parametrize("context", ["torch.no_grad()", "torch.inference_mode()"])
def test_without_a_graph(context: str) -> None:
    body = f"""
    def f(x: torch.Tensor):
        with {context}:
            reveal(nn.Linear(1, 1)(x))
    """
    assert value(body).grad is False
    body = f"""
    @{context}
    def f(x: torch.Tensor):
        reveal(nn.Linear(1, 1)(x) + 1)
    """
    assert value(body).grad is False


def test_pinned() -> None:
    assert expression("torch.zeros(1).pin_memory()").pinned is True
    assert expression("torch.zeros(1, pin_memory=True)").pinned is True
    assert expression("torch.zeros(1)").pinned is not True
    assert expression("torch.zeros(1).pin_memory().cuda()").pinned is not True


# ---- parameters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "kind", "device"),
    [
        ("x: torch.Tensor", "tensor", True),
        ("x: 'torch.Tensor'", "tensor", True),
        ("x: torch.Tensor | None = None", "tensor", True),
        ("x: Optional[torch.Tensor] = None", "tensor", True),
        ("x: torch.LongTensor", "tensor", True),
        ("x: int", "number", None),
        ("x: int | float = 1", "number", None),
        ("x: torch.Tensor | float", "unknown", None),
        ("x=1", "number", None),
        ("x='a'", "str", None),
        ("x: list[torch.Tensor]", "list", None),
        ("x: nn.Module", "module", None),
        ("x: torch.optim.Optimizer", "optimizer", None),
        ("x: torch.device", "device", True),
        ("x", "unknown", None),
        ("*x: torch.Tensor", "tuple", None),
        ("**x", "dict", None),
    ],
)
def test_annotations_and_defaults(parameter: str, kind: str, device: Truth) -> None:
    found = expression("x", parameter)
    assert found.kind == kind
    if kind in ("tensor", "device"):
        assert found.device is device


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("device", "device"),
        ("train_loader", "loader"),
        ("optimizer", "optimizer"),
        ("model", "module"),
        ("accelerator", "unknown"),
        ("path", "unknown"),
        ("cu_seqlens_k", "tensor"),
        ("cu_seqlens_cpu", "unknown"),
    ],
)
def test_parameters_by_their_names(name: str, kind: str) -> None:
    assert expression(name, name).kind == kind


def test_the_use_of_a_parameter_says_that_it_is_a_tensor() -> None:
    assert expression("x", "x", "y = x.unsqueeze(0)").kind == "tensor"
    assert expression("x", "x", "y = torch.relu(x)").kind == "tensor"
    assert expression("x", "x", "y = x.append(0)").kind == "unknown"


def test_an_array_s_method_says_nothing_where_there_are_arrays() -> None:
    body = "def f(x):\n    x.sum(0)\n    reveal(x)\n"
    assert value(body).kind == "tensor"
    assert value("import numpy as np\n" + body).kind == "unknown"


# ---- attributes --------------------------------------------------------------------------------------

NET = """
class Net(nn.Module):
    scale = 2.0
    limit: int

    def __init__(self, width, device):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.table = nn.Buffer(torch.zeros(3))
        self.register_buffer("mean", torch.zeros(width))
        self.register_parameter("bias", nn.Parameter(torch.zeros(width)))
        self.scales = nn.ParameterDict({{"a": torch.zeros(width)}})
        self.shifts = nn.ParameterList([torch.zeros(width)])
        self.linear = nn.Linear(width, width)
        self.layers = nn.ModuleList([nn.Linear(1, 1)])
        self.plain = torch.zeros(width)
        self.moved = torch.zeros(width, device=device)
        self.width = width
        self.device = device
        self.count = 0
        self.late = None
        if width > 1:
            self.maybe = torch.zeros(1)
        else:
            self.maybe = torch.zeros(1).cuda()

    def reset(self):
        self.late = torch.zeros(1, device="cuda")
        self.elsewhere = torch.zeros(1)

    @property
    def scaled(self):
        return self.mean * self.scale

    def helper(self, x):
        return x * self.mean

    def forward(self, x):
        reveal({})
"""


@pytest.mark.parametrize(
    ("text", "kind", "device"),
    [
        ("self.weight", "tensor", True),
        ("self.mean", "tensor", True),
        ("self.table", "tensor", True),
        ("self.bias", "tensor", True),
        ("self.scales['a']", "tensor", True),
        ("self.shifts[0]", "tensor", True),
        ("next(iter(self.shifts))", "tensor", True),
        ("self.linear", "module", True),
        ("self.linear.weight", "tensor", True),
        ("self.linear(x)", "tensor", True),
        ("self.plain", "tensor", False),
        ("self.moved", "tensor", True),
        ("self.moved.cpu()", "tensor", False),
        ("self.count", "number", None),
        ("self.scale", "number", None),
        ("self.limit", "number", None),
        ("self.maybe", "tensor", None),
        ("self.late", "tensor", True),
        ("self.elsewhere", "tensor", False),
        ("self.scaled", "tensor", True),
        ("self.helper(x)", "tensor", True),
        ("self.helper", "function", None),
        ("self.device", "device", True),
        ("self.training", "number", None),
        ("self.absent", "unknown", None),
        ("x", "unknown", True),
    ],
)
def test_attributes(text: str, kind: str, device: Truth) -> None:
    found = value(NET.format(text))
    assert found.kind == kind
    if kind in ("tensor", "unknown"):
        assert found.device is device


def test_parameters_of_a_module_have_a_graph_and_its_buffers_none() -> None:
    assert value(NET.format("self.weight")).grad is True
    assert value(NET.format("self.mean")).grad is not True
    assert value(NET.format("self.table")).grad is not True


def test_a_store_in_the_same_body_wins() -> None:
    body = NET.replace("reveal({})", "self.plain = self.plain.cuda()\n        reveal(self.plain)")
    assert value(body).device is True


def test_states_of_a_metric() -> None:
    body = """
    from torchmetrics import Metric
    class Mean(Metric):
        def __init__(self):
            super().__init__()
            self.add_state("total", default=torch.zeros(1), dist_reduce_fx="sum")
            self.add_state("seen", default=[], dist_reduce_fx="cat")
        def update(self, x: torch.Tensor):
            reveal({})
    """
    assert value(body.format("self.total")).on_device is True
    assert value(body.format("self.seen[0]")).on_device is True


def test_attributes_come_from_bases_in_other_files() -> None:
    base = """
    import torch
    from torch import nn
    class Base(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(1))
            self.host = torch.zeros(1)
    """
    body = """
    from base import Base
    class Net(Base):
        def forward(self, x):
            reveal({})
    """
    assert value(body.format("self.mean"), base=base).on_device is True
    assert value(body.format("self.host"), base=base).on_device is False


def test_attributes_of_other_objects() -> None:
    body = """
    class Config:
        def __init__(self):
            self.scale = torch.ones(1)
            self.steps = 10
    def f(config: Config):
        reveal(config.{})
    """
    assert value(body.format("scale")).on_device is False
    assert value(body.format("steps")).kind == "number"


def test_an_attribute_that_a_method_puts_on_the_device_is_there_when_others_read_it() -> None:
    body = """
    class Schedule:
        def __init__(self, n):
            self.times = torch.arange(n)
            self.names = torch.arange(n)
        def prepare(self, device: torch.device):
            self.times = self.times.to(device)
        def step(self):
            reveal(self.{})
    """
    assert value(body.format("times")).on_device is True
    assert value(body.format("times")).assumed
    assert value(body.format("names")).on_device is False


# ---- functions ---------------------------------------------------------------------------------------

OPS = """
import torch

EPS = 1e-6
TABLE = torch.zeros(3)

def make(n):
    return torch.zeros(n, device="cuda")

def double(x):
    return torch.mul(x, 2)

def both(x, y):
    return x.relu(), y.tolist()

def on(x, device):
    return torch.zeros(3, device=device)

def count(x):
    return x.shape[0]

def again(n):
    return again(n - 1) if n else torch.zeros(1)

def ping(x):
    return pong(x)

def pong(x):
    return ping(x)

def parts(x: torch.Tensor):
    for part in x:
        yield part.cpu()

def promised(x) -> torch.Tensor:
    return lookup(x)
"""


@pytest.mark.parametrize(
    ("text", "kind", "device"),
    [
        ("ops.make(3)", "tensor", True),
        ("ops.double(x)", "tensor", True),
        ("ops.double(h)", "tensor", False),
        ("ops.double(ops.double(h))", "tensor", False),
        ("ops.both(x, h)[0]", "tensor", True),
        ("ops.both(h, x)[0]", "tensor", False),
        ("ops.both(x, h)[1]", "unknown", None),
        ("ops.on(x, device='cpu')", "tensor", False),
        ("ops.on(x, h.device)", "tensor", False),
        ("ops.on(h, x.device)", "tensor", True),
        ("ops.count(x)", "number", None),
        ("ops.again(3)", "unknown", None),
        ("ops.ping(x)", "unknown", None),
        ("next(ops.parts(x))", "tensor", False),
        ("ops.promised(x)", "tensor", True),
        ("ops.EPS", "number", None),
        ("ops.TABLE", "tensor", False),
    ],
)
def test_summaries_across_files(text: str, kind: str, device: Truth) -> None:
    body = f"""
    import ops
    def f(x: torch.Tensor):
        h = torch.zeros(1)
        reveal({text})
    """
    found = value(body, ops=OPS)
    assert found.kind == kind
    if kind == "tensor":
        assert found.device is device


def test_a_closure_knows_what_is_around_it() -> None:
    body = """
    def outer():
        h = torch.zeros(3)
        def inner():
            reveal(h)
        return inner
    """
    assert value(body).on_device is False


def test_calling_a_module_of_the_project_runs_its_forward() -> None:
    body = """
    class Host(nn.Module):
        def forward(self, x):
            return torch.zeros(3), x.shape[0]
    def f(x: torch.Tensor):
        net = Host()
        reveal(net(x))
    """
    found = value(body)
    assert found.items is not None
    assert [item.kind for item in found.items] == ["tensor", "number"]
    assert found.items[0].device is False


# ---- loaders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loop", "seen"),
    [
        ("for x in loader:", "x"),
        ("for i, x in enumerate(loader):", "x"),
        ("for x in tqdm(loader):", "x"),
        ("for x, y in loader:", "y"),
        ("for i, (x, y) in enumerate(tqdm(loader, desc='a')):", "y"),
        ("for batch in loader:", "batch['image']"),
        ("for a, b in zip(loader, loader):", "b"),
    ],
)
def test_batches(loop: str, seen: str) -> None:
    body = f"""
    from torch.utils.data import DataLoader
    from tqdm import tqdm
    def f(data):
        loader = DataLoader(data, pin_memory=True)
        {loop}
            reveal({seen})
    """
    found = value(body)
    assert (found.batch, found.device, found.pinned) == (True, False, True)


def test_a_moved_batch_is_on_the_device() -> None:
    body = "def f(loader, device):\n    for x in loader:\n        reveal(x.to(device))\n"
    assert value(body).device is True


# ---- control flow ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "device"),
    [
        ("if flag:\n    h = h.cuda()", None),
        ("if flag:\n    h = h.cuda()\nelse:\n    h = h.to('cuda')", True),
        ("if flag:\n    h = h.cuda()\n    return", False),
        ("if flag:\n    raise E\nelse:\n    h = h.cuda()", True),
        ("for i in range(3):\n    h = h.cuda()", None),
        ("while flag:\n    h = h + 1", False),
        ("for i in range(3):\n    h = k\n    k = x", None),
        ("try:\n    h = h.cuda()\nexcept E:\n    return", True),
        ("try:\n    h = h.cuda()\nexcept E:\n    pass", None),
        ("try:\n    pass\nfinally:\n    h = h.cuda()", True),
        ("with open('f'):\n    h = h.cuda()", True),
        ("match flag:\n    case 1:\n        h = h.cuda()", None),
        ("h, k = x, h", True),
        ("h = k = x", True),
        ("h += x", False),
        ("h: torch.Tensor = h", False),
        ("(lambda h: h)(x)", False),
        ("[h for h in x]", False),
    ],
)
def test_flow(before: str, device: Truth) -> None:
    assert expression("h", "x: torch.Tensor, flag", "h = k = torch.zeros(3)\n" + before).device is device


@pytest.mark.parametrize(
    ("test", "inside", "kind"),
    [
        ("isinstance(v, torch.Tensor)", True, "tensor"),
        ("torch.is_tensor(v)", True, "tensor"),
        ("isinstance(v, (list, tuple))", True, "list"),
        ("isinstance(v, int)", True, "number"),
        ("isinstance(v, str)", True, "str"),
        ("not isinstance(v, torch.Tensor)", False, "tensor"),
        ("isinstance(v, torch.Tensor) and flag", True, "tensor"),
        ("isinstance(v, torch.Tensor) or flag", True, "unknown"),
        ("not isinstance(v, torch.Tensor) or flag", False, "tensor"),
        ("isinstance(v, Something)", True, "unknown"),
        ("v is None", True, "none"),
        ("v is not None", False, "none"),
    ],
)
def test_narrowing(test: str, inside: bool, kind: str) -> None:
    where = "then" if inside else "other"
    body = f"""
    def f(v, flag):
        if {test}:
            then = v
        else:
            other = v
        reveal({where})
    """
    assert value(body).kind == kind


def test_narrowing_holds_after_an_early_return_and_an_assertion() -> None:
    assert expression("v", "v: torch.Tensor", "if isinstance(v, torch.Tensor):\n    return").kind == "unknown"
    assert expression("v", "v", "if not isinstance(v, torch.Tensor):\n    return").kind == "tensor"
    assert expression("v", "v", "assert isinstance(v, torch.Tensor)").kind == "tensor"


def test_a_variable_that_was_only_tested_is_afterwards_what_it_was_before() -> None:
    assert expression("v", "v: torch.Tensor", "if isinstance(v, list):\n    print(1)").kind == "tensor"
    assert (
        expression("v", "v: torch.Tensor", "if flag and isinstance(v, Own):\n    v.x = 1").on_device is True
    )
    made = "if not isinstance(v, torch.Tensor):\n    v = torch.tensor(v)"
    assert expression("v", "v", made).kind == "tensor"  # assigned on one way, narrowed on the other


@pytest.mark.parametrize(
    ("alias", "kind"),
    [
        ("Some = Optional[torch.Tensor]", "tensor"),
        ("Some: TypeAlias = torch.Tensor | None", "tensor"),
        ("Some = TypeVar('Some', bound=torch.Tensor)", "tensor"),
        ("Inner = torch.Tensor\nSome = Union[Inner, None]", "tensor"),
        ("Some = TypeVar('Some')", "unknown"),
        ("Some = make()", "unknown"),
        ("Some = Optional['Some']", "unknown"),
    ],
)
def test_aliases_of_types(alias: str, kind: str) -> None:
    types = "from typing import *\nimport torch\n" + alias
    assert value(f"{alias}\ndef f(v: Some):\n    reveal(v)").kind == kind
    assert value("from types_ import Some\ndef f(v: Some):\n    reveal(v)", types_=types).kind == kind
    assert expression("v", "v: torch.Tensor", "assert v.device.type == 'cpu'").device is False


def test_is_cuda_tells_the_device() -> None:
    test = "if x.is_cuda:\n    y = x\nelse:\n    return"
    assert expression("y", "x: torch.Tensor", test).device is True
    test = "if not x.is_cuda:\n    y = x\nelse:\n    return"
    assert expression("y", "x: torch.Tensor", test).device is False


def test_containers_grow() -> None:
    before = "out = []\nfor i in range(3):\n    out.append(x)"
    assert expression("out[0]", "x: torch.Tensor", before).on_device is True
    assert expression("torch.stack(out)", "x: torch.Tensor", before).on_device is True
    before = "out = {}\nfor i in range(3):\n    out[i] = x.cpu()"
    assert expression("out['a']", "x: torch.Tensor", before).on_device is False
    before = "out = {'a': x}\nout.update(b=x.cpu())"
    assert expression("out['b']", "x: torch.Tensor", before).on_device is False
    assert expression("out['a']", "x: torch.Tensor", before).on_device is True


def test_a_module_s_own_variables() -> None:
    program = Program(
        {
            "consts.py": "import torch\nMEAN = torch.tensor([0.5]).cuda()\n",
            MAIN: """
                from consts import MEAN
                import torch
                STD = torch.ones(1)
                def f():
                    reveal(MEAN, STD)
            """,
        }
    )
    assert [found.device for found in program.revealed("f")] == [True, False]
