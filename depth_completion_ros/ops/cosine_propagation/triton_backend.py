"""Affinities on a GPU by one Triton kernel: every pixel multiplies its features with those around it.

Neighbours are read again for every tap, from the cache; nothing is written but the affinities. The taps
are rows of one block, of which seven of sixteen are idle. Nothing of this has been timed yet.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from ..local_sum.triton_backend import pixels
from . import rule

BLOCK = 64
"""Pixels of a program."""
CENTRE = tl.constexpr(rule.CENTRE)


def affinity(guide: torch.Tensor) -> torch.Tensor:
    """See `cosine_affinity`."""
    batch, channels, height, width = guide.shape
    scale = torch.linalg.vector_norm(guide, dim=1).clamp_(min=rule.EPSILON).reciprocal_()
    out = guide.new_empty(batch, 9, height, width)
    grid = triton.cdiv(height * width, BLOCK), batch
    with torch.cuda.device_of(guide):
        affinity_kernel[grid](guide, scale, out, channels, height, width, BLOCK=BLOCK)
    return out


@triton.jit(do_not_specialize=["channels", "height", "width"])
def affinity_kernel(guide, scale, out, channels, height, width, BLOCK: tl.constexpr):
    """Affinities of a block of pixels.

    Args:
        guide, out: as `cosine_affinity`, contiguous.
        scale: B x H x W, one over the norm of the features.
    """
    number = guide.dtype.element_ty
    pixel, row, column, exists = pixels(height, width, BLOCK)
    plane = height * width
    image = tl.program_id(1).to(tl.int64) * plane
    guide += image * channels
    scale += image
    tap = tl.arange(0, 16)[:, None]
    i = tap // 3 - 1
    j = tap % 3 - 1
    inside = (row + i >= 0) & (row + i < height) & (column + j >= 0) & (column + j < width)
    there = exists & inside & (tap < 9) & (tap != CENTRE)
    other = pixel + i * width + j
    own_scale = tl.load(scale + pixel, mask=exists, other=0.0)
    other_scale = tl.load(scale + other, mask=there, other=0.0)
    cosine = tl.zeros([16, BLOCK], number)
    for _ in range(channels):
        here = tl.load(guide + pixel, mask=exists, other=0.0) * own_scale
        cosine += here[None, :] * (tl.load(guide + other, mask=there, other=0.0) * other_scale)
        guide += plane
    total = tl.sum(tl.abs(cosine), axis=0)
    weight = cosine / tl.where(total > 0, total, 1.0)[None, :]
    weight = tl.where(tap == CENTRE, 1 - tl.sum(weight, axis=0)[None, :], weight)
    tl.store(out + image * 9 + tap * plane + pixel, weight, mask=exists & (tap < 9))


INTERPRETED = not isinstance(affinity_kernel, triton.JITFunction)
