"""Triangles with normals, material and colour, and the few solids that the street is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Material(IntEnum):
    """What a triangle is made of; decides its texture, its gloss and what the LiDAR gets back."""

    PLAIN = 0
    ASPHALT = 1
    PAVING = 2
    GRASS = 3
    PLASTER = 4
    BRICK = 5
    ROOF = 6
    GLASS = 7
    FOLIAGE = 8
    BARK = 9
    PAINT = 10
    RUBBER = 11
    REFLECTOR = 12


@dataclass
class Mesh:
    """Triangles.

    Args:
        triangles: float32 T x 3 x 3, metres.
        normals: float32 T x 3 x 3, one for each corner; their sign does not matter.
        material: uint8 T.
        colour: float32 T x 3, linear RGB reflectance.
    """

    triangles: np.ndarray
    normals: np.ndarray
    material: np.ndarray
    colour: np.ndarray

    @classmethod
    def of(cls, triangles, material: Material, colour, normals=None) -> Mesh:
        """Mesh of one material; flat shaded without `normals`; one colour or one a triangle."""
        triangles = np.asarray(triangles, np.float32).reshape(-1, 3, 3)
        count = len(triangles)
        if normals is None:
            flat = _normal(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
            normals = np.repeat(flat[:, None], 3, axis=1)
        return cls(
            triangles,
            np.asarray(normals, np.float32).reshape(-1, 3, 3),
            np.full(count, material, np.uint8),
            np.broadcast_to(np.asarray(colour, np.float32), (count, 3)).copy(),
        )

    def moved(self, T: np.ndarray) -> Mesh:
        """The mesh taken through a 4 x 4 transform (rigid, or mirrored)."""
        R, t = T[:3, :3].astype(np.float32), T[:3, 3].astype(np.float32)
        return Mesh(self.triangles @ R.T + t, self.normals @ R.T, self.material, self.colour)

    def at(self, x: float, y: float, z: float = 0.0, heading: float = 0.0) -> Mesh:
        """The mesh turned about the vertical, then shifted."""
        return self.moved(placed(x, y, z, heading))


def _normal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Unit normals of vectors in the last axis (np.cross costs several times as much when few)."""
    n = np.empty(np.broadcast_shapes(a.shape, b.shape), a.dtype)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        n[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return n / np.sqrt(np.maximum((n * n).sum(axis=-1, keepdims=True), 1e-24))


def placed(x: float, y: float, z: float, heading: float = 0.0) -> np.ndarray:
    """4 x 4 pose of an object that stands upright."""
    c, s = np.cos(heading), np.sin(heading)
    return np.array([[c, -s, 0, x], [s, c, 0, y], [0, 0, 1, z], [0, 0, 0, 1]], dtype=np.float64)


def join(*meshes: Mesh) -> Mesh:
    """One mesh of many."""
    names = ("triangles", "normals", "material", "colour")
    return Mesh(*(np.concatenate([getattr(mesh, name) for mesh in meshes]) for name in names))


def copies(mesh: Mesh, shifts) -> Mesh:
    """The mesh once at each of the shifts, N x 3 metres."""
    shifts = np.asarray(shifts, np.float32).reshape(-1, 3)
    count = len(shifts)
    return Mesh(
        (mesh.triangles[None] + shifts[:, None, None]).reshape(-1, 3, 3),
        np.tile(mesh.normals, (count, 1, 1)),
        np.tile(mesh.material, count),
        np.tile(mesh.colour, (count, 1)),
    )


def rectangles(corner, a, b, material: Material = Material.PLAIN, colour=(0.5, 0.5, 0.5)) -> Mesh:
    """Parallelograms: corner, corner + a, corner + a + b, corner + b; each N x 3."""
    p, a, b = np.broadcast_arrays(*(np.asarray(v, np.float32).reshape(-1, 3) for v in (corner, a, b)))
    triangles = np.stack([p, p + a, p + a + b, p, p + a + b, p + b], axis=1)
    if np.ndim(colour) == 2:
        colour = np.repeat(colour, 2, axis=0)
    return Mesh.of(triangles, material, colour)


def boxes(low, high, material: Material = Material.PLAIN, colour=(0.5, 0.5, 0.5)) -> Mesh:
    """Boxes along the axes, N x 3 corners each; one colour."""
    low, high = np.broadcast_arrays(*(np.asarray(v, np.float32).reshape(-1, 3) for v in (low, high)))
    corners = np.where(_BOX_CORNERS[:, None], high, low)
    p, q, r = corners[_BOX_SIDES].transpose(1, 0, 2, 3).reshape(3, -1, 3)
    return rectangles(p, q - p, r - p, material, colour)


# Corners by the bits of their number, and of each side a corner with its two neighbours.
_BOX_CORNERS = (np.arange(8)[:, None] >> np.arange(3)) & 1 == 1
_BOX_SIDES = np.array([[0, 1, 2], [0, 1, 4], [0, 2, 4], [7, 6, 5], [7, 6, 3], [7, 5, 3]])


def loft(rings, material: Material = Material.PLAIN, colour=(0.5, 0.5, 0.5), caps: bool = True) -> Mesh:
    """Smooth skin over closed outlines.

    Args:
        rings: L x P x 3, L outlines of P points each.
        colour: one, or (L - 1) x P x 3, one for each patch between two outlines.
        caps: close both ends flat.
    """
    rings = np.asarray(rings, np.float64)
    along = np.gradient(rings, axis=0)
    around = np.roll(rings, -1, axis=1) - np.roll(rings, 1, axis=1)
    normals = _normal(around, along)

    def patches(v):
        a, b = v[:-1], v[1:]
        c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
        return np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 3, 3)

    if np.ndim(colour) == 3:
        colour = np.repeat(np.reshape(colour, (-1, 3)), 2, axis=0)
    skin = Mesh.of(patches(rings), material, colour, patches(normals))
    if not caps:
        return skin
    ends = []
    for ring in (rings[0], rings[-1]):
        centre = np.broadcast_to(ring.mean(axis=0), ring.shape)
        cap = np.stack([centre, ring, np.roll(ring, -1, axis=0)], axis=1)
        ends.append(Mesh.of(cap, material, skin.colour[0]))
    return join(skin, *ends)


