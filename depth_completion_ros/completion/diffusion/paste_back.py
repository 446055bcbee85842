"""Depth of a network made to agree with what was measured."""

from __future__ import annotations

import cv2
import numpy as np

SWEEPS = 4
"""Times that every level is smoothed: enough for large holes, and more would leave lone points as spikes."""
MOST = np.float32(2)
"""Factor by which depth that was not measured changes at most."""
_CROSS = np.array([[0, 0.2, 0], [0.2, 0.2, 0.2], [0, 0.2, 0]], np.float32)
"""Mean of a pixel and its four neighbours; without the pixel itself a chequered pattern would stay."""


def paste_back(depth: np.ndarray, sparse: np.ndarray) -> np.ndarray:
    """Give measured pixels their measured depth, and all others the correction of those around them.

    What the network misses at the measured pixels is spread to the others (`spread`) and added, so that
    edges of `depth` stay, as in the seamless cloning of Perez and others (SIGGRAPH 2003). Depth changes by
    a factor of two at most, as what is missed far away may be more than all the depth of what is near.

    Args:
        depth: float32 H x W metres; measured pixels where it is not finite correct nothing.
        sparse: float32 H x W metres, 0 where not measured.

    Returns:
        float32 H x W metres, `depth` itself where nothing was measured.
    """
    measured = sparse > 0
    usable = measured & np.isfinite(depth)
    if usable.any():
        corrected = depth + spread(np.where(usable, sparse - depth, np.float32(0)), usable)
        depth = np.where(depth > 0, np.clip(corrected, depth / MOST, depth * MOST), corrected)
    return np.where(measured, sparse, depth)


def spread(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Known values continued smoothly to all pixels, between the least and the greatest of them.

    From coarse to fine: each level starts from the enlarged coarser one, whose values are means of the
    known ones, and its unknown pixels go towards the mean of their neighbours, which solves Laplace's
    equation (cascadic multigrid, Bornemann and Deuflhard 1996).

    Args:
        values: float32 H x W, of no matter what where not known.
        known: bool H x W, somewhere true.
    """
    if known.all():
        return values
    height, width = values.shape
    even = ((0, height % 2), (0, width % 2))
    weight = np.pad(known.astype(np.float32), even)
    total = np.pad(np.where(known, values, np.float32(0)), even)
    half = (weight.shape[1] // 2, weight.shape[0] // 2)
    weight, total = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (weight, total))
    coarse = spread(total / np.maximum(weight, np.float32(1e-9)), weight > 0)
    smooth = cv2.resize(coarse, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_LINEAR)[:height, :width]
    smooth = np.where(known, values, smooth)
    for _ in range(SWEEPS):
        np.copyto(smooth, cv2.filter2D(smooth, -1, _CROSS, borderType=cv2.BORDER_REPLICATE), where=~known)
    return smooth
