"""The exact surface of all that stands still in a demo drive."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_completion_ros.core import invert
from depth_completion_ros.core.geometry import transform_points

from . import VERSION, Recipe, _times, recipe_of


def surface_of(drive: Path) -> np.ndarray | None:
    """Triangles float32 T x 3 x 3 of a demo drive, metres, in the world of its poses; None of another drive.

    That world is the LiDAR frame at the first GPS/IMU packet, as the reader of KITTI drives has it.
    """
    from .motion import ROUTES, Motion
    from .rig import Rig

    marker = recipe_of(drive)
    if marker is None or marker.pop("version") != VERSION:
        return None
    recipe = Recipe(**marker)
    motion: Motion = ROUTES[recipe.route](recipe.speed)
    standing = motion.scene(recipe.seed, 0.1 * recipe.frames).standing
    start = float(_times(recipe)["oxts"][0])
    T_world_street = invert(Rig(recipe.width, recipe.height, motion).T_world_lidar(start))
    corners = transform_points(T_world_street, standing.triangles.reshape(-1, 3).astype(np.float64))
    return corners.reshape(-1, 3, 3).astype(np.float32)
