"""Sparse depth at a coarser level: a mean that the network weighs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Block, exact
from .search import LEAST_DEPTH


class Logits(nn.Module):
    """A logit for every pixel of full resolution, from features of a level."""

    def __init__(self, channels: int, level: int):
        super().__init__()
        self.conv = nn.Sequential(
            Block(channels, channels, 1), Block(channels, channels, 1), nn.Conv2d(channels, 4**level, 1)
        )
        self.factor = 2**level

    def forward(self, features: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(features), self.factor)


class WeightedPooling(nn.Module):
    """Mean of the measured depths of each cell of 2^level pixels, weighted by a softmax of logits."""

    def __init__(self, channels: int, level: int):
        super().__init__()
        self.permute = Logits(channels, level)
        self.cell = 2**level

    def forward(self, features: Tensor, sparse: Tensor) -> Tensor:
        """B x 1 x h x w; 0 in cells where nothing was measured.

        Args:
            sparse: B x 1 x H x W metres, 0 where not measured.
        """
        logits = exact(self.permute(features).contiguous())
        measured = (sparse > LEAST_DEPTH).to(logits.dtype)
        with torch.no_grad():
            # By 1e6, as the official code has it: a true maximum is not the same in its last digits.
            largest = F.max_pool2d((logits + 1e6) * measured, self.cell) - 1e6
            largest = F.interpolate(largest, scale_factor=self.cell, mode="nearest") * measured
        weights = torch.exp(logits * measured - largest) * measured
        total, weight = (F.avg_pool2d(x, self.cell) for x in (sparse * weights, weights))
        return total / (weight + 1e-6)
