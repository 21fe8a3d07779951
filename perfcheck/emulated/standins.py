"""Operators that torch calls for CUDA tensors alone, or that do more there, computed by what the CPU has."""

from collections.abc import Callable
from typing import Any

import torch

_aten = torch.ops.aten


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
    "aten::_use_cudnn_ctc_loss": lambda *_, **__: False,
    "aten::_use_miopen_ctc_loss": lambda *_, **__: False,
    "aten::_softmax": _in_float(_aten._softmax),
    "aten::_log_softmax": _in_float(_aten._log_softmax),
    "aten::_softmax_backward_data": _back_to_half(_aten._softmax_backward_data),
    "aten::_log_softmax_backward_data": _back_to_half(_aten._log_softmax_backward_data),
    "aten::histc": _histc,
    "aten::record_stream": lambda *_: None,
}
