"""Completion by a monocular prior that is aligned to the points."""

from __future__ import annotations

import cv2
import numpy as np

from ...core import SparseDepth
from ..classical.nearest import distance_confidence
from ..fallback import MemoryFallback
from ..interface import Completer, Completion, Source
from .alignment import relative_error
from .interface import MonocularPrior
from .local_correction import local_correction
from .metric_depth import PriorDepth
from .registry import create_prior, list_priors

HALVING_RESIDUAL = 0.1
"""Relative error of the aligned prior at the points that halves the confidence in it."""
UNCONFIRMED = 0.05
"""Confidence where no point confirms the prior."""


class AlignedPrior(Completer):
    """A monocular prior, aligned to the points by scale and shift, then by a smooth local correction.

    Confidence is q (1 + c) / 2 with q = inliers / (1 + residual / 10 %) of the alignment (at least 0.05)
    and c that of `Nearest`, of the distance to the nearest measurement that agrees with the prior.
    Pixels are unknown where the prior knows nothing; all that are not measured are without an image, or
    where a prior up to scale and shift meets no point. A metric prior needs no point. When memory runs out,
    linear completion stands in from then on, which `degradations` tells.

    Args:
        prior: the prior, or what `create_prior` makes one from.
        local: whether to correct locally.
        prior_every: the prior runs on every so many frames; its last prediction is aligned anew in between.
        prior_side, device, allow_noncommercial: see `create_prior`.

    Raises:
        ValueError, FileNotFoundError, ImportError: there is no such prior, see `create_prior`.
    """

    name = "prior"

    def __init__(
        self,
        prior: MonocularPrior | str | None,
        local: bool = True,
        prior_every: int = 1,
        prior_side: int = 0,
        device: str = "auto",
        allow_noncommercial: bool = False,
    ):
        if isinstance(prior, str):
            prior = create_prior(prior, device, allow_noncommercial, prior_side)
        if prior is None:
            raise ValueError(
                f"Completer 'prior' needs a prior: one of {', '.join(list_priors()[1:])}, or the path of one."
            )
        self._prior_depth = PriorDepth(prior, prior_every)
        self._local = local
        self._memory = MemoryFallback()
        self.degradations = self._memory.degradations

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        return self._memory.complete(
            lambda: self._complete(image, sparse, name), sparse, lambda: "Out of memory in the prior"
        )

    def _complete(self, image, sparse: SparseDepth, name: str) -> Completion:
        if image is None:
            dense, confidence = np.full(sparse.depth.shape, np.nan, np.float32), np.float32(0)
        else:
            dense, confidence = self._aligned(image, sparse.depth, name)
        measured, known = sparse.depth > 0, np.isfinite(dense)
        source = np.where(known, np.uint8(Source.PRIOR), np.uint8(Source.UNKNOWN))
        return Completion(
            depth=np.where(measured, sparse.depth, dense),
            confidence=np.where(measured, np.float32(1), np.where(known, confidence, np.float32(0))),
            source=np.where(measured, np.uint8(Source.MEASURED), source),
        )

    def _aligned(self, image, sparse_depth, name) -> tuple[np.ndarray, np.ndarray]:
        """Depth of the prior in metres and confidence in it, float32 H x W."""
        depth = self._prior_depth(image, sparse_depth, name)
        fit = self._prior_depth.alignment
        inlier = np.zeros(depth.shape, bool)
        pixel = np.flatnonzero(sparse_depth > 0)
        error = relative_error(depth.ravel()[pixel], sparse_depth.ravel()[pixel])
        inlier.ravel()[pixel] = error <= fit.tolerance
        if not inlier.any():
            return depth, np.full(depth.shape, UNCONFIRMED, np.float32)
        quality = max(fit.inliers / (1 + fit.residual / HALVING_RESIDUAL), UNCONFIRMED)
        distance = cv2.distanceTransform((~inlier).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        nearness = distance_confidence(distance, np.count_nonzero(inlier))
        if self._local:
            depth = local_correction(depth, sparse_depth, fit.tolerance)
        return depth, (np.float32(quality / 2) * (1 + nearness))

    def warm_up(self, height: int, width: int) -> None:
        self._prior_depth.prior.warm_up(height, width)

    def forget(self) -> None:
        self._prior_depth.forget()

    def report(self) -> dict[str, object]:
        return self._prior_depth.report()
