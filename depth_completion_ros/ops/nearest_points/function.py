"""The search on the fastest backend at hand."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..backends import choose_backend
from ..cpu_library import CpuLibrary

LIBRARY = CpuLibrary("nearest_points", Path(__file__).with_name("cpu"))


def cpu_kernels_state() -> str:
    """In words: whether the CPU kernels of the search are built, and else why they are not."""
    return LIBRARY.state()


def nearest_points(queries: Tensor, sources: Tensor, k: int, backend: str = "auto") -> Tensor:
    """The k sources nearest to every query in Euclidean distance, nearest first.

    Distances are compared as ((dx dx + dy dy) + dz dz) with every operation rounded to the type of the
    points; sources that are as far by this number come by ascending index. All backends round alike, and
    so give the same integers.

    Args:
        queries: n x 3, float32 or float64.
        sources: m x 3, of the same type.
        k: 1 to m.
        backend: `auto`, `reference` (all pairs at once), `torch`, `cpu` or `triton`.

    Returns:
        int64 n x k, indices of sources.

    Raises:
        ValueError: a shape, type, device, coordinate or k does not fit; the backend is unknown or not at
            hand.

    Source: the lookup in space of PSD (Chen et al., IEEE TIP 2025).
    """
    _check_inputs(queries, sources, k)
    search = choose_backend(LIBRARY, __package__, backend, queries).search
    if not len(queries):
        return torch.empty(0, k, dtype=torch.int64, device=queries.device)
    return search(queries.detach().contiguous(), sources.detach().contiguous(), k)


def _check_inputs(queries: Tensor, sources: Tensor, k: int) -> None:
    subject = "The search for nearest points got"
    if any(x.ndim != 2 or x.shape[1] != 3 for x in (queries, sources)):
        raise ValueError(
            f"{subject} queries of shape {tuple(queries.shape)} and sources of shape {tuple(sources.shape)}; "
            "they must be n x 3 and m x 3."
        )
    fits = queries.dtype == sources.dtype and queries.dtype in (torch.float32, torch.float64)
    if not fits or queries.device != sources.device:
        raise ValueError(
            f"{subject} queries of {queries.dtype} on {queries.device} and sources of {sources.dtype} on "
            f"{sources.device}; both must be torch.float32 or torch.float64, on one device."
        )
    if not len(sources):
        raise ValueError(f"{subject} no sources; there must be at least one.")
    if not 1 <= k <= len(sources):
        raise ValueError(f"{subject} k = {k} for {len(sources)} sources; it must be 1 to {len(sources)}.")
    for name, points in (("queries", queries), ("sources", sources)):
        if not points.isfinite().all():
            raise ValueError(f"{subject} {name} with coordinates that are not finite; all must be finite.")
