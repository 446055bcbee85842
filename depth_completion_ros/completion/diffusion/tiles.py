"""Large images in overlapping tiles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .codec import MULTIPLE


def tiles(shape: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that cover an image and overlap by a quarter of their side or more.

    Args:
        shape: height and width, multiples of 8.
        side: largest height and width of a tile in pixels, taken down to a multiple of 8; 0 for one tile.
    """
    for rows in _pieces(shape[0], side):
        for columns in _pieces(shape[1], side):
            yield rows, columns


def _pieces(length: int, side: int) -> list[slice]:
    side = max(side // MULTIPLE, 1) * MULTIPLE if side else length
    if side >= length:
        return [slice(0, length)]
    count = -(-(length - side) // (side * 3 // 4)) + 1
    starts = np.linspace(0, (length - side) // MULTIPLE, count).astype(int) * MULTIPLE
    return [slice(start, start + side) for start in starts.tolist()]


def feather(rows: slice, columns: slice, shape: tuple[int, int]) -> np.ndarray:
    """Weight of a tile, float32 h x w: 1 in its middle, falling towards borders that other tiles cover."""
    down, along = (_ramp(piece, length) for piece, length in ((rows, shape[0]), (columns, shape[1])))
    return down[:, None] * along


def _ramp(piece: slice, length: int) -> np.ndarray:
    size = piece.stop - piece.start
    at = np.arange(size, dtype=np.float32) + np.float32(0.5)
    rising = at if piece.start else np.full(size, np.inf, np.float32)
    falling = at[::-1] if piece.stop < length else np.full(size, np.inf, np.float32)
    return np.minimum(np.minimum(rising, falling) / np.float32(size / 4), 1)
