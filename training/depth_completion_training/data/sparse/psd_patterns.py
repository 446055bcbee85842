"""Sparse depth of the patterns that PSD is trained with, at the size of its samples."""

from __future__ import annotations

import cv2
import numpy as np

from .sampling import random_points

SHARE = 0.01
"""Of the pixels, measured in most samples: 693 of 228 x 304."""
FEW = 400
"""Points of the others, every tenth."""
_GREY = np.float32([0.2989, 0.587, 0.114])
_BRIGHT = 150
_BLOTCHES = 0.2
"""Share of the pixels that blotches take away."""
_BLUR = 10.0


def nyu_pattern(image: np.ndarray, depth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Points at random, or one sample in five depth with holes; one in ten is spoilt.

    Args:
        image: uint8 H x W x 3 RGB.
        depth: H x W metres, 0 where unknown.

    Returns:
        float32 H x W metres, 0 where not measured.
    """
    sparse = with_holes(image, depth, random) if random.random() < 0.2 else some_points(depth, random)
    return spoilt(sparse, random) if random.random() < 0.1 else sparse


def kitti_pattern(scan: np.ndarray, depth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A quarter of the truth (1 in 10), points at random of the scan or the truth (6), or the scan (3).

    Points of the scan are noisy half the time. The official code puts that noise on unmeasured pixels too
    and draws among them, so that some of its points are of a depth near 0.

    Args:
        scan, depth: H x W metres, 0 where not measured or unknown.

    Returns:
        float32 H x W metres, 0 where not measured.
    """
    kind = random.random()
    if kind < 0.1:
        return random_points(depth, np.count_nonzero(depth) // 4, random)
    if kind >= 0.7:
        return scan
    if random.random() < 0.5:
        return some_points(noisy(scan, random) if random.random() < 0.5 else scan, random)
    return some_points(depth, random)


def some_points(depth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """1 % of the pixels at random, or in every tenth sample 400, among those with depth."""
    return random_points(depth, FEW if random.random() < 0.1 else int(SHARE * depth.size), random)


def with_holes(image: np.ndarray, depth: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Depth without what is bright in the image, and without blotches over a fifth of it."""
    noise = cv2.GaussianBlur(random.random(depth.shape, np.float32), (0, 0), _BLUR)
    hidden = (image @ _GREY > _BRIGHT) | (noise > np.quantile(noise, 1 - _BLOTCHES))
    return np.where(hidden, np.float32(0), depth)


def spoilt(sparse: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Half the time with noise, and half the time of a sensor of 2, 4 or 8 times fewer rows and columns."""
    if random.random() < 0.5:
        sparse = noisy(sparse, random)
    if random.random() < 0.5:
        sparse = coarse(sparse, int(random.choice((2, 4, 8))))
    return sparse


def noisy(sparse: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Normal noise of 0.01 to 0.1 m on 25 to 75 % of the measured pixels, within the range they had."""
    measured = np.flatnonzero(sparse)
    if not measured.size:
        return sparse
    sparse, values = sparse.copy(), sparse.flat[measured]
    noise = random.normal(0, random.uniform(0.01, 0.1), measured.size)
    hit = random.random(measured.size) < random.uniform(0.25, 0.75)
    sparse.flat[measured] = np.clip(values + hit * noise, values.min(), values.max())
    return sparse


def coarse(sparse: np.ndarray, factor: int) -> np.ndarray:
    """Every block of so many pixels squared as its middle one, measured or not."""
    height, width = sparse.shape
    row, column = (
        np.minimum(np.arange(side) // factor * factor + factor // 2, side - 1) for side in (height, width)
    )
    return np.ascontiguousarray(sparse[np.ix_(row, column)])
