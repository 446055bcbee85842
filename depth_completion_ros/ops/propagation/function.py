"""All iterations of a propagation layer, differentiable, on the fastest backend at hand."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..backends import choose_backend
from ..cpu_library import CpuLibrary
from .rule import UpdateRule
from .window import WINDOW

LIBRARY = CpuLibrary("propagation", Path(__file__).with_name("cpu"))


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the propagation are built, and else why they are not."""
    return LIBRARY.state()


class Backend(Protocol):
    """One propagation layer of one image, whose constants are given once.

    A backend may also have `advance(depth, mask, sparse, rule)`, a step with its update in one.

    Query i gives key j of its window the logit m_j (q_i.k_j + d_i a_j + d_j b_i + g d_i d_j) + bias,
    with depth d and mask m; the softmax of the logits weighs depth and mask of the window.

    Args:
        q, k: C x H x W, queries and keys of a pixel whose depth is 0.
        a, b: H x W, a_j = k_j.q_slope and b_i = q_i.k_slope, where the slopes are what a metre of
            depth adds to query and key.
        g: scalar, q_slope.k_slope.
        rpb: 25 x 25 position bias.
    """

    def __init__(self, q: Tensor, k: Tensor, a: Tensor, b: Tensor, g: Tensor, rpb: Tensor): ...

    def step(self, depth: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Filtered depth, filtered mask and log-sum-exp of the logits, all H x W."""

    def step_backward(
        self,
        depth: Tensor,
        mask: Tensor,
        log_sum_exp: Tensor,
        filtered_depth: Tensor,
        filtered_mask: Tensor,
        grad_depth: Tensor,
        grad_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Gradients of a step with respect to its depth and mask; the others add up inside."""

    def gradients(self) -> tuple[Tensor, ...]:
        """Gradients of q, k, a, b, g, rpb, summed over all steps so far."""


def propagate(
    q: Tensor,
    k: Tensor,
    a: Tensor,
    b: Tensor,
    g: Tensor,
    rpb: Tensor,
    depth: Tensor,
    sparse: Tensor,
    iterations: int | Sequence[int],
    rule: UpdateRule,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """Filter depth and mask as MSPN-SDR does (eq. 6 to 11, with the constants of `Backend`).

    Training keeps five maps of the image an iteration; the backward pass takes another 338 for a while,
    but for Triton's. `sparse` gets no gradient.

    Args:
        q, k: B x C x H x W; a, b: B x 1 x H x W; g: scalar; rpb: 25 x 25; see `Backend`.
        depth: B x 1 x H x W metres to begin with, where nothing was measured.
        sparse: B x 1 x H x W metres, 0 where not measured.
        iterations: how often; one number for all images, or one for each.
        backend: `auto`, `torch`, `cpu` or `triton`.

    Returns:
        depth and mask, B x 1 x H x W, float32 or, of float64 q, float64.

    Raises:
        ValueError: backend unknown or not at hand; a shape or device that does not fit.
    """
    counts = [iterations] * len(q) if isinstance(iterations, Integral) else list(iterations)
    _check_inputs(q, k, a, b, g, rpb, depth, sparse, counts)
    make, keep = choose_backend(LIBRARY, __package__, backend, q).Backend, torch.is_grad_enabled()
    precision = torch.promote_types(q.dtype, torch.float32)
    depth, sparse = depth.to(precision), sparse.to(precision)
    images = [
        _Layer.apply(q[i], k[i], a[i, 0], b[i, 0], g, rpb, depth[i, 0], sparse[i, 0], count, rule, make, keep)
        for i, count in enumerate(counts)
    ]
    if not images:
        return depth, torch.zeros_like(depth)
    return tuple(torch.stack(maps)[:, None] for maps in zip(*images, strict=True))


def _check_inputs(q, k, a, b, g, rpb, depth, sparse, counts) -> None:
    """Refuse what would make a kernel read beyond its tensors."""
    batch, _, height, width = q.shape
    span, image = 2 * WINDOW - 1, (batch, 1, height, width)
    expected = {"k": (k, q.shape), "g": (g, ()), "rpb": (rpb, (span, span))}
    maps = {"a": a, "b": b, "depth": depth, "sparse": sparse}
    expected |= {name: (x, image) for name, x in maps.items()}
    for name, (x, shape) in expected.items():
        if x.shape != shape or x.device != q.device:
            raise ValueError(
                f"Propagation got {name} of shape {tuple(x.shape)} on {x.device}; it must be {tuple(shape)} "
                f"on {q.device}."
            )
    if len(counts) != batch:
        raise ValueError(f"Propagation got iterations for {len(counts)} images; it must be {batch}.")


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, a, b, g, rpb, depth, sparse, iterations, rule, make, keep):
        constants = tuple(x.contiguous() for x in (q, k, a, b, g, rpb))
        layer = make(*constants) if iterations else None
        depth, mask = start(depth, sparse)
        training = keep and any(ctx.needs_input_grad)
        if not training and hasattr(layer, "advance"):
            for _ in range(iterations):
                depth, mask = layer.advance(depth, mask, sparse, rule)
            return depth, mask
        steps = []
        for _ in range(iterations):
            filtered_depth, filtered_mask, log_sum_exp = layer.step(depth, mask)
            if training:
                steps += depth, mask, log_sum_exp, filtered_depth, filtered_mask
            depth, mask = update(depth, mask, filtered_depth, filtered_mask, sparse, rule)
        if training:
            ctx.save_for_backward(sparse, *constants, *steps)
            ctx.rule, ctx.make = rule, make
        return depth, mask

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_depth, grad_mask):
        sparse, *saved = ctx.saved_tensors
        constants, steps = saved[:6], saved[6:]
        grads = tuple(torch.zeros_like(x) for x in constants)
        if steps:
            # Made anew rather than kept: what a backend prepares may be a hundred times larger than a map.
            layer = ctx.make(*constants)
            for at in reversed(range(0, len(steps), 5)):
                grad_depth, grad_mask = _step_backward(
                    layer, steps[at : at + 5], sparse, ctx.rule, grad_depth, grad_mask
                )
            grads = layer.gradients()
        return *grads, grad_depth.masked_fill(sparse > 0, 0), None, None, None, None, None


