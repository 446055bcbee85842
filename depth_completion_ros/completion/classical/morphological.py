"""Completion by image morphology, after IP-Basic (Ku, Harakeh, Waslander: In Defense of Classical
Image Processing: Fast Depth Completion on the CPU, CRV 2018).
"""

from __future__ import annotations

import cv2
import numpy as np

from ...core import SparseDepth
from ..interface import Completer, Completion
from .nearest import completion_of, distance_confidence, nearest_measurement

DIAMOND = np.array(
    [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]], np.uint8
)
MARGIN = 20.0
"""Metres added when depth is inverted, so that the farthest point does not become empty."""


class Morphological(Completer):
    """Dilation of near depth, closing, hole filling, median and Gaussian blur, as IP-Basic does it.

    Depth is inverted (farthest + 20 m - z) so that dilation prefers near surfaces. The kernels are
    the paper's, made for 64 lines at 1242 pixels; holes that its largest one leaves (fewer lines,
    larger images) take the nearest measurement. Confidence is that of `Nearest`.
    """

    name = "morphological"
    needs_image = False

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        depth = sparse.depth
        if sparse.count == 0:
            return Completion.unknown(depth.shape)
        nearest, distance = nearest_measurement(depth)
        top = depth.max() + np.float32(MARGIN)
        inverted = np.where(depth > 0, top - depth, np.float32(0))
        inverted = cv2.dilate(inverted, DIAMOND)
        inverted = cv2.morphologyEx(inverted, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        inverted = _fill(inverted, cv2.dilate(inverted, np.ones((7, 7), np.uint8)))
        inverted = _extend_to_top(inverted)
        inverted = _fill(inverted, cv2.dilate(inverted, np.ones((31, 31), np.uint8)))
        inverted = _fill(inverted, top - nearest)
        inverted = cv2.medianBlur(inverted, 5)
        inverted = cv2.GaussianBlur(inverted, (5, 5), 0)
        # A single point at 10,000 km leaves too few digits for the near ones.
        dense = np.clip(top - inverted, nearest.min(), nearest.max())
        return completion_of(dense, depth, distance_confidence(distance, sparse.count))


def _fill(values: np.ndarray, filler: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, filler)


def _extend_to_top(values: np.ndarray) -> np.ndarray:
    """Above the first value of a column repeat it, as LiDAR sees no more of a tall object's top."""
    filled = values > 0
    first = filled.argmax(axis=0)
    above = np.arange(len(values))[:, None] < first
    return np.where(above, values[first, np.arange(values.shape[1])], values)
