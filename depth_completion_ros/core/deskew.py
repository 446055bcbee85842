"""Scans that took time: the motion of the LiDAR meanwhile taken out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .geometry import invert

KNOT_S = 0.005
"""Poses are asked for so often; in between the motion is even, which is right to 0.3 mrad at 10 rad/s."""
MAX_KNOTS = 200
MAX_SPEED_M_S, MAX_TURN_RAD_S = 100.0, 35.0
"""Beyond these it is no robot that moved, but the frame in which its motion is told that jumped."""


def deskew(points: np.ndarray, times: np.ndarray, pose_at: Callable[[float], np.ndarray]) -> np.ndarray:
    """Points of a scan as if all had been measured at its stamp.

    x_stamp = T(0)^-1 T(t) x, with T(t) the pose of the LiDAR when the point was measured. What moves by
    itself is where it was when it was hit.

    Args:
        points: float32 N x 3 or more, each in the LiDAR frame of its own moment.
        times: N seconds since the stamp, negative before it.
        pose_at: 4 x 4 pose of the LiDAR, in a frame that stands still, at seconds since the stamp.

    Returns:
        a copy of the points, moved to the LiDAR frame at the stamp; columns behind the third as they were.

    Raises:
        ValueError: times of another number or not finite, or a motion that no robot makes.
        Whatever `pose_at` raises.
    """
    if times.shape != (len(points),):
        raise ValueError(
            f"Times have shape {times.shape}; there must be one for each of {len(points)} points."
        )
    if not len(points):
        return points.copy()
    first, last = float(times.min()), float(times.max())
    if not np.isfinite([first, last]).all():
        raise ValueError("Times of points are not all finite.")
    pieces = int(np.clip(np.ceil((last - first) / KNOT_S), 1, MAX_KNOTS))
    knots = np.linspace(first, last, pieces + 1)
    to_stamp = invert(pose_at(0.0))
    T = np.stack([to_stamp @ pose_at(float(knot)) for knot in knots])
    _check_motion(T, knots)
    # Over a few milliseconds a pose changes evenly, so that points lie between where two poses put them.
    place = (times - np.float32(first)) * np.float32(pieces / max(last - first, 1e-9))
    piece = np.minimum(place.astype(np.uint8), np.uint8(pieces - 1))
    # Most drivers send points in the order of time; others are sorted, which is quick for 8 bits.
    order = None if (piece[1:] >= piece[:-1]).all() else np.argsort(piece, kind="stable")
    moved = points.copy() if order is None else points[order]
    if order is not None:
        piece, place = piece[order], place[order]
    ends = np.searchsorted(piece, np.arange(pieces + 1))
    for k in range(pieces):
        part = slice(ends[k], ends[k + 1])
        if ends[k] < ends[k + 1]:
            moved[part, :3] = _between(moved[part, :3], T[k], T[k + 1], place[part] - k)
    if order is None:
        return moved
    result = np.empty_like(moved)
    result[order] = moved
    return result


def _between(xyz: np.ndarray, T0: np.ndarray, T1: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points N x 3 where two poses put them, a share (N) of the way from the first to the second."""
    # OpenCV multiplies small matrices several times faster than NumPy.
    block = np.ascontiguousarray(xyz, dtype=np.float32)[:, None]
    start, change = (cv2.transform(block, T[:3].astype(np.float32))[:, 0] for T in (T0, T1 - T0))
    change *= share[:, None]
    return start + change


def _check_motion(T: np.ndarray, knots: np.ndarray) -> None:
    took = np.maximum(np.diff(knots), 1e-4)
    speed = np.linalg.norm(np.diff(T[:, :3, 3], axis=0), axis=1) / took
    cosine = (np.einsum("kij,kij->k", T[:-1, :3, :3], T[1:, :3, :3]) - 1) / 2
    turn = np.arccos(np.clip(cosine, -1, 1)) / took
    for value, most, unit in ((speed, MAX_SPEED_M_S, "m/s"), (turn, MAX_TURN_RAD_S, "rad/s")):
        if not value.max() <= most:
            raise ValueError(
                f"During the scan the LiDAR would have moved at {value.max():.0f} {unit}; it must be at most "
                f"{most:g} {unit}."
            )
