"""Functions and classes outside the project: torch, NumPy, the standard library, others."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import chain, plain
from perfcheck.lint.evaluation.arguments import Arguments, unknown_result
from perfcheck.lint.evaluation.builtin_functions import builtin
from perfcheck.lint.values import (
    ACCELERATOR,
    ARRAY,
    BOOL,
    DICT,
    HOST,
    INT,
    NUMBER,
    STR,
    UNKNOWN,
    Value,
    any_of,
    elements,
    join_all,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


_OF_MODULES = {
    "torch.nn.Parameter": True,
    "torch.nn.parameter.Parameter": True,
    "torch.nn.Buffer": False,
    "torch.nn.parameter.Buffer": False,
}
"""Tensors that move with the module that holds them, and whether they have a graph."""

_PARAMETERS = Value("tensor", True, "float", grad=True)
_CONTAINERS = {
    "torch.nn.ParameterDict": Value("dict", element=_PARAMETERS),
    "torch.nn.ParameterList": Value("list", element=_PARAMETERS),
    "torch.nn.BufferDict": Value("dict", element=_PARAMETERS._replace(dtype=None, grad=False)),
}
"""Modules that are used like the containers of Python's own."""


def external(ev: Evaluator, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name.startswith("builtins."):
        return builtin(ev, name[9:], arguments, node)
    if name in _OF_MODULES:
        first = arguments.value(0, "data")
        base = first if first is not None and first.kind == "tensor" else Value("tensor")
        return base._replace(device=True, grad=_OF_MODULES[name], origin=frozenset(), assumed=False)
    if name in _CONTAINERS:
        return _CONTAINERS[name]
    if name in ("torch.finfo", "torch.iinfo", "numpy.finfo", "numpy.iinfo"):
        return Value("host", ref="torch.finfo")  # numbers are all that either holds
    if name.startswith("torch.distributions.") and ev.engine.never_validates:
        arguments.keywords.setdefault("validate_args", Argument(BOOL._replace(const=False), None))
    root, last = name.partition(".")[0], name.rpartition(".")[2]
    if root == "copy" and arguments.positional:
        return arguments.positional[0].value
    if last == "partial" and arguments.positional:
        return UNKNOWN if "device" in arguments.keywords else arguments.positional[0].value
    if name == "itertools.chain":
        return Value("list", element=join_all(elements(a.value) for a in arguments.positional))
    if name in ("itertools.cycle", "itertools.islice") and arguments.positional:
        return arguments.positional[0].value
    if last == "trange":
        return Value("list", element=INT)
    if last == "tqdm" or name.startswith("tqdm."):
        return arguments.positional[0].value if arguments.positional else UNKNOWN
    if root in _ARRAY_PACKAGES:
        for argument in arguments.positional:
            _on_host(ev, argument)
        if last in _OF_NUMBERS and all(a.value.kind == "number" for a in arguments.positional):
            return NUMBER
        alone = len(arguments.positional) == 1 and not arguments.keywords
        if root == "numpy" and last in _TO_NUMBERS and alone:
            return NUMBER
    found = ev.operate(node, name, None, arguments.positional, arguments.keywords, arguments.spread)
    if found is not None:
        if found.kind in ("loader", "optimizer", "distribution", "module"):
            return _decorate(found, name, arguments)
        if name == "torch.device":
            return _device(arguments)
        if found.kind == "array" and root == "numpy" and _holds_objects(arguments):
            return Value("list")  # what is put there stays where it is
        if found.kind == "array" and root == "numpy" and _gives_several(last, arguments):
            indices = last != "arange" and all(a.value.kind == "number" for a in arguments.positional)
            return found._replace(rank=1, dtype="int" if indices else found.dtype)
        return found._replace(ref=name) if found.kind == "host" and last[:1].isupper() else found
    if root == "torch":
        return _torch(name, last, arguments)
    if root in _ARRAY_PACKAGES:
        made = root in ("sklearn", "skimage") and last[:1].isupper()
        return HOST if made or name.startswith(_GIVE_OBJECTS) else ARRAY
    if root == "math":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__float__", argument.value, argument.node, node)
        return NUMBER
    if root == "matplotlib":
        return _FIGURES
    if root in _HOST_PACKAGES:
        return HOST_RESULTS.get(name, HOST)
    if last in _FROM_IMAGES and root == "torchvision":
        return Value("tensor", False)
    if name.startswith(_ON_TENSORS) and last.islower() and not last.startswith(_OF_NO_TENSOR):
        found = _like_its_tensors(arguments)
        if last == "to_dense_batch" and found.kind == "tensor":
            return Value("tuple", items=(found, found._replace(dtype="bool", grad=False)))
        return found
    if root == "einops" and arguments.positional:
        first = arguments.positional[0].value
        if first.kind == "list":
            first = elements(first)
        if last == "parse_shape":
            return DICT
        if first.kind == "tensor":
            return (
                first._replace(rank=None, contiguous=None) if last != "reduce" else first._replace(rank=None)
            )
        return first
    constructed = ev.engine.instances.outside(name)
    if constructed is not None:
        return _decorate(constructed, name, arguments)
    if last.endswith("DataLoader"):  # torchdata's StatefulDataLoader
        return _decorate(Value("loader", ref=name), name, arguments)
    return unknown_result(arguments)


def _on_host(ev: Evaluator, given: Argument) -> None:
    """NumPy takes no tensor of the device, but raises: what is given to it is on the host."""
    name = chain(given.node) if given.node is not None else None
    if given.value.kind == "tensor" and given.value.assumed and name in ev.env:
        ev.env[name] = given.value._replace(device=False)


def _decorate(found: Value, name: str, arguments: Arguments) -> Value:
    if found.kind == "loader":
        pinned = arguments.keywords.get("pin_memory")
        fact = False if pinned is None and not arguments.spread else None
        if pinned is not None and isinstance(pinned.value.const, bool):
            fact = pinned.value.const
        return found._replace(ref=name, pinned=fact, device=False)
    if found.kind == "distribution":
        device: bool | None = any_of([v.device for v in arguments.all if v.kind == "tensor"]) or None
        if arguments.all and not arguments.spread and all(v.kind == "number" for v in arguments.all):
            device = False
        validate = arguments.keywords.get("validate_args")
        const = validate.value.const if validate is not None else found.const
        return found._replace(ref=name, device=device, const=const)
    return found._replace(ref=name)


def _device(arguments: Arguments) -> Value:
    first = arguments.value(0, "type")
    if first is not None and isinstance(first.const, str):
        return Value("device", device=not first.const.startswith(("cpu", "meta")))
    if first is not None and first.kind == "device":
        return first
    return ACCELERATOR


def _torch(name: str, last: str, arguments: Arguments) -> Value:
    """A name of torch's that the operator table lacks."""
    if name in ("torch.device",):
        return _device(arguments)
    if name in (
        "torch.no_grad",
        "torch.enable_grad",
        "torch.inference_mode",
        "torch.set_grad_enabled",
        "torch.autocast",
    ):
        return HOST
    if name == "torch.autograd.Variable":
        return arguments.positional[0].value if arguments.positional else UNKNOWN
    if name in ("torch.compile", "torch.jit.script", "torch.jit.trace", "torch.func.vmap", "torch.vmap"):
        return arguments.positional[0].value if arguments.positional else UNKNOWN
    if name.startswith("torch.cuda.") and last.endswith("Tensor"):
        return Value("tensor", True)
    if name.startswith("torch.nn.init."):
        return arguments.positional[0].value if arguments.positional else UNKNOWN
    if name.startswith(("torch._C", "torch._dynamo", "torch.compiler", "torch._utils")):
        return UNKNOWN
    if name.startswith(
        ("torch.cuda.", "torch.backends.", "torch.distributed.", "torch.utils.", "torch.multiprocessing")
    ):
        if last.startswith("is_") or last in ("device_count", "get_rank", "get_world_size", "current_device"):
            return NUMBER
        return UNKNOWN
    public = name.count(".") == 1 or name.startswith(
        ("torch.nn.functional.", "torch.linalg.", "torch.special.", "torch.fft.")
    )
    if not public or (last.startswith("_") and not last.startswith("_foreach")):
        return UNKNOWN
    found = _like_its_tensors(arguments)
    return Value("list", element=found) if found.kind == "tensor" and last.startswith("_foreach") else found


def _like_its_tensors(arguments: Arguments) -> Value:
    """Where one of the tensors that it is given lies, there lies what it returns."""
    tensors = [v if v.kind != "list" else elements(v) for v in arguments.all]
    tensors = [v for v in tensors if v.kind == "tensor"]
    if not tensors:
        return UNKNOWN
    device = True if any(t.device for t in tensors) else tensors[0].device
    return Value("tensor", device, grad=any_of([t.grad for t in tensors]), origin=tensors[0].origin)


_ON_TENSORS = (
    "torch_scatter.", "torch_geometric.utils.", "torch_geometric.nn.", "torch_sparse.", "torch_cluster.",
    "torchvision.ops.", "torchaudio.functional.", "kornia.", "pytorch3d.ops.", "pytorch3d.transforms.",
)  # fmt: skip
"""Functions of libraries that compute on tensors, as those of torch do."""
_OF_NO_TENSOR = ("is_", "has_", "get_", "contains_", "maybe_num_", "num_")
_FROM_IMAGES = frozenset({"to_tensor", "pil_to_tensor", "to_image"})

_ARRAY_PACKAGES = frozenset({"numpy", "pandas", "scipy", "sklearn", "cv2", "skimage"})


def _holds_objects(arguments: Arguments) -> bool:
    """``np.empty(n, dtype=object)``"""
    dtype = arguments.keywords.get("dtype")
    return dtype is not None and dtype.node is not None and plain(dtype.node) == "object"


def _gives_several(function: str, arguments: Arguments) -> bool:
    """``np.arange(n)``, ``np.random.choice(n, size)``: never a number."""
    size = arguments.keywords.get("size")
    if size is not None:
        return size.value.kind != "none"
    return function in _OF_SEVERAL or (function in _SIZES and len(arguments.positional) > _SIZES[function])


_OF_SEVERAL = frozenset({"arange", "argsort", "argwhere", "flatnonzero", "permutation"})
_SIZES = {"choice": 1, "randint": 2}
"""Which argument of a function that draws says how many."""

_GIVE_OBJECTS = ("scipy.stats.", "scipy.interpolate.", "scipy.spatial.")
"""Distributions, splines, trees: what they are asked for has no twin in torch."""

_OF_NUMBERS = frozenset(
    "abs ceil cos exp expm1 floor log log10 log1p log2 power round sign sin sqrt square tan tanh".split()
)
"""Functions of NumPy that give a number for numbers."""
_TO_NUMBERS = frozenset("prod sum mean median std var max min amax amin any all argmax argmin".split())
"""Those that give a number for whatever array, if no axis is named."""


_HOST_PACKAGES = frozenset(
    """os sys json re random time datetime logging pathlib glob shutil argparse collections itertools
    pickle yaml
    PIL matplotlib wandb warnings subprocess threading gc inspect typing dataclasses contextlib io csv
    string hashlib
    uuid tempfile socket struct platform operator omegaconf hydra tensorboard""".split()
)


_FIGURES = HOST._replace(element=HOST._replace(element=HOST))
"""``figure, (left, right) = plt.subplots(1, 2)``"""


HOST_RESULTS = {
    "logging.getLogger": HOST._replace(ref="logging.Logger"),
    "random.random": NUMBER,
    "random.randint": INT,
    "random.uniform": NUMBER,
    "random.choice": UNKNOWN,
    "time.time": NUMBER,
    "time.perf_counter": NUMBER,
    "collections.defaultdict": DICT,
    "collections.OrderedDict": DICT,
    "collections.deque": Value("list"),
    "collections.Counter": DICT,
    "itertools.product": UNKNOWN,
    "operator.itemgetter": UNKNOWN,
    "dataclasses.field": UNKNOWN,
    "dataclasses.asdict": DICT,
    "os.environ.get": STR,
    "copy.deepcopy": UNKNOWN,
}
