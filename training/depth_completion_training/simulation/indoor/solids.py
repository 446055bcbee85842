"""Solids that objects indoors are made of, all in metres, z up."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import (
    Mesh,
    boxes,
    copies,
    join,
    loft,
    rectangles,
    superellipse,
    tube,
)

from ..surface import Surface

GREY = (0.5, 0.5, 0.5)
_CLOSED_FROM_M = 0.01


def block(size, centre=(0.0, 0.0, 0.0), material=Surface.PLAIN, colour=GREY) -> Mesh:
    """A box that stands on its centre: size (x, y, z), `centre` of its lower side."""
    (x, y, z), (cx, cy, cz) = size, centre
    return boxes([cx - x / 2, cy - y / 2, cz], [cx + x / 2, cy + y / 2, cz + z], material, colour)


def crates(low, high, material=Surface.PLAIN, colours=GREY) -> Mesh:
    """Boxes along the axes with a colour each; low, high and colours N x 3."""
    mesh = boxes(low, high, material)
    count = len(mesh.triangles) // 12
    colours = np.broadcast_to(np.asarray(colours, np.float32).reshape(-1, 3), (count, 3))
    mesh.colour = np.repeat(np.tile(colours, (6, 1)), 2, axis=0)
    return mesh


def spun(profile, sides: int = 16, material=Surface.PLAIN, colour=GREY) -> Mesh:
    """Round body about the vertical through rows of (radius, height)."""
    radius, z = np.asarray(profile, np.float64).T
    angle = np.arange(sides) * (2 * np.pi / sides)
    radius = np.maximum(radius, 1e-4)[:, None]
    rings = np.stack([radius * np.cos(angle), radius * np.sin(angle), z[:, None] + 0 * angle], axis=2)
    return loft(rings, material, colour, caps=False)


def drum(radius: float, low: float, high: float, sides: int = 16, **look) -> Mesh:
    """Upright cylinder with flat ends and sharp edges."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = np.stack([np.cos(angle) * radius, np.sin(angle) * radius, 0 * angle], axis=1)
    return loft([circle + (0, 0, low), circle + (0, 0, high)], **look)


def ball(radii, centre=(0.0, 0.0, 0.0), rings: int = 9, sides: int = 14, power: float = 1.0, **look) -> Mesh:
    """Ellipsoid; with a power below 1 it turns into a cushion, its radii along x, y and z."""
    a, b, c = np.broadcast_to(np.asarray(radii, np.float64), 3)
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    wide = np.abs(np.cos(angle)) ** power
    wide[[0, -1]] = 1e-3
    outline = superellipse(a * wide, b * wide, power, sides) + np.asarray(centre, np.float64)[:2]
    height = c * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power + centre[2]
    height = np.broadcast_to(height[:, None, None], (*outline.shape[:2], 1))
    return loft(np.concatenate([outline, height], axis=2), caps=False, **look)


def ring(radius: float, thickness: float, part: float = 1.0, turns: int = 20, sides: int = 8, **look) -> Mesh:
    """Toroid, or the given part of one, about the vertical and centred on the origin."""
    angle = np.linspace(0, 2 * np.pi * part, max(int(turns * part), 3) + 1)
    line = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle], axis=1)
    around = np.arange(sides) * (2 * np.pi / sides)
    outward = line / radius
    section = (np.cos(around)[None, :, None] * outward[:, None]) + np.sin(around)[None, :, None] * [0, 0, 1.0]
    return loft(line[:, None] + section * thickness, caps=part < 1, **look)


def bar(start, end, radius: float = 0.01, sides: int = 6, **look) -> Mesh:
    """Straight round bar between two points, closed where it is thick enough for its ends to be seen."""
    skin = tube(np.stack([start, end]), radius, sides, **look)
    if radius < _CLOSED_FROM_M:
        return skin
    first, last = skin.triangles[0::2, 0], skin.triangles[0::2, 1]
    ends = [[ring.mean(axis=0) + 0 * ring, ring, np.roll(ring, -1, axis=0)] for ring in (first, last)]
    caps = np.stack(ends).transpose(0, 2, 1, 3)
    return join(skin, Mesh.of(caps, skin.material[0], skin.colour[0]))


