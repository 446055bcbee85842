"""The search on a GPU by one Triton kernel: all pairs in tiles, once for each of the k places.

One program serves a block of queries. For every place it goes through all sources and keeps, lane by lane,
the nearest of those that come after the one it found before; the lanes are compared at the end alone. So
no sorted list is kept, and k may be any number, but its price is meant for a few. Nothing of this has been
timed yet.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

QUERIES = 32
SOURCES = 64
"""Of a tile."""
NONE = tl.constexpr(2**31 - 1)
"""Index of no source."""
OPTIONS = {"enable_fp_fusion": False}
"""So that a product and a sum are rounded apart, as in every other backend."""


def search(queries: torch.Tensor, sources: torch.Tensor, k: int) -> torch.Tensor:
    """See `nearest_points`."""
    found = torch.empty(len(queries), k, dtype=torch.int64, device=queries.device)
    sizes = len(queries), len(sources), k
    grid = (triton.cdiv(len(queries), QUERIES),)
    with torch.cuda.device_of(queries):
        search_kernel[grid](queries, sources, found, *sizes, QUERIES=QUERIES, SOURCES=SOURCES, **OPTIONS)
    return found


@triton.jit
def distances(x, y, z, sources, source, there):
    """Squared, of queries to sources: one tile."""
    dx = x[:, None] - tl.load(sources + source * 3, mask=there, other=0.0)[None, :]
    dy = y[:, None] - tl.load(sources + source * 3 + 1, mask=there, other=0.0)[None, :]
    dz = z[:, None] - tl.load(sources + source * 3 + 2, mask=there, other=0.0)[None, :]
    return dx * dx + dy * dy + dz * dz


@triton.jit(do_not_specialize=["n", "m", "k"])
def search_kernel(queries, sources, found, n, m, k, QUERIES: tl.constexpr, SOURCES: tl.constexpr):
    """Find the neighbours of a block of queries; arguments as `nearest_points`, found int64 n x k."""
    number = queries.dtype.element_ty
    query = tl.program_id(0) * QUERIES + tl.arange(0, QUERIES)
    exists = query < n
    x = tl.load(queries + query * 3, mask=exists, other=0.0)
    y = tl.load(queries + query * 3 + 1, mask=exists, other=0.0)
    z = tl.load(queries + query * 3 + 2, mask=exists, other=0.0)
    last = tl.full([QUERIES], -1, number)
    last_index = tl.full([QUERIES], -1, tl.int32)
    for place in range(k):
        nearest = tl.full([QUERIES, SOURCES], float("inf"), number)
        index = tl.full([QUERIES, SOURCES], NONE, tl.int32)
        for start in range(0, m, SOURCES):
            source = start + tl.arange(0, SOURCES)
            there = source < m
            away = distances(x, y, z, sources, source, there)
            tied = (away == last[:, None]) & (source[None, :] > last_index[:, None])
            # The first of equals stays; the first of all does even where it is infinitely far.
            nearer = ((away > last[:, None]) | tied) & there[None, :] & ((away < nearest) | (index == NONE))
            nearest = tl.where(nearer, away, nearest)
            index = tl.where(nearer, source[None, :], index)
        last = tl.min(nearest, axis=1)
        last_index = tl.min(tl.where(nearest == last[:, None], index, NONE), axis=1)
        tl.store(found + query.to(tl.int64) * k + place, last_index.to(tl.int64), mask=exists)


INTERPRETED = not isinstance(search_kernel, triton.JITFunction)
