"""Depth carried from pixel to pixel by colour."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops.local_sum import local_sum
from .guide import STRIDE

COLOUR = 2.0
"""Difference in CIE Lab at which likeness is exp(-1/2), about the least that an eye sees."""
LEAST_LIKENESS = 1e-4
"""So that depth reaches what looks like nothing around it, too."""
HOLD = 0.2
"""Share of the start in every step, where it is trusted wholly."""
COARSE_STEPS, FINE_STEPS = 100, 10
"""At a quarter of the resolution, which carries far, and at the full one, which follows edges."""


def diffuse(start: Tensor, trust: Tensor, measured: Tensor, colours: Tensor) -> Tensor:
    """Inverse depth between measured pixels, the smoother the more alike pixels look.

    The step in the image of PSD with colour in the place of features: d becomes c d_0 + (1 - c) sum_k w_k d_k
    over the eight neighbours, w_k by likeness, c = 0.2 trust^3, measured pixels put back every time; first
    at a quarter of the resolution, then at the full one. Inverse depth is what is averaged, as it is linear
    on planes.

    Args:
        start: B x 1 x H x W, d_0, 1 / m.
        trust: B x 1 x H x W in [0, 1], how much of the start is to stay.
        measured: B x 1 x H x W, 1 / m, 0 where not measured.
        colours: B x 3 x H x W, CIE Lab.

    Returns:
        B x 1 x H x W, 1 / m; `measured` where that is.
    """
    size, hold = start.shape[-2:], HOLD * trust**3
    quarter = tuple(max(1, n // STRIDE) for n in size)

    def mean(x: Tensor) -> Tensor:
        return F.interpolate(x, quarter, mode="area")

    share = mean((measured > 0).to(start.dtype))
    known = (mean(measured) / share).where(share > 0, 0)
    coarse = _steps(mean(start), mean(start), mean(hold), known, _weights(mean(colours)), COARSE_STEPS)
    fine = F.interpolate(coarse, size, mode="bilinear", align_corners=False)
    return _steps(fine, start, hold, measured, _weights(colours), FINE_STEPS)


def _steps(inverse, start, hold, measured, weights, steps: int) -> Tensor:
    known, held, weights = measured > 0, hold * start, weights * (1 - hold)
    inverse = measured.where(known, inverse)
    for _ in range(steps):
        inverse = measured.where(known, held + local_sum(inverse, weights))
    return inverse


def _weights(colours: Tensor) -> Tensor:
    """What every pixel takes of its eight neighbours, B x 9 x H x W with 0 in the middle; the sum is 1."""
    height, width = colours.shape[-2:]
    weights = torch.zeros(len(colours), 9, height, width, device=colours.device)
    for k, (down, right) in enumerate(((0, 1), (1, -1), (1, 0), (1, 1)), start=5):
        here = slice(height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, None), slice(max(0, right), width - max(0, -right))
        difference = (colours[:, :, *here] - colours[:, :, *there]).square_().sum(1)
        likeness = difference.mul_(-0.5 / COLOUR**2).exp_().add_(LEAST_LIKENESS)
        weights[:, k, *here] = likeness
        weights[:, 8 - k, *there] = likeness
    total = weights.sum(1, keepdim=True)
    weights[:, 4:5] = (total == 0).to(weights.dtype)  # an image of a single pixel
    return weights.div_(total.where(total > 0, 1))
