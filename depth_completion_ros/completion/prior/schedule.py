"""A prior that runs on fewer frames than are completed."""

from __future__ import annotations

import numpy as np

from .interface import MonocularPrior


class PriorSchedule:
    """Runs a prior on some frames and gives its last prediction on those between.

    It also runs on the first frame, and where the image has another size.

    Args:
        prior: the prior.
        every: it runs on every so many frames.
    """

    def __init__(self, prior: MonocularPrior, every: int = 1):
        if every < 1:
            raise ValueError(f"A prior runs on every {every} frames; the number must be 1 or more.")
        self.prior = prior
        self._every = every
        self._prediction: np.ndarray | None = None
        self._age = 0

    def predict(self, image: np.ndarray, name: str = "") -> tuple[np.ndarray, int]:
        """Prediction for a frame, and how many frames ago it was made; the array is not to be changed.

        Args:
            image: uint8 H x W x 3 RGB.
            name: of the frame.
        """
        self._age += 1
        other_size = self._prediction is None or self._prediction.shape != image.shape[:2]
        if other_size or self._age >= self._every:
            self._prediction, self._age = self.prior.predict(image, name), 0
        return self._prediction, self._age
