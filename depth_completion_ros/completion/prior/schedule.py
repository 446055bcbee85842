"""A prior that looks at fewer frames than are completed."""

from __future__ import annotations

import numpy as np

from .interface import MonocularPrior


class PriorSchedule:
    """Runs a prior on some frames and gives its last prediction on those between.

    Both limits may be set; a frame must satisfy both for the prior to run. It also runs on the first
    frame, where the image has another size, and where the stamps jump back (a bag that starts anew).

    Args:
        prior: the prior.
        every: it runs on every so many frames.
        max_rate: Hz that it runs at most, by the stamps of the frames; None for no limit.
    """

    def __init__(self, prior: MonocularPrior, every: int = 1, max_rate: float | None = None):
        if every < 1:
            raise ValueError(f"A prior runs on every {every} frames; the number must be 1 or more.")
        if max_rate is not None and not max_rate > 0:
            raise ValueError(f"Greatest rate of a prior is {max_rate} Hz; it must be above zero.")
        self.prior = prior
        self._every, self._max_rate = every, max_rate
        self._prediction: np.ndarray | None = None
        self._stamp: int | None = None
        self._age = 0

    def predict(self, image: np.ndarray, name: str = "", stamp: int | None = None) -> tuple[np.ndarray, int]:
        """Prediction for a frame, and how many frames ago it was made; the array is not to be changed.

        Args:
            image: uint8 H x W x 3 RGB.
            name: of the frame.
            stamp: of the frame, nanoseconds; `max_rate` needs it.
        """
        if self._max_rate is not None and stamp is None:
            raise ValueError(f"Frame '{name}' has no stamp, which the greatest rate of a prior needs.")
        self._age += 1
        if self._is_due(image, stamp):
            self._prediction = self.prior.predict(image, name)
            self._stamp, self._age = stamp, 0
        return self._prediction, self._age

    def _is_due(self, image: np.ndarray, stamp: int | None) -> bool:
        if self._prediction is None or self._prediction.shape != image.shape[:2]:
            return True
        if self._stamp is not None and stamp is not None:
            since = stamp - self._stamp
            if since < 0:
                return True
            if self._max_rate is not None and since * self._max_rate < 1e9:
                return False
        return self._age >= self._every
