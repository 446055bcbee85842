"""Means over the pixels that have a truth, finite and differentiable where there is none."""

from __future__ import annotations

from torch import Tensor

LEAST_DEPTH = 1e-4
"""Truth of fewer metres is none (MSPN-SDR)."""


def known(truth: Tensor) -> Tensor:
    """Mask of the pixels with a truth: neither unknown (0) nor sky (inf)."""
    return (truth > LEAST_DEPTH) & truth.isfinite()


def masked_mean(values: Tensor, mask: Tensor, dim: tuple[int, ...] | None = None) -> Tensor:
    """Mean of the values under the mask, over all of them or over some dimensions; 0 where the mask is empty.

    Args:
        values: of any shape; what lies outside the mask may be infinite or NaN and takes no part.
        mask: boolean, same shape.
    """
    kept = values.where(mask, values.new_zeros(()))
    return kept.sum(dim) / mask.sum(dim).clamp(min=1)


def mean_of_images(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the images of their masked means; images without a masked pixel do not count.

    Args:
        values: [B,1,H,W].
        mask: boolean [B,1,H,W].
    """
    means = masked_mean(values, mask, (1, 2, 3))
    return masked_mean(means, mask.any(dim=3).any(dim=2).any(dim=1))
