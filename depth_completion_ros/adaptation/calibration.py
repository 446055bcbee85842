"""Confidence that is the probability it claims on a robot's own data: two numbers on its logit.

Platt scaling (Platt, Probabilistic Outputs for Support Vector Machines, 1999) of a network's own confidence,
as temperature scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017) with an offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..completion.efficient_spn.network import EfficientSPN

SLOPES = 0.2, 5.0
ITERATIONS = 50
RIDGE = 1e-4
"""Pull of the slope towards 1 and of the offset towards 0, so that few points do not lead far off."""


@dataclass(frozen=True)
class Calibration:
    """logit of confidence <- slope * logit + offset, which keeps the order of pixels.

    Args:
        slope: positive, within `SLOPES`.
        offset: of the logit.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, logit: np.ndarray) -> np.ndarray:
        """Confidence of a logit."""
        return 1 / (1 + np.exp(-(self.slope * logit + self.offset)))

    @classmethod
    def fitted(cls, logit: np.ndarray, right: np.ndarray, weight: np.ndarray) -> Calibration:
        """The calibration of the greatest likelihood, by Newton's method.

        Args:
            logit: N, of the confidence as it is.
            right: N, whether depth was within 5 %.
            weight: N, summing to 1.

        Raises:
            ValueError: no points.
        """
        if not logit.size:
            raise ValueError("There are no hidden points to calibrate confidence on.")
        x = np.stack([logit, np.ones_like(logit)]).astype(np.float64)
        found = usual = np.array([1.0, 0.0])
        for _ in range(ITERATIONS):
            p = 1 / (1 + np.exp(-(found @ x)))
            gradient = x @ (weight * (p - right)) + RIDGE * (found - usual)
            curvature = (x * (weight * p * (1 - p))) @ x.T + RIDGE * np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            found = found - step * min(1.0, 2 / max(np.abs(step).max(), 1e-12))
            if np.abs(step).max() < 1e-9:
                break
        slope = float(np.clip(found[0], *SLOPES))
        return cls(slope, float(found[1]))

    def put_into(self, network: EfficientSPN) -> None:
        """Change the network's last layer so that its confidence is calibrated and nothing else changes.

        Confidence is sigmoid((log 0.05 - spread) / T), spread a plane of the last convolution, enlarged
        bilinearly; so spread <- slope * spread + (1 - slope) * log 0.05 - T * offset.
        """
        import torch

        from ..completion.efficient_spn.network import FINE_DILATIONS, LOG_CLOSE, TAIL

        plane = 9 * len(FINE_DILATIONS) + 3  # mass, change, trust, spread
        with torch.no_grad():
            network.head2.weight[plane] *= self.slope
            bias = network.head2.bias[plane] * self.slope + (1 - self.slope) * LOG_CLOSE - TAIL * self.offset
            network.head2.bias[plane] = bias
