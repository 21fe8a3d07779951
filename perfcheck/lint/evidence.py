"""What the use of a variable, or its name, says about it."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Final

from perfcheck.lint.dotted import dotted
from perfcheck.lint.values import ACCELERATOR, INT, UNKNOWN, Value

TENSOR_ONLY: Final = frozenset(
    """abs_ add_ addcdiv_ addcmul_ addmm backward baddbmm bernoulli_ bfloat16 bmm bool chunk clamp clamp_
    clamp_max clamp_min
    contiguous cpu cuda cummax detach detach_ dim div_ double exp_ expand expand_as fill_ flip float gather ge
    grad_fn half index_add index_add_ index_copy_ index_fill_ index_select int isnan isinf kthvalue
    log_softmax logsumexp long masked_fill
    masked_fill_ masked_scatter masked_select matmul mul_ narrow ndimension neg new_empty new_full
    new_ones new_tensor
    new_zeros nonzero norm normal_ numel permute pin_memory pow relu relu_ repeat_interleave
    requires_grad_ rsqrt scatter
    scatter_ scatter_add scatter_add_ sigmoid softmax squeeze_ sub_ tanh tile to_dense to_sparse topk tril
    triu type_as unbind unflatten
    uniform_ unsqueeze unsqueeze_ view view_as zero_ item tolist""".split()
) - {
    "tolist",
    "bool",
    "int",
    "float",
    "long",
    "half",
    "double",
    "cuda",
    "abs_",
    "tile",
    "pow",
    "chunk",
    "flip",
    "norm",
    "numel",
    "view",
    "item",
}
"""Methods that tensors have, and modules, arrays, lists, strings and numbers do not."""

WANT_TWO: Final = frozenset({"gather", "index_select", "scatter", "scatter_", "narrow", "index_add_"})
"""Of these, those that tensors have with two arguments or more, and others (process groups) with one."""

TENSOR_LIKE: Final = TENSOR_ONLY | {"item", "view", "cpu", "tolist", "float", "long", "norm", "chunk"}

TENSOR_PROPERTIES: Final = frozenset(
    {"device", "is_cuda", "requires_grad", "grad_fn", "is_leaf", "is_sparse", "is_quantized"}
)

_NO_SUBJECT = frozenset(
    """tensor as_tensor from_numpy device zeros ones empty full rand randn randint arange linspace
    manual_seed load save scalar_tensor asarray hann_window hamming_window tril_indices triu_indices range
    BoolTensor IntTensor HalfTensor DoubleTensor ByteTensor empty_strided
    is_tensor Generator Size set_grad_enabled no_grad compile get_default_dtype finfo iinfo randperm eye
    DataLoader
    is_floating_point set_device synchronize empty_cache stack cat cartesian_prod einsum Tensor
    FloatTensor LongTensor
    Stream Event init_process_group is_grad_enabled dtype typename script trace broadcast_shapes""".split()
)
SHARED_WITH_ARRAYS: Final = frozenset(
    """any all sum mean max min argmax argmin argsort amax amin std var reshape transpose flatten squeeze
    cumsum prod lt gt le eq ne
    nonzero ravel""".split()
)
"""Methods of tensors and of NumPy arrays: they tell something only where a file knows no NumPy."""

_DIMENSIONS: Final = frozenset({"dim", "keepdim", "descending"})
"""Keywords of tensors' methods for what arrays call ``axis`` and ``keepdims``, and lists do not have."""


def along_dimension(call: ast.Call) -> bool:
    """``x.sum(dim=1)``, ``x.sort(descending=True)``: whatever has such a method is a tensor."""
    func = call.func
    return (
        type(func) is ast.Attribute
        and (func.attr in SHARED_WITH_ARRAYS or func.attr in _ALONG)
        and any(keyword.arg in _DIMENSIONS for keyword in call.keywords)
    )


_ALONG = frozenset(
    """sort norm softmax topk median mode logsumexp unique quantile count_nonzero size argwhere
    index_select""".split()
)

_CASTS = frozenset({"float", "long", "half", "double", "int", "bool", "abs", "norm", "sum", "mean"})
_FUNCTIONS_OF_TENSORS = frozenset(
    {"torch.functional", "torch.linalg", "torch.special", "torch.fft", "torch.nn.functional", "nn.functional"}
)
TORCH: Final = frozenset({"torch", "F", "functional"})


NO_TENSORS = frozenset(
    {
        "self",
        "cls",
        "torch",
        "F",
        "np",
        "model",
        "module",
        "net",
        "math",
        "accelerator",
        "fabric",
        "trainer",
        "dist",
        "",
    }
)

OF_SETTINGS: Final = frozenset({"args", "cfg", "config", "conf", "opt", "opts", "options", "hparams"})
"""What has a ``device`` beside other settings."""


_OF_ATTRIBUTES = TENSOR_ONLY - frozenset(
    """backward sub expand gather scatter matmul bmm addmm softmax log_softmax relu sigmoid tanh topk dim cpu
    bfloat16 contiguous pin_memory detach permute ge""".split()
)
"""Methods of which attributes show that they are tensors: engines, layers and processes have the others."""


