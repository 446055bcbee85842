"""Where measurements lie so dense that linear completion at full size knows what the network does not see."""

from __future__ import annotations

import cv2
import numpy as np

AROUND = 15
"""Pixels, the side of the square in which measurements are counted."""
SPARSE, DENSE = 0.02, 0.05
"""Shares of measured pixels up to which depth is the network's and from which on linear counts `MOST`."""
MOST = 0.5


def share_of_linear(sparse: np.ndarray) -> np.ndarray:
    """How much linear completion counts at each pixel, float32 H x W from 0 to `MOST`.

    Args:
        sparse: H x W, 0 where not measured.
    """
    share = cv2.blur((sparse > 0).astype(np.float32), (AROUND, AROUND))
    return np.clip((share - SPARSE) * (MOST / (DENSE - SPARSE)), 0, MOST, out=share)


def mix_in_linear(depth: np.ndarray, linear: np.ndarray, sparse: np.ndarray) -> None:
    """Mix linear completion into the network's depth where measurements are dense, in place, in log depth.

    The network works at a size at which it no longer sees each measurement of, say, a whole scan of 64
    lines.

    Args:
        depth: float32 H x W metres, NaN where unknown.
        linear: float32 H x W metres, linear completion at full size where anything is dense.
        sparse: float32 H x W metres, 0 where not measured.
    """
    share = share_of_linear(sparse)
    here = np.flatnonzero(share)
    known = depth.ravel()[here]
    depth.ravel()[here] = known * np.power(linear.ravel()[here] / known, share.ravel()[here])
