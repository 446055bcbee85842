"""Rigid transforms as 4 x 4 matrices; quaternions as x, y, z, w like ROS messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike


def rigid(rotation: ArrayLike, translation: ArrayLike) -> np.ndarray:
    """4 x 4 transform of a 3 x 3 rotation and a translation in metres."""
    T = np.eye(4)
    T[:3, :3] = rotation
    T[:3, 3] = translation
    return T


def invert(T: np.ndarray) -> np.ndarray:
    """Inverse of a rigid 4 x 4 transform."""
    R = T[:3, :3]
    return rigid(R.T, -R.T @ T[:3, 3])


def check_rigid(T: np.ndarray, name: str = "transform") -> np.ndarray:
    """T as float64 4 x 4; ValueError with a sentence that uses `name` where it is not rigid."""
    T = np.asarray(T, dtype=np.float64)
    if T.shape != (4, 4):
        raise ValueError(f"{name} has shape {T.shape}; it must be 4 x 4.")
    R = T[:3, :3]
    if not np.isfinite(T).all() or np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
        raise ValueError(f"{name} is not rigid: its rotation must be orthonormal and right-handed.")
    if np.abs(T[3] - (0, 0, 0, 1)).max() > 1e-9:
        raise ValueError(f"{name} has last row {T[3].tolist()}; it must be 0 0 0 1.")
    return T


def quaternion_to_matrix(quaternion: ArrayLike) -> np.ndarray:
    """3 x 3 rotation of a quaternion (x, y, z, w) of any length but zero."""
    q = np.asarray(quaternion, dtype=np.float64)
    norm = np.linalg.norm(q)
    if not np.isfinite(norm) or norm < 1e-9:
        raise ValueError(f"Quaternion {q.tolist()} has no direction; its length must be 1.")
    x, y, z, w = q / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def matrix_to_quaternion(rotation: np.ndarray) -> np.ndarray:
    """Quaternion (x, y, z, w) with w >= 0 of a 3 x 3 rotation (Shepperd's method)."""
    R = np.asarray(rotation, dtype=np.float64)[:3, :3]
    # 4 q q^T, whose largest diagonal entry is the safe one to divide by.
    d = np.diag(R)
    x, y, z, w = (
        1 + d[0] - d[1] - d[2],
        1 - d[0] + d[1] - d[2],
        1 - d[0] - d[1] + d[2],
        1 + d[0] + d[1] + d[2],
    )
    xy, xz, yz = R[0, 1] + R[1, 0], R[0, 2] + R[2, 0], R[1, 2] + R[2, 1]
    xw, yw, zw = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    outer = np.array([[x, xy, xz, xw], [xy, y, yz, yw], [xz, yz, z, zw], [xw, yw, zw, w]])
    q = outer[np.argmax(np.diag(outer))]
    q = q / np.linalg.norm(q)
    return -q if q[3] < 0 else q


def interpolate(T0: np.ndarray, T1: np.ndarray, alpha: float) -> np.ndarray:
    """Transform between T0 (alpha 0) and T1 (alpha 1): linear translation, spherical rotation."""
    q0, q1 = matrix_to_quaternion(T0), matrix_to_quaternion(T1)
    cosine = q0 @ q1
    if cosine < 0:
        q1, cosine = -q1, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-7:
        q = q0 + alpha * (q1 - q0)
    else:
        q = np.sin((1 - alpha) * angle) * q0 + np.sin(alpha * angle) * q1
    return rigid(quaternion_to_matrix(q), (1 - alpha) * T0[:3, 3] + alpha * T1[:3, 3])


@dataclass(frozen=True, eq=False)
class Box:
    """A box along the axes of a frame, such as what the robot itself fills.

    Args:
        lower, upper: x, y and z of two opposite corners, metres.
        T_box_points: 4 x 4 from the frame of the points to that of the box.

    Raises:
        ValueError: not three numbers each, or a lower one that is not below its upper one.
    """

    lower: Sequence[float]
    upper: Sequence[float]
    T_box_points: np.ndarray = field(default_factory=lambda: np.eye(4))

    def __post_init__(self):
        corners = [np.array(corner, dtype=np.float64) for corner in (self.lower, self.upper)]
        if any(corner.shape != (3,) for corner in corners) or not (corners[0] < corners[1]).all():
            raise ValueError(
                f"Box from {list(self.lower)} to {list(self.upper)} is none; it must be x y z of the lower "
                "and of the upper corner, each of the first below that of the second."
            )

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Mask N of the points (N x 3 or more) inside or on the box; those that are NaN are not."""
        inside = transform_points(self.T_box_points, points)
        with np.errstate(invalid="ignore"):
            return ((inside >= np.float32(self.lower)) & (inside <= np.float32(self.upper))).all(axis=1)


def merge_points(
    points: np.ndarray,
    T_cam_points: np.ndarray,
    others: list[tuple[np.ndarray, np.ndarray]],
    min_range: float,
) -> np.ndarray:
    """Points of several LiDARs in the frame of the first.

    Args:
        points: float32 N x 3 or more of the first.
        T_cam_points: 4 x 4 from its frame to that of the camera, with its motion until the image.
        others: the same two of each other one.
        min_range: metres from its own LiDAR below which a point of the others is left out.

    Returns:
        as many columns as the first has; what the others do not have of them is 0.
    """
    to_first, parts = invert(T_cam_points), [points]
    for every, T in others:
        with np.errstate(invalid="ignore", over="ignore"):
            squared = np.einsum("ij,ij->i", every[:, :3], every[:, :3])
            more = every[(squared >= min_range * min_range) & (squared < np.inf)]
        part = np.zeros((len(more), points.shape[1]), points.dtype)
        columns = min(more.shape[1], points.shape[1])
        part[:, :columns] = more[:, :columns]
        part[:, :3] = transform_points(to_first @ T, more)
        parts.append(part)
    return np.concatenate(parts)


@np.errstate(over="ignore", invalid="ignore")  # points may be anything
def transform_points(T: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a 4 x 4 transform to the first three columns of N x 3 or more; N x 3 of their type."""
    T = np.asarray(T).astype(points.dtype)
    return points[:, :3] @ T[:3, :3].T + T[:3, 3]
