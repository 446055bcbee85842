"""Ray casting of the street as it stands at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...slam.open3d import import_open3d
from .mesh import Mesh, join
from .street import Movers

GRAZE_M = 0.004


@dataclass
class Hits:
    """Where N rays end. Vectors lie as 3 x N, as arithmetic along long rows is far quicker.

    Args:
        distance: float32 N, in lengths of the ray's direction; inf where nothing is hit.
        points, normals: float32 3 x N; normals face the ray's origin.
        material: uint8 N; colour: float32 3 x N. Only meaningful where something is hit.
    """

    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    material: np.ndarray
    colour: np.ndarray

    def chosen(self, index: np.ndarray) -> Hits:
        """Those of some rays."""
        return Hits(
            self.distance[index], self.points[:, index], self.normals[:, index],
            self.material[index], self.colour[:, index],
        )  # fmt: skip


class World:
    """The standing street, prepared once, with the moving objects put in for each moment."""

    def __init__(self, standing: Mesh, movers: Movers):
        self._movers = movers
        self._standing, self._surface = caster_of(standing.triangles), _surface(standing)

    def at(self, time: float) -> Snapshot:
        """The street at a time in seconds."""
        moving = join(*(mesh.moved(pose(time)) for mesh, pose in self._movers))
        pairs = zip(self._surface, _surface(moving), strict=True)
        surface = tuple(np.concatenate(pair, axis=-1) for pair in pairs)
        return Snapshot(self._standing, caster_of(moving.triangles), surface, len(self._surface[1]))


class Snapshot:
    """The street at one moment."""

    def __init__(self, standing, moving, surface: tuple, first_moving: int):
        self._scenes, self._first_moving = (standing, moving), first_moving
        self._normals, self._material, self._colour = surface

    def cast(self, origin: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays from one point; directions float32 3 x N of any length."""
        rays = rays_from(np.asarray(origin, np.float32)[:, None], directions)
        still, moving = (scene.cast_rays(rays) for scene in self._scenes)
        distance, other = still["t_hit"].numpy(), moving["t_hit"].numpy()
        index = still["primitive_ids"].numpy().astype(np.int64)
        u, v = still["primitive_uvs"].numpy().T.copy()
        nearer = np.flatnonzero(other < distance)
        distance[nearer] = other[nearer]
        u[nearer], v[nearer] = moving["primitive_uvs"].numpy()[nearer].T
        index[nearer] = moving["primitive_ids"].numpy()[nearer].astype(np.int64) + self._first_moving
        index[np.isinf(distance)] = 0
        a, b, c = self._normals[:, index].reshape(3, 3, -1)
        normals = facing(a + (b - a) * u + (c - a) * v, directions)
        with np.errstate(invalid="ignore"):
            points = np.asarray(origin, np.float32)[:, None] + directions * distance
        return Hits(distance, points, normals, self._material[index], self._colour[:, index])

    def blocked(self, points: np.ndarray, normals: np.ndarray, direction, far: float) -> np.ndarray:
        """Whether something stands within `far` metres of points 3 x N in one direction; bool N."""
        rays = rays_from(points + normals * np.float32(GRAZE_M), np.asarray(direction, np.float32)[:, None])
        still, moving = (
            scene.test_occlusions(rays, tnear=GRAZE_M, tfar=far).numpy() for scene in self._scenes
        )
        return still | moving


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products of vectors 3 x N."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def facing(normals: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Normals 3 x N at length 1 and turned against the rays that met them."""
    return normals * (-np.sign(dot(normals, directions)) / np.sqrt(dot(normals, normals) + np.float32(1e-12)))


def rays_from(origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Rays as Open3D takes them, float32 N x 6, of origins and directions 3 x N or 3 x 1."""
    count = origins.shape[1] if directions.shape[1] == 1 else directions.shape[1]  # of either may be none
    rays = np.empty((count, 6), np.float32)
    rays[:, :3], rays[:, 3:] = origins.T, directions.T
    return rays


def _surface(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals 9 x T, material T and colour 3 x T of the triangles."""
    return mesh.normals.reshape(-1, 9).T.copy(), mesh.material, mesh.colour.T.copy()


def caster_of(triangles: np.ndarray, threads: int = 0):
    """Open3D's scene of triangles T x 3 x 3, metres; rays are cast by so many threads, 0 for all."""
    open3d = import_open3d()
    scene = open3d.t.geometry.RaycastingScene(threads)
    vertices = np.ascontiguousarray(triangles.reshape(-1, 3), np.float32)
    corners = np.arange(len(vertices), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(corners))
    return scene
