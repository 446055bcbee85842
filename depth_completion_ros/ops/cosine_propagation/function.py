"""Affinities and the propagation made of them, on the fastest backend at hand."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..backends import choose_backend
from ..cpu_library import CpuLibrary
from ..local_sum import local_sum
from .rule import CENTRE

LIBRARY = CpuLibrary("cosine_affinities", Path(__file__).with_name("cpu"))


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the affinities are built, and else why they are not."""
    return LIBRARY.state()


def cosine_affinity(guide: Tensor, backend: str = "auto") -> Tensor:
    """How much of every pixel's eight neighbours, and of its own start, a step of propagation takes.

    With a_k the cosine of the guide here and at offset k, 0 outside the image, the weight of a neighbour is
    w_k = a_k / sum_j |a_j| and that of the start c = 1 - sum_k w_k. Norms count as 1e-12 at least; where
    all a_k are 0, so are the weights, and c is 1.

    `cpu` and `triton` have no gradient: `auto` is `torch` where one is asked for.

    Args:
        guide: B x C x H x W.
        backend: `auto`, `reference` (unfolds the guide), `torch`, `cpu` or `triton`.

    Returns:
        B x 9 x H x W in float32, or in float64 where the guide is: the window in the order of rows, as
        `local_sum` takes it, with c in the middle.

    Raises:
        ValueError: shape or type does not fit; the backend is unknown, not at hand or without a gradient
            that is asked for.

    Source: the propagation in the image of PSD (Chen et al., IEEE TIP 2025), after CSPN (Cheng et al., 2018).
    """
    if guide.ndim != 4 or not guide.shape[1] or not guide.is_floating_point():
        raise ValueError(
            f"Cosine affinity got a guide of shape {tuple(guide.shape)} and {guide.dtype}; "
            "it must be B x C x H x W of floating-point numbers, C at least 1."
        )
    differentiable = torch.is_grad_enabled() and guide.requires_grad
    if differentiable and backend in ("cpu", "triton"):
        raise ValueError(
            f"Backend '{backend}' of cosine affinity has no gradient; it must be auto, reference or torch."
        )
    backend = "torch" if differentiable and backend == "auto" else backend
    affinity = choose_backend(LIBRARY, __package__, backend, guide).affinity
    guide = guide.to(torch.promote_types(guide.dtype, torch.float32))
    if not guide.numel():
        return guide.new_empty(len(guide), 9, *guide.shape[2:])
    return affinity(guide.contiguous())


def cosine_propagate(
    guide: Tensor, dense: Tensor, sparse: Tensor, iterations: int, backend: str = "auto"
) -> Tensor:
    """Depth spread along what looks alike: every pixel becomes a mix of its eight neighbours and its start.

    With w_k and c of `cosine_affinity`, d_0 = sparse where measured, else dense, and d = dense to begin
    with, every iteration makes d <- c d_0 + sum_k w_k t(x + o_k), where t = sparse where measured, else d.
    Nothing measured is put back after the last one, and a pixel whose cosines are all 0 becomes d_0.
    The sums are those of `local_sum`.

    Args:
        guide: B x C x H x W features.
        dense: B x 1 x H x W.
        sparse: B x 1 x H x W, measured where above 0.
        iterations: 0 leaves dense as it is.
        backend: as `cosine_affinity` takes it.

    Returns:
        B x 1 x H x W in float32, or in float64 where an input is.

    Raises:
        ValueError: a shape, type or device does not fit, or iterations are below 0; or as `cosine_affinity`.

    Source: PSD (Chen et al., IEEE TIP 2025), after CSPN (Cheng et al., 2018).
    """
    _check_inputs(guide, dense, sparse, iterations)
    precision = torch.float32
    for x in (guide, dense, sparse):
        precision = torch.promote_types(precision, x.dtype)
    affinity = cosine_affinity(guide, backend)
    dense, sparse = dense.to(precision), sparse.to(precision)
    measured = sparse > 0
    start = torch.where(measured, sparse, dense)
    centre = affinity[:, CENTRE : CENTRE + 1]
    depth = dense
    for _ in range(iterations):
        drawn = torch.where(measured, sparse, depth)
        # The sum takes c of what is drawn; what it should take is c of the start.
        depth = torch.addcmul(local_sum(drawn, affinity, backend), centre.to(precision), start - drawn)
    return depth


def _check_inputs(guide, dense, sparse, iterations) -> None:
    expected = (len(guide), 1, *guide.shape[2:])
    for name, x in (("dense", dense), ("sparse", sparse)):
        if x.shape != expected or x.device != guide.device or not x.is_floating_point():
            raise ValueError(
                f"Cosine propagation got {name} of shape {tuple(x.shape)} and {x.dtype} on {x.device}; "
                f"it must be {expected} of floating-point numbers on {guide.device}."
            )
    if iterations < 0:
        raise ValueError(f"Cosine propagation got {iterations} iterations; it must be at least 0.")
