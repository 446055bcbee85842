"""Between metres and what the VAE takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GUARD = 1e-6
"""Metres added to the range of depth, as it is 0 where all that is known is one depth."""


@dataclass(frozen=True)
class DepthNormaliser:
    """The straight line that takes known depth to [-bound, bound]; nothing is clipped beyond.

    Args:
        low, high: least and greatest known depth, metres.
        bound: what `high` is taken to, 1 at most; less leaves room for depth beyond what is known.
    """

    low: float
    high: float
    bound: float = 1.0

    @classmethod
    def of(cls, sparse: np.ndarray, bound: float = 1.0) -> DepthNormaliser:
        """From depth in metres, 0 where unknown, with at least one known pixel."""
        known = sparse[sparse > 0]
        return cls(float(known.min()), float(known.max()), bound)

    def normalise(self, depth):
        """From metres, an array or a tensor."""
        return ((depth - self.low) / (self.high - self.low + GUARD) - 0.5) * (2 * self.bound)

    def metres(self, normal):
        """What `normalise` takes back, but for the guard."""
        return (normal + self.bound) * ((self.high - self.low) / (2 * self.bound)) + self.low
