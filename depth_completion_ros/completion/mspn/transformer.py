"""Blocks of the encoder's stages: attention beside convolutions (CompletionFormer, CVPR 2023)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .layers import join, to_map, to_pixels
from .residual import AttendedResidualBlock

HEAD_CHANNELS = 64


class HybridBlock(nn.Module):
    """A transformer branch and a convolution branch on the same map, fused by a 3x3 convolution.

    Args:
        channels: of the map [B,C,H,W], a multiple of 64.
        expansion: hidden channels of the transformer's MLP, as a multiple of `channels`.
        reduction: keys and values come from the map shrunk this many times along both axes.
        drop_path: probability in [0, 1) that training skips a residual of the transformer branch.
    """

    def __init__(self, channels: int, expansion: int, reduction: int, drop_path: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = SpatialReductionAttention(channels, reduction)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = MultiLayerPerceptron(channels, expansion * channels)
        self.resblock = AttendedResidualBlock(channels)
        self.concat_conv = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        pixels = to_pixels(x)
        drop_path = self.drop_path if self.training else 0.0
        pixels = pixels + drop_images(self.attn(self.norm1(pixels)), drop_path)
        pixels = pixels + drop_images(self.mlp(self.norm2(pixels)), drop_path)
        return self.concat_conv(join(to_map(pixels), self.resblock(x)))


def drop_images(residual: Tensor, probability: float) -> Tensor:
    """Stochastic depth: zero the residual [B,H,W,C] of some images, scale the others to keep the mean."""
    if probability == 0:
        return residual
    keep = 1 - probability
    return residual * (residual.new_empty(len(residual), 1, 1, 1).bernoulli_(keep) / keep)


class SpatialReductionAttention(nn.Module):
    """Attention of every pixel of [B,H,W,C] to a shrunk copy of the map (PVT, Wang et al., ICCV 2021)."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        self.reduction = reduction
        if reduction > 1:
            self.sr = nn.Conv2d(channels, channels, reduction, stride=reduction)
            self.norm = nn.LayerNorm(channels)

    def forward(self, pixels: Tensor) -> Tensor:
        context = pixels
        if self.reduction > 1:
            context = self.norm(to_pixels(self.sr(to_map(pixels))))
        key, value = self.kv(context).chunk(2, dim=-1)
        heads = F.scaled_dot_product_attention(*map(_split_heads, (self.q(pixels), key, value)))
        return self.proj(heads.transpose(1, 2).reshape(pixels.shape))


def _split_heads(pixels: Tensor) -> Tensor:
    """[B,H,W,C] -> [B,heads,HW,64]."""
    return pixels.flatten(1, 2).unflatten(-1, (-1, HEAD_CHANNELS)).transpose(1, 2)


class MultiLayerPerceptron(nn.Module):
    """Linear, GELU, linear on the last axis."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
