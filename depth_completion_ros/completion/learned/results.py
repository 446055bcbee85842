"""From what a network gives to a completion."""

from __future__ import annotations

import numpy as np

from ..interface import Completion, Source


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
    measured, unknown = sparse > 0, ~((depth > 0) & (depth < np.inf))
    np.copyto(depth, np.nan, where=unknown)
    if not np.isinf(tolerance):
        measured &= unknown | (np.abs(depth - sparse) <= np.float32(tolerance) * sparse)
    np.copyto(depth, sparse, where=measured)
    confidence = np.fmin(np.fmax(confidence, 0, out=confidence), 1, out=confidence)  # NaN becomes 0
    np.copyto(confidence, 0, where=unknown)
    source = np.where(confidence > 0, np.uint8(Source.PROPAGATED), np.uint8(unreached))
    np.copyto(source, np.uint8(Source.UNKNOWN), where=unknown)
    np.copyto(confidence, 1, where=measured)
    np.copyto(source, np.uint8(Source.MEASURED), where=measured)
    return Completion(depth, confidence, source)
