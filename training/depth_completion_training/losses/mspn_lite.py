"""What the default network is trained with."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import nn

from depth_completion_ros.completion.mspn_lite.network import TAIL, Prediction

SCALES = {8: 0.15, 4: 0.25, 2: 0.5}
"""Weights of the log depths on the way, by the factor of their size."""


class MSPNLiteLoss(nn.Module):
    """Sum of errors of log depth, of depth, of edges, and of the error that the network expects.

    All but the last count in units of what the first fill has for an error in the same frame, plus a
    floor: a dense scan, whose errors are small, then counts nearly as much as a handful of points.

    Args:
        linear: weight of the error in depth, L1, and half the square up to `LARGEST` times the mean depth.
        edges: weight of the error of the gradients of log depth at strides 1, 2 and 4.
        spread: weight of the negative log likelihood of the error, whose log is thought logistic about
            the expected one; the error itself gets no gradient from it.
        sky: weight of what the log depth of the sky falls short of the farthest truth.
    """

    LARGEST = 3.0
    FLOOR = 0.03
    SKY_ERROR = 1.0
    """Of log depth, where no depth is right."""

    def __init__(self, linear: float = 0.5, edges: float = 0.5, spread: float = 0.1, sky: float = 0.03):
        super().__init__()
        self.linear, self.edges, self.spread, self.sky = linear, edges, spread, sky

    def forward(self, prediction: Prediction, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Scalars by name; `loss` is their weighted sum.

        Args:
            batch: with `depth`, B x 1 x H x W metres, 0 where unknown, inf in the sky.
        """
        truth, sky = batch["depth"], torch.isinf(batch["depth"])
        known = ((truth > 0) & ~sky).float()
        truth = torch.where(known > 0, truth, prediction.unit)
        log_truth = torch.log(truth / prediction.unit)
        log_depth = torch.log(prediction.depth / prediction.unit)
        error = (log_depth - log_truth).abs()
        weight = 1 / (self.FLOOR + per_image((prediction.base - log_truth).abs(), known))
        parts = {"log": mean(error, known * weight, known)}
        parts["coarse"] = sum(
            share * at_scale(log, factor, log_truth, known, weight)
            for (factor, share), log in zip(SCALES.items(), prediction.coarse, strict=True)
        )
        first = prediction.base.exp() * prediction.unit
        parts["linear"] = self._linear(prediction.depth, first, truth, known)
        parts["edges"] = edges(log_depth - log_truth, known, weight)
        parts["sky"] = _short_of(log_depth, log_truth, known, sky)
        seen = torch.where(sky, self.SKY_ERROR, error.detach())
        parts["spread"] = mean(unlikelihood(seen, prediction.spread), known + sky, known + sky)
        loss = parts["log"] + parts["coarse"] + self.linear * parts["linear"] + self.edges * parts["edges"]
        return {"loss": loss + self.spread * parts["spread"] + self.sky * parts["sky"], **parts}

    def _linear(self, depth, first, truth, known) -> torch.Tensor:
        typical = per_image(truth, known) + 1e-6
        error = ((depth - truth).abs() / typical).clamp(max=10)
        weight = 1 / (self.FLOOR + per_image(((first - truth).abs() / typical).clamp(max=10), known))
        return mean(error + 0.5 * error.clamp(max=self.LARGEST) ** 2, known * weight, known)


def per_image(values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Means over the known pixels of each image, B x 1 x 1 x 1, 0 where there are none; no gradient."""
    total = (values * known).sum(dim=(1, 2, 3), keepdim=True)
    return (total / known.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)).detach()


def mean(values: torch.Tensor, weights: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Weighted sum over the number of what is known; 0 where nothing is."""
    return (values * weights).sum() / known.sum().clamp(min=1)


def at_scale(log, factor: int, log_truth, known, weight) -> torch.Tensor:
    """L1 of a coarse log depth against the truth at the four pixels about the middle of its cells."""
    total = log.new_zeros(())
    for row, column in product((factor // 2 - 1, factor // 2), repeat=2):
        truth, mask = (x[..., row::factor, column::factor] for x in (log_truth, known))
        error = (log[..., : truth.shape[-2], : truth.shape[-1]] - truth).abs()
        total = total + mean(error, mask * weight, mask)
    return total / 4


def unlikelihood(error: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Negative log likelihood of an error whose log is logistic about `spread`."""
    z = (torch.log(error + 1e-4) - spread) / TAIL
    return z + 2 * F.softplus(-z)


def edges(error: torch.Tensor, known: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """L1 of the differences of the error between neighbours, at three strides."""
    total = error.new_zeros(())
    for stride in (1, 2, 4):
        e, k = error[..., ::stride, ::stride], known[..., ::stride, ::stride]
        both = k[..., 1:] * k[..., :-1]
        total = total + mean((e[..., 1:] - e[..., :-1]).abs(), both * weight, both)
        both = k[..., 1:, :] * k[..., :-1, :]
        total = total + mean((e[..., 1:, :] - e[..., :-1, :]).abs(), both * weight, both)
    return total / 3


def _short_of(log_depth, log_truth, known, sky) -> torch.Tensor:
    """How much nearer than the farthest truth the sky lies."""
    farthest = torch.where(known > 0, log_truth, -torch.inf).amax(dim=(1, 2, 3), keepdim=True)
    farthest = torch.where(torch.isfinite(farthest), farthest, 0.0)
    return mean(F.relu(farthest - log_depth), sky.float(), sky.float())
