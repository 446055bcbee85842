"""Worlds of a few walls and rays to scan them with, for the tests of the simulated range sensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from depth_completion_training.simulation.camera import World
from depth_completion_training.simulation.lidar import Faults, Pattern, world_from_mesh
from depth_completion_training.simulation.lidar.rig import FORWARD
from depth_completion_training.simulation.lidar.solid_state import random_points
from depth_completion_training.simulation.scene import Light, Scene
from depth_completion_training.simulation.surface import Surface

from depth_completion_ros.core import Camera
from depth_completion_ros.core.geometry import rigid
from depth_completion_ros.demo.scene.mesh import Mesh, join

CAMERA = Camera(384, 256, np.array([[300.0, 0, 191.5], [0, 300.0, 127.5], [0, 0, 1]]))
SAME_PLACE = rigid(FORWARD, np.zeros(3))
"""T_cam_lidar of a LiDAR in the centre of the camera."""
AT_ORIGIN = np.eye(4)
IDEAL = Faults.none()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def board(x: float, y: tuple[float, float], z: tuple[float, float], slant: float = 0.0):
    """Vertices 4 x 3 and triangles of a rectangle that faces the LiDAR; `slant` metres of x for one of y."""
    corner = [(x + slant * b, b, c) for b in y for c in z]
    return np.array(corner), np.array([[0, 1, 2], [1, 3, 2]])


def boards(*parts):
    """World of several of them."""
    vertices = np.concatenate([part[0] for part in parts])
    triangles = np.concatenate([part[1] + 4 * index for index, part in enumerate(parts)])
    return world_from_mesh(vertices, triangles)


def wall(x: float, slant: float = 0.0):
    return boards(board(x, (-200, 200), (-200, 200), slant))


def made_of(*walls: tuple[float, Surface]) -> World:
    """World of walls at some distances along x, each of a material."""
    parts = []
    for x, material in walls:
        vertices, triangles = board(x, (-200, 200), (-200, 200))
        parts.append(Mesh.of(vertices[triangles], material, (0.5, 0.5, 0.5)))
    light = Light.outdoor(rng())
    return World(Scene(join(*parts), light, np.zeros((1, 4)), 0, False, (0.3, 3.0)))


def narrow(count: int = 20_000, **changes) -> Pattern:
    """Rays of about the same direction, so that range and incidence hardly differ."""
    return replace(random_points(rng(5), count, (2.0, 2.0)), **changes)
