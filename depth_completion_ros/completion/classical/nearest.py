"""Completion by the nearest measured pixel."""

from __future__ import annotations

import cv2
import numpy as np

from ...core import SparseDepth
from ..interface import Completer, Completion, Source


def nearest_measurement(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth of the nearest measured pixel, and the distance to it in pixels, both float32 H x W.

    Args:
        depth: float32 H x W metres, 0 where not measured, with at least one measured pixel.
    """
    empty = (depth == 0).astype(np.uint8)
    distance, labels = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    measured = np.flatnonzero(depth)
    value = np.zeros(labels.max() + 1, np.float32)
    value[labels.ravel()[measured]] = depth.ravel()[measured]
    return value[labels], distance


def distance_confidence(distance: np.ndarray, count: int) -> np.ndarray:
    """1 / (1 + (d / s)^2) with d the distance to the nearest measurement and s the mean spacing.

    Args:
        distance: pixels to the nearest measurement.
        count: number of measured pixels, which tells the spacing sqrt(H W / count).
    """
    spacing = np.float32(np.sqrt(distance.size / count))
    scaled = distance / spacing
    return 1 / (1 + scaled * scaled)


def completion_of(dense: np.ndarray, sparse: np.ndarray, confidence: np.ndarray) -> Completion:
    """A `Completion` that keeps the measured pixels and calls all others propagated."""
    measured = sparse > 0
    return Completion(
        depth=np.where(measured, sparse, dense),
        confidence=np.where(measured, np.float32(1), confidence),
        source=np.where(measured, np.uint8(Source.MEASURED), np.uint8(Source.PROPAGATED)),
    )


class Nearest(Completer):
    """Every pixel takes the depth of the nearest measured one.

    Confidence falls with the distance to it: 1 / (1 + (d / s)^2), where s is the mean spacing of
    the measurements, so that one half is reached at one spacing.
    """

    name = "nearest"
    needs_image = False

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        if sparse.count == 0:
            return Completion.unknown(sparse.depth.shape)
        dense, distance = nearest_measurement(sparse.depth)
        return completion_of(dense, sparse.depth, distance_confidence(distance, sparse.count))
