"""How far depth of a network can be trusted, from how well it fits what was measured."""

from __future__ import annotations

import cv2
import numpy as np

from ..classical.nearest import distance_confidence
from .paste_back import spread

CLOSE = 0.05
"""Relative miss of the measured depth at which confidence is halved."""
LEAST = 1e-3
"""Metres below which depth is not told apart."""


def fit_confidence(depth: np.ndarray, sparse: np.ndarray) -> np.ndarray:
    """a (1 + c) / 2, float32 H x W: a from the fit to the measured pixels, c from the distance to them.

    a = 0.05 / (0.05 + relative miss), which is spread from the measured pixels; c is that of `Nearest`.

    Args:
        depth: float32 H x W metres, as the network gives it.
        sparse: float32 H x W metres, 0 where not measured, with at least one measured pixel.
    """
    measured = sparse > 0
    usable = measured & np.isfinite(depth)
    if not usable.any():
        return np.zeros_like(sparse)
    miss = np.abs(np.log(np.maximum(depth, LEAST) / np.where(measured, sparse, np.float32(1))))
    distance = cv2.distanceTransform((~measured).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    nearness = distance_confidence(distance, np.count_nonzero(measured))
    return CLOSE / (CLOSE + spread(np.where(usable, miss, np.float32(0)), usable)) * (1 + nearness) / 2
