"""BP-Net: bilateral propagation, fusion and refinement at six levels, from coarse to fine.

Tang, Tian, An, Li, Tan: Bilateral Propagation Network for Depth Completion, CVPR 2024. DMD3C (Liang et al.,
CVPR 2025) is the same network, trained otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.neighbours import of_levels
from .layers import Block, UNet, UpJoin, drop_rates, exact, join, stage
from .pooling import WeightedPooling
from .propagation import BilateralPropagation
from .refinement import Refinement
from .search import LEAST_DEPTH, LEVELS, MULTIPLE

CHANNELS = (32, 64, 128, 256, 256, 256)
"""Of the features of each level; level l has 1 / 2^l of the resolution."""


class Prediction(NamedTuple):
    """What the network gives for a batch.

    Args:
        depth: B x 1 x H x W metres.
        outputs: depth of each level enlarged to H x W, coarse to fine, the last being `depth`; of the
            two finest levels only, unless the network trains or all are asked for.
    """

    depth: Tensor
    outputs: tuple[Tensor, ...]


class Level(nn.Module):
    """One level: features, sparse depth, propagation, fusion, refinement."""

    def __init__(self, level: int):
        super().__init__()
        channels = CHANNELS[level]
        if level < LEVELS - 1:
            self.upcat = UpJoin(CHANNELS[level + 1] + 1, channels)
        if level > 0:
            self.wpool = WeightedPooling(channels, level)
        self.prop = BilateralPropagation(channels)
        self.fuse = UNet(channels + 3, channels, LEVELS - 1 - level, max(CHANNELS))
        self.conv = nn.Conv2d(channels, 1, 3, padding=1)
        self.cspn = Refinement(channels, 2 * (LEVELS - level))
        self.scale = 2**level

    def forward(self, image: Tensor, coarser, sparse: Tensor, rays: Tensor, neighbours: Tensor):
        """Features and depth of this level.

        Args:
            image: features of the image at this level.
            coarser: features and depth of the level below; None at the coarsest.
            sparse: B x 1 x H x W metres at full resolution.
            rays: B x 3 x H x W, points at a depth of 1, at full resolution.
            neighbours: B x 4 x h x w flat indices of this level.
        """
        features = image if coarser is None else self.upcat(join(*coarser), image)
        if self.scale > 1:
            sparse = self.wpool(features, sparse)
            rays = rays[..., :: self.scale, :: self.scale]  # K over 2^l has its pixels there
        depth = self.prop(features, rays * sparse, neighbours)
        features = self.fuse(join(features, rays * depth))
        depth = depth + exact(self.conv(features))
        return features, self.cspn(features, depth, sparse)


class BPNet(nn.Module):
    """Completes sparse depth with the help of the image; keys are those of the official checkpoints."""

    def __init__(self):
        super().__init__()
        drops = drop_rates(LEVELS)
        self.conv_img = nn.Sequential(Block(3, CHANNELS[0]), stage(CHANNELS[0], CHANNELS[0], 1, drops[0]))
        for level in range(1, LEVELS):
            layer = stage(CHANNELS[level - 1], CHANNELS[level], 2, drops[level])
            self.add_module(f"layer{level}_img", layer)
        for level in range(LEVELS):
            self.add_module(f"pred{level}", Level(level))
        _initialise(self)

    def forward(
        self,
        rgb: Tensor,
        sparse: Tensor,
        K: Tensor,
        every_level: bool = False,
        neighbours: Sequence[Tensor] = (),
    ) -> Prediction:
        """Complete what a camera sees.

        Args:
            rgb: B x 3 x H x W, normalised; H and W multiples of 32.
            sparse: B x 1 x H x W metres, 0 where not measured.
            K: B x 3 x 3 of a pinhole camera, pixels; of any other B x 3 x H x W, the point at a depth of 1
                that a pixel sees.
            every_level: whether `outputs` are of all levels also in evaluation.
            neighbours: what `of_levels` finds, B x 4 x h x w each, where it has been searched already.

        Raises:
            ValueError: height or width is no multiple of 32.
        """
        height, width = sparse.shape[-2:]
        if height % MULTIPLE or width % MULTIPLE:
            raise ValueError(f"BP-Net got {width} x {height} pixels; both must be multiples of {MULTIPLE}.")
        rays = K if K.ndim == 4 else rays_of(K.to(sparse.dtype), height, width)
        # Which cells are measured follows from the points alone, so all searches come first.
        neighbours = neighbours or of_levels(sparse[:, 0] > LEAST_DEPTH, LEVELS)
        trunk = [self.conv_img(rgb.to(next(self.parameters()).dtype))]
        for level in range(1, LEVELS):
            trunk.append(self.get_submodule(f"layer{level}_img")(trunk[-1]))
        shown = LEVELS if self.training or every_level else 2
        state, outputs = None, []
        for level in reversed(range(LEVELS)):
            predict = self.get_submodule(f"pred{level}")
            state = predict(trunk[level], state, sparse, rays, neighbours[level])
            if level < shown:
                outputs.append(_enlarged(state[1], 2**level))
        return Prediction(outputs[-1], tuple(outputs))


def rays_of(K: Tensor, height: int, width: int) -> Tensor:
    """The point at a depth of 1 that each pixel of a pinhole camera sees, B x 3 x H x W; skew is ignored.

    Args:
        K: B x 3 x 3, pixels.
    """
    fx, fy, cx, cy = (K[:, i, j, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    x, y = (torch.arange(size, device=K.device, dtype=K.dtype) for size in (width, height))
    x = ((x - cx) / fx)[:, None].expand(-1, height, -1)
    y = ((y - cy) / fy)[:, :, None].expand(-1, -1, width)
    return torch.stack([x, y, torch.ones_like(x)], dim=1)


def _enlarged(depth: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return depth
    return F.interpolate(depth, scale_factor=factor, mode="bilinear", align_corners=True)


def _initialise(network: nn.Module) -> None:
    """Convolutions start as the official ones: normal, by inputs and outputs, without bias."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            area = math.prod(module.kernel_size)
            nn.init.normal_(
                module.weight, std=math.sqrt(2 / (area * (module.in_channels + module.out_channels)))
            )
            if module.bias is not None:
                nn.init.zeros_(module.bias)
