"""The sum on the CPU by the compiled kernels in cpu/."""

from __future__ import annotations

import math

import torch

from .function import LIBRARY

_SUFFIX = {torch.float32: "float", torch.float64: "double", torch.bfloat16: "bfloat"}


def forward(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The sum in the precision of x; weights of bfloat16 are widened as they are read."""
    weights = readable(x, weights)
    out = torch.empty_like(x)
    LIBRARY.call(f"forward_{suffix(weights)}", *sizes(weights), x, weights, out)
    return out


def backward(grad: torch.Tensor, x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of x and of the weights, the latter in the precision of x."""
    weights = readable(x, weights)
    grad_x = torch.empty_like(x)
    grad_weights = torch.empty_like(weights, dtype=x.dtype)
    LIBRARY.call(f"backward_{suffix(weights)}", *sizes(weights), grad, x, weights, grad_x, grad_weights)
    return grad_x, grad_weights


def readable(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weights in a type that the kernels take with x: its own, or bfloat16 with float32."""
    keeps = weights.dtype == torch.bfloat16 and x.dtype == torch.float32
    return (weights if keeps else weights.to(x.dtype)).contiguous()


def suffix(weights: torch.Tensor) -> str:
    """Ends the name of the kernel for such weights."""
    return _SUFFIX[weights.dtype]


def sizes(weights: torch.Tensor) -> tuple[int, int, int, int]:
    """K, batch, height and width."""
    batch, taps, height, width = weights.shape
    return math.isqrt(taps), batch, height, width


def propagate(depth, sparse, weights, gates, mixing, iterations: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The second and third snapshot of `propagate`, in the precision of depth.

    Args:
        weights: for K = 3, 5 and 7.
    """
    weights = [readable(depth, x) for x in weights]
    if len({x.dtype for x in weights}) > 1:
        weights = [x.to(depth.dtype) for x in weights]
    maps = (x.contiguous() for x in (depth, sparse, gates, mixing))
    out = torch.empty_like(depth), torch.empty_like(depth)
    LIBRARY.call(f"propagate_{suffix(weights[0])}", *sizes(weights[0])[1:], iterations, *maps, *weights, *out)
    return out
