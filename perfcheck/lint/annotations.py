"""What a type annotation promises."""

from __future__ import annotations

import ast
from collections.abc import Callable

from perfcheck.lint.values import (
    ACCELERATOR,
    ARRAY,
    BOOL,
    DICT,
    INT,
    NUMBER,
    SIZE,
    STR,
    UNKNOWN,
    Dtype,
    Value,
)

Resolve = Callable[[ast.expr], str | None]
Instance = Callable[[str], Value]

_DTYPES: dict[str, Dtype | None] = {
    "Tensor": None,
    "LongTensor": "int",
    "FloatTensor": "float",
    "BoolTensor": "bool",
    "IntTensor": "int",
    "HalfTensor": "float",
    "ByteTensor": None,
    "Parameter": None,
    "TensorType": None,
}
_TENSORS = {name: Value("tensor", True, dtype, assumed=True) for name, dtype in _DTYPES.items()}
_JAXTYPING: dict[str, Dtype | None] = {
    "Float": "float",
    "Int": "int",
    "Bool": "bool",
    "Int64": "int",
    "Int32": "int",
    "Integer": "int",
    "Float32": "float",
    "Float16": "float",
    "Num": None,
    "Shaped": None,
    "UInt8": "int",
}
_SEQUENCES = frozenset(
    {"List", "list", "Sequence", "Iterable", "Iterator", "Collection", "Set", "set", "Generator", "deque"}
)
_MAPPINGS = frozenset({"Dict", "dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict"})
_NUMBERS: dict[str, Value] = {
    "int": INT,
    "float": NUMBER._replace(dtype="float"),
    "bool": BOOL,
    "complex": NUMBER,
}
_PLAIN: dict[str, Value] = {
    "str": STR,
    "ndarray": ARRAY,
    "NDArray": ARRAY,
    "DataFrame": ARRAY,
    "Series": ARRAY,
    "Size": SIZE,
    "DictConfig": Value("host"),
    "Path": Value("host"),
    "bytes": STR,
    "Module": Value("module"),
    "Optimizer": Value("optimizer"),
    "device": ACCELERATOR,
    "dtype": Value("dtype"),
    "SummaryWriter": Value("host", ref="torch.utils.tensorboard.SummaryWriter"),
    "Callable": Value("function"),
    "Namespace": Value("host"),
    "ArrayLike": ARRAY,
}


def annotated(node: ast.expr | None, resolve: Resolve, instance: Instance) -> Value:
    """The value of a variable so annotated; tensors are taken to be on the device (``assumed``)."""
    if node is None:
        return UNKNOWN
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _named(node, resolve, instance)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            try:
                return annotated(ast.parse(node.value, mode="eval").body, resolve, instance)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return UNKNOWN
        return Value("none", const=None) if node.value is None else UNKNOWN
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right], resolve, instance)
    return _generic(node, resolve, instance) if isinstance(node, ast.Subscript) else UNKNOWN


def _named(node: ast.Name | ast.Attribute, resolve: Resolve, instance: Instance) -> Value:
    last = node.attr if isinstance(node, ast.Attribute) else node.id
    if last in _TENSORS:
        return _TENSORS[last]
    if last in _NUMBERS:
        return _NUMBERS[last]
    dotted = resolve(node)
    if dotted == "torch.nn.utils.rnn.PackedSequence":
        return Value("instance", True, ref=dotted)
    if dotted is not None and dotted.startswith("torch.nn.") and last[:1].isupper():
        return Value("module", ref=dotted)
    if last in _PLAIN and (dotted is None or not dotted.startswith("torch.distributed")):
        return _PLAIN[last]
    if last.endswith("DataLoader"):  # StatefulDataLoader
        return Value("loader", device=False)
    if last in _SEQUENCES:
        return Value("list")
    if last in ("Tuple", "tuple"):
        return Value("list")
    if last in _MAPPINGS:
        return DICT
    return UNKNOWN if dotted is None else instance(dotted)


def alias_of(file: ast.Module, name: str) -> ast.expr | None:
    """The type that ``name`` stands for: what the file assigns to it first, or the bound of a ``TypeVar``."""
    for statement in ast.walk(file):
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = statement.value
            if isinstance(value, ast.Call):
                return next((k.value for k in value.keywords if k.arg == "bound"), None)
            return value if isinstance(value, (ast.Subscript, ast.BinOp, ast.Name, ast.Attribute)) else None
    return None


def _union(parts: list[ast.expr], resolve: Resolve, instance: Instance) -> Value:
    found: list[Value] = []
    for part in parts:
        value = annotated(part, resolve, instance)
        if value.kind == "none":
            continue
        if value not in found:
            found.append(value)
    if len(found) == 1:
        return found[0]
    kinds = {v.kind for v in found}
    if len(kinds) == 1 and found and found[0].kind == "tensor":
        return Value("tensor", True, assumed=True)
    if len(kinds) == 1 and found and found[0].kind == "number":
        return NUMBER
    return Value("host") if kinds and kinds <= _HOST_KINDS else UNKNOWN


_HOST_KINDS = frozenset({"number", "str", "host", "dtype"})


def _generic(node: ast.Subscript, resolve: Resolve, instance: Instance) -> Value:
    base = node.value
    last = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if last in ("Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired"):
        return annotated(inner[0], resolve, instance)
    if last == "Union":
        return _union(inner, resolve, instance)
    if last in _SEQUENCES:
        return Value("list", element=annotated(inner[0], resolve, instance))
    if last in ("Tuple", "tuple"):
        if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis:
            return Value("tuple", element=annotated(inner[0], resolve, instance))
        return Value("tuple", items=tuple(annotated(part, resolve, instance) for part in inner))
    if last in _MAPPINGS and len(inner) == 2:
        held = annotated(inner[1], resolve, instance)
        if held.kind == "tensor":
            held = held._replace(device=None)  # parameters, states and counts are kept on the host as often
        return Value("dict", element=held)
    if last in _JAXTYPING:
        of = annotated(inner[0], resolve, instance)
        if of.kind != "tensor":
            return of
        rank = None
        if len(inner) > 1 and isinstance(inner[1], ast.Constant) and isinstance(inner[1].value, str):
            words = inner[1].value.split()
            rank = None if any("*" in w or "..." in w for w in words) else len(words)
        return of._replace(dtype=_JAXTYPING[last], rank=rank)
    if last == "Literal" and inner and isinstance(inner[0], ast.Constant):
        return STR if isinstance(inner[0].value, str) else NUMBER
    return annotated(base, resolve, instance)
