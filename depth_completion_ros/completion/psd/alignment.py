"""Inverse depth of a foundation model, brought to metres by the measured pixels."""

from __future__ import annotations

import torch
from torch import Tensor

UNMEASURED_M = 1.0
"""Depth of an image in which nothing was measured: its shape is then not known, let alone its scale."""


def align_inverse_depth(inverse: Tensor, sparse: Tensor, official: bool = False) -> Tensor:
    """Depth 1 / (a p + b) by least squares of a p + b - 1 / s, within the range of what was measured.

    Where the points leave the slope open or turn it upside down (a single one, all of one depth or of one
    prediction), depth is constant at the mean of their inverse depths. Without a point it is 1 m.

    Args:
        inverse: B x 1 x H x W, p, up to scale and shift.
        sparse: B x 1 x H x W metres, 0 where not measured.
        official: as the official code: the nearest and the farthest measurement of an image have no part,
            and where the slope is then open, depth is that of the farthest.

    Returns:
        B x 1 x H x W metres.
    """
    p, s = inverse.flatten(1).double(), sparse.flatten(1).double()
    part = s > 0
    nearest = s.where(part, torch.inf).amin(1, keepdim=True)
    farthest = s.amax(1, keepdim=True)
    any_at_all = part.any(1, keepdim=True)
    if official:
        part = part & (s > nearest) & (s < farthest)
    scale, shift = _line(p, s, part, upright=not official)
    value = (scale * p + shift).maximum(1 / farthest).minimum(1 / nearest)
    depth = torch.where(any_at_all, 1 / value, UNMEASURED_M)
    return depth.view_as(inverse).to(inverse.dtype)


def _line(p: Tensor, s: Tensor, part: Tensor, upright: bool) -> tuple[Tensor, Tensor]:
    """Slope and offset of every row's points; where the slope is open or, if asked for, not above 0, it is 0.

    The offset is then their mean if `upright`, else 0.
    """
    p, inverse = p.where(part, 0), (1 / s).where(part, 0)
    pp, sum_p, n = (p * p).sum(1, keepdim=True), p.sum(1, keepdim=True), part.sum(1, keepdim=True)
    pi, sum_i = (p * inverse).sum(1, keepdim=True), inverse.sum(1, keepdim=True)
    determinant = pp * n - sum_p * sum_p
    scale = (n * pi - sum_p * sum_i) / determinant
    shift = (pp * sum_i - sum_p * pi) / determinant
    settled = determinant > 1e-12 * pp * n
    if upright:
        settled = settled & (scale > 0)
    level = sum_i / n.clamp(min=1) if upright else torch.zeros_like(sum_i)
    return scale.where(settled, 0), shift.where(settled, level)
