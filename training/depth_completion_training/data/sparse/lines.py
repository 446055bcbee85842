"""LiDAR lines of an image of depth that has lost them, as MSPN-SDR counts them on KITTI."""

from __future__ import annotations

import numpy as np

LINES = 64
"""Lines of the sensor; labels run from 0 to this, 65 in all."""


def line_labels(sparse: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of the measured pixels, and of each a label 0 to 64 by its angle below the horizon.

    The range of angles in the image is cut into 64 equal parts, of which the first and last label have half.

    Args:
        sparse: H x W metres, 0 where not measured.
        K: 3 x 3, pixels.
    """
    pixel = np.flatnonzero(sparse)
    v, u = np.divmod(pixel, sparse.shape[1])
    ray = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(len(pixel))])
    pitch = np.arcsin(ray[1] / np.linalg.norm(ray, axis=0))
    low, high = (pitch.min(), pitch.max()) if len(pixel) else (0.0, 0.0)
    return pixel, np.rint((pitch - low) / max((high - low) / LINES, 1e-12)).astype(np.int64)


def evenly_spaced_lines(sparse: np.ndarray, K: np.ndarray, lines: int) -> np.ndarray:
    """The measurement of every so many-th line; 4 lines are labels 0, 16, 32, 48 and 64.

    Args:
        lines: a divisor of 64, and 64 for all.
    """
    if lines == LINES:
        return sparse
    pixel, label = line_labels(sparse, K)
    return _only(sparse, pixel[label % (LINES // lines) == 0])


def random_lines(sparse: np.ndarray, K: np.ndarray, lines: int, random: np.random.Generator) -> np.ndarray:
    """The measurement of `lines` lines by chance, among labels 1 to 64."""
    pixel, label = line_labels(sparse, K)
    chosen = 1 + random.permutation(LINES)[:lines]
    return _only(sparse, pixel[np.isin(label, chosen)])


def _only(sparse: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(sparse)
    kept.flat[pixel] = sparse.flat[pixel]
    return kept
