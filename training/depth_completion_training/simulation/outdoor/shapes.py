"""Ways to make and to multiply small parts, quick because they work on all copies at once."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, loft

from ..surface import Surface

GREYS = ((0.28, 0.29, 0.30), (0.10, 0.10, 0.11), (0.45, 0.45, 0.44), (0.03, 0.035, 0.04), (0.6, 0.6, 0.58))


def scaled(mesh: Mesh, x: float, y: float | None = None, z: float | None = None) -> Mesh:
    """The mesh stretched along the axes; by `x` along all without the others."""
    factor = np.array([x, x if y is None else y, x if z is None else z], np.float32)
    normals = mesh.normals / factor
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    return replace(mesh, triangles=mesh.triangles * factor, normals=normals)


def turned(mesh: Mesh, axis: int, angle: float) -> Mesh:
    """The mesh turned by `angle` radians about the axis x, y or z (0, 1, 2)."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    T = np.eye(4)
    T[i, i] = T[j, j] = np.cos(angle)
    T[j, i], T[i, j] = np.sin(angle), -np.sin(angle)
    return mesh.moved(T)


def mirrored(mesh: Mesh) -> Mesh:
    """The mesh with left and right exchanged."""
    return mesh.moved(np.diag([1.0, -1.0, 1.0, 1.0]))


def bars(
    start, end, radius, radius_end=None, sides: int = 4, material=Surface.PLAIN, colour=(0.3,) * 3
) -> Mesh:
    """Straight round bars, open at their ends.

    Args:
        start, end: N x 3 metres.
        radius, radius_end: at the start and at the end, metres, one or N.
        colour: one, or N x 3.
    """
    a, b = np.broadcast_arrays(*(np.asarray(v, np.float64).reshape(-1, 3) for v in (start, end)))
    count = len(a)
    direction = b - a
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
    helper = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0, 1]], [[1.0, 0, 0]])
    u = np.cross(direction, helper)
    u /= np.linalg.norm(u, axis=1, keepdims=True) + 1e-9
    v = np.cross(direction, u)
    angle = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
    circle = u[:, None] * np.cos(angle)[:, None] + v[:, None] * np.sin(angle)[:, None]
    first = np.broadcast_to(radius, count)[:, None, None]
    last = first if radius_end is None else np.broadcast_to(radius_end, count)[:, None, None]
    p, q = a[:, None] + circle * first, b[:, None] + circle * last
    p1, q1, normal1 = (np.roll(w, -1, axis=1) for w in (p, q, circle))
    triangles = np.stack([p, q, q1, p, q1, p1], axis=2)
    normals = np.stack([circle, circle, normal1, circle, normal1, normal1], axis=2)
    if np.ndim(colour) == 2:
        colour = np.repeat(colour, 2 * sides, axis=0)
    return Mesh.of(triangles, material, colour, normals)


def extruded(profile, y0: float, y1: float, material=Surface.PLAIN, colour=(0.5,) * 3) -> Mesh:
    """Solid between two planes of constant y over an outline P x 2 of (x, z), flat shaded.

    The caps are fans about the outline's middle, which must see the whole outline.
    """
    outline = np.asarray(profile, np.float32)
    rings = [np.insert(outline, 1, y, axis=1) for y in (y0, y1)]
    solid = loft(rings, material, colour)
    return Mesh.of(solid.triangles, material, solid.colour)


def disc(centre, radius: float, normal_y: float, sides: int = 14, **look) -> Mesh:
    """Short cylinder about the y axis, closed at both ends, from centre to centre + normal_y along y."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1) * radius + np.asarray(centre)
    return loft([circle, circle + (0, normal_y, 0)], **look)


def block(x, y, z, material=Surface.PLAIN, colour=(0.5,) * 3) -> Mesh:
    """Boxes by their (low, high) along each axis; numbers or arrays of N."""
    low, high = ([np.atleast_1d(axis[i]) for axis in (x, y, z)] for i in (0, 1))
    low, high = (np.stack(np.broadcast_arrays(*side), axis=1) for side in (low, high))
    return boxes(low, high, material, colour)


def tinted(rng: np.random.Generator, colour, amount: float = 0.15) -> np.ndarray:
    """A colour a little lighter or darker and a little off its hue."""
    colour = np.asarray(colour, float)
    return np.clip(colour * rng.uniform(1 - amount, 1 + amount) * rng.uniform(0.94, 1.06, 3), 0.01, 0.85)


def any_colour(rng: np.random.Generator, lively: float = 1.0) -> np.ndarray:
    """Any colour at all, linear RGB; `lively` scales its saturation."""
    value, hue = rng.uniform(0.08, 0.9) ** 2, rng.random()
    if hue > 0.72 and rng.random() < 0.7:  # purple and pink are rare
        hue = rng.uniform(0.0, 0.16)
    return np.array(colorsys.hsv_to_rgb(hue, rng.random() ** 0.7 * lively, value)) + 0.01


def pick(rng: np.random.Generator, options):
    """One of a sequence."""
    return options[rng.integers(len(options))]


def recoloured(mesh: Mesh, old, new) -> Mesh:
    """The mesh with one exact colour exchanged for another."""
    hit = (mesh.colour == np.asarray(old, np.float32)).all(axis=1)
    return replace(mesh, colour=np.where(hit[:, None], np.asarray(new, np.float32), mesh.colour))
