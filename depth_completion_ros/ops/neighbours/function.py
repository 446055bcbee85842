"""The search on the fastest backend at hand, for one level or all of a pyramid."""

from __future__ import annotations

import torch
from torch import Tensor

from ..backends import choose_backend
from ..nearest_cells import LIBRARY, NEIGHBOURS


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the search are built, and else why they are not."""
    return LIBRARY.state()


def nearest_measured(measured: Tensor, backend: str = "auto") -> Tensor:
    """The four measured cells nearest to every pixel, itself included, nearest first.

    Of cells as far, the one of the larger flat index comes first and wins the last place. Where an image
    has fewer than four, the last one fills the remaining places; where it has none, every pixel is its
    own neighbour in all places, so that offsets are 0. All backends give the same integers.

    Args:
        measured: B x H x W, bool.
        backend: `auto`, `reference` (all pairs), `torch`, `cpu` or `triton`.

    Returns:
        int64 B x 4 x H x W, flat indices row * W + column.

    Raises:
        ValueError: shape or type does not fit; the backend is unknown or not at hand.

    Source: BP-Net (Tang et al., CVPR 2024), whose kernel leaves an image without a point undefined.
    """
    if measured.ndim != 3 or measured.dtype != torch.bool:
        raise ValueError(
            f"The search got a mask of shape {tuple(measured.shape)} and {measured.dtype}; "
            "it must be B x H x W and torch.bool."
        )
    batch, height, width = measured.shape
    search = choose_backend(LIBRARY, __package__, backend, measured).search
    if not measured.numel():
        return torch.empty(batch, NEIGHBOURS, height, width, dtype=torch.int64, device=measured.device)
    return search(measured.contiguous())


def of_levels(measured: Tensor, levels: int = 6, backend: str = "auto") -> list[Tensor]:
    """`nearest_measured` for every level of a pyramid; a cell of level l is measured where any of its
    2^l x 2^l pixels is.

    Args:
        measured: B x H x W, bool, of the full resolution; H and W multiples of 2^(levels - 1).

    Returns:
        int64 B x 4 x H / 2^l x W / 2^l for l = 0, 1 ... levels - 1.

    Raises:
        ValueError: as `nearest_measured`, or a size is no such multiple.
    """
    found = [nearest_measured(measured, backend)]
    if any(size % 2 ** (levels - 1) for size in measured.shape[1:]):
        raise ValueError(
            f"The search got a mask of {measured.shape[1]} x {measured.shape[2]} pixels for {levels} levels; "
            f"both must be multiples of {2 ** (levels - 1)}."
        )
    for _ in range(1, levels):
        measured = measured.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).any(dim=4).any(dim=2)
        found.append(nearest_measured(measured, backend))
    return found


def offsets_of(indices: Tensor, width: int) -> Tensor:
    """How far the neighbours lie from their pixels, in pixels.

    Args:
        indices: B x 4 x H x W from `nearest_measured`.
        width: W.

    Returns:
        float32 B x 2 x 4 x H x W, neighbour minus pixel: channel 0 columns, channel 1 rows.

    Raises:
        ValueError: shape or width does not fit.
    """
    if indices.ndim != 4 or indices.shape[-1] != width:
        raise ValueError(
            f"Offsets got indices of shape {tuple(indices.shape)} for a width of {width}; "
            f"they must be B x {NEIGHBOURS} x H x {width}."
        )
    rows = torch.arange(indices.shape[-2], device=indices.device)[:, None]
    columns = torch.arange(width, device=indices.device)
    return torch.stack([indices % width - columns, indices // width - rows], dim=1).float()
