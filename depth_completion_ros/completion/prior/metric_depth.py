"""Metric depth from a monocular prior, frame by frame."""

from __future__ import annotations

import numpy as np

from . import Alignment, MonocularPrior, PriorSchedule, align


class PriorDepth:
    """Depth of a prior in metres: its prediction, aligned to the points of each frame.

    Args:
        every: the prior runs on every so many frames; between them its last prediction is aligned anew.

    Attributes:
        alignment: that of the last frame; None before the first.
    """

    def __init__(self, prior: MonocularPrior, every: int = 1):
        self.prior = prior
        self._every = every
        self.alignment: Alignment | None
        self.forget()

    def __call__(self, image: np.ndarray, sparse_depth: np.ndarray, name: str = "") -> np.ndarray:
        """Depth of a frame.

        Args:
            image: uint8 H x W x 3 RGB.
            sparse_depth: float32 H x W metres, 0 where not measured; without a point only a metric
                prior knows depth.
            name: of the frame, for priors that look their predictions up.

        Returns:
            float32 H x W metres, NaN where unknown.
        """
        prediction, self._age = self._schedule.predict(image, name)
        self.alignment = align(prediction, sparse_depth, self.prior.space)
        return self.alignment.apply(prediction)

    def forget(self) -> None:
        """Forget earlier frames: the prior runs on the next one."""
        self._schedule = PriorSchedule(self.prior, self._every)
        self.alignment = None
        self._age = 0

    def report(self) -> dict[str, object]:
        """The prior, how old its last prediction is, and how well it fits the points."""
        values: dict[str, object] = {"prior": self.prior.name, "licence of the prior": self.prior.licence}
        if self.alignment is None:
            return values
        fit = self.alignment
        return values | {
            "age of the prior (frames)": self._age,
            "scale": fit.scale,
            "shift": fit.shift,
            "inliers": fit.inliers,
            "residual": fit.residual,
        }
