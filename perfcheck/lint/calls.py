"""What calls return and which attributes are what, by the kind of the receiver."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.evidence import TENSOR_LIKE, TENSOR_ONLY
from perfcheck.lint.project import ClassRef
from perfcheck.lint.values import (
    ACCELERATOR,
    ARRAY,
    BOOL,
    DICT,
    HOST,
    INT,
    NONE,
    NUMBER,
    SIZE,
    STR,
    UNKNOWN,
    Value,
    any_of,
    elements,
    join,
    join_all,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluate import Evaluator


class Arguments:
    """The evaluated arguments of a call."""

    __slots__ = ("keywords", "node", "positional", "spread")

    def __init__(self, ev: Evaluator, node: ast.Call) -> None:
        self.node = node
        self.positional: list[Argument] = []
        self.keywords: dict[str, Argument] = {}
        self.spread = False
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                value = ev.expr(argument.value)
                ev.values[argument] = value
                if value.items is not None:
                    self.positional.extend(Argument(item, argument) for item in value.items)
                else:
                    self.spread = True
                    self.positional.append(Argument(elements(value), argument))
            else:
                self.positional.append(Argument(ev.expr(argument), argument))
        for keyword in node.keywords:
            value = ev.expr(keyword.value)
            if keyword.arg is None:
                if value.keys is not None:
                    self.keywords.update({k: Argument(v, keyword.value) for k, v in value.keys})
                else:
                    self.spread = True
            else:
                self.keywords[keyword.arg] = Argument(value, keyword.value)

    def value(self, position: int, keyword: str = "") -> Value | None:
        if position < len(self.positional):
            return self.positional[position].value
        found = self.keywords.get(keyword)
        return None if found is None else found.value

    @property
    def all(self) -> list[Value]:
        return [a.value for a in self.positional] + [a.value for a in self.keywords.values()]


def member(ev: Evaluator, owner: Value, node: ast.Attribute) -> Value:
    """``owner.attr`` where it is not called."""
    attr, kind = node.attr, owner.kind
    if kind in ("python-module", "class", "function") and owner.ref:
        return ev.engine.named(f"{owner.ref}.{attr}", ev.module)
    if kind == "tensor":
        if attr == "device":
            return Value(
                "device", device=owner.device if owner.device is not None else True, origin=owner.origin
            )
        found = ev.operate(node, f"Tensor.{attr}", Argument(owner, node.value))
        if found is not None:
            if found.kind == "size" and owner.rank is not None:
                return found._replace(items=(INT,) * owner.rank)
            return found._replace(grad=False) if attr == "data" else found
        return UNKNOWN if attr not in ("grad", "data") else owner
    if attr == "device" and kind not in ("host",):
        return ACCELERATOR if owner.device is not False or kind != "array" else UNKNOWN
    if attr in ("dtype",) and kind != "array":
        return Value("dtype", dtype=owner.dtype)
    if owner.ref is not None and kind in _INSTANCES:
        return ev.engine.attribute(owner, attr)
    if kind == "module":
        if attr == "training":
            return BOOL
        if attr in ("weight", "bias"):
            return Value("tensor", True, "float", grad=True)
        return UNKNOWN._replace(device=True)
    if kind == "array":
        if attr == "shape":
            return SIZE
        return (
            ARRAY
            if attr in ("T", "values", "flat", "real")
            else NUMBER
            if attr in ("size", "ndim")
            else UNKNOWN
        )
    if kind == "host" and owner.ref in ("torch.finfo", "torch.iinfo"):
        return NUMBER
    if kind == "device":
        return STR if attr == "type" else INT if attr == "index" else UNKNOWN
    if kind == "unknown":
        if attr == "meta":
            return HOST
        if attr == "shape":
            return SIZE
        if attr in ("is_cuda", "requires_grad", "training"):
            return BOOL
        return Value(device=owner.device, batch=owner.batch, pinned=owner.pinned, origin=owner.origin)
    if kind == "number" and attr in ("real", "imag"):
        return NUMBER
    return UNKNOWN


_INSTANCES = frozenset({"module", "instance", "optimizer", "scheduler", "dataset", "loader", "distribution"})


def call(ev: Evaluator, node: ast.Call) -> Value:
    func = node.func
    if isinstance(func, ast.Attribute):
        if (
            isinstance(func.value, ast.Call)
            and isinstance(func.value.func, ast.Name)
            and func.value.func.id == "super"
        ):
            arguments = Arguments(ev, node)
            return _super(ev, func.attr, arguments)
        owner = ev.expr(func.value)
        kind = owner.kind
        if kind in ("python-module", "class") or (kind == "function" and owner.ref):
            target = ev.engine.named(f"{owner.ref}.{func.attr}", ev.module) if owner.ref else UNKNOWN
            ev.values[func] = target
            arguments = Arguments(ev, node)
            return invoke(ev, target, arguments, node)
        key = f"{func.value.id}.{func.attr}" if isinstance(func.value, ast.Name) else ""
        if key and key in ev.env:  # self.layer(x), assigned here
            target = ev.env[key]
            ev.values[func] = target
            return invoke(ev, target, Arguments(ev, node), node)
        arguments = Arguments(ev, node)
        if owner.ref is not None and kind in _INSTANCES:
            ev.values[func] = ev.engine.attribute(owner, func.attr)
        found = method(ev, owner, func, arguments, node)
        return found._replace(grad=False) if ev.no_grad and found.grad else found
    target = ev.expr(func)
    return invoke(ev, target, Arguments(ev, node), node)


def _super(ev: Evaluator, name: str, arguments: Arguments) -> Value:
    if ev.class_ is None:
        return UNKNOWN
    for base in ev.engine.project.ancestry(ev.class_)[0][1:]:
        found = ev.engine.project.method(base, name)
        if found is not None:
            return ev.engine.call(ev, found, arguments, 1)
    if name == "forward":
        return Value(device=True)
    return UNKNOWN


def invoke(ev: Evaluator, target: Value, arguments: Arguments, node: ast.Call) -> Value:
    """Call a value."""
    kind = target.kind
    if kind == "python-module" and target.ref:
        return _external(ev, target.ref, arguments, node)
    if kind == "function":
        if target.ref is None:
            return target.element or UNKNOWN
        return ev.engine.call_named(ev, target.ref, arguments, node)
    if kind == "class" and target.ref:
        entity = ev.engine.project.lookup(target.ref)
        if isinstance(entity, ClassRef):
            return ev.engine.construct(ev, entity, arguments)
        return _external(ev, target.ref, arguments, node)
    if kind == "module":
        return _call_module(ev, target, arguments)
    if kind == "instance" and target.ref:
        return ev.engine.call_method(ev, target, "__call__", arguments) or _unknown_call(arguments)
    if kind in ("number", "str", "none", "list", "dict", "array", "tensor"):
        return UNKNOWN
    return _unknown_call(arguments)


def _unknown_call(arguments: Arguments) -> Value:
    """Something unknown was handed tensors: what comes back, if it is a tensor, is where they are."""
    inside = [v if v.kind not in ("list", "tuple", "dict") else elements(v) for v in arguments.all]
    devices = [v.device for v in inside if v.kind == "tensor"]
    if True in devices:
        return Value(device=True)
    if devices and all(d is False for d in devices):
        return Value(device=None)
    return UNKNOWN


def _call_module(ev: Evaluator, target: Value, arguments: Arguments) -> Value:
    grad = not ev.no_grad
    if target.ref is not None:
        entity = ev.engine.project.lookup(target.ref)
        if isinstance(entity, ClassRef):
            forward = ev.engine.project.method(entity, "forward") or ev.engine.project.method(
                entity, "__call__"
            )
            if forward is not None:
                found = ev.engine.call(ev, forward, arguments, 1)
                if found.kind == "unknown" and found.device is None:
                    found = found._replace(device=_device_of_arguments(arguments))
                return found._replace(grad=grad) if found.kind == "tensor" and found.grad is None else found
        last = target.ref.rpartition(".")[2]
        if target.ref.startswith("torch.nn."):
            return _builtin_module(last, arguments, grad)
    device = _device_of_arguments(arguments)
    return Value(device=device, grad=grad if device else None)


def _device_of_arguments(arguments: Arguments) -> bool | None:
    inside = [v if v.kind not in ("list", "tuple", "dict") else elements(v) for v in arguments.all]
    devices = [v.device for v in inside if v.kind in ("tensor", "unknown")]
    if True in devices:
        return True
    if devices and all(d is False for d in devices):
        return True if all(v.batch for v in inside if v.kind in ("tensor", "unknown")) else None
    return True


def _builtin_module(name: str, arguments: Arguments, grad: bool) -> Value:
    device = _device_of_arguments(arguments)
    first = arguments.value(0, "input")
    if device is True and first is not None and first.kind == "tensor" and first.device is not None:
        device = first.device
    plain = Value(
        "tensor", device, "float", grad=grad, origin=first.origin if first is not None else frozenset()
    )
    if name in ("LSTM",):
        return Value("tuple", items=(plain, Value("tuple", items=(plain, plain))))
    if name in ("GRU", "RNN", "LSTMCell"):
        return Value("tuple", items=(plain, plain))
    if name == "MultiheadAttention":
        return Value("tuple", items=(plain, plain))
    if name.endswith("Loss"):
        return plain
    if name in ("ModuleList", "ModuleDict", "ParameterList"):
        return UNKNOWN
    if name in (
        "Sequential",
        "Module",
        "DataParallel",
        "parallel.DistributedDataParallel",
        "DistributedDataParallel",
        "Identity",
    ):
        return Value(device=device, grad=grad)
    rank = first.rank if first is not None and name not in ("Flatten", "Unflatten", "Embedding") else None
    if name == "Embedding" and first is not None and first.rank is not None:
        rank = first.rank + 1
    return plain._replace(rank=rank)


def method(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments, node: ast.Call) -> Value:
    """``owner.name(...)``."""
    name, kind = func.attr, owner.kind
    receiver = Argument(owner, func.value)
    if kind == "unknown" and (
        name in TENSOR_ONLY
        or (name in TENSOR_LIKE and owner.device is True)
        or (name in _MAYBE_TENSOR and owner.device is not False)
    ):
        return _likely_tensor(ev, owner, name, receiver, arguments, node)
    if kind == "unknown" and name in ("to", "cuda") and _is_part_of_batch(ev, owner, func, arguments):
        part = Value("tensor", False, pinned=owner.pinned, batch=True, assumed=True)
        ev.values[func.value] = part
        return _tensor_method(ev, part, name, Argument(part, func.value), arguments, node)
    if kind == "unknown" and owner.batch and name in _OF_BATCH:
        return _tensor_method(
            ev, owner._replace(kind="tensor", assumed=True), name, receiver, arguments, node
        )
    if kind == "tensor":
        return _tensor_method(ev, owner, name, receiver, arguments, node)
    if owner.ref is not None and kind in _INSTANCES:
        found = ev.engine.call_method(ev, owner, name, arguments)
        if found is not None:
            return found
    if kind == "module":
        return _module_method(ev, owner, name, arguments, node)
    if kind in ("list", "tuple", "dict", "set"):
        return _container_method(ev, owner, name, func, arguments)
    if kind == "array":
        return LIST_OF_NUMBERS if name == "tolist" else NUMBER if name in ("item", "any", "all") else ARRAY
    if kind == "str":
        for argument in arguments.positional + list(arguments.keywords.values()):
            if name == "format":
                ev.dunder("__format__", argument.value, argument.node or func, None)
        return Value("list", element=STR) if name == "split" else STR if name in _STR_TO_STR else UNKNOWN
    if kind == "size":
        return INT if name == "numel" else UNKNOWN
    if kind == "optimizer":
        found = ev.operate(
            node, f"Optimizer.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
        )
        return found if found is not None else UNKNOWN
    if kind == "distribution":
        own = f"{owner.ref}.{name}"
        row = own if ev.engine.operator(own) is not None else f"Distribution.{name}"
        found = ev.operate(node, row, receiver, arguments.positional, arguments.keywords, arguments.spread)
        if found is None:
            return Value("tensor", owner.device)
        return (
            found._replace(device=owner.device) if found.kind == "tensor" and found.device is None else found
        )
    if kind in ("stream", "instance", "loader", "host", "scheduler") and owner.ref:
        found = ev.operate(
            node, f"{owner.ref}.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
        )
        if found is not None:
            return found
    if kind == "unknown":
        return _method_of_unknown(ev, owner, name, arguments, node)
    if kind in ("host", "scheduler"):
        return UNKNOWN
    return _unknown_call(arguments)


def _is_part_of_batch(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments) -> bool:
    """``batch["input_ids"].to(device)``: what is carried over by name comes from the host."""
    part = func.value
    if (
        owner.device is not None
        or not isinstance(part, ast.Subscript)
        or not isinstance(part.slice, ast.Constant)
    ):
        return False
    if not isinstance(part.slice.value, str) or ev.on_host:
        return False
    target = arguments.value(0, "device")
    if func.attr == "cuda":
        return True
    argument = arguments.positional[0].node if arguments.positional else None
    follows = (
        isinstance(argument, ast.Attribute)
        and argument.attr == "device"
        and ev.values.get(argument.value, UNKNOWN).kind == "tensor"
    )
    return target is not None and target.kind == "device" and target.device is not False and not follows


LIST_OF_NUMBERS = Value("list", element=NUMBER)
_STR_TO_STR = frozenset(
    {"format", "join", "lower", "upper", "strip", "replace", "rstrip", "lstrip", "title", "ljust", "rjust"}
)
_MAYBE_TENSOR = frozenset({"item", "cpu", "detach"})
_OF_BATCH = frozenset(
    {
        "to",
        "cuda",
        "float",
        "long",
        "half",
        "double",
        "int",
        "bool",
        "view",
        "reshape",
        "unsqueeze",
        "squeeze",
        "transpose",
        "item",
    }
)


def _likely_tensor(
    ev: Evaluator, owner: Value, name: str, receiver: Argument, arguments: Arguments, node: ast.Call
) -> Value:
    """A value of unknown kind is treated as tensors are: it most likely is one."""
    assumed = owner._replace(kind="tensor", assumed=True)
    if name == "cpu" and owner.device is None and not owner.batch and not ev.on_host:
        assumed = assumed._replace(device=True)  # who asks for the host's copy has it elsewhere
    if isinstance(receiver.node, ast.Name) and name in TENSOR_ONLY:
        ev.env[receiver.node.id] = assumed
    if receiver.node is not None:
        ev.values[receiver.node] = assumed
    return _tensor_method(ev, assumed, name, Argument(assumed, receiver.node), arguments, node)


def _tensor_method(
    ev: Evaluator, owner: Value, name: str, receiver: Argument, arguments: Arguments, node: ast.Call
) -> Value:
    receiver = Argument(owner, receiver.node)
    found = ev.operate(
        node, f"Tensor.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
    )
    if found is None:
        return _unknown_call(arguments)._replace(device=owner.device)
    if name.endswith("_") and isinstance(receiver.node, ast.Name) and found.kind == "tensor":
        ev.env[receiver.node.id] = owner
        return owner
    if name == "size" and not arguments.positional and not arguments.keywords:
        return SIZE if owner.rank is None else SIZE._replace(items=(INT,) * owner.rank)
    if name in ("size",):
        return INT
    if name in ("detach", "detach_"):
        return found._replace(grad=False)
    if name == "tolist" and owner.rank == 0:
        return NUMBER
    return found


def _module_method(ev: Evaluator, owner: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name in (
        "to",
        "cuda",
        "cpu",
        "eval",
        "train",
        "half",
        "float",
        "double",
        "bfloat16",
        "requires_grad_",
        "apply",
        "share_memory",
        "compile",
    ):
        ev.operate(
            node,
            f"Module.{name}",
            Argument(owner, None),
            arguments.positional,
            arguments.keywords,
            arguments.spread,
        )
        return owner
    if name in ("parameters", "buffers"):
        return Value("list", element=Value("tensor", True, "float", grad=name == "parameters"))
    if name in ("named_parameters", "named_buffers"):
        return Value(
            "list",
            element=Value(
                "tuple", items=(STR, Value("tensor", True, "float", grad=name == "named_parameters"))
            ),
        )
    if name in ("modules", "children"):
        return Value("list", element=Value("module"))
    if name in ("named_modules", "named_children"):
        return Value("list", element=Value("tuple", items=(STR, Value("module"))))
    if name == "state_dict":
        return Value("dict", element=Value("tensor", True))
    if name == "forward":
        return _call_module(ev, owner, arguments)
    if name in (
        "generate",
        "predict",
        "sample",
        "encode",
        "decode",
        "encode_image",
        "encode_text",
        "compute_loss",
        "loss",
    ):
        return Value(device=True, grad=None)
    return Value(device=True if True in [a.device for a in arguments.all] else None)


def _container_method(
    ev: Evaluator, owner: Value, name: str, func: ast.Attribute, arguments: Arguments
) -> Value:
    inside = elements(owner)
    if name in ("append", "add", "insert", "extend", "appendleft") and arguments.positional:
        added = arguments.positional[-1].value
        if name == "extend":
            added = elements(added)
        known = owner.element if owner.element is not None else join_all(owner.items) if owner.items else None
        grown = owner._replace(element=added if known is None else join(known, added), items=None)
        ev.rebind(func.value, grown)
        return NONE
    if name == "items":
        pair = Value("tuple", items=(STR, inside))
        return Value("list", element=pair)
    if name == "values":
        return Value("list", element=inside)
    if name == "keys":
        return Value("list", element=STR)
    if name == "get":
        key = arguments.value(0)
        if owner.keys is not None and key is not None and isinstance(key.const, str):
            for word, value in owner.keys:
                if word == key.const:
                    return value
        default = arguments.value(1)
        return inside if default is None else join(inside, default)
    if name == "update" and owner.kind == "dict":
        _update(ev, owner, func, arguments)
        return NONE
    if name in ("pop", "popleft", "popitem", "setdefault"):
        return inside
    if name == "copy":
        return owner
    if name in ("index", "count"):
        return INT
    if name in ("sort",) and inside.kind == "tensor":
        ev.dunder("__bool__", inside, func.value, arguments.node)
    return NONE if name in ("update", "clear", "sort", "reverse", "remove") else UNKNOWN


def _fill_entry(ev: Evaluator, node: ast.Call, added: Value) -> bool:
    """``lists[key].append(x)``: the dictionary holds lists of such values."""
    entry = node.func.value if isinstance(node.func, ast.Attribute) else None
    if not isinstance(entry, ast.Subscript):
        return False
    container = ev.values.get(entry.value, UNKNOWN)
    if container.kind not in ("dict", "list"):
        return False
    known = container.element
    inside = added if known is None or known.element is None else join(known.element, added)
    ev.rebind(entry.value, container._replace(element=Value("list", element=inside), keys=None, items=None))
    return True


def _update(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments) -> None:
    """``d.update(other)``, where the keys of both are known."""
    other = arguments.value(0)
    keys = dict(owner.keys) if owner.keys is not None else None
    if keys is not None and other is not None and other.keys is not None and not arguments.spread:
        keys.update(other.keys)
    elif other is not None or arguments.spread:
        keys = None
    if keys is not None:
        keys.update({name: a.value for name, a in arguments.keywords.items()})
    inside = [elements(owner)] + ([elements(other)] if other is not None else [])
    ev.rebind(
        func.value,
        owner._replace(keys=None if keys is None else tuple(keys.items()), element=join_all(inside)),
    )


def _method_of_unknown(ev: Evaluator, owner: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name in ("parameters",):
        return Value("list", element=Value("tensor", True, "float", grad=True))
    if name == "named_parameters":
        return Value("list", element=Value("tuple", items=(STR, Value("tensor", True, "float", grad=True))))
    if name == "items":
        return Value("list", element=Value("tuple", items=(STR, owner)))
    if name == "values":
        return Value("list", element=owner)
    if name in ("keys",):
        return Value("list", element=STR)
    if name == "append" and arguments.positional and _fill_entry(ev, node, arguments.positional[0].value):
        return NONE
    if name in (
        "get",
        "pop",
        "to",
        "cuda",
        "copy",
        "clone",
        "reshape",
        "transpose",
        "squeeze",
        "mean",
        "sum",
        "max",
        "min",
        "view",
        "flatten",
        "float",
        "long",
    ):
        if name in ("to", "cuda"):
            device = owner.device if owner.device is not None else True
            return owner._replace(device=device, batch=None)
        return owner
    if name in ("size",):
        return INT if arguments.positional else SIZE
    if name == "synchronize":
        return ev.operate(node, "torch.cuda.Event.synchronize", Argument(owner, None)) or UNKNOWN
    found_by_name = ev.engine.method_by_name(ev, name, arguments)
    if found_by_name is not None:
        return found_by_name
    return _unknown_call(arguments)


# ---- functions outside the project -------------------------------------------------------------------


def _external(ev: Evaluator, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name.startswith("builtins."):
        return _builtin(ev, name[9:], arguments, node)
    if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter"):
        first = arguments.value(0, "data")
        base = first if first is not None and first.kind == "tensor" else Value("tensor")
        return base._replace(device=True, grad=True, origin=frozenset(), assumed=False)
    if name in ("torch.finfo", "torch.iinfo"):
        return Value("host", ref=name)
    root, last = name.partition(".")[0], name.rpartition(".")[2]
    if root == "copy" and arguments.positional:
        return arguments.positional[0].value
    if last == "partial" and arguments.positional:
        return arguments.positional[0].value
    if last == "trange":
        return Value("list", element=INT)
    if last == "tqdm" or name.startswith("tqdm."):
        return arguments.positional[0].value if arguments.positional else UNKNOWN
    found = ev.operate(node, name, None, arguments.positional, arguments.keywords, arguments.spread)
    if found is not None:
        if found.kind in ("loader", "optimizer", "distribution", "module"):
            return _decorate(found, name, arguments)
        if name == "torch.device":
            return _device(arguments)
        return found
    if root == "torch":
        return _torch(name, last, arguments)
    if root in _ARRAY_PACKAGES:
        for argument in arguments.positional:
            if argument.value.kind == "tensor" and argument.value.device:
                ev.emit(node, "host-sync", "Tensor.__array__", True, argument.node)
        return ARRAY
    if root == "math":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__float__", argument.value, argument.node, node)
        return NUMBER
    if root in _HOST_PACKAGES:
        return HOST_RESULTS.get(name, HOST)
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
    constructed = ev.engine.external_instance(name)
    if constructed is not None:
        return _decorate(constructed, name, arguments)
    if last == "DataLoader":
        return _decorate(Value("loader", ref=name), name, arguments)
    return _unknown_call(arguments)


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


_ARRAY_PACKAGES = frozenset({"numpy", "pandas", "scipy", "sklearn", "cv2", "skimage"})
_HOST_PACKAGES = frozenset(
    """os sys json re random time datetime logging pathlib glob shutil argparse collections itertools
    pickle yaml
    PIL matplotlib wandb warnings subprocess threading gc inspect typing dataclasses contextlib io csv
    string hashlib
    uuid tempfile socket struct platform operator omegaconf hydra tensorboard""".split()
)
HOST_RESULTS = {
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
    "itertools.chain": UNKNOWN,
    "itertools.product": UNKNOWN,
    "operator.itemgetter": UNKNOWN,
    "dataclasses.field": UNKNOWN,
    "dataclasses.asdict": DICT,
    "os.environ.get": STR,
    "copy.deepcopy": UNKNOWN,
}


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
    tensors = [v if v.kind != "list" else elements(v) for v in arguments.all]
    tensors = [v for v in tensors if v.kind == "tensor"]
    if tensors:
        device = True if any(t.device for t in tensors) else tensors[0].device
        return Value("tensor", device, grad=any_of([t.grad for t in tensors]), origin=tensors[0].origin)
    return UNKNOWN


def _builtin(ev: Evaluator, name: str, arguments: Arguments, node: ast.Call) -> Value:
    first = arguments.positional[0] if arguments.positional else None
    value = first.value if first is not None else UNKNOWN
    if name in _CASTS:
        if first is not None and first.node is not None:
            ev.dunder(_CASTS[name], value, first.node, node)
        return {"float": NUMBER._replace(dtype="float"), "int": INT, "bool": BOOL}.get(name, NUMBER)
    if name in ("str", "repr", "format", "ascii"):
        if first is not None and first.node is not None:
            ev.dunder("__format__" if name == "format" else "__repr__", value, first.node, node)
        return STR
    if name == "print":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__repr__", argument.value, argument.node)
                if argument.value.kind in ("list", "tuple", "dict") and elements(argument.value).on_device:
                    ev.dunder("__repr__", elements(argument.value), argument.node)
        return NONE
    if name == "range":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__index__", argument.value, argument.node, node)
        return Value("list", element=INT)
    if name in ("max", "min"):
        return _extreme(ev, arguments, node)
    if name == "sum":
        start = arguments.value(1, "start")
        inside = elements(value)
        if inside.kind == "tensor":
            return inside._replace(contiguous=None, rank=inside.rank)
        return (
            join(inside, start)
            if start is not None and start.kind == "tensor"
            else inside
            if inside.kind == "number"
            else UNKNOWN._replace(device=inside.device)
        )
    if name in ("any", "all"):
        inside = elements(value)
        if inside.kind == "tensor" and first is not None and first.node is not None:
            ev.dunder("__bool__", inside, first.node, node)
        return BOOL
    if name == "sorted":
        inside = elements(value)
        key = arguments.keywords.get("key")
        if inside.kind == "tensor" and key is None and first is not None and first.node is not None:
            ev.dunder("__bool__", inside, first.node, node)
        return Value("list", element=inside)
    if name in ("list", "tuple", "set", "frozenset", "reversed", "iter"):
        if first is None:
            return Value("set") if "set" in name else Value("list") if name != "tuple" else Value("tuple")
        if value.kind == "loader":
            return value
        if value.items is not None and name in ("list", "tuple"):
            return value._replace(kind=name)  # type: ignore[arg-type]
        return Value("set" if "set" in name else "list", element=elements(value))
    if name == "next":
        return elements(value)
    if name == "enumerate":
        return Value("list", element=Value("tuple", items=(INT, elements(value))))
    if name == "zip":
        return Value(
            "list", element=Value("tuple", items=tuple(elements(a.value) for a in arguments.positional))
        )
    if name == "map":
        if arguments.positional[1:]:
            inner = [elements(a.value) for a in arguments.positional[1:]]
            called = value
            if called.kind == "python-module" and called.ref in ("builtins.float", "builtins.int"):
                for argument, inside in zip(arguments.positional[1:], inner):
                    if argument.node is not None:
                        ev.dunder("__float__", inside, argument.node, node)
                return Value("list", element=NUMBER)
            if called.kind == "function" and called.element is not None:
                return Value("list", element=called.element)
        return Value("list", element=UNKNOWN)
    if name == "filter":
        return (
            Value("list", element=elements(arguments.positional[1].value))
            if arguments.positional[1:]
            else UNKNOWN
        )
    if name == "dict":
        if arguments.keywords and not arguments.positional and not arguments.spread:
            keys = tuple((k, a.value) for k, a in arguments.keywords.items())
            return Value("dict", element=join_all([v for _, v in keys]), keys=keys)
        return value if value.kind == "dict" else DICT
    if name in ("len", "id", "hash", "ord"):
        return INT
    if name in ("isinstance", "hasattr", "callable", "issubclass"):
        return BOOL
    if name in ("abs", "round", "divmod"):
        if value.kind == "tensor":
            return value
        return NUMBER if value.kind == "number" else UNKNOWN._replace(device=value.device)
    if name == "pow":
        return value if value.kind == "tensor" else NUMBER
    if name == "getattr":
        attr = arguments.value(1)
        if (
            attr is not None
            and isinstance(attr.const, str)
            and first is not None
            and isinstance(first.node, ast.expr)
        ):
            attribute = ast.Attribute(first.node, attr.const, ast.Load())
            ast.copy_location(attribute, node)
            return member(ev, value, attribute)
        return UNKNOWN
    if name == "super":
        return UNKNOWN
    if name in ("open", "input", "type", "object", "vars", "dir", "globals", "locals"):
        return HOST if name != "input" else STR
    return UNKNOWN


_CASTS = {"float": "__float__", "int": "__int__", "bool": "__bool__", "complex": "__float__"}


def _extreme(ev: Evaluator, arguments: Arguments, node: ast.Call) -> Value:
    """``max(a, b)`` compares, and asks each comparison for its truth."""
    values = [a.value for a in arguments.positional]
    if len(values) == 1:
        inside = elements(values[0])
        argument = arguments.positional[0]
        if inside.kind == "tensor" and "key" not in arguments.keywords and argument.node is not None:
            ev.dunder("__bool__", inside, argument.node, node)
        return inside
    for argument in arguments.positional:
        if argument.value.kind == "tensor" and "key" not in arguments.keywords and argument.node is not None:
            ev.dunder("__bool__", argument.value, argument.node, node)
            break
    return join_all(values) if values else UNKNOWN
