"""What one can choose of Marigold-DC; without PyTorch, so that the command line can list it."""

from __future__ import annotations

from dataclasses import dataclass

from ..diffusion.options import DiffusionOptions
from ..diffusion.schedule import check_steps

SMALLEST_SIDE = 64
"""Pixels; the networks see nothing in less."""


@dataclass(frozen=True)
class Sampling:
    """How depth is sampled.

    Args:
        steps: of DDIM; 50 are official, 25 nearly as good.
        ensemble: runs from different noise whose median is taken; 1, or 10 as in the paper's best figures.
        side: longer side in pixels of what the networks see, 0 for that of the image.
        seed: of the noise.
    """

    steps: int = 50
    ensemble: int = 1
    side: int = 768
    seed: int = 2024

    def __post_init__(self):
        check_steps(self.steps)
        if self.ensemble < 1:
            raise ValueError(f"The ensemble is of {self.ensemble} runs; it must be 1 or more.")
        if self.side < 0 or 0 < self.side < SMALLEST_SIDE:
            raise ValueError(
                f"Side is {self.side}; it must be 0, for that of the image, or at least {SMALLEST_SIDE}."
            )


@dataclass(frozen=True)
class MarigoldDCOptions(DiffusionOptions, Sampling):
    """Options of `MarigoldDCCompleter`."""
