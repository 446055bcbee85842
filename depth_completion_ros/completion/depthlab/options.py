"""What one can choose of DepthLab; without PyTorch, so that the command line can list it."""

from __future__ import annotations

from dataclasses import dataclass

from ..diffusion.options import DiffusionOptions
from ..diffusion.schedule import check_steps

SMALLEST_TILE = 64
"""Pixels; the networks see nothing in less."""


@dataclass(frozen=True)
class Sampling:
    """How depth is sampled.

    Args:
        steps: of DDIM; 20 to 50 are official. With 10 and fewer, timesteps are spaced for few steps.
        strength: share of the steps that is taken: less than 1 starts from the nearest known depth under
            noise, 1 from noise alone. At least one step is taken.
        blend: put the known depth under noise into the known latents after each step.
        normalize_scale: what known depth is normalised to, in (0, 1]; below 1 where the scene goes beyond it.
        seed: of the noise.
        tile: largest height and width in pixels of overlapping tiles, worked on one by one; 0 for one.
        padded: continue the image to whole latents; else they are cut off and what is left is stretched,
            as in the official code, without tiles.
    """

    steps: int = 50
    strength: float = 0.8
    blend: bool = False
    normalize_scale: float = 1.0
    seed: int = 0
    tile: int = 0
    padded: bool = True

    def __post_init__(self):
        check_steps(self.steps, self.strength)
        if not 0 < self.normalize_scale <= 1:
            raise ValueError(
                f"The bound of normalised depth is {self.normalize_scale}; it must be above 0, at most 1."
            )
        if self.tile < 0 or 0 < self.tile < SMALLEST_TILE:
            raise ValueError(f"Tile is {self.tile}; it must be 0, for one tile, or at least {SMALLEST_TILE}.")

    @property
    def needs_guess(self) -> bool:
        """Whether the latents of the first guess are used."""
        return self.strength < 1 or self.blend


@dataclass(frozen=True)
class DepthLabOptions(DiffusionOptions, Sampling):
    """Options of `DepthLabCompleter`."""
