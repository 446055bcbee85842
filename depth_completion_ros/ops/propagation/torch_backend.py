"""The propagation in plain PyTorch, for every device and for machines without a compiler.

The products q.k of all windows, which no iteration changes, are computed once and kept.
"""

from __future__ import annotations

import torch

from .reference import windows
from .window import window_index


class Backend:
    """One propagation layer of one image; see `Backend` in function.py for the meaning of everything."""

    def __init__(self, q, k, a, b, g, rpb):
        self._constants = tuple(x.detach() for x in (q, k, a, b, g, rpb))
        (rows, bias_rows), (columns, bias_columns) = (window_index(n, q.device) for n in q.shape[-2:])
        logits = q.new_empty(q.shape[-2], rows.shape[1], q.shape[-1], columns.shape[1])
        for i in range(rows.shape[1]):
            for j in range(columns.shape[1]):
                logits[:, i, :, j] = (q * k[:, rows[:, i]][..., columns[:, j]]).sum(dim=0)
        self._logits = logits
        self._bias_index = bias_rows[:, :, None, None], bias_columns
        self._sums: tuple[torch.Tensor, ...] | None = None

    def step(self, depth, mask):
        """Filter depth and mask once."""
        _, _, a, b, g, rpb = self._constants
        return self._filter(depth, mask, self._logits, a, b, g, rpb)

    def _filter(self, depth, mask, logits, a, b, g, rpb):
        seen_mask, seen_depth = windows(mask), windows(depth)
        slope = windows(mask * (a + g * depth))
        logits = seen_mask * logits + depth[:, None, :, None] * slope
        logits = logits + b[:, None, :, None] * (seen_mask * seen_depth) + rpb[self._bias_index]
        largest = logits.detach().amax(dim=(1, 3), keepdim=True)
        weight = (logits - largest).exp()
        total = weight.sum(dim=(1, 3))
        filtered = ((weight * seen).sum(dim=(1, 3)) / total for seen in (seen_depth, seen_mask))
        return *filtered, largest[:, 0, :, 0] + total.log()

    def step_backward(self, depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask):
        """Gradients of a step with respect to its depth and mask; the others add up inside."""
        _, _, *maps = self._constants
        leaves = [x.detach().requires_grad_() for x in (depth, mask, self._logits, *maps)]
        with torch.enable_grad():
            outputs = self._filter(*leaves)[:2]
        d_depth, d_mask, *others = torch.autograd.grad(outputs, leaves, (grad_depth, grad_mask))
        self._sums = tuple(map(torch.add, self._sums, others)) if self._sums else tuple(others)
        return d_depth, d_mask

    def gradients(self):
        """Gradients of q, k, a, b, g, rpb, summed over all steps so far."""
        q, k, *maps = self._constants
        if self._sums is None:
            return tuple(map(torch.zeros_like, self._constants))
        d_logits, *others = self._sums
        rows, columns = (window_index(n, q.device)[0] for n in q.shape[-2:])
        dq, dk = torch.zeros_like(q), torch.zeros_like(k)
        for i in range(rows.shape[1]):
            for j in range(columns.shape[1]):
                share = d_logits[:, i, :, j]
                dq += share * k[:, rows[:, i]][..., columns[:, j]]
                spread = torch.zeros_like(k).index_add_(1, rows[:, i], share * q)
                dk.index_add_(2, columns[:, j], spread)
        return dq, dk, *others
