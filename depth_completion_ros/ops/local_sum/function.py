"""The sum on the fastest backend at hand, differentiable."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from ..backends import choose_backend
from ..cpu_library import CpuLibrary

SIZES = (3, 5, 7)
LIBRARY = CpuLibrary("local_sums", Path(__file__).with_name("cpu"))


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the sums are built, and else why they are not."""
    return LIBRARY.state()


def local_sum(x: Tensor, weights: Tensor, backend: str = "auto") -> Tensor:
    """Sum of every pixel's K x K neighbours, each pixel with weights of its own.

    out[r, c] = sum over i, j from -R to R of x[r + i, c + j] w[(i + R) K + (j + R), r, c], R = (K - 1) / 2,
    where x is 0 outside the image; the weights are taken as they are.

    Args:
        x: B x 1 x H x W.
        weights: B x K^2 x H x W, K = 3, 5 or 7.
        backend: `auto`, `reference` (unfolds the image), `torch`, `cpu` or `triton`.

    Returns:
        B x 1 x H x W in float32, or in float64 where x or the weights are.

    Raises:
        ValueError: a shape, type or device does not fit; the backend is unknown or not at hand.

    Source: CSPN (Cheng et al., 2018); as an operator in BP-Net (Tang et al., CVPR 2024).
    """
    check(x, weights)
    chosen = choose_backend(LIBRARY, __package__, backend, x)
    precision = precision_of(x, weights)
    if not x.numel():
        return x.to(precision) * weights.sum(dim=1, keepdim=True)
    if backend == "reference":
        return chosen.local_sum(x.to(precision), weights.to(precision))
    if torch.jit.is_tracing():  # an exporter, which knows no function of ours and asks for no gradient
        return _traced(x.to(precision), weights.to(precision))
    return _LocalSum.apply(x.to(precision).contiguous(), weights.contiguous(), chosen)


def _traced(x: Tensor, weights: Tensor) -> Tensor:
    """The sum in few operations, of which the first moves the image to each place of the window."""
    taps, size = weights.shape[1], math.isqrt(weights.shape[1])
    one_hot = torch.eye(taps, dtype=x.dtype, device=x.device).view(taps, 1, size, size)
    windows = torch.nn.functional.conv2d(x, one_hot, padding=size // 2)
    return (windows * weights).sum(dim=1, keepdim=True)


def precision_of(x: Tensor, weights: Tensor) -> torch.dtype:
    """In which type a sum is made."""
    return torch.promote_types(torch.promote_types(x.dtype, weights.dtype), torch.float32)


def check(x: Tensor, weights: Tensor) -> None:
    """Refuse what would make a kernel read beyond its tensors."""
    taps = [size**2 for size in SIZES]
    fits = x.ndim == weights.ndim == 4 and x.shape[1] == 1 and weights.shape[1] in taps
    if not fits or x.shape[2:] != weights.shape[2:] or len(x) != len(weights):
        raise ValueError(
            f"A local sum got x of shape {tuple(x.shape)} and weights of shape {tuple(weights.shape)}; "
            f"they must be B x 1 x H x W and B x K x H x W with K one of {', '.join(map(str, taps))}."
        )
    if x.device != weights.device or not (x.is_floating_point() and weights.is_floating_point()):
        raise ValueError(
            f"A local sum got x of {x.dtype} on {x.device} and weights of {weights.dtype} on "
            f"{weights.device}; they must be floating-point numbers on one device."
        )


class _LocalSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weights, backend):
        ctx.save_for_backward(x, weights)
        ctx.backend = backend
        return backend.forward(x, weights)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return *ctx.backend.backward(grad.contiguous(), *ctx.saved_tensors), None
