"""Learned completers with a network of one convolution, for what does not depend on the network."""

from __future__ import annotations

from typing import NamedTuple

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


class Refined(NamedTuple):
    """What `MSPN` gives."""

    depth: torch.Tensor
    mask: torch.Tensor


class TinyMSPN(torch.nn.Module):
    """Takes and gives what `MSPN` does; each conventional variant has a width of its own."""

    def __init__(self, variant: str):
        super().__init__()
        channels = {"conventional_nyu": 5, "conventional_kitti": 6}.get(variant, 4)
        self.backbone = Network(channels, 2, 3, padding=1)

    def forward(self, rgb, sparse, *first, points):
        planes = first or [sparse] * (self.backbone.in_channels - 3)
        inputs = torch.cat([rgb, *planes], dim=1).to(self.backbone.weight.dtype)
        depth, mask = self.backbone(inputs).float().split(1, dim=1)
        return Refined(1 + depth + sparse, torch.where(sparse > 0, 1.0, mask.sigmoid()))
