"""One sample as a batch holds it, and where its prior comes from."""

from __future__ import annotations

import numpy as np
import torch

from depth_completion_ros.completion.classical.linear import Linear
from depth_completion_ros.completion.mspn_lite.plane import linear_plane
from depth_completion_ros.core import SparseDepth

TYPICAL_M = 10.0
"""Geometric mean depth of a sample without a single point, whose scale nothing tells."""
LINEAR = "linear"
"""Prior that is made of the measurements, where no prediction of a network is at hand."""


def item(
    image: np.ndarray,
    sparse: np.ndarray,
    depth: np.ndarray,
    K: np.ndarray,
    prior: np.ndarray | None = None,
    mono: np.ndarray | None = None,
    plane: np.ndarray | None = None,
) -> dict[str, torch.Tensor]:
    """Tensors of a sample.

    Args:
        image: uint8 H x W x 3 RGB.
        sparse, depth, prior: H x W metres, 0 where not measured or unknown.
        plane: H x W metres, see `first_fill`.
        K: 3 x 3, pixels.
        mono: H x W inverse depth in [0, 1], up to scale and shift; 0 where infinitely far or unknown.
    """
    tensors = {
        "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
        "K": torch.from_numpy(np.asarray(K, np.float32)),
    }
    for name, values in (
        ("sparse", sparse),
        ("depth", depth),
        ("prior", prior),
        ("mono", mono),
        ("plane", plane),
    ):
        if values is not None:
            tensors[name] = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
    return tensors


def linear_prior(sparse: np.ndarray) -> np.ndarray:
    """Linear completion of the measurements, float32 H x W metres; 0 where there is none at all."""
    return np.nan_to_num(Linear().complete(None, SparseDepth(sparse)).depth)


def first_fill(sparse: np.ndarray) -> np.ndarray:
    """The positive fill, float32 H x W metres, that MSPN-lite starts from; flat without a measurement."""
    return linear_plane(sparse) if sparse.any() else np.full(sparse.shape, TYPICAL_M, np.float32)
