"""A learned completer with a network of one convolution, for what does not depend on the network."""

from __future__ import annotations

import torch

from depth_completion_ros.completion.learned.completer import LearnedCompleter


class Network(torch.nn.Conv2d):
    """A convolution and a function of every pixel, so that there is something to compile."""

    def forward(self, x):
        return torch.nn.functional.softplus(super().forward(x))


class Tiny(LearnedCompleter):
    """One convolution of image and sparse depth. Its variant `wide` has a larger kernel."""

    name = "tiny"
    variants = ("narrow", "wide")

    @staticmethod
    def make_network(variant: str) -> torch.nn.Module:
        size = 5 if variant == "wide" else 3
        return Network(4, 2, size, padding=size // 2)

    def forward(self, rgb, sparse, *planes, points):
        inputs = torch.cat([rgb, sparse], dim=1).to(self.network.weight.dtype)
        depth, confidence = self.network(inputs).unbind(1)
        return depth.abs()[None] + 1, confidence.sigmoid()[None]
