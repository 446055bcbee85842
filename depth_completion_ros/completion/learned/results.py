"""From what a network gives to a completion."""

from __future__ import annotations

import cv2
import numpy as np

from ..interface import Completion, Source

SMALLEST, LARGEST = float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).max)


def completion_from(
    depth: np.ndarray, confidence: np.ndarray, sparse: np.ndarray, tolerance: float, unreached: Source
) -> Completion:
    """Depth of a network, changed in place, with what was measured; unknown where it gives no depth.

    A pixel is measured only where its depth is the measurement. Where the network overrules it, depth,
    confidence and source are those of the network.

    Args:
        depth: float32 H x W metres; what is not finite, or not above 0, is no depth.
        confidence: float32 H x W; cut to [0, 1], NaN becomes 0. Changed in place.
        sparse: float32 H x W metres, 0 where not measured.
        tolerance: relative difference up to which the measurement replaces the network's depth; infinite
            for everywhere.
        unreached: source of depth whose confidence is 0.
    """
    known = cv2.inRange(depth, SMALLEST, LARGEST).view(bool)
    unknown = ~known
    np.copyto(depth, np.nan, where=unknown)
    confidence = np.fmin(np.fmax(confidence, 0, out=confidence), 1, out=confidence)  # NaN becomes 0
    np.copyto(confidence, 0, where=unknown)
    source = np.where(confidence > 0, np.uint8(Source.PROPAGATED), np.uint8(unreached))
    np.copyto(source, np.uint8(Source.UNKNOWN), where=unknown)
    # Few pixels are measured, so that they are looked at by their indices.
    at = np.flatnonzero(sparse > 0)
    measured, there = sparse.ravel()[at], depth.ravel()[at]
    if not np.isinf(tolerance):
        differs = np.abs(there - measured) > np.float32(tolerance) * measured  # false where unknown
        at, measured = at[~differs], measured[~differs]
    for plane, value in ((depth, measured), (confidence, 1), (source, np.uint8(Source.MEASURED))):
        np.put(plane, at, value)
    return Completion(depth, confidence, source)
