"""Which of two cells is nearer, as one number that all backends compare.

The key of a cell for a pixel is d^2 2^32 + (N - 1 - m), with the squared distance d^2 in cells, the flat
index m of the cell, and N cells in the image. It orders by distance, and cells as far by descending index,
which is what BP-Net's CUDA kernel does: it scans by ascending index and lets the later of equals in front.
No two cells have the same key, so that no order of search can change a result.
"""

from __future__ import annotations

import torch

NEIGHBOURS = 4
SHIFT = 32
FARTHEST = 2**63 - 1
"""Key of no cell."""


def keys_of(rows: torch.Tensor, columns: torch.Tensor, points: torch.Tensor, height: int, width: int):
    """Keys of the cells of flat index `points` for pixels; all int64 and broadcast."""
    down, right = points // width - rows, points % width - columns
    return (down * down + right * right << SHIFT) + (height * width - 1 - points)


def cells_of(keys: torch.Tensor, size: int) -> torch.Tensor:
    """Flat indices of the cells of sorted keys, N x up to 4, of `size` pixels: N x 4.

    Where there are fewer than four, the last one fills the row.
    """
    missing = NEIGHBOURS - keys.shape[1]
    keys = torch.cat([keys, keys.new_full((len(keys), missing), FARTHEST)], dim=1)
    for slot in range(1, NEIGHBOURS):
        keys[:, slot] = torch.where(keys[:, slot] == FARTHEST, keys[:, slot - 1], keys[:, slot])
    return size - 1 - (keys & 2**SHIFT - 1)
