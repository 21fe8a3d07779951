"""What must be known of an operator to run it for the device, found once for each overload."""

from typing import Any, NamedTuple

import torch

from perfcheck.emulated.conditions import Call, Condition, compiled
from perfcheck.emulated.kernels import is_composite
from perfcheck.emulated.recording import COUNTED
from perfcheck.events import Event
from perfcheck.operators import by_aten

# Only bookkeeping on the host, though the schema does not say so. (Views, which it does tell, and what
# allocates memory need not stand here.)
_NO_KERNEL = frozenset(
    """detach detach_ lift_fresh lift _unsafe_view _reshape_alias resize_ set_ _local_scalar_dense is_pinned
    record_stream _pin_memory _has_compatible_shallow_copy_type is_same_size _version item is_nonzero
    sym_size sym_stride sym_numel sym_storage_offset _use_cudnn_ctc_loss _fused_sdp_choice
    _efficientzerotensor""".split()
)

# May be given host tensors of one dimension and more beside device tensors; all others refuse, as CUDA does.
_MIXES = frozenset(
    """copy_ _to_copy index index_put index_put_ _index_put_impl_ _unsafe_index _unsafe_index_put
    _pack_padded_sequence _pad_packed_sequence _ctc_loss _ctc_loss_backward _use_cudnn_ctc_loss set_
    lift_fresh _has_compatible_shallow_copy_type is_same_size tensor_split""".split()
)

_RESIZES = frozenset(
    {"resize_", "resize_as_", "set_", "squeeze_", "unsqueeze_", "t_", "transpose_", "resize"}
)


class Plan(NamedTuple):
    """How to run an operator, and what running it does to host and device."""

    operator: str  # "aten::add"
    launches: bool  # is there a kernel?
    view: bool
    effects: tuple[tuple[Event, Condition], ...]
    names: tuple[str, ...]  # of the parameters
    written: tuple[int | None, ...]  # for each result: the position of the argument that it is
    writes: bool  # is any result an argument?
    refreshes: bool  # may an argument that is written get other sizes?
    mixes: bool
    copies: bool  # copy_ and its like: the second argument is read
    composite: bool  # made of other operators, which are to be seen (under inference_mode they would not be)
    foreign: bool  # no operator of torch's own
    on_host: int | None  # the result that lies on the host in any case


_plans: dict[int, Plan] = {}  # by id: overloads live as long as the process


def plan_of(func: Any) -> Plan:
    """The plan of an overload."""
    plan = _plans.get(id(func))
    if plan is None:
        plan = _plans[id(func)] = _make(func)
    return plan


def _make(func: Any) -> Plan:
    schema = func._schema
    namespace, _, name = schema.name.partition("::")
    aliases = [_written_alias(argument) for argument in schema.arguments]
    written = tuple(
        aliases.index(alias) if (alias := _written_alias(result)) is not None else None
        for result in schema.returns
    )
    if name.startswith("_foreach") or not schema.returns:  # write into lists, return nothing
        written = ()
    view = any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
    return Plan(
        operator=schema.name,
        launches=not view and name not in _NO_KERNEL and "empty" not in name,
        view=view,
        effects=_effects(name) if namespace == "aten" else (),
        names=tuple(argument.name for argument in schema.arguments),
        written=written,
        writes=any(position is not None for position in written),
        refreshes=torch.Tag.inplace_view in func.tags
        or name in _RESIZES
        or any(a.is_out for a in schema.arguments),
        mixes=name in _MIXES or name.startswith(("_foreach", "_fused")) or namespace != "aten",
        copies=name in ("copy_", "_foreach_copy_", "copy"),
        composite=is_composite(func),
        foreign=namespace not in ("aten", "prims", "c10d"),
        on_host=1 if name == "_pack_padded_sequence" else None,  # the batch sizes
    )


def _written_alias(argument: Any) -> str | None:
    alias = argument.alias_info
    return min(alias.before_set, default="") if alias is not None and alias.is_write else None


def _effects(name: str) -> tuple[tuple[Event, Condition], ...]:
    version = torch.__version__.split(".")[:2]
    operator = by_aten(name, (int(version[0]), int(version[1])))
    if operator is None:
        return ()
    return tuple(
        (effect.event, compiled(effect.when)) for effect in operator.effects if effect.event in COUNTED
    )


def bind(
    plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any], from_device: bool, to_device: bool
) -> Call:
    """The call's arguments under the names of the schema."""
    return Call(dict(zip(plan.names, args)) | kwargs, from_device, to_device)
