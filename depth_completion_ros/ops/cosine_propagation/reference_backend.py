"""Affinities just as they are defined, with nine copies of the guide; every other backend is held to it."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .rule import CENTRE, EPSILON, affinity_of


def affinity(guide: torch.Tensor) -> torch.Tensor:
    """See `cosine_affinity`; differentiable by autograd."""
    batch, channels, height, width = guide.shape
    unit = F.normalize(guide, dim=1, eps=EPSILON)
    unfolded = F.unfold(unit, 3, padding=1).reshape(batch, channels, 9, height, width)
    cosines = (unfolded * unit[:, :, None]).sum(dim=1)
    others = torch.arange(9, device=guide.device) != CENTRE
    return affinity_of(cosines * others[:, None, None])
