"""Where a viewer may stand in a made-up room, and which way there is something to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh

CELL_M = 0.05
CLEARANCES_M = (0.62, 0.5, 0.4)
_SUB = 4  # bits of a cell that corners are rounded to
_STEEP_M2 = 0.02  # what covers less of the floor is as good as upright


class Ground:
    """Distance to the nearest object over a grid on the floor.

    Args:
        mesh: of the scene.
        box: 2 x 2, least and greatest corner of the part that matters.
        low, high: only what lies between these heights counts, metres.
    """

    def __init__(self, mesh: Mesh, box: np.ndarray, low: float, high: float):
        self._origin = box[0] - 0.5
        size = np.ceil((box[1] - box[0] + 1.0) / CELL_M).astype(int)
        free = np.full(size[::-1], 255, np.uint8)
        least, most = mesh.triangles.min(axis=1), mesh.triangles.max(axis=1)
        near = (most[:, 2] > low) & (least[:, 2] < high)
        near &= ((most[:, :2] > self._origin) & (least[:, :2] < box[1] + 0.5)).all(axis=1)
        triangles, least, most = mesh.triangles[near], least[near], most[near]
        a, b = triangles[:, 1, :2] - triangles[:, 0, :2], triangles[:, 2, :2] - triangles[:, 0, :2]
        area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
        crossing = ((least[:, 2] < low) | (most[:, 2] > high)) & (area > _STEEP_M2)
        cut = _within(triangles[crossing], low, high)
        small = ~crossing & ((most - least)[:, :2].max(axis=1) < CELL_M)
        points = np.concatenate([triangles[small].reshape(-1, 3)[:, :2], cut])
        cell = self._cell(points, size)
        free[cell[:, 1], cell[:, 0]] = 0
        corners = np.round((triangles[~crossing & ~small][..., :2] - self._origin) / CELL_M * 2**_SUB - 8)
        for corner in corners.astype(np.int32):
            cv2.fillConvexPoly(free, corner, 0, shift=_SUB)
        self._distance = cv2.distanceTransform(free, cv2.DIST_L2, 5) * np.float32(CELL_M) - np.float32(CELL_M)

    def _cell(self, xy: np.ndarray, size) -> np.ndarray:
        return np.clip(np.floor((xy - self._origin) / CELL_M).astype(int), 0, np.asarray(size) - 1)

    def clearance(self, xy: np.ndarray) -> np.ndarray:
        """Metres to the nearest object from points N x 2."""
        cell = self._cell(xy, self._distance.shape[::-1])
        return self._distance[cell[:, 1], cell[:, 0]]


def _within(triangles: np.ndarray, low: float, high: float) -> np.ndarray:
    """Points of triangles that lie between two heights, as seen from above; N x 2, about a cell apart."""
    clouds = [np.zeros((0, 2), np.float32)]
    for a, b, c in triangles:
        steps = int(np.clip(max(np.abs(b - a).max(), np.abs(c - a).max()) / CELL_M, 2, 200))
        u, v = (w.ravel() for w in np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1)))
        u, v = (w[u + v <= 1.0001, None] for w in (u, v))
        points = a + (b - a) * u + (c - a) * v
        clouds.append(points[(points[:, 2] > low) & (points[:, 2] < high), :2])
    return np.concatenate(clouds)


def find_viewpoints(
    rng: np.random.Generator,
    ground: Ground,
    inside: Callable[[np.ndarray], np.ndarray],
    box: np.ndarray,
    spots: np.ndarray,
    objects: Sequence[Mesh],
    count: int,
) -> np.ndarray:
    """Places with nothing near, headed at objects mostly.

    Args:
        inside: tells of points N x 2 whether they belong to the room.
        box: 2 x 2, least and greatest corner of the places to look at.
        spots: S x 2, places known to be free, for when no other is found.
        objects: what is worth a look.

    Returns:
        float64 count x 4: x, y, 0, heading.
    """
    places = rng.uniform(*box, (1500, 2))
    places = places[inside(places)]
    room = ground.clearance(places)
    for clear in CLEARANCES_M:
        good = np.flatnonzero(room > clear)
        if len(good) >= 2 * count:
            break
    close = good[room[good] < clear + 0.35]
    chosen = np.concatenate([close[: count // 2], np.setdiff1d(good, close[: count // 2])])[:count]
    places = places[chosen]
    if len(places) < count:
        more = spots[rng.integers(len(spots), size=count - len(places))]
        places = np.concatenate([places, more + rng.uniform(-0.08, 0.08, more.shape)])
    heading = np.array([_heading(rng, ground, place, objects) for place in places])
    return np.column_stack([places, np.zeros(count), heading])


def _heading(rng: np.random.Generator, ground: Ground, place: np.ndarray, objects: Sequence[Mesh]) -> float:
    """Towards an object that is not far, or anywhere, but not into what stands right in front."""
    turns = rng.uniform(0, 2 * np.pi, 12)
    if objects and rng.random() < 0.9:
        picks = [objects[i].triangles for i in rng.integers(len(objects), size=12)]
        ways = np.array([t[rng.integers(len(t)), 0, :2] for t in picks]) - place
        near = np.argsort(np.abs(np.log(np.maximum(np.hypot(*ways.T), 0.1) / rng.uniform(0.8, 5.0))))[:6]
        turns = np.arctan2(ways[near, 1], ways[near, 0]) + rng.normal(0, 0.1, len(near))
    steps = np.arange(0.2, 4.0, 0.15)
    line = place + steps[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)[:, None]
    blocked = ground.clearance(line.reshape(-1, 2)).reshape(len(turns), -1) < CELL_M
    blocked[:, -1] = True
    free = steps[np.argmax(blocked, axis=1)]
    wanted = rng.uniform(0.7, 2.5)
    return float(turns[np.argmax(free >= min(wanted, free.max()))])
