"""Cameras of robots, and where they look from."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core import Camera

from ..surface import Surface
from .world import Hits, World

_COARSE = (24, 36)
_TRIES = 12
_DULL = 0.1
"""Share of the poses of which no variety is asked: robots look at bare walls too."""
_VARIETY = 0.2
_STEP = 0.2
"""Change of the slope of inverse depth between rays, as a share of it, above which there is an edge."""
_LEAVES_M, _LEAVES = 1.5, 0.1
"""Leaves nearer than this may fill this share of the view, or the camera is in a crown or a bush."""


def random_camera(rng: np.random.Generator, height: int, width: int) -> Camera:
    """A pinhole camera, 25 to 110 degrees wide, sometimes a window of a larger image."""
    view = np.deg2rad(np.exp(rng.uniform(np.log(25), np.log(110))))
    focal = width / 2 / np.tan(view / 2)
    centre = np.array([width - 1, height - 1]) / 2 + rng.normal(0, 0.015, 2) * (width, height)
    kind = rng.random()
    if kind < 0.2:  # a broad strip, as KITTI's images are cut: the horizon is high up
        centre[1] = height * rng.uniform(0.2, 0.4)
    elif kind < 0.35:
        centre += rng.uniform(-0.3, 0.3, 2) * (width, height)
    stretch = np.exp(rng.normal(0, 0.01)) if rng.random() < 0.3 else 1.0
    return Camera(
        width, height, np.array([[focal, 0, centre[0]], [0, focal * stretch, centre[1]], [0, 0, 1]])
    )


def random_pose(rng: np.random.Generator, world: World, camera: Camera) -> np.ndarray | None:
    """Where a robot's camera may be: T_world_cam 4 x 4 float64 of its optical frame, or None if nothing fits.

    Refused are views into a wall, into leaves or mostly into the sky, of one plane, or with all objects
    about equally far. Of views that show next to nothing but bare walls the best is taken, or seldom any.
    """
    height, width = _COARSE
    x, y = camera.resized(width, height).rays
    rays = np.stack([x.ravel(), y.ravel(), np.ones(x.size, np.float32)])
    enough = _VARIETY if rng.random() >= _DULL else 0.0
    best, most = None, -1.0
    for _ in range(_TRIES):
        T_world_cam = _draw(rng, world)
        hits = world.cast(T_world_cam[:3, 3], T_world_cam[:3, :3].astype(np.float32) @ rays)
        if _worth(hits, world.small) and (variety := _variety(hits)) > most:
            best, most = T_world_cam, variety
        if most >= enough:
            break
    return best


def _draw(rng: np.random.Generator, world: World) -> np.ndarray:
    x, y, ground, heading = world.scene.viewpoints[rng.integers(len(world.scene.viewpoints))]
    low, high = world.scene.scale
    place = rng.uniform(-0.25, 0.25, 2) * (0.2 if world.small else 1.0)
    heading += rng.uniform(-np.pi, np.pi) if rng.random() < 0.1 else rng.normal(0, np.deg2rad(25))
    pitch, roll = np.deg2rad(rng.normal(0, 3, 2))
    if world.small:
        pitch += np.deg2rad(rng.uniform(0, 45))
    elif rng.random() < 0.25:
        pitch += np.deg2rad(rng.uniform(-10, 30))
    if rng.random() < 0.08:
        roll += np.deg2rad(rng.uniform(-30, 30))
    T = np.eye(4)
    T[:3, :3] = looking(heading, pitch, roll)
    T[:3, 3] = x + place[0], y + place[1], ground + rng.uniform(low, high)
    return T


def looking(heading: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation from an optical frame to the world: heading from x to y, pitch down, roll clockwise."""
    c, s = np.cos(heading), np.sin(heading)
    level = np.array([[s, 0, c], [-c, 0, s], [0, -1, 0]])
    c, s = np.cos(pitch), np.sin(pitch)
    down = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    c, s = np.cos(roll), np.sin(roll)
    return level @ down @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _worth(hits: Hits, small: bool) -> bool:
    """Whether a coarse view teaches something; `small` is that of a table top."""
    depth = hits.distance.reshape(_COARSE)
    seen = np.isfinite(depth)
    if seen.mean() < 0.3 or (depth < (0.08 if small else 0.25)).mean() > 0.03:
        return False
    leaves = (hits.material == Surface.FOLIAGE) & (hits.distance < _LEAVES_M)
    if leaves.mean() > _LEAVES and not small:
        return False
    close, far = np.percentile(depth[seen], (2, 98))
    return close < 0.6 * far and _off_one_plane(depth, seen) > 0.2


def _off_one_plane(depth: np.ndarray, seen: np.ndarray) -> float:
    """Share of the pixels that do not lie on the plane fitted to all; inverse depth is linear on a plane."""
    v, u = np.nonzero(seen)
    places = np.stack([u, v, np.ones_like(u)], axis=1).astype(np.float64)
    inverse = 1 / depth[seen].astype(np.float64)
    plane = np.linalg.lstsq(places, inverse, rcond=None)[0]
    return float((np.abs(places @ plane - inverse) > 0.05 * inverse).mean() + 1 - seen.mean())


def _variety(hits: Hits) -> float:
    """How much there is to see in a coarse view: share of the rays at edges, and 0.01 for each surface.

    A surface is what has one look, colour and normal, and meets three rays at least.
    """
    inverse = 1 / hits.distance.reshape(_COARSE)
    edges = 0.0
    for lines in (inverse, inverse.T):
        bend = np.abs(lines[2:] - 2 * lines[1:-1] + lines[:-2])
        edges += (bend > _STEP * lines[1:-1]).mean() / 2
    kinds = np.stack([hits.look, *np.round(hits.colour * 20), *np.round(hits.normals * 1.5)])
    kinds = kinds[:, np.isfinite(hits.distance)].astype(np.int64)
    counts = np.unique(kinds, axis=1, return_counts=True)[1]
    return float(edges + 0.01 * np.count_nonzero(counts >= 3))
