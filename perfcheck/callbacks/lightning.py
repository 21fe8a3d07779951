"""``Trainer(callbacks=[PerfcheckCallback()])``: a training step is a step, and the training is traced.

On a GPU this is all it takes. The emulated device must be there before the trainer looks for one: without
a GPU run the script with ``perfcheck trace``, under which the callback only says where steps end.
"""

from typing import Any

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:  # the same library under its older name
    from pytorch_lightning.callbacks import Callback

from perfcheck.callbacks import Training


class PerfcheckCallback(Callback):  # type: ignore[misc]
    """``options`` are those of :func:`perfcheck.trace`, for where nothing is traced yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._training = Training(**options)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._training.begins()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *rest: Any, **more: Any) -> None:
        self._training.step_ends()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._training.ends()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._training.ends()
