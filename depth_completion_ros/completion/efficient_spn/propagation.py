"""Masked spatial propagation over fixed neighbours, by weights that the network gives once an image."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F

WINDOW = tuple(product((-1, 0, 1), repeat=2))
"""Rows down and columns to the right, times the dilation, in the order of the affinities."""


def propagate(
    depth: torch.Tensor,
    mass: torch.Tensor,
    affinity: torch.Tensor,
    measured: torch.Tensor,
    trust: torch.Tensor,
    iterations: int,
    dilations: tuple[int, ...],
) -> torch.Tensor:
    """Let depth spread from where it is sure to where it is not.

    As in MSPN (CVPR 2024), neighbours count by their mass, which spreads along with depth; a measured
    pixel is drawn back to its measurement in every step, as far as the network trusts it:

        depth_i <- sum_j a_ij m_j depth_j / sum_j a_ij m_j,    m_i <- sum_j a_ij m_j

    Args:
        depth: B x 1 x H x W, in any unit.
        mass: B x 1 x H x W in (0, 1], how sure each depth is.
        affinity: B x (9 * dilations) x H x W, over the neighbours, summing to 1.
        measured: B x 1 x H x W, in the unit of depth.
        trust: B x 1 x H x W in [0, 1], 0 where nothing was measured.

    Returns:
        depth after the last step.
    """
    for _ in range(iterations):
        flow = _gather(torch.cat([mass * depth, mass], dim=1), affinity, dilations)
        mass = flow[:, 1:]
        depth = flow[:, :1] / mass.clamp(min=1e-6)
        depth, mass = depth + trust * (measured - depth), mass + trust * (1 - mass)
    return depth


def _gather(flow: torch.Tensor, affinity: torch.Tensor, dilations: tuple[int, ...]) -> torch.Tensor:
    """Weighted sums over the neighbours, of both planes; outside there is no mass."""
    reach = max(dilations)
    wide = F.pad(flow, (reach,) * 4)
    moves = [(d * row, d * column) for d in dilations for row, column in WINDOW]
    weights = affinity.split(1, dim=1)
    return sum(
        weight * wide[..., _moved(row, reach), _moved(column, reach)]
        for (row, column), weight in zip(moves, weights, strict=True)
    )


def _moved(by: int, reach: int) -> slice:
    """Of a side that was padded by `reach`: as long as without, from `by` on."""
    return slice(reach + by, by - reach or None)
