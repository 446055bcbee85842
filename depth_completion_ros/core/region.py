"""A rectangle of pixels: left, top, right, bottom, of which right and bottom are exclusive."""

from __future__ import annotations

import numpy as np

Region = tuple[int, int, int, int]


def region_mask(shape: tuple[int, int], region: Region | None) -> np.ndarray:
    """Bool H x W, True inside a region; everywhere when it is None.

    Example:
        >>> region_mask((2, 4), (1, 0, 3, 1)).astype(int)
        array([[0, 1, 1, 0],
               [0, 0, 0, 0]])
    """
    if region is None:
        return np.ones(shape, bool)
    left, top, right, bottom = (max(edge, 0) for edge in region)
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def check_region(region: Region) -> Region:
    """The region; ValueError where it holds no pixel of any image."""
    left, top, right, bottom = region
    if min(left, top) < 0 or right <= left or bottom <= top:
        raise ValueError(
            f"Region is {','.join(map(str, region))}; it must be left,top,right,bottom in pixels, none of "
            "them negative, right and bottom (exclusive) beyond left and top."
        )
    return region
