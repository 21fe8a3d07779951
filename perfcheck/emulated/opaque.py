"""Library calls that are one kernel on CUDA and many operators elsewhere: cuDNN's recurrent layers, fused
attention, the CTC loss."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_flatten, tree_unflatten

from perfcheck.emulated import recording
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE_TYPES, held, wrap


def install(patches: Patches) -> None:
    """Run these calls as one operator each."""
    functional = torch.nn.functional
    patches.set(
        functional,
        "scaled_dot_product_attention",
        opaque(functional.scaled_dot_product_attention, "aten::scaled_dot_product_attention"),
    )
    for name in ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"):
        patches.set(torch._VF, name, opaque(getattr(torch._VF, name), f"aten::{name}"))
    implementations = torch.nn.modules.rnn._rnn_impls
    patches.item(implementations, "RNN_TANH", torch._VF.rnn_tanh)
    patches.item(implementations, "RNN_RELU", torch._VF.rnn_relu)
    loss = opaque(torch.ctc_loss, "torch.ctc_loss", autocast=False)
    patches.set(torch, "ctc_loss", loss)


class _Opaque(torch.autograd.Function):
    """A call on the CPU, with its own graph there, which the backward runs through."""

    @staticmethod
    def forward(ctx: Any, function: Any, operator: str, spec: Any, *flat: Any) -> Any:
        ctx.operator = operator
        with _disable_current_modes(), torch.enable_grad():
            ctx.inputs = [
                held(value).detach().requires_grad_(value.requires_grad)
                if isinstance(value, torch.Tensor)
                else value
                for value in flat
            ]
            args, kwargs = tree_unflatten(ctx.inputs, spec)
            ctx.outputs, ctx.spec = tree_flatten(function(*args, **kwargs))
            results = tuple(wrap(output.detach()) for output in ctx.outputs)
        ctx.mark_non_differentiable(*(r for r, o in zip(results, ctx.outputs) if not o.requires_grad))
        return results

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        recording.occurred("kernel-launch", f"{ctx.operator}_backward")
        with _disable_current_modes(), torch.enable_grad():
            wanted = [
                value for value in ctx.inputs if isinstance(value, torch.Tensor) and value.requires_grad
            ]
            pairs = [
                (output, held(gradient))
                for output, gradient in zip(ctx.outputs, gradients)
                if gradient is not None and output.requires_grad
            ]
            computed = iter(
                torch.autograd.grad(
                    [output for output, _ in pairs],
                    wanted,
                    [gradient for _, gradient in pairs],
                    retain_graph=True,  # the script may run through the graph again
                    allow_unused=True,
                )
            )
            return (
                None,
                None,
                None,
                *(
                    _optional(next(computed))
                    if isinstance(value, torch.Tensor) and value.requires_grad
                    else None
                    for value in ctx.inputs
                ),
            )


def _optional(gradient: Any) -> Any:
    return None if gradient is None else wrap(gradient)


def opaque(function: Callable[..., Any], operator: str, autocast: bool = True) -> Callable[..., Any]:
    """``function`` as one operator where device tensors take part."""

    def call(*args: Any, **kwargs: Any) -> Any:
        flat, spec = tree_flatten((args, kwargs))
        if not any(type(value) in DEVICE_TYPES for value in flat):
            return function(*args, **kwargs)
        if autocast and torch.is_autocast_enabled("cuda"):
            low = torch.get_autocast_dtype("cuda")
            flat = [
                value.to(low) if type(value) in DEVICE_TYPES and value.dtype is torch.float32 else value
                for value in flat
            ]
        recording.called(operator)
        recording.occurred("kernel-launch", operator)
        if torch.is_grad_enabled() and any(isinstance(v, torch.Tensor) and v.requires_grad for v in flat):
            results = _Opaque.apply(function, operator, spec, *flat)
            return results if len(results) > 1 else results[0]
        with _disable_current_modes():
            args, kwargs = tree_unflatten([held(value) for value in flat], spec)
            result = function(*args, **kwargs)
        return tuple(wrap(one) for one in result) if isinstance(result, tuple) else wrap(result)

    call.__name__ = getattr(function, "__name__", operator)
    call.__doc__ = function.__doc__
    return call
