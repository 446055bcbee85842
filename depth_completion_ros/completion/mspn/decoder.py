"""Blocks of the guidance network's decoder."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import LayerNorm2d, join

STRIP_PIXELS = 8192
"""A CPU works through larger maps in strips of so many pixels, which stay in the cache of a core."""


def up_block(in_channels: int, channels: int) -> nn.Sequential:
    """Double the size of a map by a transposed convolution, then a `NAFBlock`."""
    up = nn.ConvTranspose2d(in_channels, channels, 3, stride=2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(
        nn.Sequential(up, LayerNorm2d(channels), nn.ReLU(inplace=True)),
        NAFBlock(channels),
    )


def join_skip(decoded: Tensor, skip: Tensor) -> Tensor:
    """Concatenate a decoded map, resized where its size differs, with the encoder's map of its scale."""
    if decoded.shape[-2:] != skip.shape[-2:]:
        decoded = F.interpolate(decoded, size=skip.shape[-2:], mode="bilinear", align_corners=True)
    return join(decoded, skip)


class NAFBlock(nn.Module):
    """Block without activations, whose halves multiply each other instead (NAFNet, Chen et al., ECCV 2022).

    `beta` and `gamma` scale its two residuals and start at zero, where the block is the identity.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv2 = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        self.conv4 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.norm1 = LayerNorm2d(channels)
        self.norm2 = LayerNorm2d(channels)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        rows = max(1, STRIP_PIXELS // (batch * width)) if x.device.type == "cpu" else height
        strips = [slice(top, top + rows) for top in range(0, height, rows)]
        gated = torch.cat([self._gated(x, strip) for strip in strips], dim=2)
        weight = self.sca(gated)
        return torch.cat([self._mixed(x[:, :, s], gated[:, :, s] * weight) for s in strips], dim=2)

    def _gated(self, x: Tensor, strip: slice) -> Tensor:
        """What the first residual makes of some rows; the depthwise kernel sees one more on either side."""
        above = min(strip.start, 1)
        x = self.conv2(self.conv1(self.norm1(x[:, :, strip.start - above : strip.stop + 1])))
        return _gate(x)[:, :, above : above + strip.stop - strip.start]

    def _mixed(self, x: Tensor, gated: Tensor) -> Tensor:
        """Both residuals of some rows, where every pixel stands alone."""
        x = x + self.beta * self.conv3(gated)
        return x + self.gamma * self.conv5(_gate(self.conv4(self.norm2(x))))


def _gate(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=1)
    return first * second
