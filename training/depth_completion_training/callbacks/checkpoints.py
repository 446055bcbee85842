"""Checkpoints that survive a kill at any moment."""

from __future__ import annotations

import time
from pathlib import Path

from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins import TorchCheckpointIO

FOLDER = "checkpoints"
LAST = f"{FOLDER}/last.ckpt"
BEST = "best"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the old checkpoint and then renames, so that there is always a whole one."""

    def save_checkpoint(self, checkpoint, path, storage_options=None) -> None:
        unfinished = f"{path}.unfinished"
        super().save_checkpoint(checkpoint, unfinished, storage_options)
        Path(unfinished).replace(path)


class LastCheckpoint(Callback):
    """Keeps `checkpoints/last.ckpt` in the run's folder up to date.

    Args:
        every_steps: optimiser steps after which it is written.
        every_minutes: minutes after which it is written at the latest.
    """

    def __init__(self, every_steps: int = 1000, every_minutes: float = 5.0):
        if every_steps < 1 or not every_minutes > 0:
            raise ValueError(
                f"Checkpoints are asked for every {every_steps} steps and {every_minutes:g} minutes; both "
                "must be positive."
            )
        self.every_steps, self.every_minutes = every_steps, every_minutes
        self._step, self._written = 0, 0.0

    def on_train_start(self, trainer, pl_module) -> None:
        self._step, self._written = trainer.global_step, time.monotonic()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if trainer.global_step == self._step:  # gradients are being accumulated, and would be lost
            return
        due = trainer.global_step - self._step >= self.every_steps or trainer.global_step == trainer.max_steps
        late = time.monotonic() - self._written > 60 * self.every_minutes
        if due or trainer.strategy.broadcast(late):
            self._write(trainer)

    def on_train_end(self, trainer, pl_module) -> None:
        if trainer.global_step > self._step:  # it ended otherwise than by the number of steps
            self._write(trainer)

    def _write(self, trainer) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / LAST)
        self._step, self._written = trainer.global_step, time.monotonic()
