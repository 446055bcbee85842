"""The propagation on a GPU by Triton kernels, with nothing of 169 values a pixel in memory."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
import triton

from . import triton_kernels
from .rule import UpdateRule
from .triton_forward import step_kernel
from .triton_key_gradient import key_gradient_kernel
from .triton_query_gradient import query_gradient_kernel
from .window import WINDOW

INTERPRETED = not isinstance(step_kernel, triton.JITFunction)


def serves(like: torch.Tensor) -> bool:
    """Whether the kernels take such q and k on its GPU, which must multiply TF32 and bfloat16."""
    known = like.dtype in (torch.float32, torch.bfloat16)
    return known and torch.cuda.get_device_capability(like.device) >= (8, 0)


class Backend:
    """One propagation layer of one image; see `Backend` in function.py for the meaning of everything.

    q and k are float32 or bfloat16, and so are the weights that their gradients sum them with; all else
    is float32. Results are the same in every run. No call waits for the GPU, so that all can be captured
    in a CUDA graph.

    Raises:
        ValueError: q is of another dtype.
    """

    def __init__(self, q, k, a, b, g, rpb):
        if q.dtype not in (torch.float32, torch.bfloat16):
            raise ValueError(
                f"Backend 'triton' of propagation takes q and k of float32 or bfloat16, but got {q.dtype}."
            )
        self._channels, self._height, self._width = q.shape
        self._q, self._k = _channels_last(q), _channels_last(k)
        self._maps = *(_contiguous(x) for x in (a, b, g)), _contiguous(rpb) * math.log2(math.e)
        tile_columns, tile_rows = triton_kernels.TILE_COLUMNS, triton_kernels.TILE_ROWS
        self._grid = triton.cdiv(self._width, tile_columns), triton.cdiv(self._height, tile_rows)
        self._sums: tuple[torch.Tensor, ...] | None = None

    def step(self, depth, mask):
        """Filter depth and mask once."""
        depth = _contiguous(depth)
        out = tuple(torch.empty_like(depth) for _ in range(3))
        flags = {"UPDATE": False, "BLEND": False, "INJECT": False}
        self._launch(step_kernel, depth, _contiguous(mask), depth, *out, **flags)
        return out

    def advance(self, depth, mask, sparse, rule: UpdateRule):
        """Depth and mask after a step and its update by the rule, in one kernel."""
        depth = _contiguous(depth)
        out = torch.empty_like(depth), torch.empty_like(depth)
        flags = {"UPDATE": True, "BLEND": rule.blends, "INJECT": rule.injects}
        self._launch(step_kernel, depth, _contiguous(mask), _contiguous(sparse), *out, depth, **flags)
        return out

    def step_backward(self, depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask):
        """Gradients of a step with respect to its depth and mask; the others add up inside."""
        if self._sums is None:
            self._sums = self._zero_sums()
        dq, dk, da, db, dg, drpb = self._sums
        maps = depth, mask, log_sum_exp, filtered_depth, filtered_mask, grad_depth, grad_mask
        maps = tuple(map(_contiguous, maps))
        d_depth, d_mask = torch.empty_like(maps[0]), torch.empty_like(maps[0])
        self._launch(query_gradient_kernel, *maps, d_depth, dq, db, dg, drpb)
        self._launch(key_gradient_kernel, *maps, d_depth, d_mask, dk, da)
        return d_depth, d_mask

    def gradients(self):
        """Gradients of q, k, a, b, g, rpb, summed over all steps so far."""
        dq, dk, da, db, dg, drpb = self._sums or self._zero_sums()
        dq, dk = (
            x[:, : self._channels].T.reshape(self._channels, self._height, self._width) for x in (dq, dk)
        )
        return dq, dk, da, db, dg.sum(), drpb.sum(dim=0)

    def _zero_sums(self) -> tuple[torch.Tensor, ...]:
        """Sums of the gradients; of g and rpb one for each tile, so that their order is fixed."""
        tiles = self._grid[0] * self._grid[1]
        vectors = self._q.shape
        image = self._height, self._width
        span = 2 * WINDOW - 1
        shapes = vectors, vectors, image, image, (tiles,), (tiles, span, span)
        return tuple(torch.zeros(shape, device=self._q.device) for shape in shapes)

    def _launch(self, kernel, *tensors, **flags) -> None:
        settings = triton_kernels.settings(kernel.fn.__name__, self._channels, self._q.dtype)
        size = self._height, self._width
        with torch.cuda.device_of(self._q):
            kernel[self._grid](self._q, self._k, *self._maps, *tensors, *size, **settings, **flags)


def _contiguous(x: torch.Tensor) -> torch.Tensor:
    return x.detach().float().contiguous()


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    """C x H x W to H W x C with channels padded by zeros to full blocks, so that a vector lies together."""
    padding = -x.shape[0] % triton_kernels.channel_block(x.shape[0])
    return F.pad(x.detach().flatten(1).T, (0, padding)).contiguous()
