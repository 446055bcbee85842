"""Scores of confidence: how well it ranks pixels by error, and whether it is the probability it claims.

Sparsification (Ilg et al., Uncertainty Estimates and Multi-Hypotheses Networks for Optical Flow, ECCV
2018): remove the least confident pixels and see the error of the rest fall. With E(k) the RMSE or MAE of
what is left when k % are removed and O(k) the same when the pixels of the largest error go first,
AUSE is the mean over k = 0 to 99 of (E(k) - O(k)) / E(0). It is 0 for a perfect ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..completion import Completion
from ..core import SparseDepth

REMOVED = np.arange(100)
"""Per cent of the pixels removed along a sparsification curve."""
RANKINGS = ("confidence", "distance", "random", "oracle")
"""The completer's own, minus the distance to the nearest measured pixel, none, and minus the error."""
BINS = 10
"""Of confidence, alike from 0 to 1."""
CLOSE = 0.05
"""Relative error within which depth is right; the confidence of `mspn_lite` is the probability of that."""


@dataclass(frozen=True, eq=False)
class ConfidenceScore:
    """How good the confidence of one completion is, or the mean over many.

    Args:
        curves: ranking to float64 2 x 100: RMSE and MAE of what is left after removing 0 to 99 % of the
            scored pixels, relative to those of all.
        reliability: float64 3 x `BINS`: share of the scored pixels in each bin of confidence, their
            confidence times that share, and the share of all pixels that are in the bin and right.
    """

    curves: dict[str, np.ndarray]
    reliability: np.ndarray

    @classmethod
    def mean(cls, many: Sequence[ConfidenceScore]) -> ConfidenceScore:
        """Mean over frames, each counting alike."""
        if not many:
            raise ValueError("There are no scores of confidence to take the mean of.")
        curves = {name: np.mean([score.curves[name] for score in many], axis=0) for name in RANKINGS}
        return cls(curves, np.mean([score.reliability for score in many], axis=0))

    def ause(self, ranking: str = "confidence") -> tuple[float, float]:
        """AUSE of RMSE and of MAE."""
        rmse, mae = np.mean(self.curves[ranking] - self.curves["oracle"], axis=1)
        return float(rmse), float(mae)

    @property
    def confidence(self) -> float:
        """Mean confidence of the scored pixels."""
        return float(self.reliability[1].sum())

    @property
    def right(self) -> float:
        """Share of the scored pixels that are right."""
        return float(self.reliability[2].sum())

    @property
    def calibration_error(self) -> float:
        """Mean over the pixels of |confidence - share that is right| of their bin."""
        return float(np.abs(self.reliability[1] - self.reliability[2]).sum())


def score_confidence(completion: Completion, feed: SparseDepth, truth: np.ndarray) -> ConfidenceScore | None:
    """Compare confidence with error at the pixels that have a truth and a prediction; None without any.

    Args:
        feed: what was completed, for the distance to it.
        truth: H x W metres, 0 where unknown.
    """
    scored = _scored(completion, truth)
    if not scored.any():
        return None
    error = np.abs(completion.depth[scored] - truth[scored].astype(np.float64))
    confidence = completion.confidence[scored].astype(np.float64)
    keys = {
        "confidence": confidence,
        "distance": -distance_to_measurement(feed.depth)[scored],
        "random": np.zeros_like(error),
        "oracle": -error,
    }
    curves = {name: sparsification(error, keys[name]) for name in RANKINGS}
    whole = np.maximum(curves["random"][:, :1], np.finfo(np.float64).tiny)
    relative = {name: curve / whole for name, curve in curves.items()}
    return ConfidenceScore(relative, score_reliability(completion, truth))


def score_reliability(completion: Completion, truth: np.ndarray) -> np.ndarray | None:
    """`reliability` of a completion at the pixels that have a truth and a prediction; None without any."""
    scored = _scored(completion, truth)
    if not scored.any():
        return None
    t = truth[scored].astype(np.float64)
    right = np.abs(completion.depth[scored] - t) <= CLOSE * t
    return reliability(completion.confidence[scored].astype(np.float64), right)


def _scored(completion: Completion, truth: np.ndarray) -> np.ndarray:
    return (truth > 0) & np.isfinite(completion.depth) & (completion.depth > 0)


def sparsification(error: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """RMSE and MAE of the most confident pixels, after removing 0 to 99 % of all; 2 x 100.

    Pixels of equal confidence count with the mean of them all, which is what removing them in random
    order gives on average.

    Args:
        error: absolute errors of N pixels, N at least 1; N - floor(k N / 100) are left of them.
        confidence: of the same pixels; only its order matters.
    """
    _, group = np.unique(-confidence, return_inverse=True)
    ends = np.concatenate([[0], np.cumsum(np.bincount(group))])
    left = error.size - REMOVED * error.size // 100
    sums = [np.concatenate([[0], np.cumsum(np.bincount(group, x))]) for x in (error**2, error)]
    square, absolute = (np.interp(left, ends, total) / left for total in sums)
    return np.stack([np.sqrt(square), absolute])


def reliability(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Share of the pixels, their summed confidence and their summed `right` by bin of confidence; 3 x `BINS`.

    The latter two are sums over the bin divided by the number of all pixels.
    """
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    sums = [np.bincount(bins, weights, BINS) for weights in (None, confidence, right)]
    return np.stack(sums) / confidence.size


def distance_to_measurement(sparse: np.ndarray) -> np.ndarray:
    """Pixels to the nearest measured one, H x W; all alike where none is."""
    if not sparse.any():
        return np.zeros(sparse.shape, np.float32)
    return cv2.distanceTransform((sparse == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
