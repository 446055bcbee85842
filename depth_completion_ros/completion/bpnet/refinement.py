"""Propagation among neighbours with three sizes of kernel at once, after CSPN++."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.local_sum import propagate
from .layers import Block, exact, join
from .search import LEAST_DEPTH

SIZES = (3, 5, 7)


class KernelGenerator(nn.Module):
    """Weights of every pixel's kernel of `size` x `size`, B x size^2 x H x W, that sum to 1."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.conv = nn.Sequential(
            Block(channels, channels), Block(channels, size * size - 1, activation=nn.Identity())
        )
        nn.init.zeros_(self.conv[1].conv.bn.weight)  # at first nothing moves

    def forward(self, features: Tensor) -> Tensor:
        return normalised(self.conv(features))


def normalised(around: Tensor) -> Tensor:
    """Kernels whose weights sum to 1, of logits for all of their pixels but the middle one."""
    around = exact(around)
    around = around / (around.abs().sum(dim=1, keepdim=True) + 1e-6)
    before, after = around.chunk(2, dim=1)
    return torch.cat([before, 1 - around.sum(dim=1, keepdim=True), after], dim=1)


def head(inputs: int, channels: int) -> nn.Sequential:
    """A block, then a convolution to one channel for each size of kernel or snapshot."""
    return nn.Sequential(Block(inputs, channels), nn.Conv2d(channels, len(SIZES), 3, padding=1))


class Refinement(nn.Module):
    """Refines depth in `steps` steps, and mixes what it was before, half way and after."""

    def __init__(self, channels: int, steps: int):
        super().__init__()
        self.weight3x3, self.weight5x5, self.weight7x7 = (KernelGenerator(channels, size) for size in SIZES)
        self.convmask = head(channels, channels)
        self.convck = head(channels, channels)
        self.convct = head(channels + len(SIZES), channels)
        self.steps = steps

    def forward(self, features: Tensor, depth: Tensor, sparse: Tensor) -> Tensor:
        """Depth B x 1 x H x W; all arguments of the same height and width."""
        generators = self.weight3x3, self.weight5x5, self.weight7x7
        kernels = {size: make(features) for size, make in zip(SIZES, generators, strict=True)}
        gates = exact(self.convmask(features)).sigmoid() * (sparse > LEAST_DEPTH)
        sizes = F.softmax(exact(self.convck(features)), dim=1)
        snapshots = torch.cat(propagate(depth, sparse, kernels, gates, sizes, self.steps), dim=1)
        share = F.softmax(exact(self.convct(join(features, snapshots))), dim=1)
        return (share * snapshots).sum(dim=1, keepdim=True)
