"""Which of two cells is nearer, as one number that all backends compare, with PyTorch or not; its kernel.

The key of a cell for a pixel is d^2 2^32 + (N - 1 - m), with the squared distance d^2 in cells, the flat
index m of the cell, and N cells in the image. It orders by distance, and cells as far by descending index,
which is what BP-Net's CUDA kernel does: it scans by ascending index and lets the later of equals in front.
No two cells have the same key, so that no order of search can change a result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .cpu_library import CpuLibrary

Whole = Any
"""int64, arrays or tensors."""
LIBRARY = CpuLibrary("nearest_neighbours", Path(__file__).with_name("neighbours") / "cpu")
NEIGHBOURS = 4
SHIFT = 32
FARTHEST = 2**63 - 1
"""Key of no cell."""


def key_of(squared: Whole, cell: Whole, size: int) -> Whole:
    """Key of a cell at a squared distance, in an image of `size` cells."""
    return (squared << SHIFT) + (size - 1 - cell)


def cell_of(key: Whole, size: int) -> Whole:
    """The cell of a key; of `FARTHEST` none."""
    return size - 1 - (key & 2**SHIFT - 1)
