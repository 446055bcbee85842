"""Affinities on the CPU by the compiled kernel in cpu/."""

from __future__ import annotations

import torch

from .function import LIBRARY

_SUFFIX = {torch.float32: "float", torch.float64: "double"}


def affinity(guide: torch.Tensor) -> torch.Tensor:
    """See `cosine_affinity`."""
    batch, _, height, width = guide.shape
    out = guide.new_empty(batch, 9, height, width)
    LIBRARY.call(f"affinity_{_SUFFIX[guide.dtype]}", *guide.shape, guide, out)
    return out
