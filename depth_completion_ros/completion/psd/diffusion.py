"""Measured depth carried by colour: among neighbours in space that look alike, then from pixel to pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops.local_sum import local_sum
from ...ops.nearest_points import nearest_points
from .guide import STRIDE

COLOUR = 2.0
"""Difference in CIE Lab at which likeness is exp(-1/2), about the least that an eye sees."""
LEAST_LIKENESS = 1e-4
"""So that depth reaches what looks like nothing around it, too."""
NEIGHBOURS = 4
COARSE_STEPS, FINE_STEPS = 100, 10
"""At a quarter of the resolution, which carries far, and at the full one, which follows edges."""


def diffuse(inverse: Tensor, measured: Tensor, colours: Tensor, rays: Tensor) -> Tensor:
    """Inverse depth between measured pixels, the smoother the more alike pixels look.

    At a quarter of the resolution every pixel takes the mean of those of the measured ones nearest in
    space that look most like it; then, there and at full resolution, all pixels that are not measured
    become the mean of their eight neighbours, weighted by likeness, over and over, as in the propagation of
    PSD, with colour in the place of features. Inverse depth is what is averaged, as it is linear on planes.

    Args:
        inverse: B x 1 x H x W, 1 / m, to start from.
        measured: B x 1 x H x W, 1 / m, 0 where not measured.
        colours: B x 3 x H x W, CIE Lab.
        rays: B x 3 x H x W, the point at a depth of 1 that a pixel sees.

    Returns:
        B x 1 x H x W, 1 / m; `measured` where that is.
    """
    size = inverse.shape[-2:]
    quarter = tuple(max(1, n // STRIDE) for n in size)
    start, seen, looks = (F.interpolate(x, quarter, mode="area") for x in (inverse, rays, colours))
    share = F.interpolate((measured > 0).to(inverse.dtype), quarter, mode="area")
    known = (F.interpolate(measured, quarter, mode="area") / share).where(share > 0, 0)
    coarse = torch.stack(
        [_from_space(*image) for image in zip(start, known, looks, seen / start, strict=True)]
    )
    coarse = _smoothed(coarse, known, looks, COARSE_STEPS)
    fine = F.interpolate(coarse, size, mode="bilinear", align_corners=False)
    return _smoothed(fine, measured, colours, FINE_STEPS)


def _from_space(inverse: Tensor, measured: Tensor, colours: Tensor, points: Tensor) -> Tensor:
    """Inverse depth of one image, C x H x W each, from the measured pixels near in space that look alike."""
    value = measured.flatten()
    source, query = (value > 0).nonzero()[:, 0], (value == 0).nonzero()[:, 0]
    if not len(source) or not len(query):
        return measured.where(measured > 0, inverse)
    where, look = points.flatten(1).T, colours.flatten(1).T
    near = nearest_points(where[query], where[source], min(2 * NEIGHBOURS, len(source)))
    difference = (look[query, None] - look[source][near]).square().sum(2)
    likeness, kept = _likeness(difference).topk(min(NEIGHBOURS, near.shape[1]))
    values = value[source][near.gather(1, kept)]
    carried = value.clone()
    carried[query] = (likeness * values).sum(1) / likeness.sum(1)
    return carried.view_as(inverse)


def _smoothed(inverse: Tensor, measured: Tensor, colours: Tensor, steps: int) -> Tensor:
    weights, known = _weights(colours), measured > 0
    inverse = measured.where(known, inverse)
    for _ in range(steps):
        inverse = measured.where(known, local_sum(inverse, weights))
    return inverse


def _weights(colours: Tensor) -> Tensor:
    """What every pixel takes of its eight neighbours, B x 9 x H x W with 0 in the middle; the sum is 1."""
    height, width = colours.shape[-2:]
    around = F.pad(colours, (1, 1, 1, 1), value=torch.inf)
    weights = torch.zeros(len(colours), 9, height, width, device=colours.device)
    for k in (0, 1, 2, 3, 5, 6, 7, 8):
        neighbour = around[..., k // 3 : k // 3 + height, k % 3 : k % 3 + width]
        difference = (neighbour - colours).square().sum(1)
        weights[:, k] = _likeness(difference) * difference.isfinite()
    total = weights.sum(1, keepdim=True)
    weights[:, 4:5] = (total == 0).to(weights.dtype)  # an image of a single pixel
    return weights / total.where(total > 0, 1)


def _likeness(difference: Tensor) -> Tensor:
    return torch.exp(difference * (-0.5 / COLOUR**2)) + LEAST_LIKENESS
