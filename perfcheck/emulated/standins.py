"""Operators that torch calls for CUDA tensors alone, computed by their CPU counterparts.

Mostly builds with CUDA call these: there, layers go to cuDNN's operators. The others do more on CUDA than on
the CPU.
"""

from collections.abc import Callable
from typing import Any

import torch

_aten = torch.ops.aten


def _cudnn_batch_norm(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float, epsilon: float
) -> tuple[Any, ...]:
    result = torch.native_batch_norm(x, weight, bias, mean, var, training, momentum, epsilon)
    return (*result, x.new_empty(0, dtype=torch.uint8))  # the space that cuDNN keeps for the backward


def _cudnn_batch_norm_backward(
    x: Any, grad: Any, weight: Any, mean: Any, var: Any, save_mean: Any, save_var: Any, epsilon: float, _: Any
) -> Any:
    return _aten.native_batch_norm_backward(
        grad, x, weight, mean, var, save_mean, save_var, True, epsilon, [True, True, True]
    )


def _in_float(operator: Any) -> Callable[..., Any]:
    """A softmax of half precision that gives single precision."""
    return lambda x, dim, widen: operator(x.float() if widen else x, dim, False)


def _back_to_half(operator: Any) -> Callable[..., Any]:
    return lambda grad, output, dim, dtype: operator(grad, output, dim, grad.dtype).to(dtype)


def _zeros(size: Any, **options: Any) -> Any:
    """Zeros that have no memory, which forward-mode AD makes: device tensors hold such as have."""
    return torch.zeros(size, **options)


def _histc(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Of integers, too."""
    return torch.histc(x if x.is_floating_point() else x.double(), *args, **kwargs).to(x.dtype)


STANDINS: dict[str, Callable[..., Any]] = {
    "aten::_efficientzerotensor": _zeros,
    "aten::cudnn_batch_norm": _cudnn_batch_norm,
    "aten::cudnn_batch_norm_backward": _cudnn_batch_norm_backward,
    "aten::_cudnn_rnn_flatten_weight": lambda weights, *_: torch.cat([w.reshape(-1) for w in weights]),
    "aten::_use_cudnn_ctc_loss": lambda *_, **__: False,
    "aten::_use_miopen_ctc_loss": lambda *_, **__: False,
    "aten::_softmax": _in_float(_aten._softmax),
    "aten::_log_softmax": _in_float(_aten._log_softmax),
    "aten::_softmax_backward_data": _back_to_half(_aten._softmax_backward_data),
    "aten::_log_softmax_backward_data": _back_to_half(_aten._log_softmax_backward_data),
    "aten::histc": _histc,
    "aten::record_stream": lambda *_: None,
}
