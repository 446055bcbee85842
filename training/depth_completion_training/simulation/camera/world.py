"""A scene made ready for rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_completion_ros.demo.scene.caster import caster_of, facing, rays_from

from ..scene import Scene
from ..surface import Surface
from .arrays import columns
from .textures.looks import VARIANTS, Looks, variants

SMALL_M = 0.6  # a scene whose highest camera is below this is a table top
_NO_HIT = np.uint32(0xFFFFFFFF)


@dataclass
class Hits:
    """Where N rays end. Vectors lie as 3 x N, as arithmetic along long rows is far quicker.

    Args:
        distance: float32 N, in lengths of the ray's direction; inf where nothing is hit.
        points, normals: float32 3 x N; normals have length 1 and face the ray's origin.
        colour: float32 3 x N, linear reflectance of the triangle without its texture.
        look: uint8 N, number of the look. All but distance only mean something where something is hit.
    """

    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    colour: np.ndarray
    look: np.ndarray

    @property
    def material(self) -> np.ndarray:
        """The `Surface` uint8 N."""
        return self.look // np.uint8(VARIANTS)

    def chosen(self, index) -> Hits:
        """Those of some rays."""
        if isinstance(index, slice):
            rest = (part[:, index] for part in (self.points, self.normals, self.colour))
        else:
            rest = (columns(part, index) for part in (self.points, self.normals, self.colour))
        return Hits(self.distance[index], *rest, self.look[index])


class World:
    """A scene, prepared once for all views of it.

    Args:
        scene: what to look at.
        threads: of the ray casting; one by default, as workers run side by side.
    """

    def __init__(self, scene: Scene, threads: int = 1):
        self.scene = scene
        self.small = scene.scale[1] < SMALL_M
        mesh = scene.mesh
        self._caster = caster_of(mesh.triangles, threads)
        self._rows = np.concatenate([mesh.normals.reshape(-1, 9), mesh.colour], axis=1).astype(np.float32)
        self._look = variants(mesh.material, mesh.colour)
        self.looks = Looks(scene.seed, self._look, self.small)
        self._graze_m = np.float32(0.001 if self.small else 0.004)
        self._shadow_caster = self._caster
        glass = mesh.material == Surface.GLASS
        if scene.indoor and scene.light.sun is not None and glass.any():  # the sun shines in
            self._shadow_caster = caster_of(mesh.triangles[~glass], threads)

    def cast(self, origin: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays.

        Args:
            origin: 3 or 3 x N, metres in the world.
            directions: float32 3 x N of any length.
        """
        origin = np.asarray(origin, np.float32).reshape(3, -1)
        answer = self._caster.cast_rays(rays_from(origin, directions))
        distance = answer["t_hit"].numpy()
        triangle = answer["primitive_ids"].numpy()
        triangle[triangle == _NO_HIT] = 0
        u, v = np.ascontiguousarray(answer["primitive_uvs"].numpy().T)
        rows = np.ascontiguousarray(self._rows.take(triangle, axis=0, mode="clip").T)
        normals = rows[:3] * (1 - u - v) + rows[3:6] * u + rows[6:9] * v
        normals = facing(normals, directions)
        with np.errstate(invalid="ignore"):
            points = origin + directions * distance
        return Hits(distance, points, normals, rows[9:], self._look[triangle])

    def distances(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """How far rays go in lengths of their directions, and nothing else; float32 N, inf for the sky."""
        rays = rays_from(np.asarray(origin, np.float32).reshape(3, -1), directions)
        return self._caster.cast_rays(rays)["t_hit"].numpy()

    def blocked(self, points, normals, directions, far: float = np.inf, sun: bool = False) -> np.ndarray:
        """Whether something stands in the way from points; bool N.

        Args:
            points, normals: 3 x N; the ray starts a little above the surface.
            directions: 3 or 3 x N of any length.
            far: how many lengths of the direction to look.
            sun: whether the light comes through window panes.
        """
        directions = np.asarray(directions, np.float32).reshape(3, -1)
        rays = rays_from(points + normals * self._graze_m, directions)
        caster = self._shadow_caster if sun else self._caster
        return caster.test_occlusions(rays, tnear=float(self._graze_m), tfar=far).numpy()

    def reflectance(self, hits: Hits, footprint: np.ndarray) -> np.ndarray:
        """Reflectance at the wavelength of a LiDAR of what N rays hit, float32 N in [0, 1]; 0 for the sky.

        Args:
            footprint: N or one number, metres of surface that a ray stands for.
        """
        seen = np.flatnonzero(np.isfinite(hits.distance))
        result = np.zeros(len(hits.distance), np.float32)
        footprint = np.broadcast_to(np.float32(footprint), result.shape)
        result[seen] = self.looks.infrared(hits.chosen(seen), footprint[seen])
        return result
