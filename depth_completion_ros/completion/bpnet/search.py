"""What of BP-Net is no network: the four measured cells next to each pixel, without PyTorch."""

from __future__ import annotations

import numpy as np

from ...ops.neighbours_of_arrays import of_levels

LEVELS = 6
"""Of the network; level l has 1 / 2^l of the resolution."""
MULTIPLE = 2 ** (LEVELS - 1)
"""Height and width must be multiples of this."""
LEAST_DEPTH = 1e-3
"""Metres from which on a pixel counts as measured."""


def padding(height: int, width: int) -> tuple[int, int]:
    """Rows above and columns to the right by which an image of this size is continued."""
    return -height % MULTIPLE, -width % MULTIPLE


def neighbours_of(sparse: np.ndarray) -> list[np.ndarray]:
    """Flat indices of the neighbours at each level, of an image that is continued by `padding`.

    Args:
        sparse: float32 H x W, in the unit of the network.

    Returns:
        int32 4 h x w for each level of h x w pixels, the nearest neighbours of all pixels first.
    """
    up, right = padding(*sparse.shape)
    found = of_levels(np.pad(sparse > LEAST_DEPTH, ((up, 0), (0, right))), LEVELS)
    return [index.reshape(-1, index.shape[-1]).astype(np.int32) for index in found]
