"""A world of triangles made from an image of depth, or from any mesh, that `scan` can look at.

From a single image with depth, simulated scans of any sensor can be taken (stage 1 of DMD3C,
CVPR 2025). There the surface is reconstructed; here neighbouring pixels are joined, which keeps every
pixel's depth, and cutting across steps keeps near objects from growing skirts to what is behind them.
"""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core.camera import Camera
from depth_completion_ros.demo.scene.caster import Hits
from depth_completion_ros.extras.open3d import import_open3d

from ..surface import Surface

_GREY = 0.4


class MeshWorld:
    """Indexed triangles that rays can be cast at.

    Args:
        vertices: float N x 3, metres.
        triangles: integer T x 3, indices into them.
        colour: N x 3 linear RGB reflectance of the vertices, or None for grey.

    Raises:
        ValueError: wrong shapes, or triangles that name vertices which do not exist.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, colour: np.ndarray | None = None):
        vertices = np.ascontiguousarray(vertices, np.float32)
        triangles = np.asarray(triangles)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(f"Vertices have shape {vertices.shape}; they must be N x 3.")
        if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
            raise ValueError(f"Triangles have shape {triangles.shape}; they must be T x 3, at least one.")
        if triangles.min() < 0 or triangles.max() >= len(vertices):
            raise ValueError(
                f"Triangles name vertices {triangles.min()} to {triangles.max()}; there are {len(vertices)}."
            )
        if not np.isfinite(vertices).all():
            raise ValueError("Vertices have values that are not finite.")
        self._colour = None if colour is None else np.asarray(colour, np.float32)
        self._first = triangles[:, 0]
        open3d = import_open3d()
        self._scene = open3d.t.geometry.RaycastingScene()
        corners = np.ascontiguousarray(triangles, np.uint32)
        self._scene.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(corners))

    def cast(self, origin: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of rays from one point (3) or many (3 x N); directions float32 3 x N of any length."""
        origin = np.asarray(origin, np.float32).reshape(3, -1)
        rays = np.empty((directions.shape[1], 6), np.float32)
        rays[:, :3], rays[:, 3:] = origin.T, directions.T
        found = self._scene.cast_rays(rays)
        distance = found["t_hit"].numpy()
        normals = found["primitive_normals"].numpy().T.copy()
        normals *= -np.sign(np.einsum("in,in->n", normals, directions))
        index = found["primitive_ids"].numpy()
        index[np.isinf(distance)] = 0
        with np.errstate(invalid="ignore"):
            points = origin + directions * distance
        if self._colour is None:
            colour = np.full_like(points, _GREY)
        else:
            colour = self._colour[self._first[index]].T.copy()
        return Hits(distance, points, normals, np.full(len(distance), Surface.PLAIN, np.uint8), colour)


def world_from_mesh(vertices: np.ndarray, triangles: np.ndarray) -> MeshWorld:
    """A grey world of any mesh: vertices N x 3 in metres, triangles T x 3 of their indices."""
    return MeshWorld(vertices, triangles)


def world_from_depth(
    depth: np.ndarray, camera: Camera, image: np.ndarray | None = None, cut: float | None = 1.1
) -> MeshWorld:
    """A world, in the camera's optical frame, of what an image of depth shows.

    Args:
        depth: H x W metres along z; 0, inf or NaN where there is nothing.
        camera: of the depth.
        image: uint8 H x W x 3 RGB, whose brightness the surfaces take; None for grey.
        cut: greatest ratio of the depths at the corners of a triangle, above which it is left out;
            None to join everything.

    Raises:
        ValueError: sizes that do not fit together, a cut of 1 or less, or depth without a surface.
    """
    depth = np.asarray(depth, np.float32)
    size = (camera.height, camera.width)
    if depth.shape != size or (image is not None and image.shape != (*size, 3)):
        shapes = depth.shape if image is None else f"{depth.shape} and image {image.shape}"
        raise ValueError(f"Depth has shape {shapes}; the camera's size is {size[0]} x {size[1]}.")
    if cut is not None and not cut > 1:
        raise ValueError(f"Cut is {cut}; it is a ratio of depths and must be above 1, or None.")
    x, y = camera.rays
    known = np.isfinite(depth) & (depth > 0) & np.isfinite(x + y)
    triangles = _triangles(known, depth, cut)
    if not len(triangles):
        raise ValueError("Depth has no three neighbouring pixels that make a surface.")
    z = np.where(known, depth, np.float32(0))
    vertices = np.stack([np.where(known, x, 0) * z, np.where(known, y, 0) * z, z], axis=-1).reshape(-1, 3)
    colour = None if image is None else (image.reshape(-1, 3).astype(np.float32) / 255) ** np.float32(2.2)
    return MeshWorld(vertices, triangles, colour)


def _triangles(known: np.ndarray, depth: np.ndarray, cut: float | None) -> np.ndarray:
    """Two of each four neighbouring pixels, T x 3, without those that are unknown or too steep.

    Of the two diagonals that with less of a step in depth is taken, so that edges stay where they are.
    """
    height, width = depth.shape
    pixel = np.arange(height * width, dtype=np.int32).reshape(height, width)
    a, b, c, d = pixel[:-1, :-1], pixel[:-1, 1:], pixel[1:, :-1], pixel[1:, 1:]
    flat = np.where(known, depth, np.float32(0)).ravel()
    falling = np.abs(flat[a] - flat[d]) <= np.abs(flat[b] - flat[c])
    first = np.stack([a, c, np.where(falling, d, b)], axis=-1)
    second = np.stack([b, np.where(falling, a, c), d], axis=-1)
    triangles = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    corner = flat[triangles]
    nearest, farthest = corner.min(axis=1), corner.max(axis=1)
    kept = nearest > 0
    if cut is not None:
        kept &= farthest <= np.float32(cut) * nearest
    return triangles[kept]