def _step_backward(layer, step, sparse, rule, grad_depth, grad_mask):
    depth, mask, _, filtered_depth, filtered_mask = step
    measured = sparse > 0
    if rule.injects:
        grad_depth = grad_depth.masked_fill(measured, 0)
    d_depth, d_mask = torch.zeros_like(depth), grad_mask * measured
    if rule.blends:
        d_depth = grad_depth * (1 - mask)
        d_mask = d_mask + grad_depth * (filtered_depth - depth)
        grad_depth = grad_depth * mask
    through = layer.step_backward(*step, grad_depth, grad_mask.masked_fill(measured, 0))
    return d_depth + through[0], d_mask + through[1]


def start(depth: Tensor, sparse: Tensor) -> tuple[Tensor, Tensor]:
    """Depth and mask before the first iteration: what was measured, with mask 1, within `depth`."""
    measured = sparse > 0
    return torch.where(measured, sparse, depth), measured.to(depth.dtype)


def update(
    depth: Tensor,
    mask: Tensor,
    filtered_depth: Tensor,
    filtered_mask: Tensor,
    sparse: Tensor,
    rule: UpdateRule,
) -> tuple[Tensor, Tensor]:
    """Depth and mask after an iteration (eq. 6, 10, 11 as `rule` has them)."""
    measured = sparse > 0
    if rule.blends:
        filtered_depth = torch.lerp(depth, filtered_depth, mask)
    if rule.injects:
        filtered_depth = torch.where(measured, sparse, filtered_depth)
    return filtered_depth, torch.where(measured, mask, filtered_mask)
