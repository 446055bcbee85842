"""The exact surface of all that stands still in a demo drive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from depth_completion_ros.core import invert
from depth_completion_ros.core.geometry import transform_points

from . import MARKER, _times


def surface_of(drive: Path) -> np.ndarray | None:
    """Triangles float32 T x 3 x 3 of a demo drive, metres, in the world of its poses; None of another drive.

    That world is the LiDAR frame at the first GPS/IMU packet, as the reader of KITTI drives has it.
    """
    from ..scene.street import make_street
    from .rig import SPEED_M_S, Rig

    if not (drive / MARKER).is_file():
        return None
    recipe = json.loads((drive / MARKER).read_text())
    frames, seed = recipe["frames"], recipe["seed"]
    standing, _ = make_street(seed, 0.1 * frames * SPEED_M_S, SPEED_M_S)
    start = float(_times(frames, seed)["oxts"][0])
    T_world_street = invert(Rig(recipe["width"], recipe["height"]).T_world_lidar(start))
    corners = transform_points(T_world_street, standing.triangles.reshape(-1, 3).astype(np.float64))
    return corners.reshape(-1, 3, 3).astype(np.float32)
