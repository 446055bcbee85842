"""Depth of every pixel from its four nearest measured ones, by coefficients that a small network gives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.neighbours import offsets_of
from .layers import Block, exact


class Coefficients(nn.Module):
    """A convolution with bias, by the key of the official checkpoints."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class BilateralPropagation(nn.Module):
    """d_i = sum_j w_ij ((1 + a_ij) z_j + b_ij) over the four measured pixels next to i (BP-Net, eq. 2 to 5).

    What gives the coefficients sees the features of both pixels, the point of j in the camera frame,
    and the way from i to j.
    """

    def __init__(self, channels: int):
        super().__init__()
        activation = nn.GELU()
        self.convXF = nn.Sequential(
            Block(2 * channels + 5, channels, 1, activation), Block(channels, channels, 1, activation)
        )
        self.convXL = nn.Sequential(
            Block(channels, channels, 1, activation), Block(channels, channels, 1, nn.Identity())
        )
        self.coef = Coefficients(channels, 3)

    def forward(self, features: Tensor, points: Tensor, neighbours: Tensor) -> Tensor:
        """Depth B x 1 x H x W.

        Args:
            features: B x C x H x W.
            points: B x 3 x H x W, x, y, z of the measured pixels, metres.
            neighbours: B x 4 x H x W, flat indices.
        """
        batch, _, height, width = features.shape
        x = self._first(features, points, neighbours)
        x = self.convXF[1](x)
        x = F.gelu(x + self.convXL(x))
        scale, shift, logits = exact(self.coef(x)).unbind(dim=1)
        z = points[:, 2].flatten(1)[:, None].expand(-1, 4, -1).gather(2, neighbours.flatten(2))
        depth = ((scale + 1) * z + shift) * logits.softmax(dim=1)
        return depth.sum(dim=1).view(batch, 1, height, width)

    def _first(self, features: Tensor, points: Tensor, neighbours: Tensor) -> Tensor:
        """The first block, B x C x 4 x HW; its convolution is linear, so each pixel's part comes first."""
        conv, (channels, width) = self.convXF[0].conv, (features.shape[1], features.shape[3])
        own, other, way = conv.conv.weight.split([channels, channels + 3, 2], dim=1)
        own = F.conv2d(features, own, conv.conv.bias).flatten(2)[:, :, None]
        other = F.conv2d(torch.cat([features, points.to(features.dtype)], dim=1), other)
        way = F.conv2d(offsets_of(neighbours, width).flatten(3).to(features.dtype), way)
        x = own + _gathered(other.flatten(2), neighbours.flatten(2)) + way
        return self.convXF[0].activation(conv.bn(x))


def _gathered(x: Tensor, index: Tensor) -> Tensor:
    """B x C x N at B x 4 x N, as B x C x 4 x N; vectors lie together in memory and are moved whole."""
    batch, _, pixels = x.shape
    first = pixels * torch.arange(batch, device=x.device)[:, None, None]
    rows = x.transpose(1, 2).flatten(0, 1).index_select(0, (index + first).flatten())
    return rows.view(batch, 4, pixels, -1).permute(0, 3, 1, 2)
