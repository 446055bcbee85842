"""Progress in lines, for logs, where no terminal shows a bar."""

from __future__ import annotations

import time

from lightning.pytorch.callbacks import ProgressBar


class ProgressLines(ProgressBar):
    """Prints a line now and then, and one after every validation, with what the bar would show.

    Args:
        every_s: seconds between lines.
    """

    def __init__(self, every_s: float = 30.0):
        super().__init__()
        self.every_s, self._printed, self._enabled = every_s, 0.0, True

    def disable(self) -> None:  # on all processes but the first
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if time.monotonic() - self._printed > self.every_s:
            self._print(trainer, pl_module)

    def on_validation_end(self, trainer, pl_module) -> None:
        if not trainer.sanity_checking:
            self._print(trainer, pl_module)

    def on_train_end(self, trainer, pl_module) -> None:
        self._print(trainer, pl_module)

    def _print(self, trainer, pl_module) -> None:
        self._printed = time.monotonic()
        if self._enabled:
            values = {k: v for k, v in self.get_metrics(trainer, pl_module).items() if k != "v_num"}
            shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            steps = f"/{trainer.max_steps}" if trainer.max_steps > 0 else ""
            stamp = time.strftime("%H:%M:%S")
            print(
                f"{stamp}  step {trainer.global_step}{steps}  epoch {trainer.current_epoch}  {shown}",
                flush=True,
            )
