"""Beams as wide as they are: where one falls on two surfaces, its range is that of either or between."""

from __future__ import annotations

import numpy as np

from .faults import Faults
from .pattern import Pattern

_STEP = 1.04
"""Ratio of the ranges of two neighbouring rays above which an edge lies between them."""
_ANYWHERE = 0.03
"""Share of the other rays whose neighbour in the order does not tell that they hit an edge."""
_WIDE_RAD = 0.008
"""Beams wider than this are all followed over their width."""
_SPOTS = 3
"""Rays within a beam besides the one in its middle."""


def widen(
    world,
    origin: np.ndarray,
    directions: np.ndarray,
    distance: np.ndarray,
    pattern: Pattern,
    faults: Faults,
    rng: np.random.Generator,
) -> np.ndarray:
    """Ranges N that beams measure, of which `distance` N lies in their middle (inf: nothing).

    Args:
        directions: float32 3 x N, world frame, unit length, in the order of the pattern.
    """  # fmt: skip
    if not faults.mixed or not distance.size:
        return distance
    index = _at_edges(distance, pattern, faults, rng)
    if not index.size:
        return distance
    rays = _spread(directions[:, index], pattern.divergence / 2, rng)
    others = world.cast(origin, rays.reshape(3, -1)).distance.reshape(_SPOTS, -1)
    ranges = np.concatenate([distance[None, index], others])
    result = distance.copy()
    result[index] = _merged(ranges, faults.pulse, rng)
    return result


def _at_edges(distance, pattern: Pattern, faults: Faults, rng: np.random.Generator) -> np.ndarray:
    """Rays that may fall on two surfaces."""
    if pattern.divergence > _WIDE_RAD:
        return np.flatnonzero(rng.random(len(distance)) < faults.mixed)
    capped = np.minimum(distance, 2 * pattern.max_range)
    near, far = np.minimum(capped[1:], capped[:-1]), np.maximum(capped[1:], capped[:-1])
    step = (far > _STEP * near) & (near < pattern.max_range)
    edge = np.zeros(len(distance), bool)
    edge[1:], edge[:-1] = step, edge[:-1] | step
    chance = np.where(edge, np.float32(faults.mixed), np.float32(faults.mixed * _ANYWHERE))
    return np.flatnonzero(rng.random(len(distance), dtype=np.float32) < chance)


def _spread(directions: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Rays evenly within a cone around each of 3 x M, float32 3 x _SPOTS x M (length about 1)."""
    x, y, z = directions
    level = np.sqrt(x * x + y * y) + np.float32(1e-6)
    left = np.stack([-y / level, x / level, np.zeros_like(x)])
    up = np.stack([-z * x / level, -z * y / level, level])
    shape = (_SPOTS, directions.shape[1])
    angle = rng.random(shape, dtype=np.float32) * np.float32(2 * np.pi)
    offset = np.sqrt(rng.random(shape, dtype=np.float32)) * np.float32(radius)
    across, along = offset * np.cos(angle), offset * np.sin(angle)
    return directions[:, None] + left[:, None] * across + up[:, None] * along


def _merged(ranges: np.ndarray, pulse: float, rng: np.random.Generator) -> np.ndarray:
    """One range of each beam of K x M: the mean of what comes back as one, else any of its surfaces."""
    chosen = ranges[rng.integers(0, len(ranges), ranges.shape[1]), np.arange(ranges.shape[1])]
    chosen = np.where(np.isinf(chosen), ranges.min(axis=0), chosen)  # the sky sends nothing back
    with np.errstate(invalid="ignore"):
        together = np.abs(ranges - chosen) <= pulse
    count = together.sum(axis=0)
    total = np.where(together, ranges, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf).astype(np.float32)
