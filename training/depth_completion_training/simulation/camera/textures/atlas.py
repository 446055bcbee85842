"""Patterns at all sizes in one image, so that one look-up serves every surface in view."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ..arrays import columns
from .patterns import pattern
from .tiling import SIDE

_LEVELS = int(np.log2(SIDE)) + 1
_SIZES = SIDE >> np.arange(_LEVELS)
# The full size stands on the left, all smaller ones below each other right of it, each with a border
# of one texel that repeats the other side.
_LEFT = np.where(np.arange(_LEVELS) == 0, 0, SIDE + 2).astype(np.float32)
_TOP = np.concatenate([[0, 0], np.cumsum(_SIZES[1:-1] + 2)]).astype(np.float32)
_PLACES = np.stack([_LEFT + 0.5, _TOP + 0.5, _SIZES]).astype(np.float32)
_BLOCK_HEIGHT = int(max(SIDE + 2, _TOP[-1] + 3))
_BLOCK_WIDTH = SIDE + 2 + SIDE // 2 + 2
MOST_PATTERNS = 32767 // _BLOCK_HEIGHT  # OpenCV's limit on the height of a source
_ROW = 1024


@lru_cache(maxsize=512)
def _block(kind: str, number: int) -> np.ndarray:
    """A pattern in all sizes, uint8."""
    image = pattern(kind, number).astype(np.float32)
    block = np.zeros((_BLOCK_HEIGHT, _BLOCK_WIDTH, 3), np.uint8)
    for level, size in enumerate(_SIZES):
        if level:
            image = image.reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
        top, left = int(_TOP[level]), int(_LEFT[level])
        block[top : top + size + 2, left : left + size + 2] = np.pad(
            image + 0.5, ((1, 1), (1, 1), (0, 0)), mode="wrap"
        )
    return block


class Atlas:
    """Some patterns to look up.

    Args:
        names: (kind, number) of each pattern.

    Raises:
        ValueError: more patterns than fit.
    """

    def __init__(self, names: list[tuple[str, int]]):
        if len(names) > MOST_PATTERNS:
            raise ValueError(f"An atlas of {len(names)} patterns was asked for; at most {MOST_PATTERNS} fit.")
        self._image = np.concatenate([_block(*name) for name in names])

    def look_up(self, place: np.ndarray, u: np.ndarray, v: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Values float32 3 x N of patterns, 0 to 1.

        Args:
            place: N, which of the patterns.
            u, v: float32 N in repeats of the pattern, of any size.
            level: float32 N, how many times to halve the pattern; beyond the ends counts as the end.
        """
        count = len(u)
        maps = np.zeros((2, -(-max(count, 1) // _ROW) * _ROW), np.float32)
        level = np.clip(level, 0, _LEVELS - 1).astype(np.intp)
        left, top, size = columns(_PLACES, level)
        maps[0, :count] = (u - np.floor(u)) * size + left
        maps[1, :count] = (v - np.floor(v)) * size + top + place * np.float32(_BLOCK_HEIGHT)
        x, y = maps.reshape(2, -1, _ROW)
        values = cv2.remap(self._image, x, y, cv2.INTER_LINEAR).reshape(-1, 3)[:count]
        return np.ascontiguousarray(values.T).astype(np.float32) * np.float32(1 / 255)
