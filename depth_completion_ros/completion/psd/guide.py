"""Features of the foundation model as a guide, and measured depth at a quarter of the resolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 4
SPACE_CHANNELS, IMAGE_CHANNELS, POST_CHANNELS = 9, 16, 32
"""Of the guide: at a quarter of the resolution beside x, y, z; at full resolution; in the last step."""


class SparseMean(nn.Module):
    """Mean of the measured pixels of every block of 4 x 4; rows and columns left over are dropped."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, STRIDE, STRIDE, bias=False)
        nn.init.ones_(self.conv.weight).requires_grad_(False)

    def forward(self, sparse: Tensor) -> Tensor:
        """B x 1 x h x w metres, 0 where nothing of a block is measured; means are too low by a 1e-5 / n."""
        missing = (max(0, STRIDE - size) for size in sparse.shape[:-3:-1])
        sparse = F.pad(sparse, [side for n in missing for side in (0, n)])
        weight = self.conv.weight.to(sparse.dtype)
        total, number = (F.conv2d(x, weight, stride=STRIDE) for x in (sparse, (sparse > 0).to(sparse.dtype)))
        return total / (number + 1e-5)


def resampled(features: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Features at another number of channels, height and width: trilinear, the channels being an axis.

    The channels come first, at the low resolution; the order changes nothing but rounding.

    Args:
        features: B x C x h x w.

    Returns:
        B x channels x H x W, at least float32.
    """
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    known = features.shape[1]
    at = torch.arange(channels, device=features.device, dtype=features.dtype)
    position = (at + 0.5) * (known / channels) - 0.5
    position = position.clamp(0, known - 1)
    below = position.floor().long()
    share = (position - below).view(1, -1, 1, 1)
    mixed = features[:, below] * (1 - share) + features[:, (below + 1).clamp(max=known - 1)] * share
    return F.interpolate(mixed, size, mode="bilinear", align_corners=False)


def bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """A map at another height and width; nothing is smoothed when it shrinks."""
    return F.interpolate(x, size, mode="bicubic", align_corners=False)
