"""One propagation layer just as it is defined, slow and large; every other form is held to it.

Source: MSPN-SDR (Jun, Lee, Kim, CVPR 2024), eq. 6 to 11, in the order of the released weights.
"""

from __future__ import annotations

import torch

from .rule import UpdateRule
from .window import window_index


def propagate_reference(
    q: torch.Tensor,
    k: torch.Tensor,
    q_slope: torch.Tensor,
    k_slope: torch.Tensor,
    rpb: torch.Tensor,
    depth: torch.Tensor,
    sparse: torch.Tensor,
    iterations: int,
    rule: UpdateRule,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Filter depth and mask of one image `iterations` times; differentiable by autograd.

    Args:
        q, k: C x H x W, queries and keys of a pixel whose depth is 0.
        q_slope, k_slope: C, what a metre of depth adds to them.
        rpb: 25 x 25 position bias.
        depth, sparse: H x W metres; sparse is 0 where not measured.

    Returns:
        depth and mask, H x W.
    """
    measured = sparse > 0
    depth = torch.where(measured, sparse, depth)
    mask = measured.to(depth.dtype)
    for _ in range(iterations):
        query = q + q_slope[:, None, None] * depth
        key = (k + k_slope[:, None, None] * depth) * mask
        attention = window_attention(query, key, rpb)
        filtered = (attention * windows(depth)).sum(dim=(1, 3))
        if rule.blends:
            filtered = filtered * mask + depth * (1 - mask)
        mask = torch.where(measured, mask, (attention * windows(mask)).sum(dim=(1, 3)))
        depth = torch.where(measured, sparse, filtered) if rule.injects else filtered
    return depth, mask


def window_attention(query: torch.Tensor, key: torch.Tensor, rpb: torch.Tensor) -> torch.Tensor:
    """Softmax of query times key plus position bias over the window of each query.

    Args:
        query, key: C x H x W.
        rpb: 25 x 25.

    Returns:
        H x n x W x m with the n x m keys of the window, summing to one.
    """
    logits = torch.einsum("chw,chawb->hawb", query, windows(key))
    (_, rows), (_, columns) = (window_index(size, query.device) for size in query.shape[-2:])
    logits = logits + rpb[rows[:, :, None, None], columns]
    return logits.transpose(1, 2).flatten(2).softmax(dim=-1).unflatten(2, logits.shape[1::2]).transpose(1, 2)


def windows(values: torch.Tensor) -> torch.Tensor:
    """... x H x W unfolded to ... x H x n x W x m, the values in the window of each pixel."""
    (rows, _), (columns, _) = (window_index(size, values.device) for size in values.shape[-2:])
    # Not values[..., rows, :][..., columns], whose gradient is far slower to compute.
    seen = values.index_select(-2, rows.flatten()).index_select(-1, columns.flatten())
    return seen.unflatten(-1, columns.shape).unflatten(-3, rows.shape)
