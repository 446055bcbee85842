"""The propagation in a form that PyTorch's exporter can follow, with any number of iterations."""

from __future__ import annotations

import torch
from torch import Tensor

from .function import start
from .rule import UpdateRule
from .window import window_index


def propagate_traced(
    q: Tensor,
    k: Tensor,
    a: Tensor,
    b: Tensor,
    g: Tensor,
    rpb: Tensor,
    depth: Tensor,
    sparse: Tensor,
    iterations: Tensor,
    rule: UpdateRule,
) -> tuple[Tensor, Tensor]:
    """`propagate` of one image, of a size that is the same for all that follows; without gradients.

    Args:
        q, k: 1 x C x H x W; a, b, depth, sparse: 1 x 1 x H x W; g: scalar; rpb: 25 x 25; see `propagate`.
        iterations: a whole number, which becomes that of a loop in the exported graph.

    Returns:
        depth and mask, 1 x 1 x H x W.
    """
    (rows, bias_rows), (columns, bias_columns) = (window_index(n) for n in q.shape[-2:])
    products = torch.stack(
        [
            torch.stack(
                [
                    (q * k[0, :, rows[:, i]][:, :, columns[:, j]]).sum(dim=1)[0]
                    for j in range(columns.shape[1])
                ],
                dim=-1,
            )
            for i in range(rows.shape[1])
        ],
        dim=1,
    )  # H x n x W x m
    bias = rpb[bias_rows[:, :, None, None], bias_columns]
    depth, mask = start(depth[0, 0], sparse[0, 0])
    maps = products, bias, a[0, 0], b[0, 0], g, depth, mask, sparse[0, 0]
    depth, mask = _loop()(*maps, rows.flatten(), columns.flatten(), iterations, rule.blends, rule.injects)
    return depth[None, None], mask[None, None]


def _loop():
    return torch.jit.script(_iterate)


def _windows(x: Tensor, rows: Tensor, columns: Tensor, like: Tensor) -> Tensor:
    seen = x.index_select(0, rows).index_select(1, columns)
    return seen.reshape(like.shape[0], like.shape[1], like.shape[2], like.shape[3])


def _iterate(
    products: Tensor,
    bias: Tensor,
    a: Tensor,
    b: Tensor,
    g: Tensor,
    depth: Tensor,
    mask: Tensor,
    sparse: Tensor,
    rows: Tensor,
    columns: Tensor,
    iterations: Tensor,
    blends: bool,
    injects: bool,
) -> tuple[Tensor, Tensor]:
    """As `Backend.step` of torch_backend.py and `update`, so often."""
    measured = sparse > 0
    for _ in range(int(iterations)):
        seen_mask = _windows(mask, rows, columns, products)
        seen_depth = _windows(depth, rows, columns, products)
        slope = _windows(mask * (a + g * depth), rows, columns, products)
        logits = seen_mask * products + depth[:, None, :, None] * slope
        logits = logits + b[:, None, :, None] * (seen_mask * seen_depth) + bias
        weight = (logits - logits.amax(dim=(1, 3), keepdim=True)).exp()
        total = weight.sum(dim=(1, 3))
        filtered = (weight * seen_depth).sum(dim=(1, 3)) / total
        filtered_mask = (weight * seen_mask).sum(dim=(1, 3)) / total
        if blends:
            filtered = depth + mask * (filtered - depth)
        if injects:
            filtered = torch.where(measured, sparse, filtered)
        depth = filtered
        mask = torch.where(measured, mask, filtered_mask)
    return depth, mask
