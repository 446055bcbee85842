"""The sum on a GPU by Triton kernels: every weight is read once, K^2 times more than all else.

Backward is one kernel without atomics: a pixel gathers its own gradient from the pixels that see it, so
that weights are read once shifted, and those of x written once. Nothing of this has been timed yet.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

BLOCK = 256
"""Pixels of a program."""


def forward(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The sum in the precision of x; weights may be of another."""
    out = torch.empty_like(x)
    _launch(forward_kernel, x, weights, out)
    return out


def backward(grad: torch.Tensor, x: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of x and of the weights."""
    grad_x, grad_weights = torch.empty_like(x), torch.empty_like(weights)
    _launch(backward_kernel, x, weights, grad, grad_x, grad_weights)
    return grad_x, grad_weights


def _launch(kernel, x: torch.Tensor, weights: torch.Tensor, *others: torch.Tensor) -> None:
    batch, taps, height, width = weights.shape
    grid = triton.cdiv(height * width, BLOCK), batch
    with torch.cuda.device_of(x):
        kernel[grid](x, weights, *others, height, width, SIZE=math.isqrt(taps), BLOCK=BLOCK)


@triton.jit
def pixels(height, width, BLOCK: tl.constexpr):
    """Flat index, row and column of this program's pixels, and which of them exist."""
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    return pixel, pixel // width, pixel % width, pixel < height * width


@triton.jit(do_not_specialize=["height", "width"])
def forward_kernel(x, weights, out, height, width, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """Sums of a block of pixels; arguments as `local_sum`, all contiguous."""
    number = out.dtype.element_ty
    pixel, row, column, exists = pixels(height, width, BLOCK)
    image = tl.program_id(1).to(tl.int64) * height * width
    x += image
    weights += image * SIZE * SIZE
    total = tl.zeros([BLOCK], number)
    for tap in tl.static_range(SIZE * SIZE):
        i = tap // SIZE - SIZE // 2
        j = tap % SIZE - SIZE // 2
        there = exists & (row + i >= 0) & (row + i < height) & (column + j >= 0) & (column + j < width)
        weight = tl.load(weights + tap * height * width + pixel, mask=there, other=0.0).to(number)
        total += weight * tl.load(x + pixel + i * width + j, mask=there, other=0.0)
    tl.store(out + image + pixel, total, mask=exists)


@triton.jit(do_not_specialize=["height", "width"])
def backward_kernel(
    x, weights, grad, grad_x, grad_weights, height, width, SIZE: tl.constexpr, BLOCK: tl.constexpr
):
    """Gradients of a block of pixels: of their x, gathered, and of their weights."""
    number = grad_x.dtype.element_ty
    pixel, row, column, exists = pixels(height, width, BLOCK)
    image = tl.program_id(1).to(tl.int64) * height * width
    x += image
    grad += image
    weights += image * SIZE * SIZE
    grad_weights += image * SIZE * SIZE
    own = tl.load(grad + pixel, mask=exists, other=0.0)
    total = tl.zeros([BLOCK], number)
    for tap in tl.static_range(SIZE * SIZE):
        i = tap // SIZE - SIZE // 2
        j = tap % SIZE - SIZE // 2
        plane = tap * height * width
        there = exists & (row + i >= 0) & (row + i < height) & (column + j >= 0) & (column + j < width)
        share = own * tl.load(x + pixel + i * width + j, mask=there, other=0.0)
        tl.store(grad_weights + plane + pixel, share, mask=exists)
        # The pixel that sees this one by the tap lies the other way.
        there = exists & (row - i >= 0) & (row - i < height) & (column - j >= 0) & (column - j < width)
        seen_by = pixel - i * width - j
        weight = tl.load(weights + plane + seen_by, mask=there, other=0.0).to(number)
        total += weight * tl.load(grad + seen_by, mask=there, other=0.0)
    tl.store(grad_x + image + pixel, total, mask=exists)


INTERPRETED = not isinstance(forward_kernel, triton.JITFunction)
