"""Encoder of the guidance network: a ResNet-34 stem and four stages of transformer and convolutions."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import to_map, to_pixels
from .residual import ResidualBlock
from .transformer import HybridBlock

MIN_SIDE = 31
"""Pixels along the shorter side below which some stage would have no pixel, or no key, left."""


class Stage(NamedTuple):
    """What sets one stage apart from another; `grid` is the side of its stored position embedding."""

    channels: int
    blocks: int
    expansion: int
    reduction: int
    grid: int


STAGES = (Stage(64, 3, 8, 8, 112), Stage(128, 4, 8, 4, 28), Stage(320, 6, 4, 2, 14), Stage(512, 3, 4, 1, 7))
DROP_PATH = 0.1
"""Probability of stochastic depth in the last block; it grows linearly from 0 in the first."""


class HybridEncoder(nn.Module):
    """Feature maps of a stem map [B,64,H,W]; H and W are at least `MIN_SIDE`.

    Returns six maps with 64, 128, 64, 128, 320 and 512 channels at strides 1, 2, 4, 8, 16 and 32.
    Stride 2 rounds odd sizes up, later ones round down (CompletionFormer, Zhang et al., CVPR 2023).
    """

    def __init__(self):
        super().__init__()
        self.embed_layer1 = nn.Sequential(*(ResidualBlock(64, 64) for _ in range(3)))
        self.embed_layer2 = nn.Sequential(
            ResidualBlock(64, 128, stride=2), *(ResidualBlock(128, 128) for _ in range(3))
        )
        drop_path = iter(torch.linspace(0, DROP_PATH, sum(s.blocks for s in STAGES), device="cpu").tolist())
        in_channels = 128
        for number, (channels, blocks, expansion, reduction, grid) in enumerate(STAGES, start=1):
            # The last table has a first slot for a class token, which nothing reads.
            slots = grid**2 + (number == len(STAGES))
            setattr(self, f"patch_embed{number}", PatchEmbedding(in_channels, channels))
            setattr(self, f"pos_embed{number}", nn.Parameter(torch.zeros(1, slots, channels)))
            setattr(
                self,
                f"block{number}",
                nn.Sequential(
                    *(HybridBlock(channels, expansion, reduction, next(drop_path)) for _ in range(blocks))
                ),
            )
            in_channels = channels
        self._initialise()

    def forward(self, x: Tensor) -> list[Tensor]:
        features = [self.embed_layer1(x)]
        features.append(self.embed_layer2(features[-1]))
        for number, stage in enumerate(STAGES, start=1):
            x = getattr(self, f"patch_embed{number}")(features[-1])
            table = getattr(self, f"pos_embed{number}")[:, -(stage.grid**2) :]
            x = x + position_embedding(table, stage.grid, x.shape[-2:])
            features.append(getattr(self, f"block{number}")(x))
        return features

    def _initialise(self) -> None:
        """As ResNet and PVT are before ImageNet; what is not named here keeps PyTorch's default."""
        for layer in (self.embed_layer1, self.embed_layer2):
            for module in layer.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for number in range(1, len(STAGES) + 1):
            nn.init.trunc_normal_(getattr(self, f"pos_embed{number}"), std=0.02)


class PatchEmbedding(nn.Module):
    """Every 2x2 patch of [B,*,H,W] becomes one normalised pixel of [B,C,H//2,W//2]."""

    def __init__(self, in_channels: int, channels: int):
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, 2, stride=2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return to_map(self.norm(to_pixels(self.proj(x))))


def position_embedding(table: Tensor, grid: int, size: tuple[int, int]) -> Tensor:
    """Position embedding [1,C,*size] of a map, from its table [1,grid*grid,C] by bilinear interpolation."""
    if size[0] * size[1] == len(table[0]) == 112 * 112:
        # The weights were made by a rule that takes the first stage's table as it is when only the
        # number of pixels agrees, whatever the shape of the map.
        return to_map(table.unflatten(1, tuple(size)))
    return F.interpolate(to_map(table.unflatten(1, (grid, grid))), size=tuple(size), mode="bilinear")
