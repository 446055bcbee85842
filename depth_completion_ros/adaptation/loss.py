"""What the network is fitted by: hidden points, and the sky that it saw before."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..completion.efficient_spn.at_points import AtPoints, Points
from ..completion.efficient_spn.network import CLOSE, Prediction

FLOOR = 0.03
"""Added to the error of the first fill, in whose units errors count, so that no frame counts for all."""
LARGEST = 3.0
"""Times the mean depth up to which errors count by their square too: what shows through glass is no more."""
LINEAR, CONFIDENCE, SKY = 0.5, 0.1, 0.2
"""Weights beside the error of log depth, as in the training of the network."""
FARTHEST = math.exp(3)
"""Factor by which depth may be off for its gradient to count."""


def loss_at(found: AtPoints, points: Points) -> torch.Tensor:
    """Error of log depth and of depth, in units of those of the first fill, and of confidence.

    Args:
        found: at all of the points; only those that were not measured count.
    """
    n = points.measured
    log_truth, log_depth = points.log_depth[n:], found.log_depth[n:]
    error = (log_depth - log_truth).abs().clamp(max=math.log(FARTHEST))
    by_log = error.mean() / (FLOOR + (found.base[n:] - log_truth).abs().mean().detach())
    truth = log_truth.exp()
    of_first = _relative(found.base[n:].exp(), truth).mean().detach()
    of_depth = _relative(log_depth.exp(), truth)
    by_depth = (of_depth + 0.5 * of_depth.clamp(max=LARGEST) ** 2).mean() / (FLOOR + of_first)
    return by_log + LINEAR * by_depth + CONFIDENCE * confidence_loss(found.logit[n:], right(found, points))


def right(found: AtPoints, points: Points) -> torch.Tensor:
    """Whether the depth of each hidden point is within 5 % of what was measured there, as 0 and 1."""
    n = points.measured
    truth = points.log_depth[n:].exp()
    return ((found.log_depth[n:].detach().exp() - truth).abs() <= CLOSE * truth).float()


def confidence_loss(logit: torch.Tensor, is_right: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood of confidence, as the probability of being right."""
    return F.binary_cross_entropy_with_logits(logit, is_right)


@dataclass(eq=False)
class Said:
    """What the network said of a frame before it learned, each as its prediction has it.

    Args:
        log_depth: log of metres.
        confidence, sky: probabilities.
        trust: in [0, 1].
    """

    log_depth: torch.Tensor
    confidence: torch.Tensor
    sky: torch.Tensor
    trust: torch.Tensor

    @classmethod
    def of(cls, prediction: Prediction) -> Said:
        """What a prediction says."""
        nearness, confidence, sky, trust = prediction.planes()
        return cls(-nearness.log(), confidence, sky.sigmoid(), trust)


def sky_loss(now: Prediction, said: Said) -> torch.Tensor:
    """How far the sky is from where it was before, as no scan tells of it."""
    return _apart(now.sky.sigmoid(), said.sky)


def held_loss(now: Prediction, said: Said) -> torch.Tensor:
    """How far all that the network says is from what it said before (Learning without Forgetting, 2016).

    Args:
        now: what it says, of a frame whose truth nobody needs to know.
    """
    found = Said.of(now)
    by_log = (found.log_depth - said.log_depth).abs().mean() / FLOOR
    sure = _apart(found.confidence, said.confidence) + (found.trust - said.trust).abs().mean()
    return by_log + CONFIDENCE * sure + SKY * _apart(found.sky, said.sky)


def _apart(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of probabilities from those before, 0 where they are the same."""
    return F.binary_cross_entropy(now, before) - F.binary_cross_entropy(before, before)


def _relative(depth: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return ((depth - truth).abs() / truth.mean()).clamp(max=10)