def tube(points, radii, sides: int = 8, **look) -> Mesh:
    """Round bar along a polyline N x 3 with a radius at each point, not closed at the ends."""
    points = np.asarray(points, np.float64)
    direction = np.gradient(points, axis=0)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    helper = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0, 1]], [[1.0, 0, 0]])
    u = np.cross(direction, helper)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(direction, u)
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = u[:, None] * np.cos(angle)[:, None] + v[:, None] * np.sin(angle)[:, None]
    radii = np.broadcast_to(radii, len(points))
    return loft(points[:, None] + circle * radii[:, None, None], caps=False, **look)


def superellipse(half_x, half_y, power: float, sides: int) -> np.ndarray:
    """Outlines between an ellipse (power 1) and a rectangle (towards 0); L x P x 2."""
    angle = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
    c, s = np.cos(angle), np.sin(angle)
    shape = np.stack([np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power], axis=-1)
    return np.stack([np.atleast_1d(half_x), np.atleast_1d(half_y)], axis=-1)[:, None] * shape


def body(levels, power: float = 1.0, sides: int = 12, centre=(0.0, 0.0), **look) -> Mesh:
    """Upright body of rounded outlines, rows of (height, half length, half width, shift along x)."""
    z, half_x, half_y, shift = np.asarray(levels, np.float64).T
    outline = superellipse(half_x, half_y, power, sides)
    outline[..., 0] += shift[:, None] + centre[0]
    outline[..., 1] += centre[1]
    height = np.broadcast_to(z[:, None, None], (*outline.shape[:2], 1))
    return loft(np.concatenate([outline, height], axis=2), **look)
