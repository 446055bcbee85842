"""Masked spatial propagation as its authors order it: slow, plain, and independent of the package."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 13


def propagate_layer(
    weights: dict[str, Tensor],
    guide: Tensor,
    depth: Tensor,
    sparse: Tensor,
    iterations: int,
    blend: bool,
    inject: bool,
) -> tuple[Tensor, Tensor]:
    """Depth and mask after all iterations of one layer on one image.

    Args:
        weights: the layer's `norm1.weight`, `norm1.bias`, `conv.weight`, `conv.bias` and `rpb`.
        guide: [1,C,H,W]; depth, sparse: [1,1,H,W].
        blend, inject: whether the mask weighs the filtered depth, and measured pixels are set back.
    """
    measured = sparse > 0
    depth, mask = torch.where(measured, sparse, depth), measured.to(depth.dtype)
    mean, variance = guide.mean(1, keepdim=True), guide.var(1, correction=0, keepdim=True)
    norm = (guide - mean) / (variance + 1e-6).sqrt()
    norm = norm * weights["norm1.weight"][:, None, None] + weights["norm1.bias"][:, None, None]
    for _ in range(iterations):
        features = F.conv2d(torch.cat([norm, depth], 1), weights["conv.weight"], weights["conv.bias"])
        query, key = features.chunk(2, dim=1)
        attention = _attention(query, key * mask, weights["rpb"][0])
        filtered = _filter(attention, depth)
        if blend:
            filtered = filtered * mask + depth * (1 - mask)
        depth = torch.where(measured, sparse, filtered) if inject else filtered
        mask = torch.where(measured, mask, _filter(attention, mask))
    return depth, mask


def _attention(query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
    """Softmax [slots,H,W] over the shifted windows, each slot a row and a column of the window."""
    height, width = query.shape[2:]
    logits = []
    for rows, columns in _slots(height, width):
        dot = (query * key[:, :, rows[:, None], columns]).sum(1)[0]
        row_bias = rows - torch.arange(height) + WINDOW - 1
        column_bias = columns - torch.arange(width) + WINDOW - 1
        logits.append(dot + bias[row_bias[:, None], column_bias])
    return torch.stack(logits).softmax(0)


def _filter(attention: Tensor, values: Tensor) -> Tensor:
    slots = _slots(*values.shape[2:])
    return sum(
        a * values[:, :, rows[:, None], columns] for a, (rows, columns) in zip(attention, slots, strict=True)
    )


def _slots(height: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """For each slot of the window the row of the key of every row, and likewise its column."""
    rows, columns = _origin(height), _origin(width)
    return [(rows + i, columns + j) for i in range(min(WINDOW, height)) for j in range(min(WINDOW, width))]


def _origin(size: int) -> Tensor:
    return (torch.arange(size) - WINDOW // 2).clamp(0, max(0, size - WINDOW))
