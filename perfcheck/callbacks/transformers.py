"""``Trainer(callbacks=[PerfcheckCallback()])`` of Transformers: an optimizer's step is a step, and the
training is traced.

On a GPU this is all it takes. The emulated device must be there before the trainer looks for one: without
a GPU run the script with ``perfcheck trace``, under which the callback only says where steps end.
"""

from typing import Any

from transformers import TrainerCallback

from perfcheck.callbacks import Training


class PerfcheckCallback(TrainerCallback):  # type: ignore[misc]
    """``options`` are those of :func:`perfcheck.trace`, for where nothing is traced yet."""

    def __init__(self, **options: Any) -> None:
        self._training = Training(**options)

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._training.begins()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._training.step_ends()

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._training.ends()
