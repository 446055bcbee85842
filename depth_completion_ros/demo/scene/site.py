"""Where things stand along a street, and what a scene is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .mesh import Mesh, placed

ROAD_HALF_M = 5.6  # a lane of 3.4 m and parked cars on each side
PAVEMENT_END_M = 9.2
KERB_M = 0.13
LANE_M = 1.75
GROUND_HALF_M = 60.0

Ground = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Height in metres of the road at x and y of the world."""

# Each moving part with its pose in the world at a time in seconds.
Movers = list[tuple[Mesh, Callable[[float], np.ndarray]]]


@dataclass(frozen=True)
class Site:
    """A street in its world: x along it, y to the left, the road's middle at y = 0.

    Args:
        ground: height at a place of the world.
        T_world_street: 4 x 4, level; None where the street's frame is the world.
    """

    ground: Ground
    T_world_street: np.ndarray | None = None

    def pose(self, x: float, y: float, heading: float = 0.0, lift: float = KERB_M - 0.1) -> np.ndarray:
        """4 x 4 pose in the world of what stands upright at a place of the street, `lift` above the road."""
        T = placed(x, y, 0.0, heading)
        if self.T_world_street is not None:
            T = self.T_world_street @ T
        T[2, 3] = float(self.ground(*T[:2, 3])) + lift
        return T

    def stand(self, mesh: Mesh, x: float, y: float, heading: float = 0.0, lift: float = KERB_M - 0.1) -> Mesh:
        """The mesh at a place of the street."""
        return mesh.moved(self.pose(x, y, heading, lift))

    def spread(self, mesh: Mesh) -> Mesh:
        """A mesh in the street's frame, as a strip of ground, with the height of the ground added."""
        if self.T_world_street is not None:
            mesh = mesh.moved(self.T_world_street)
        triangles = mesh.triangles.copy()
        triangles[..., 2] += self.ground(triangles[..., 0], triangles[..., 1])
        return Mesh(triangles, mesh.normals, mesh.material, mesh.colour)


@dataclass(frozen=True)
class Scene:
    """All that rays can meet, and how it is lit.

    Args:
        standing: what never moves.
        movers: what does.
        ground: height of the road.
        to_road: takes points 3 x N of the world to 2 x N, along and across the nearest road, and to the
            strength (N, 0 to 1) of the markings there; None where the world's frame is that of the road.
        sheltered: takes points, normals and their ambient light, 3 x N each, to the light where a roof
            keeps out the sky and lamps burn; None without such a place.
    """

    standing: Mesh
    movers: Movers
    ground: Ground
    to_road: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    sheltered: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None
