"""The search on a GPU: one Triton kernel after a list of the measured cells, all without waiting for the GPU.

One program, a single warp, serves a tile of pixels. It walks over the cells of ever farther rows, in each
from the columns of the tile outwards, and offers every cell to all pixels of the tile at once, until
nothing farther can come before the fourth of any of them. A cell costs one scalar load and some fifty
instructions a lane, of which the fourth of the tile, made anew after each, is a good third; at 5 % of
cells measured, a tile of 8 x 8 sees about fifty. Nothing of this has been timed yet.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from .. import nearest_cells
from ..nearest_cells import NEIGHBOURS

TILE_ROWS = 8
TILE_COLUMNS = 8
SHIFT = tl.constexpr(nearest_cells.SHIFT)
FARTHEST = tl.constexpr(nearest_cells.FARTHEST)
CELL = tl.constexpr(2**nearest_cells.SHIFT - 1)
"""Bits of a key that tell the cell."""


def search(measured: torch.Tensor) -> torch.Tensor:
    """See `nearest_measured`."""
    batch, height, width = measured.shape
    found = torch.empty(batch, NEIGHBOURS, height, width, dtype=torch.int64, device=measured.device)
    before, cells = _list_cells(measured.flatten(1))
    grid = triton.cdiv(width, TILE_COLUMNS), triton.cdiv(height, TILE_ROWS), batch
    with torch.cuda.device_of(measured):
        search_kernel[grid](
            before, cells, found, height, width, TILE_ROWS=TILE_ROWS, TILE_COLUMNS=TILE_COLUMNS, num_warps=1
        )
    return found


def _list_cells(measured: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of images of N cells, int32 B x (N + 1) each: how many are measured before each, and their list."""
    batch, size = measured.shape
    before = torch.zeros(batch, size + 1, dtype=torch.int32, device=measured.device)
    torch.cumsum(measured, dim=1, dtype=torch.int32, out=before[:, 1:])
    place = torch.where(
        measured, before[:, :-1], size
    )  # what is not measured goes to the end, which none reads
    every = torch.arange(size, dtype=torch.int32, device=measured.device).expand(batch, -1)
    return before, torch.zeros_like(before).scatter_(1, place.long(), every)


@triton.jit
def offer(nearest, row, column, cell, height, width):
    """The four least keys of each pixel, ascending, after a cell was offered to all of them."""
    first, second, third, fourth = nearest
    down, right = cell // width - row, cell % width - column
    key = ((down * down + right * right).to(tl.int64) << SHIFT) + (height * width - 1 - cell)
    # Sorted as a chain: each keeps the lesser and hands the greater on.
    fourth = tl.minimum(fourth, tl.maximum(third, key))
    third = tl.minimum(third, tl.maximum(second, key))
    second = tl.minimum(second, tl.maximum(first, key))
    return tl.minimum(first, key), second, third, fourth


@triton.jit
def offer_row(nearest, row, column, before, cells, y, left, right, away, height, width):
    """Offer the cells of row y, which lies `away` rows from the tile of columns left ... right.

    Cells beside the tile are at least as far as row and column leave them; those that are farther than
    the fourth of every pixel end the walk.
    """
    start, end = tl.load(before + y * width), tl.load(before + (y + 1) * width)
    inner, outer = tl.load(before + y * width + left), tl.load(before + y * width + right + 1)
    for at in range(inner, outer):
        nearest = offer(nearest, row, column, tl.load(cells + at), height, width)
    at = outer
    while at < end:
        cell = tl.load(cells + at)
        gap = cell - y * width - right
        closed = ((gap * gap + away * away).to(tl.int64) << SHIFT) > tl.max(nearest[3])
        nearest = offer(nearest, row, column, cell, height, width)
        at = tl.where(closed, end, at + 1)
    at = inner - 1
    while at >= start:
        cell = tl.load(cells + at)
        gap = left - (cell - y * width)
        closed = ((gap * gap + away * away).to(tl.int64) << SHIFT) > tl.max(nearest[3])
        nearest = offer(nearest, row, column, cell, height, width)
        at = tl.where(closed, start - 1, at - 1)
    return nearest


@triton.jit(do_not_specialize=["height", "width"])
def search_kernel(before, cells, found, height, width, TILE_ROWS: tl.constexpr, TILE_COLUMNS: tl.constexpr):
    """Find the neighbours of one tile of pixels.

    Args:
        before, cells: as `_list_cells` gives them.
        found: int64 B x 4 x H x W, written.
    """
    size = height * width
    image = tl.program_id(2).to(tl.int64)
    before += image * (size + 1)
    cells += image * (size + 1)
    top, left = tl.program_id(1) * TILE_ROWS, tl.program_id(0) * TILE_COLUMNS
    bottom, right = tl.minimum(top + TILE_ROWS, height) - 1, tl.minimum(left + TILE_COLUMNS, width) - 1
    slot = tl.arange(0, TILE_ROWS * TILE_COLUMNS)
    row, column = top + slot // TILE_COLUMNS, left + slot % TILE_COLUMNS
    exists = (row <= bottom) & (column <= right)
    row, column = tl.minimum(row, bottom), tl.minimum(column, right)  # so that none holds up the others
    none = tl.full([TILE_ROWS * TILE_COLUMNS], FARTHEST, tl.int64)
    nearest = (none, none, none, none)
    for y in range(top, bottom + 1):
        nearest = offer_row(nearest, row, column, before, cells, y, left, right, 0, height, width)
    above, below = top - 1, bottom + 1
    while (above >= 0) | (below < height):
        away = below - bottom
        if above >= 0:
            nearest = offer_row(nearest, row, column, before, cells, above, left, right, away, height, width)
        if below < height:
            nearest = offer_row(nearest, row, column, before, cells, below, left, right, away, height, width)
        away += 1
        closed = ((away * away).to(tl.int64) << SHIFT) > tl.max(nearest[3])
        above, below = tl.where(closed, -1, above - 1), tl.where(closed, height, below + 1)
    out = found + image * 4 * size + row * width + column
    cell = (row * width + column).to(tl.int64)
    for place in tl.static_range(4):
        key = nearest[place]
        cell = tl.where(key == FARTHEST, cell, size - 1 - (key & CELL))
        tl.store(out + place * size, cell, mask=exists)


INTERPRETED = not isinstance(search_kernel, triton.JITFunction)
