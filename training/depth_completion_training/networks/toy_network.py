"""A network of a few convolutions, for recipes that try the machinery out."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Prediction(NamedTuple):
    """Depth [B,1,H,W] in metres."""

    depth: Tensor


class ToyNetwork(nn.Module):
    """Corrects the mean of the measurements near each pixel, by image and sparse depth.

    Args:
        channels: of its convolutions.
    """

    def __init__(self, channels: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 3, padding=1),
        )
        nn.init.zeros_(self.layers[-1].weight)

    def forward(self, rgb: Tensor, sparse: Tensor) -> Prediction:
        mask = (sparse > 0).to(sparse)
        near = F.avg_pool2d(sparse, 31, 1, 15) / F.avg_pool2d(mask, 31, 1, 15).clamp(min=1e-6)
        everywhere = (sparse.sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)).reshape(-1, 1, 1, 1)
        first = torch.where(near > 0, near, everywhere).clamp(min=0.1)
        factor = self.layers(torch.cat([rgb, sparse, mask, first], dim=1)).float().clamp(-3, 3).exp()
        return Prediction(first * factor)
