"""Where the LiDAR is, seen from the camera: from numbers, and whether that looks right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core import Camera, check_rigid, invert, rigid
from ...core.geometry import quaternion_to_matrix, transform_points

OPTICAL_BODY = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.zeros(3))
"""From the body of a camera (x forward, y left, z up) to its optical frame (REP 103)."""
CHECKED_POINTS = 20_000
LONGEST = 50.0
"""Metres between camera and LiDAR that no rig has; in millimetres nearly every rig has more."""


def extrinsics_from_numbers(values: Sequence[object] | np.ndarray, name: str = "extrinsics") -> np.ndarray:
    """T_cam_lidar 4 x 4 of 16 or 12 numbers (row by row) or 7 (x y z qx qy qz qw); ValueError."""
    try:
        numbers = np.array(values, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} has something that is not a number: {str(values)[:200]}.") from None
    if numbers.size == 12:
        numbers = np.concatenate([numbers, [0, 0, 0, 1]])
    if numbers.size == 16:
        return of_a_rig(check_rigid(numbers.reshape(4, 4), name), name)
    if numbers.size != 7:
        raise ValueError(
            f"{name} has {numbers.size} numbers; it must be x y z qx qy qz qw or the 16 numbers of "
            "a 4 x 4 matrix, or the 12 of 3 x 4, row by row."
        )
    try:
        T = check_rigid(rigid(quaternion_to_matrix(numbers[3:]), numbers[:3]), name)
    except ValueError as error:
        raise ValueError(f"{name} is not a transform: {error}") from None
    return of_a_rig(T, name)


def of_a_rig(T: np.ndarray, name: str) -> np.ndarray:
    """T_cam_lidar itself; ValueError, which begins with `name`, where no rig is so large."""
    too_far = _too_far(T)
    if too_far:
        raise ValueError(f"{name}: {too_far}")
    return T


def _too_far(T: np.ndarray) -> str | None:
    length = float(np.linalg.norm(T[:3, 3]))
    if length <= LONGEST:
        return None
    return (
        f"The camera is {length:.0f} m from the LiDAR; translations are in metres, and must be of at most "
        f"{LONGEST:g} m."
    )


def check_direction(T_cam_lidar: np.ndarray, camera: Camera, points: np.ndarray) -> str | None:
    """A sentence where T_cam_lidar looks wrong; else None.

    It does where its translation is that of no rig, where it looks like one to the body of the camera (x
    forward, z up) in place of its optical frame, and where it looks like T_lidar_cam, given the wrong way
    round.

    The body is suspected where the LiDAR's z axis points along the view, and the optical frame of such a body
    would have more than twice as many points in view.

    The inverse is suspected where it would put more than twice as many points in view, or where,
    unlike T, it has the LiDAR's z axis upwards in the image and still half as many in view.
    """
    too_far = _too_far(T_cam_lidar)
    if too_far:
        return too_far
    points = points[:: max(1, len(points) // CHECKED_POINTS)]
    T_inverse = invert(T_cam_lidar)
    seen, seen_inverse = (_in_view(T, camera, points) for T in (T_cam_lidar, T_inverse))
    if T_cam_lidar[2, 2] > 0.8:
        seen_of_body = _in_view(OPTICAL_BODY @ T_cam_lidar, camera, points)
        if seen_of_body > 2 * seen:
            return (
                "The camera-from-LiDAR transform looks like one to the body of the camera, not to its "
                "optical frame (x right, y down, z forward): the LiDAR's z axis points along the view. It "
                f"puts {100 * seen / len(points):.1f} % of the points in view; turned to the optical frame "
                f"it would be {100 * seen_of_body / len(points):.1f} %."
            )
    turned = -T_cam_lidar[1, 2] < 0.5 and -T_inverse[1, 2] > 0.8
    if seen_inverse <= 2 * seen and not (turned and seen_inverse > seen / 2):
        return None
    up = ", and only its inverse has the LiDAR upright" if turned else ""
    return (
        "The camera-from-LiDAR transform looks inverted: it puts "
        f"{100 * seen / len(points):.1f} % of the points in view, its inverse "
        f"{100 * seen_inverse / len(points):.1f} %{up}."
    )


def _in_view(T: np.ndarray, camera: Camera, points: np.ndarray) -> int:
    points = transform_points(T, points)
    pixels, seen = camera.project(points[np.isfinite(points).all(axis=1)])
    u, v = pixels[seen].T
    return int(((u >= 0) & (v >= 0) & (u < camera.width) & (v < camera.height)).sum())