def legs(x: float, y: float, height: float, thick: float, round_: bool = False, **look) -> Mesh:
    """Four legs whose axes stand at (+-x, +-y)."""
    at = np.array([[sx * x, sy * y, 0] for sx in (-1, 1) for sy in (-1, 1)])
    half = np.array([thick / 2, thick / 2, 0])
    if not round_:
        return boxes(at - half, at + half + (0, 0, height), **look)
    one = spun([(thick * 0.35, 0), (thick * 0.5, height)], 8, **look)
    return copies(one, at)


def sheet(points, material=Surface.PLAIN, colour=GREY) -> Mesh:
    """Smooth open surface through a grid of points R x C x 3."""
    p = np.asarray(points, np.float64)
    normals = np.cross(np.gradient(p, axis=0), np.gradient(p, axis=1))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12

    def patches(v):
        a, b, c, d = v[:-1, :-1], v[1:, :-1], v[1:, 1:], v[:-1, 1:]
        return np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 3, 3)

    return Mesh.of(patches(p), material, colour, patches(normals))


def quads(corners, material=Surface.PLAIN, colour=GREY) -> Mesh:
    """Flat faces of four corners each, N x 4 x 3, in order around."""
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    if np.ndim(colour) == 2:
        colour = np.repeat(colour, 2, axis=0)
    return Mesh.of(corners[:, [0, 1, 2, 0, 2, 3]], material, colour)


def panel(width: float, height: float, y: float = 0.0, z: float = 0.0, **look) -> Mesh:
    """Upright rectangle facing y, centred on x = 0, its lower edge at z."""
    return rectangles([-width / 2, y, z], [width, 0, 0], [0, 0, height], **look)


def hollow(wide: float, high: float, edge: float, thick: float, **look) -> Mesh:
    """A frame around an upright rectangle centred on x = 0, z = 0, its back at y = 0."""
    x, z = wide / 2, high / 2
    low = [[-x - edge, 0, -z - edge], [-x - edge, 0, z], [-x - edge, 0, -z], [x, 0, -z]]
    top = [[x + edge, thick, -z], [x + edge, thick, z + edge], [-x, thick, z], [x + edge, thick, z]]
    return boxes(low, top, **look)


def prism(outline, low: float, high: float, **look) -> Mesh:
    """Upright prism over a star-shaped outline N x 2, flat shaded."""
    outline = np.asarray(outline, np.float64)
    floor = np.concatenate([outline, np.full((len(outline), 1), low)], axis=1)
    mesh = loft([floor, floor + (0, 0, high - low)], **look)
    return Mesh.of(mesh.triangles, mesh.material[0], mesh.colour)


def tilted(mesh: Mesh, roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0) -> Mesh:
    """The mesh turned about x, then y, then z, radians."""
    (a, b, c), (s, t, u) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    T = np.eye(4)
    T[:3, :3] = (
        np.array([[c, -u, 0], [u, c, 0], [0, 0, 1]])
        @ np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
        @ np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    )
    return mesh.moved(T)


def landed(mesh: Mesh) -> Mesh:
    """The mesh shifted so that its lowest point lies on z = 0 and its middle above the origin."""
    low, high = bounds(mesh)
    x, y = -(low + high)[:2] / 2
    return mesh.at(x, y, -low[2])


def scaled(mesh: Mesh, factor) -> Mesh:
    """The mesh stretched by one factor, or by one for each axis."""
    factor = np.broadcast_to(np.asarray(factor, np.float32), 3)
    normals = mesh.normals / factor
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12
    return Mesh(mesh.triangles * factor, normals, mesh.material, mesh.colour)


def bounds(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest corner, 3 each."""
    points = mesh.triangles.reshape(-1, 3)
    return points.min(axis=0), points.max(axis=0)


def without_slivers(mesh: Mesh) -> Mesh:
    """The mesh without triangles that have no area."""
    a, b = mesh.triangles[:, 1] - mesh.triangles[:, 0], mesh.triangles[:, 2] - mesh.triangles[:, 0]
    square = (a * a).sum(axis=1) * (b * b).sum(axis=1) - (a * b).sum(axis=1) ** 2
    keep = square > 1e-16
    return Mesh(mesh.triangles[keep], mesh.normals[keep], mesh.material[keep], mesh.colour[keep])
