"""Whether what should be metres can be: the most common mistake of units is a thousand times too far."""

from __future__ import annotations

import numpy as np

FAR = 500.0
"""Metres; what the LiDARs of the longest range reach, so that no scan has its median there."""
LOOKED_AT = 5000


def check_ranges(points: np.ndarray, what: str) -> None:
    """Refuse points that lie too far for metres.

    Args:
        points: N x 3 or more, LiDAR frame; NaN and points at the origin allowed.
        what: the points, for the sentence.

    Raises:
        ValueError: their median range is beyond `FAR`.
    """
    some = points[:: max(1, len(points) // LOOKED_AT), :3].astype(np.float64)
    with np.errstate(invalid="ignore"):
        _check(np.sqrt(np.einsum("ij,ij->i", some, some)), what, "away")


def check_depths(depth: np.ndarray, what: str) -> None:
    """The same of depth, H x W, 0 where unknown."""
    flat = depth.ravel()
    _check(flat[np.flatnonzero(flat > 0)[:: max(1, flat.size // (64 * LOOKED_AT))]], what, "deep")


def _check(ranges: np.ndarray, what: str, word: str) -> None:
    ranges = ranges[(ranges > 0) & (ranges < np.inf)]
    if ranges.size and (median := float(np.median(ranges))) > FAR:
        raise ValueError(
            f"{what} is {median:.0f} m {word} in the median; no LiDAR or depth camera measures beyond "
            f"{FAR:g} m, so it is not in metres (millimetres would be divided by 1000)."
        )
