"""How fast a training runs, and whether it waits for data."""

from __future__ import annotations

import time

from lightning.pytorch.callbacks import Callback


class Throughput(Callback):
    """Logs images per second of all processes, and the share of time spent waiting for batches.

    Validation and the first batch of an epoch do not count.

    Args:
        every: batches over which the mean is taken.
    """

    def __init__(self, every: int = 20):
        self.every = every
        self._ended: float | None = None
        self._last: tuple[float, float] | None = None
        self._forget()

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        now = time.perf_counter()
        if self._ended is not None:
            self._images += len(batch["image"])
            self._batches += 1
            self._waited += self._started - self._ended
            self._seconds += now - self._ended
        self._ended = now
        if self._batches >= self.every:
            self._last = self._images * trainer.world_size / self._seconds, self._waited / self._seconds
            self._forget()
        if self._last is not None:  # at every step, as loggers take only some
            pl_module.log("images_per_s", self._last[0], prog_bar=True)
            pl_module.log("data_wait", self._last[1])

    def on_validation_end(self, trainer, pl_module) -> None:
        self._ended = None

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self._ended = None

    def _forget(self) -> None:
        self._images, self._batches, self._waited, self._seconds = 0, 0, 0.0, 0.0