def tensor_of(call: ast.Call) -> str:
    """The variable, or the attribute of one (``meta.lengths``), that a method call shows to be a tensor."""
    func = call.func
    if type(func) is not ast.Attribute:
        return ""
    receiver, attr = func.value, func.attr
    if type(receiver) is ast.Name:
        if receiver.id in TORCH:
            telling_name = attr not in _NO_SUBJECT and not attr.startswith(("set_", "use_", "get_", "is_"))
            return _sole_variable(call.args[0]) if call.args and telling_name else ""
        telling = attr in TENSOR_ONLY or (attr == "size" and call.args) or along_dimension(call)
        return receiver.id if telling else ""
    if type(receiver) is ast.Call:  # x.float().sum()
        inner = receiver.func
        if (
            type(inner) is ast.Attribute
            and type(inner.value) is ast.Name
            and inner.attr in _CASTS
            and not receiver.args
            and attr not in ("to", "cuda", "eval", "train")
        ):
            return inner.value.id
    elif type(receiver) is ast.Subscript:  # x[:, :4].clone()
        base, index = receiver.value, receiver.slice
        sliced = type(index) is ast.Tuple and any(type(part) is ast.Slice for part in index.elts)
        if sliced and type(base) is ast.Name and (attr in TENSOR_ONLY or attr == "clone"):
            return base.id
    elif type(receiver) is ast.Attribute and type(receiver.value) is ast.Name:
        name = f"{receiver.value.id}.{receiver.attr}"
        if call.args and name in _FUNCTIONS_OF_TENSORS:
            return _sole_variable(call.args[0])  # torch.linalg.norm(x)
        if attr in WANT_TWO and len(call.args) + len(call.keywords) < 2:
            return ""
        return name if attr in _OF_ATTRIBUTES or along_dimension(call) else ""
    elif type(receiver) is ast.Attribute and call.args and dotted(receiver) in _FUNCTIONS_OF_TENSORS:
        return _sole_variable(call.args[0])  # torch.nn.functional.relu(x)
    return ""


def second_tensor_of(call: ast.Call) -> str:
    """``labels`` of ``F.cross_entropy(logits, labels)``"""
    return _sole_variable(call.args[1]) if len(call.args) > 1 else ""


OF_TWO: Final = frozenset(
    """binary_cross_entropy binary_cross_entropy_with_logits cosine_similarity cross_entropy huber_loss kl_div
    l1_loss mse_loss nll_loss pairwise_distance smooth_l1_loss bmm cdist dot matmul maximum minimum mm
    outer""".split()
)
"""Functions of torch of which the second argument is a tensor as well."""


def _sole_variable(node: ast.expr) -> str:
    """``x`` of ``x``, ``-x``, ``x > 0`` and ``(1 - x) ** 2``: of what one variable and numbers come to."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr != "data":
        return f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.UnaryOp):
        return _sole_variable(node.operand)
    if isinstance(node, ast.BinOp):
        pair = [node.left, node.right]
    elif isinstance(node, ast.Compare):
        pair = [node.left, *node.comparators]
    else:
        return ""
    parts = [part for part in pair if not isinstance(part, ast.Constant)]
    return _sole_variable(parts[0]) if len(parts) == 1 else ""


_NAMED: tuple[tuple[re.Pattern[str], Value], ...] = (
    (re.compile(r"^(bos|eos|pad|blank|unk|mask|sep|cls|sos|ignore)_(index|idx|id|token_id)$"), INT),
    (re.compile(r"(^|_)(device(_type)?|dev)$|^gpu$"), ACCELERATOR),
    (re.compile(r"(^|_)dtype$"), Value("dtype")),
    (  # where sequences begin in a batch without padding, as kernels of attention want them: on the device
        re.compile(r"^cu_?seq_?lens?(_(?!cpu|list|host|np)\w+)?$"),
        Value("tensor", True, "int", 1, assumed=True),
    ),
    (
        re.compile(
            r"(^|_)(data_?)?loader(_iter(ator)?)?$|(^|_)dl$|^dataloaders?$|^(data|batch)_iter(ator)?$"
        ),
        Value("loader", device=False),
    ),
    (re.compile(r"^(optimizer|optim|opt)$|_(optimizer|optim)$"), Value("optimizer")),
    (re.compile(r"^(lr_)?scheduler$"), Value("scheduler")),
    (
        re.compile(
            r"(^|_)(model|net|network|module|criterion|discriminator|generator_net|unet|vae|policy_net|actor|critic|backbone|"
            r"encoder|decoder|text_encoder|transformer|loss_fn|loss_func)$|^(net[GD]|G|D)$"
        ),
        Value("module", device=True, assumed=True),
    ),
    (
        re.compile(
            r"^(logger|log|writer|wandb|pbar|path|filename|tokenizer|args|cfg|config|opts?)$|_(path|dir|file|fn|name)$"
        ),
        UNKNOWN,
    ),
)


@lru_cache(maxsize=8192)
def by_name(name: str) -> Value:
    """What a parameter of that name is by the field's conventions; UNKNOWN for most."""
    for pattern, value in _NAMED:
        if pattern.search(name):
            return value
    return UNKNOWN
