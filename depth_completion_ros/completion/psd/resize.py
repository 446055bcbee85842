"""Images at the size that PSD shows them to its foundation model."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

SIDE = 392
"""Pixels of the shorter side."""


def foundation_size(height: int, width: int, side: int = SIDE, patch: int = 14) -> tuple[int, int]:
    """Height and width that keep the shape of an image, both at least `side` and multiples of `patch`."""
    scale = max(side / height, side / width)

    def whole_patches(n: int) -> int:
        rounded = round(n * scale / patch) * patch
        return rounded if rounded >= side else math.ceil(n * scale / patch) * patch

    return whole_patches(height), whole_patches(width)


def spline_resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image at another size by cubic splines, smoothed before where a side shrinks.

    It is what `skimage.transform.resize` of order 3 gives, by a matrix for each axis: a Gaussian of
    (factor - 1) / 2 pixels, the spline through all pixels, mirrored at the border, and its values at the
    centres of the new ones, cut to the range of the image.

    Args:
        image: uint8 H x W x 3.
        size: height and width.

    Returns:
        float32 3 x h x w in the unit of the image.
    """
    down, across = (_matrix(n, m) for n, m in zip(image.shape[:2], size, strict=True))
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
    resized = down @ planes @ across.T
    return np.clip(resized, image.min(), image.max(), out=resized)


@lru_cache(maxsize=16)
def _matrix(old: int, new: int) -> np.ndarray:
    """What takes a line of `old` pixels to one of `new`, float32 new x old."""
    if old == new:
        return np.eye(old, dtype=np.float32)
    smooth = _gaussian(old, max(0.0, (old / new - 1) / 2))
    spline = _banded(old, [(-1, 1 / 6), (0, 2 / 3), (1, 1 / 6)])
    centre = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.floor(centre).astype(int) - 1
    values = np.zeros((new, old))
    for tap in range(4):
        t = np.abs(centre - (first + tap))
        weight = np.where(t < 1, 2 / 3 - t * t * (2 - t) / 2, np.clip(2 - t, 0, None) ** 3 / 6)
        np.add.at(values, (np.arange(new), _mirrored(first + tap, old)), weight)
    return (values @ np.linalg.solve(spline, smooth)).astype(np.float32)


def _gaussian(n: int, deviation: float) -> np.ndarray:
    """Smoothing of a line of n pixels, cut off at four standard deviations."""
    radius = int(4 * deviation + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / max(deviation, 1e-9)) ** 2)
    return _banded(n, list(zip(offsets, kernel / kernel.sum(), strict=True)))


def _banded(n: int, taps: list[tuple[int, float]]) -> np.ndarray:
    """The matrix n x n of a kernel, given by offset and weight, on a line mirrored at both ends."""
    matrix, row = np.zeros((n, n)), np.arange(n)
    for offset, weight in taps:
        np.add.at(matrix, (row, _mirrored(row + offset, n)), weight)
    return matrix


def _mirrored(index: np.ndarray, n: int) -> np.ndarray:
    """Indices beyond a line of n pixels, mirrored about the centres of the outermost ones."""
    period = max(2 * (n - 1), 1)
    index = np.abs(index) % period
    return np.minimum(index, period - index)
