"""From what a network gives to a completion."""

from __future__ import annotations

import numpy as np

from ..interface import Completion, Source


def completion_from(
    depth: np.ndarray, confidence: np.ndarray, sparse: np.ndarray, keeps_measured: bool, unreached: Source
) -> Completion:
    """Depth of a network, changed in place, with what was measured; unknown where it gives no depth.

    Args:
        depth: float32 H x W metres; what is not finite, or not above 0, is no depth.
        confidence: float32 H x W; cut to [0, 1], NaN becomes 0. Changed in place.
        sparse: float32 H x W metres, 0 where not measured.
        keeps_measured: whether measured depth replaces that of the network everywhere, or only where it
            gives none.
        unreached: source of depth whose confidence is 0.
    """
    measured, unknown = sparse > 0, ~((depth > 0) & (depth < np.inf))
    np.copyto(depth, np.nan, where=unknown)
    np.copyto(depth, sparse, where=measured if keeps_measured else measured & unknown)
    confidence = np.fmin(np.fmax(confidence, 0, out=confidence), 1, out=confidence)  # NaN becomes 0
    np.copyto(confidence, 0, where=unknown)
    source = np.where(confidence > 0, np.uint8(Source.PROPAGATED), np.uint8(unreached))
    np.copyto(source, np.uint8(Source.UNKNOWN), where=unknown)
    np.copyto(confidence, 1, where=measured)
    np.copyto(source, np.uint8(Source.MEASURED), where=measured)
    return Completion(depth, confidence, source)
