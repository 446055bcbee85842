"""Ray casting of a scene as it stands at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...extras.open3d import import_open3d
from .mesh import Mesh, join
from .site import Scene

GRAZE_M = 0.004


@dataclass
class Hits:
    """Where N rays end. Vectors lie as 3 x N, as arithmetic along long rows is far quicker.

    Args:
        distance: float32 N, in lengths of the ray's direction; inf where nothing is hit.
        points, normals: float32 3 x N; normals face the ray's origin.
        material: uint8 N; colour: float32 3 x N. Only meaningful where something is hit.
        to_road: as of `Scene`.
    """

    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    material: np.ndarray
    colour: np.ndarray
    to_road: Callable | None = None

    @classmethod
    def none(cls, count: int) -> Hits:
        """Of so many rays that hit nothing, to be filled by `put`."""
        vectors = [np.zeros((3, count), np.float32) for _ in range(3)]
        distance = np.full(count, np.inf, np.float32)
        return cls(distance, vectors[0], vectors[1], np.zeros(count, np.uint8), vectors[2])

    def put(self, index: np.ndarray, hits: Hits) -> None:
        """Write where some of the rays end."""
        self.distance[index], self.material[index], self.to_road = hits.distance, hits.material, hits.to_road
        self.points[:, index], self.normals[:, index] = hits.points, hits.normals
        self.colour[:, index] = hits.colour

    def chosen(self, index: np.ndarray) -> Hits:
        """Those of some rays."""
        return Hits(
            self.distance[index], self.points[:, index], self.normals[:, index],
            self.material[index], self.colour[:, index], self.to_road,
        )  # fmt: skip


class World:
    """The standing part of a scene, prepared once, with the moving objects put in for each moment."""

    def __init__(self, scene: Scene):
        self._scene = scene
        self._standing, self._surface = caster_of(scene.standing.triangles), _surface(scene.standing)

    def at(self, time: float) -> Snapshot:
        """The scene at a time in seconds."""
        moving = join(*(mesh.moved(pose(time)) for mesh, pose in self._scene.movers))
        pairs = zip(self._surface, _surface(moving), strict=True)
        surface = tuple(np.concatenate(pair, axis=-1) for pair in pairs)
        casters = self._standing, caster_of(moving.triangles)
        return Snapshot(self._scene, casters, surface, len(self._surface[1]))


class Snapshot:
    """A scene at one moment.

    Attributes:
        scene: what stands and moves, and how it is lit.
    """

    def __init__(self, scene: Scene, casters: tuple, surface: tuple, first_moving: int):
        self.scene, self._casters, self._first_moving = scene, casters, first_moving
        self._normals, self._material, self._colour = surface

    def cast(self, origin: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays from one point (3) or from one each (3 x N); directions 3 x N of any length."""
        origin = np.asarray(origin, np.float32).reshape(3, -1)
        rays = rays_from(origin, directions)
        still, moving = (caster.cast_rays(rays) for caster in self._casters)
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
            points = origin + directions * distance
        surface = self._material[index], self._colour[:, index]
        return Hits(distance, points, normals, *surface, self.scene.to_road)

    def blocked(self, points: np.ndarray, normals: np.ndarray, direction, far: float) -> np.ndarray:
        """Whether something stands within `far` metres of points 3 x N in one direction; bool N."""
        rays = rays_from(points + normals * np.float32(GRAZE_M), np.asarray(direction, np.float32)[:, None])
        still, moving = (
            caster.test_occlusions(rays, tnear=GRAZE_M, tfar=far).numpy() for caster in self._casters
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
