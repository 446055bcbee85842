"""The propagation on the CPU by the compiled kernels in cpu/, which keep the products q.k of all windows."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .function import LIBRARY
from .window import WINDOW

LANES = MARGIN = 16  # as in cpu/vector.hpp and cpu/layout.hpp


class Backend:
    """One propagation layer of one image, float32 or float64; see `Backend` in function.py."""

    def __init__(self, q, k, a, b, g, rpb):
        self._dtype = torch.float64 if q.dtype == torch.float64 else torch.float32
        self._shape = tuple(q.shape)
        self._width = q.shape[-1]
        self._maps = tuple(self._contiguous(x) for x in (a, b, g, rpb))
        self._q, self._k = self._pack(q), self._pack(k)
        height, blocks = q.shape[-2], -(-self._width // LANES)
        slots = min(WINDOW, height) * min(WINDOW, self._width)
        self._logits = self._q.new_empty(height, blocks, slots, LANES)
        self._call("build", self._q, self._k, self._logits)
        self._sums: tuple[torch.Tensor, ...] | None = None

    def step(self, depth, mask):
        """Filter depth and mask once."""
        depth, mask = self._contiguous(depth), self._contiguous(mask)
        out = tuple(torch.empty_like(depth) for _ in range(3))
        self._call("step", self._logits, depth, mask, *self._maps, *out)
        return out

    def step_backward(self, depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask):
        """Gradients of a step with respect to its depth and mask; the others add up inside."""
        if self._sums is None:
            self._sums = tuple(torch.zeros_like(x) for x in (self._logits, *self._maps))
        d_logits, *others = self._sums
        out = torch.empty_like(self._contiguous(depth)), torch.empty_like(self._contiguous(mask))
        given = log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask
        kept = (self._contiguous(x) for x in given)
        now = self._contiguous(depth), self._contiguous(mask)
        self._call("step_backward", self._logits, *now, *self._maps, *kept, d_logits, *out, *others)
        return out

    def gradients(self):
        """Gradients of q, k, a, b, g, rpb, summed over all steps so far."""
        dq, dk = torch.zeros_like(self._q), torch.zeros_like(self._k)
        if self._sums is None:
            others = tuple(map(torch.zeros_like, self._maps))
        else:
            d_logits, *others = self._sums
            self._call("build_backward", self._q, self._k, d_logits, dq, dk)
        return self._unpack(dq), self._unpack(dk), *others

    def _contiguous(self, x: torch.Tensor) -> torch.Tensor:
        return x.detach().to(self._dtype).contiguous()

    def _pack(self, x: torch.Tensor) -> torch.Tensor:
        """C x H x W to H x C x stride: a window's rows with all their channels lie together."""
        rows = self._contiguous(x).permute(1, 0, 2)
        return F.pad(rows, (MARGIN, -self._width % LANES + MARGIN)).contiguous()

    def _unpack(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., MARGIN : MARGIN + self._width].permute(1, 0, 2).contiguous()

    def _call(self, name: str, *tensors: torch.Tensor) -> None:
        LIBRARY.call(f"{name}_{str(self._dtype).removeprefix('torch.')}", *self._shape, *tensors)
