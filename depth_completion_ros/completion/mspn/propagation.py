"""Masked spatial propagation: how measured depth spreads along the guidance, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.propagation import UpdateRule, propagate
from ...ops.propagation.traced import propagate_traced
from .layers import LayerNorm2d, to_map, to_pixels

MIN_ITERATIONS = 6
"""Iterations of the first layer at the least, and of the second layer always."""


def iteration_count(height: int, width: int, points: int) -> int:
    """Iterations of the first layer that let measured pixels reach each other (MSPN-SDR, section 3.3).

    N = max(6, floor(2 nu / 6) + 1), where nu = sqrt(H W / points) - 1 is the mean number of pixels between
    neighbours and 6 the radius of the window; in float32, as the weights were made. 0 without points.

    Raises:
        ValueError: a negative number of points.
    """
    if points < 0:
        raise ValueError(f"The number of points is {points}; it must be 0 or more.")
    if points == 0:
        return 0
    spacing = np.sqrt(np.float32(height * width) / np.float32(points)) - np.float32(1)
    return max(MIN_ITERATIONS, int(spacing * np.float32(2) / np.float32(6) // 1) + 1)


def traced_iteration_count(sparse: Tensor) -> Tensor:
    """`iteration_count` of the one image of sparse depth, 1 x 1 x H x W, as a graph computes it; int64."""
    count = (sparse > 0).sum()
    spacing = torch.sqrt(sparse.shape[-2] * sparse.shape[-1] / count.clamp(min=1).float()) - 1
    iterations = torch.floor(spacing * 2 / 6).long() + 1
    return torch.where(count > 0, iterations.clamp(min=MIN_ITERATIONS), 0)


class PropagationLayer(nn.Module):
    """One layer: queries and keys of guidance and current depth, and a bias for the place in the window.

    Query and key of a pixel are affine in its depth. The guidance is therefore multiplied once, and an
    iteration only sees the constants that `propagate` takes.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.rpb = nn.Parameter(torch.zeros(1, 25, 25))
        nn.init.trunc_normal_(self.rpb, std=0.02)
        self.norm1 = LayerNorm2d(channels)
        self.conv = nn.Conv2d(channels + 1, 2 * channels, 1)

    def forward(
        self,
        guide: Tensor,
        depth: Tensor,
        sparse: Tensor,
        iterations: Sequence[int] | Tensor,
        rule: UpdateRule,
    ) -> tuple[Tensor, Tensor]:
        """Depth and mask [B,1,H,W] after the iterations, from normalised guidance [B,C,H,W].

        Args:
            iterations: of each image; of one image that an exporter follows a tensor, see `propagate_traced`.
        """
        q, k, a, b, g = self.constants(guide)
        if isinstance(iterations, Tensor):
            return propagate_traced(q, k, a, b, g, self.rpb[0].to(g), depth, sparse, iterations, rule)
        return propagate(q, k, a, b, g, self.rpb[0].to(g), depth, sparse, iterations, rule)

    def constants(self, guide: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What `propagate` takes as q, k [B,C,H,W], a, b [B,1,H,W] and g, in the precision of `guide`.

        The scale and shift of the norm and the slopes of q and k along depth are folded into one
        matrix, so that one product makes all of them.
        """
        channels = guide.shape[1]
        weight, bias = self.conv.weight.to(guide).flatten(1), self.conv.bias.to(guide)
        matrix, slopes = weight[:, :-1], weight[:, -1]
        q_slope, k_slope = slopes.chunk(2)
        bias = bias + matrix @ self.norm1.bias.to(guide)
        matrix = matrix * self.norm1.weight.to(guide)
        affine = torch.cat([matrix, bias[:, None]], dim=1)
        to_q, to_k = affine.chunk(2)
        affine = torch.cat([affine, q_slope[None] @ to_k, k_slope[None] @ to_q])
        maps = torch.baddbmm(affine[:, -1:], affine[:, :-1].expand(len(guide), -1, -1), guide.flatten(2))
        q, k, a, b = maps.unflatten(2, guide.shape[2:]).split([channels, channels, 1, 1], dim=1)
        return q, k, a, b, q_slope @ k_slope


class Propagation(nn.Module):
    """All layers of the propagation, each of which starts from the measured pixels anew.

    Args:
        channels: of the guidance.
        layers: 1, or 2 where the second repairs what the first left with `MIN_ITERATIONS` more.
        rule: how an iteration updates depth.
    """

    def __init__(self, channels: int, layers: int, rule: UpdateRule):
        super().__init__()
        self.rule = rule
        self.mspn = PropagationLayer(channels)
        if layers == 2:
            self.mspn_2nd = PropagationLayer(channels)

    def forward(
        self, guide: Tensor, depth: Tensor, sparse: Tensor, iterations: Sequence[int] | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Depth and last mask [B,1,H,W] from guidance [B,C,H,W] and depth to begin with [B,1,H,W].

        Args:
            iterations: of the first layer, for each image; one with 0 comes back as it was. Of one image
                that an exporter follows a tensor.
        """
        guide = to_map(F.layer_norm(to_pixels(guide), self.mspn.norm1.weight.shape, eps=LayerNorm2d.eps))
        depth, mask = self.mspn(guide, depth, sparse, iterations, self.rule)
        if hasattr(self, "mspn_2nd"):
            second = (
                iterations.clamp(max=MIN_ITERATIONS)
                if isinstance(iterations, Tensor)
                else [min(count, MIN_ITERATIONS) for count in iterations]
            )
            depth, mask = self.mspn_2nd(guide, depth, sparse, second, self.rule)
        return depth, mask
