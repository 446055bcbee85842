"""The search in plain PyTorch, for every device and for machines without a compiler: all pairs, in chunks."""

from __future__ import annotations

import torch

_PAIRS = 2**21
"""So many at once, each of some 20 bytes."""


def search(queries: torch.Tensor, sources: torch.Tensor, k: int) -> torch.Tensor:
    """See `nearest_points`."""
    chunks = queries.split(max(1, _PAIRS // len(sources)))
    return torch.cat([_of_chunk(chunk, sources, k) for chunk in chunks])


def _of_chunk(queries: torch.Tensor, sources: torch.Tensor, k: int) -> torch.Tensor:
    distances = sum((queries[:, axis, None] - sources[:, axis]).square_() for axis in range(3))
    # One more than asked for tells whether others are as far as the last: `topk` keeps any of equals, and
    # orders them in any way.
    nearest, found = distances.topk(min(k + 1, len(sources)), largest=False)
    found = found[:, :k]
    crowded = (nearest[:, k - 1 : k] == nearest[:, k:]).any(dim=1)
    found[crowded] = distances[crowded].argsort(dim=1, stable=True)[:, :k]
    found = found.sort(dim=1).values
    return found.gather(1, distances.gather(1, found).argsort(dim=1, stable=True))
