"""The first fill that the network corrects."""

from __future__ import annotations

import cv2
import numpy as np

from ...core import SparseDepth
from ..classical.linear import Linear
from ..learned.inner_size import shrink
from .dense import share_of_linear

STEP = 4
"""Triangles are made of the measurements at a quarter of the size: there are fewer, and it suffices."""


def linear_plane(sparse: np.ndarray) -> np.ndarray:
    """Barycentric fill in 1 / z (`Linear`), at a quarter of the size and enlarged unless any is dense.

    Args:
        sparse: float32 H x W metres, 0 where not measured; at least one is.

    Returns:
        float32 H x W metres, positive.
    """
    if share_of_linear(sparse).any():
        return Linear().complete(None, SparseDepth.from_depth(sparse)).depth
    height, width = sparse.shape
    quarter = -(-height // STEP), -(-width // STEP)
    _, (fewer,) = shrink(np.empty((height, width, 1), np.uint8), sparse, (), quarter)
    dense = Linear().complete(None, SparseDepth.from_depth(fewer)).depth
    return cv2.resize(dense, (width, height), interpolation=cv2.INTER_LINEAR)
