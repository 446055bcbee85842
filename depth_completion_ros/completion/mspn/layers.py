"""Small parts that several rooms of the network share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.Module):
    """Normalise every pixel of [B,C,H,W] over its channels, then scale and shift each channel.

    The result lies channels-last in memory, as the whole network does: there the norm is one pass.
    """

    eps = 1e-6

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        pixels = F.layer_norm(to_pixels(x), self.weight.shape, self.weight, self.bias, self.eps)
        return to_map(pixels)


def conv3x3(in_channels: int, channels: int, norm: bool = False, relu: bool = True) -> nn.Sequential:
    """3x3 convolution, then a LayerNorm2d, then a ReLU; a bias only where no norm follows."""
    layers = [nn.Conv2d(in_channels, channels, 3, padding=1, bias=not norm)]
    layers += [LayerNorm2d(channels)] if norm else []
    layers += [nn.ReLU(inplace=True)] if relu else []
    return nn.Sequential(*layers)


def join(*maps: Tensor) -> Tensor:
    """Concatenate maps [B,*,H,W] along their channels, channels-last in memory."""
    return torch.cat(maps, dim=1).contiguous(memory_format=torch.channels_last)


def to_pixels(x: Tensor) -> Tensor:
    """View [B,C,H,W] as [B,H,W,C]."""
    return x.permute(0, 2, 3, 1)


def to_map(pixels: Tensor) -> Tensor:
    """View [B,H,W,C] as [B,C,H,W]."""
    return pixels.permute(0, 3, 1, 2)
