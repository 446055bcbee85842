"""Validation by the evaluation of the package: what `depth-completion evaluate` would print."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from depth_completion_ros.data.reader import open_reader
from depth_completion_ros.evaluation.protocols import Settings
from depth_completion_ros.evaluation.runner import completer_from_text, evaluate

from ..export import write_weights


@dataclass(frozen=True)
class EvaluationSet:
    """Frames with the protocols that they are evaluated under.

    Args:
        name: in the log: `eval/NAME/PROTOCOL/rmse_mm` and `.../mae_mm`.
        data: what `depth-completion evaluate` takes: a data set, frame folder or bag.
        protocols: such as `truth`, `lines:16`, `points:500`.
        limit: only the first so many frames; all when None.
        settings: how frames are fed and scored.
        reader_options: of the reader, such as `select` of frame folders.
    """

    name: str
    data: str
    protocols: Sequence[str] = ("truth",)
    limit: int | None = None
    settings: Settings = field(default_factory=Settings)
    reader_options: dict[str, Any] = field(default_factory=dict)


class Evaluation(Callback):
    """At every validation, evaluates the averaged network as the completer that it is going to be.

    The weights take the road of exported ones, through a file of safetensors, so that the numbers are
    those of `depth-completion evaluate` with the exported file. Each process evaluates all frames.

    Args:
        completer: NAME or NAME:VARIANT of the completer that the network belongs to.
        sets: frames and protocols.

    Raises:
        ValueError: a completer that no network belongs to, or sets without one.
    """

    def __init__(self, completer: str = "", sets: Sequence[EvaluationSet] = ()):
        if sets and not completer:
            raise ValueError("The evaluation has sets but no completer; it must be NAME or NAME:VARIANT.")
        self.completer, self.sets = completer, list(sets)

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0) -> None:
        # Not at the start of the epoch, where the averaged weights may not have been put in yet.
        if not self.sets or trainer.sanity_checking or batch_idx or dataloader_idx:
            return
        for name, value in self.measure(pl_module).items():
            pl_module.log(name, value, batch_size=1, on_epoch=True, add_dataloader_idx=False)

    def measure(self, task) -> dict[str, float]:
        """Errors of the weights at hand by the names of the log."""
        values = {}
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "weights.safetensors"
            write_weights(task.network.state_dict(), weights, {})
            completer = completer_from_text(self.completer, weights=str(weights), device=str(task.device))
        for chosen in self.sets:
            frames = open_reader(chosen.data, **chosen.reader_options)
            result = evaluate(
                islice(frames, chosen.limit),
                {self.completer: completer},
                chosen.protocols,
                chosen.settings,
                name=frames.name,
            )
            for mean in result.means():
                values[f"eval/{chosen.name}/{mean.protocol}/rmse_mm"] = mean.metrics.rmse_mm
                values[f"eval/{chosen.name}/{mean.protocol}/mae_mm"] = mean.metrics.mae_mm
        return values
