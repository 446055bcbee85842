"""The search on the CPU by the compiled kernel in cpu/."""

from __future__ import annotations

import torch

from .function import LIBRARY

_SUFFIX = {torch.float32: "float", torch.float64: "double"}


def search(queries: torch.Tensor, sources: torch.Tensor, k: int) -> torch.Tensor:
    """See `nearest_points`."""
    found = torch.empty(len(queries), k, dtype=torch.int64)
    kernel = f"search_{_SUFFIX[queries.dtype]}"
    LIBRARY.call(kernel, len(queries), len(sources), k, queries, sources, found)
    return found
