"""The search of `neighbours` on NumPy arrays, for where PyTorch is not installed."""

from __future__ import annotations

import numpy as np

from .nearest_cells import FARTHEST, LIBRARY, NEIGHBOURS, SHIFT, cell_of, key_of


def of_levels(measured: np.ndarray, levels: int) -> list[np.ndarray]:
    """`neighbours.of_levels` of one image: the four measured cells nearest to every pixel of each level.

    Args:
        measured: bool H x W, of the full resolution; H and W multiples of 2^(levels - 1).

    Returns:
        int64 4 x H / 2^l x W / 2^l for l = 0, 1 ... levels - 1, flat indices.
    """
    found = [nearest_measured(measured)]
    for _ in range(1, levels):
        height, width = measured.shape
        measured = measured.reshape(height // 2, 2, width // 2, 2).any(axis=(1, 3))
        found.append(nearest_measured(measured))
    return found


def nearest_measured(measured: np.ndarray) -> np.ndarray:
    """`neighbours.nearest_measured` of one image, bool H x W: int64 4 x H x W.

    By the compiled kernel; without a compiler by `nearest_in_numpy`, which takes ten times as long.
    """
    if LIBRARY.load() is None:
        return nearest_in_numpy(measured)
    found = np.empty((NEIGHBOURS, *measured.shape), np.int64)
    LIBRARY.call("search", 1, *measured.shape, np.ascontiguousarray(measured), found)
    return found


def nearest_in_numpy(measured: np.ndarray) -> np.ndarray:
    """As `nearest_measured`: every pixel looks at rows ever farther, until none can hold a nearer cell."""
    height, width = measured.shape
    rows, columns = (index.ravel() for index in np.indices(measured.shape))
    cells = np.flatnonzero(measured)
    before = np.concatenate([[0], np.cumsum(measured)])  # of each pixel: how many cells come before it
    nearest = np.full((height * width, NEIGHBOURS), FARTHEST)
    searching = np.arange(height * width)
    for away in range(height):
        searching = searching[away * away <= nearest[searching, -1] >> SHIFT]
        if not len(searching):
            break
        for down in {away, -away}:
            row = rows[searching] + down
            begin, end = (before[np.clip(row + i, 0, height) * width] for i in (0, 1))
            filled = (row >= 0) & (row < height) & (end > begin)
            at, row, begin, end = searching[filled], row[filled], begin[filled, None], end[filled, None]
            # Of the cells of a row only the four on either side of the column can be among the nearest.
            middle = before[row * width + columns[at]]
            near = middle[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS)
            cell = cells[np.clip(near, begin, end - 1)]
            right = cell - (row * width + columns[at])[:, None]
            keys = key_of(right * right + away * away, cell, height * width)
            keys[(near < begin) | (near >= end)] = FARTHEST
            merged = np.concatenate([nearest[at], keys], axis=1)
            merged.partition(NEIGHBOURS - 1, axis=1)
            nearest[at] = merged[:, :NEIGHBOURS]
    nearest.sort(axis=1)
    found, last = np.empty((NEIGHBOURS, height * width), np.int64), np.arange(height * width)
    for slot, key in enumerate(nearest.T):
        last = np.where(key == FARTHEST, last, cell_of(key, height * width))
        found[slot] = last
    return found.reshape(NEIGHBOURS, height, width)
