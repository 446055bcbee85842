"""What EfficientSPN is trained with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from depth_completion_ros.completion.efficient_spn.network import Prediction

from .mspn_lite import at_scale, edges, mean, per_image, unlikelihood

SCALES = {16: 0.15, 8: 0.25, 4: 0.5}
"""Weights of the log depths on the way, by the factor of their size to that of the image."""


class EfficientSPNLoss(nn.Module):
    """Sum of errors of log depth, of depth, of edges, of the error that is expected, and of the sky.

    The first three count in units of what the first fill has for an error in the same frame, plus a
    floor: a dense scan, whose errors are small, then counts nearly as much as a handful of points. In the
    sky no depth is right, and none is asked for.

    Args:
        linear: weight of the error in depth, L1, and half the square up to `LARGEST` times the mean depth.
        edges: weight of the error of the gradients of log depth at strides 1, 2 and 4.
        spread: weight of the negative log likelihood of the error, whose log is thought logistic about
            the expected one; the error itself gets no gradient from it.
        sky: weight of the cross entropy between sky and what has a depth.
    """

    LARGEST = 3.0
    FLOOR = 0.03

    def __init__(self, linear: float = 0.5, edges: float = 0.5, spread: float = 0.1, sky: float = 0.2):
        super().__init__()
        self.linear, self.edges, self.spread, self.sky = linear, edges, spread, sky

    def forward(self, prediction: Prediction, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Scalars by name; `loss` is their weighted sum.

        Args:
            batch: with `depth`, B x 1 x H x W metres, 0 where unknown, inf in the sky.
        """
        sky = torch.isinf(batch["depth"]).float()
        known = (batch["depth"] > 0).float() - sky
        truth = torch.where(known > 0, batch["depth"], prediction.unit)
        log_truth, log_depth = (torch.log(x / prediction.unit) for x in (truth, prediction.depth))
        error = (log_depth - log_truth).abs()
        weight = 1 / (self.FLOOR + per_image((prediction.base - log_truth).abs(), known))
        parts = {"log": mean(error, known * weight, known)}
        parts["coarse"] = sum(
            share * at_scale(log, factor, log_truth, known, weight)
            for (factor, share), log in zip(SCALES.items(), prediction.coarse, strict=True)
        )
        parts["linear"] = self._of_depth(prediction, truth, known)
        parts["edges"] = edges(log_depth - log_truth, known, weight)
        parts["spread"] = mean(unlikelihood(error.detach(), prediction.spread), known, known)
        logits = F.binary_cross_entropy_with_logits(prediction.sky, sky, reduction="none")
        parts["sky"] = mean(logits, known + sky, known + sky)
        loss = parts["log"] + parts["coarse"] + self.linear * parts["linear"] + self.edges * parts["edges"]
        return {"loss": loss + self.spread * parts["spread"] + self.sky * parts["sky"], **parts}

    def _of_depth(self, prediction: Prediction, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        typical = per_image(truth, known) + 1e-6
        first = prediction.base.exp() * prediction.unit
        error, at_first = (((z - truth).abs() / typical).clamp(max=10) for z in (prediction.depth, first))
        weight = 1 / (self.FLOOR + per_image(at_first, known))
        return mean(error + 0.5 * error.clamp(max=self.LARGEST) ** 2, known * weight, known)
