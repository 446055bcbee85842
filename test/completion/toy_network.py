"""Linear completion corrected by one convolution: how a network is added (docs/development.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..classical.linear import Linear
from ..learned.completer import LearnedCompleter
from ..learned.options import NetworkOptions, option


@dataclass(frozen=True)
class ToyOptions(NetworkOptions):
    """Options of `ToyCompleter`."""

    strength: float = option(1.0, "Share of the correction that is taken, from 0 to 1.")


class ToyCompleter(LearnedCompleter):
    """Linear completion, corrected by one convolution of image and depth.

    Confidence is what the network says of itself.
    """

    name = "toy"
    variants = ("small",)
    Options = ToyOptions

    @staticmethod
    def make_network(variant):
        return torch.nn.Conv2d(5, 2, 3, padding=1)

    def planes(self, image, sparse, camera, name):
        return [Linear().complete(None, sparse).depth]

    def warm_up_planes(self, image):
        return [np.full(image.shape[:2], 10, np.float32)]

    def forward(self, rgb, sparse, *planes, points):
        (linear,) = planes
        inputs = torch.cat([rgb, sparse, linear], dim=1).to(getattr(torch, self.precision))
        change, confidence = self.inference_network(inputs).float().split(1, dim=1)
        return linear * torch.exp(self.options.strength * change.tanh()), confidence.sigmoid()
