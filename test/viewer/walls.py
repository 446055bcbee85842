"""Frames of a wall, to be shown."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core import Camera, Frame

T_CAM_LIDAR = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
CAMERA = Camera(80, 40, np.array([[60.0, 0, 39.5], [0, 60.0, 19.5], [0, 0, 1]]))
DISTANCE = 8.0


def frame(number: int, **changes) -> Frame:
    """A wall 8 m ahead, the camera 2 m further to the left each time; every fifth pixel measured."""
    v, u = (grid.ravel() for grid in np.mgrid[2:40:5, 2:80:5])
    x, y = (u - 39.5) / 60 * DISTANCE, (v - 19.5) / 60 * DISTANCE
    T_world_lidar = np.eye(4)
    T_world_lidar[1, 3] = 2.0 * number
    content = {
        "camera": CAMERA,
        "image": np.full((40, 80, 3), (200, 120, 40), np.uint8),
        "points": np.stack([np.full_like(x, DISTANCE), -x, -y], axis=1).astype(np.float32),
        "T_cam_lidar": T_CAM_LIDAR,
        "T_world_lidar": T_world_lidar,
        "stamp_image": 10**9 + number * 10**8,
        "stamp_points": 10**9 + number * 10**8,
        "ground_truth": np.full((40, 80), DISTANCE + 0.5, np.float32),
        "name": f"wall_{number}",
    }
    return Frame(**content | changes)
