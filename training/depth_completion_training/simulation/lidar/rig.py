"""Where a LiDAR sits beside a camera."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros.core.geometry import rigid

# Optical frame (x right, y down, z forward) from a LiDAR's (x forward, y left, z up).
FORWARD = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
_UPRIGHT, _ROLLED = 0.06, 0.04
"""Shares of rigs whose LiDAR is mounted upright as a wheel (vertical lines), or rolled by any angle."""
_CLEARANCE_M = 0.05


def random_extrinsics(rng: np.random.Generator, indoor: bool) -> np.ndarray:
    """T_cam_lidar, 4 x 4: the LiDAR 0.02 to 1 m from the camera, looking about the same way.

    Indoors and in the hand it is a few centimetres away on any side; on a vehicle most often above
    and behind.
    """
    low, high = (0.02, 0.2) if indoor else (0.05, 1.0)
    distance = np.exp(rng.uniform(np.log(low), np.log(high)))
    side = rng.normal(0, 1, 3)
    if rng.random() < (0.4 if indoor else 0.75):
        side[1], side[2] = -np.abs(side[1]) - 0.3, -np.abs(side[2])
    offset = distance * side / max(np.linalg.norm(side), 1e-6)
    tilt = np.deg2rad(rng.normal(0, (1.5, 3.0, 3.0)))  # about x forward, y left, z up
    kind = rng.random()
    if kind < _UPRIGHT:
        tilt[0] += np.pi / 2 * rng.choice([-1, 1])
    elif kind < _UPRIGHT + _ROLLED:
        tilt[0] += rng.uniform(-np.pi, np.pi)
    elif kind < _UPRIGHT + 2 * _ROLLED:
        tilt[1] += np.deg2rad(rng.uniform(10, 40))  # looks down at the ground
    roll, pitch, yaw = (cv2.Rodrigues(axis * angle)[0] for axis, angle in zip(np.eye(3), tilt, strict=True))
    return rigid(FORWARD @ yaw @ pitch @ roll, offset)


def unblocked(world, T_world_cam: np.ndarray, T_cam_lidar: np.ndarray) -> np.ndarray:
    """T_cam_lidar with the LiDAR drawn nearer to the camera where something stands between the two.

    Args:
        world: has `cast` as `scan` wants it.
    """
    offset = T_world_cam[:3, :3] @ T_cam_lidar[:3, 3]
    length = float(np.linalg.norm(offset))
    if length < 1e-6:
        return T_cam_lidar
    way = (offset / length).astype(np.float32)[:, None]
    free = float(world.cast(T_world_cam[:3, 3], way).distance[0]) - _CLEARANCE_M
    share = min(1.0, max(0.0, free / length))
    return rigid(T_cam_lidar[:3, :3], T_cam_lidar[:3, 3] * share)


def lidar_pose(T_world_cam: np.ndarray, T_cam_lidar: np.ndarray) -> np.ndarray:
    """T_world_lidar, 4 x 4, of a rig whose camera stands at `T_world_cam`."""
    return T_world_cam @ T_cam_lidar
