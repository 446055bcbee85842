"""Depth as a monocular foundation model would give it, made from the truth by spoiling it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class SimulatedPrior:
    """Priors of random quality: `prior(depth, sparse, rng)` gives float32 H x W metres, 0 = none.

    What such models get wrong is smooth and of low frequency, while their edges are right: log depth is
    stretched, bent by a smooth random field, slightly blurred, and then aligned to the points by scale.
    The sky is as far as the farthest object.

    Args:
        share: of the samples that have a prior.
        stretch: deviation of the log of the factor on log depth.
        bend: greatest deviation of the random field of log depth.
        blur: greatest width of the blur, pixels.
    """

    share: float = 0.25
    stretch: float = 0.15
    bend: float = 0.2
    blur: float = 2.0

    def __post_init__(self):
        if not 0 <= self.share <= 1:
            raise ValueError(f"Simulated prior's share is {self.share}; it must be from 0 to 1.")

    def __call__(self, depth: np.ndarray, sparse: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        known = (depth > 0) & np.isfinite(depth)
        if rng.random() >= self.share or not known.any():
            return np.zeros_like(depth)
        farthest = np.log(depth[known].max())
        log = np.where(known, np.log(np.where(known, depth, 1)), farthest).astype(np.float32)
        middle = log.mean()
        log = middle + (log - middle) * np.float32(np.exp(self.stretch * rng.standard_normal()))
        cells = tuple(rng.integers(2, 7, 2))
        field = rng.standard_normal(cells).astype(np.float32) * np.float32(self.bend * rng.random())
        log += cv2.resize(field, depth.shape[::-1], interpolation=cv2.INTER_CUBIC)
        log = cv2.GaussianBlur(log, (0, 0), rng.uniform(0.3, max(self.blur, 0.31)))
        hit = sparse > 0
        if hit.any():
            log += np.float32(np.median(np.log(sparse[hit]) - log[hit]))
        return np.exp(log)
