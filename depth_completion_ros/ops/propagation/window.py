"""The 13 x 13 window of a pixel, shifted inwards at the borders and never padded."""

from __future__ import annotations

import torch

WINDOW = 13
RADIUS = WINDOW // 2


def window_index(size: int, device: torch.device | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys that each query along one axis sees, and the entries of the position bias they take.

    An axis shorter than the window is seen whole by every query.

    Returns:
        keys: int64 size x n with n = min(13, size), keys[y] = o, o + 1 ... where the origin o is
            y - 6 clamped into the axis.
        bias: int64 size x n, keys - y + 12.
    """
    extent = min(WINDOW, size)
    query = torch.arange(size, device=device)
    origin = (query - RADIUS).clamp(0, size - extent)
    keys = origin[:, None] + torch.arange(extent, device=device)
    return keys, keys - query[:, None] + WINDOW - 1
