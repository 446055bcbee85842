"""Affinities in plain PyTorch, for every device and for machines without a compiler.

The cosine of two pixels is the same from either: four directions of eight are multiplied, and shifted.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .rule import EPSILON, affinity_of


def affinity(guide: torch.Tensor) -> torch.Tensor:
    """See `cosine_affinity`; differentiable by autograd."""
    unit = F.normalize(guide, dim=1, eps=EPSILON)
    forth, back = zip(*(_cosines(unit, *offset) for offset in ((0, 1), (1, -1), (1, 0), (1, 1))), strict=True)
    return affinity_of(torch.stack([*back[::-1], torch.zeros_like(forth[0]), *forth], dim=1))


def _cosines(unit: torch.Tensor, down: int, right: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every pixel with the one at an offset, and with the one at the opposite offset: B x H x W each."""
    height, width = unit.shape[2:]
    before, after = max(0, -right), max(0, right)
    first = unit[:, :, : height - down, before : width - after]
    second = unit[:, :, down:, after : width - before]
    product = (first * second).sum(dim=1)
    return F.pad(product, (before, after, 0, down)), F.pad(product, (after, before, down, 0))
