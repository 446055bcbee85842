"""How to fit: what learns, how fast, how long, and of what."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

PARTS = ("heads", "norms", "all")
"""What learns: the last layers; scale and shift of norms, and biases; all. The image encoder never."""
RATES = {"heads": 2e-3, "norms": 2e-3, "all": 5e-4}
"""Highest learning rate of each."""
WARM_UP = 0.05


@dataclass(frozen=True)
class FitSettings:
    """How to fit.

    Args:
        part: one of `PARTS`.
        steps: at most.
        batch: hidden scans a step.
        kept: hidden scans that it learns from, some MB each; what does not learn is computed of them once.
        reminded: share of these that are reminders, where there are any.
        rate: highest learning rate; None for that of the part.
        seed: of everything that is drawn.
        tune_every: steps between looks at the frames that tune.
        patience: of such looks without a gain after which it ends.

    Raises:
        ValueError: a setting that is not allowed.
    """

    part: str = "all"
    steps: int = 200
    batch: int = 4
    kept: int = 64
    reminded: float = 0.5
    rate: float | None = None
    seed: int = 0
    tune_every: int = 25
    patience: int = 6

    def __post_init__(self):
        if self.part not in PARTS:
            raise ValueError(f"Part is '{self.part}'; it must be one of {', '.join(PARTS)}.")
        for name in ("steps", "batch", "kept", "tune_every", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"Number '{name}' is {getattr(self, name)}; it must be 1 or more.")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ValueError(f"Rate is {self.rate:g}; it must be between 0 and 1.")

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: up in a line, down in half a cosine."""
        most = RATES[self.part] if self.rate is None else self.rate
        warm = max(1.0, WARM_UP * self.steps)
        if step < warm:
            return most * (step + 1) / (warm + 1)
        return most * (1 + math.cos(math.pi * (step - warm) / max(self.steps - warm, 1))) / 2


def learns(part: str, name: str, parameter: torch.Tensor) -> bool:
    """Whether a parameter of the network is in one of `PARTS`."""
    if name.startswith("encoder."):
        return False
    if part == "norms":
        return parameter.ndim == 1
    return part == "all" or name.startswith("head")
