"""Keys of cells, and cells of keys, as tensors; what a key is stands in ops/nearest_cells.py."""

from __future__ import annotations

import torch

from ..nearest_cells import FARTHEST, NEIGHBOURS, cell_of, key_of


def keys_of(rows: torch.Tensor, columns: torch.Tensor, points: torch.Tensor, height: int, width: int):
    """Keys of the cells of flat index `points` for pixels; all int64 and broadcast."""
    down, right = points // width - rows, points % width - columns
    return key_of(down * down + right * right, points, height * width)


def cells_of(keys: torch.Tensor, size: int) -> torch.Tensor:
    """Flat indices of the cells of sorted keys, N x up to 4, of `size` pixels: N x 4.

    Where there are fewer than four, the last one fills the row.
    """
    missing = NEIGHBOURS - keys.shape[1]
    keys = torch.cat([keys, keys.new_full((len(keys), missing), FARTHEST)], dim=1)
    for slot in range(1, NEIGHBOURS):
        keys[:, slot] = torch.where(keys[:, slot] == FARTHEST, keys[:, slot - 1], keys[:, slot])
    return cell_of(keys, size)
