"""From cosines to affinities, which the backends in PyTorch share."""

from __future__ import annotations

import torch

EPSILON = 1e-12
"""No feature is divided by a smaller norm."""
CENTRE = 4
"""Of the nine taps, which have the order of rows."""


def affinity_of(cosines: torch.Tensor) -> torch.Tensor:
    """The affinities made of cosines, both B x 9 x H x W; the middle plane of the cosines is 0."""
    total = cosines.abs().sum(dim=1, keepdim=True)
    weights = cosines / torch.where(total > 0, total, 1)
    centre = 1 - weights.sum(dim=1, keepdim=True)
    return torch.cat([weights[:, :CENTRE], centre, weights[:, CENTRE + 1 :]], dim=1)
