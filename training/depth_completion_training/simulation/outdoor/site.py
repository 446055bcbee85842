"""A building site of a world: objects are put on the ground, room is kept, viewpoints are found."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join, placed

from ..surface import Surface
from .ground import Ground

_CELL_M = 0.2
_HALF_M = 130.0
MOST = 290_000  # triangles of a world
_NEAR_SHARE = 0.85  # of them, what may be used before the horizon is filled
_LOW_M, _HIGH_M = 0.10, 3.4  # heights between which an object is in a robot's way
_CROWN_M = 2.4  # a robot may well stand below leaves
_NEAR_VIEWS = 0.6  # share of viewpoints beside something
_AWAY_M = 0.85  # least distance of a viewpoint from the outlines of objects


class Site:
    """Ground with what stands on it, in street coordinates.

    Args:
        ground: complete before anything is put on it.
    """

    def __init__(self, ground: Ground, rng: np.random.Generator):
        self.ground, self.rng = ground, rng
        self.zones: list[tuple[float, float, float, float]] = []
        self.lamps: list[list[float]] = []  # x, y, metres above the ground
        self.always_lit = False
        self._left = int(_NEAR_SHARE * MOST) - 2 * ground.offset.size
        self._parts: list[Mesh] = []
        self._taken = np.zeros((int(2 * _HALF_M / _CELL_M),) * 2, np.uint8)
        self._outlines: dict[int, tuple[Mesh, np.ndarray | None]] = {}

    def put(
        self,
        mesh: Mesh,
        x: float,
        y: float,
        heading: float = 0.0,
        lift: float = 0.0,
        tilt: bool = False,
        solid: bool = True,
    ) -> None:
        """Stand a mesh on the ground; with `tilt` it leans with the slope, as a car does."""
        pose = self._pose(x, y, heading, lift, tilt)
        self.add(mesh.moved(pose))
        outline = self._outline(mesh) if solid else None
        if outline is not None:
            self._take(outline @ pose[:2, :2].T + pose[:2, 3])

    def try_put(
        self, mesh: Mesh, x: float, y: float, heading: float = 0.0, margin: float = 0.15, **how
    ) -> bool:
        """Put a mesh where nothing stands yet; whether there was room, and triangles left for it."""
        if len(mesh.triangles) > self._left or not self.room(mesh, x, y, heading, margin):
            return False
        self.put(mesh, x, y, heading, **how)
        return True

    def room(self, mesh: Mesh, x: float, y: float, heading: float = 0.0, margin: float = 0.15) -> bool:
        """Whether nothing stands where a mesh would."""
        outline = self._outline(mesh)
        if outline is None:
            return True
        pose = self._pose(x, y, heading)
        corners = (outline + margin * np.sign(outline - outline.mean(axis=0))) @ pose[:2, :2].T + pose[:2, 3]
        cells = self._cells(corners)
        low, high = cells.min(axis=0), cells.max(axis=0) + 1
        if (low < 0).any() or (high > len(self._taken)).any():
            return True
        stamp = np.zeros(high[::-1] - low[::-1], np.uint8)
        cv2.fillConvexPoly(stamp, (cells - low).astype(np.int32), 1)
        return not (self._taken[low[1] : high[1], low[0] : high[0]] & stamp).any()

    def scatter(self, meshes, zone, count: int, margin: float = 0.3, **how) -> int:
        """Put some of the meshes at random places and headings in a zone (x0, x1, y0, y1); how many stood."""
        done = 0
        for _ in range(count):
            x, y = self.rng.uniform(zone[0], zone[1]), self.rng.uniform(zone[2], zone[3])
            mesh = meshes[self.rng.integers(len(meshes))]
            done += self.try_put(mesh, x, y, self.rng.uniform(0, 2 * np.pi), margin, **how)
        return done

    def add(self, mesh: Mesh) -> None:
        """Add a mesh that is in world coordinates and in nobody's way."""
        self._parts.append(mesh)
        self._left -= len(mesh.triangles)

    def allow_horizon(self) -> None:
        """Let the triangles be used that were kept for what is far away."""
        self._left += int((1 - _NEAR_SHARE) * MOST)

    def block(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """Keep a rectangle free of objects and viewpoints."""
        x, y, _ = self.ground.to_world(np.array([x0, x1, x1, x0]), np.array([y0, y0, y1, y1]))
        self._take(np.stack([x, y], axis=1))

    def mesh(self) -> Mesh:
        """Ground and all objects."""
        return join(self.ground.mesh(), *self._parts)

    def viewpoints(self, count: int) -> np.ndarray:
        """Places in the zones with a heading, N x 4; most of them face something within about 4 m."""
        gap = cv2.distanceTransform(1 - self._taken, cv2.DIST_L2, 5) * _CELL_M
        place = self._places(4000)
        x, y, turn = self.ground.to_world(*place.T)
        column, row = self._cells(np.stack([x, y], axis=1)).T
        away = gap[np.clip(row, 0, len(gap) - 1), np.clip(column, 0, len(gap) - 1)]
        free = (away > _AWAY_M) & self._even(place)
        near = np.flatnonzero(free & (away < 3.5))[: int(_NEAR_VIEWS * count)]
        rest = np.setdiff1d(np.flatnonzero(free), near)[: count - len(near)]
        rows = []
        for index in np.concatenate([near, rest]):
            heading = self._heading(x[index], y[index], turn[index], index in near)
            z = float(self.ground.height(*place[index]))
            rows.append([x[index], y[index], z, heading])
        return np.array(rows).reshape(-1, 4)[self.rng.permutation(len(rows))]

    def _even(self, place: np.ndarray) -> np.ndarray:
        """Whether the ground about places N x 2 is no ditch and no steep bank."""
        turn = np.arange(8) * (np.pi / 4)
        ring = place[:, None] + np.stack([np.cos(turn), np.sin(turn)], axis=1) * _AWAY_M
        around = self.ground.height(ring[..., 0], ring[..., 1]) - self.ground.height(*place.T)[:, None]
        return np.abs(around).max(axis=1) < 0.3

    def _places(self, count: int) -> np.ndarray:
        """Street coordinates N x 2, as often in small zones as in large ones."""
        zone = np.array(self.zones)[self.rng.integers(len(self.zones), size=count)]
        return self.rng.uniform(zone[:, ::2], zone[:, 1::2])

    def _heading(self, x: float, y: float, turn: float, near: bool) -> float:
        """Along the street, across it, or past something near, but not right into it."""
        if near:
            angles = self.rng.uniform(0, 2 * np.pi) + np.arange(24) * (np.pi / 12)
            open_m = self._open(x, y, angles)
            fit = (open_m > 0.9) & (open_m < 5.0)
            beside = np.max([np.roll(open_m, k) for k in (-2, -1, 1, 2)], axis=0)
            edge = fit & (beside > open_m + 3.0)  # there is an edge to see, not just a wall
            for choice in (edge, fit):
                if choice.any():
                    return float(self.rng.choice(angles[choice]) + self.rng.normal(0, 0.15))
        along = self.rng.choice([0, np.pi, np.pi / 2, -np.pi / 2], p=[0.38, 0.38, 0.12, 0.12])
        angles = turn + along + self.rng.normal(0, 0.4, 6)
        return float(angles[np.argmax(np.minimum(self._open(x, y, angles), 9.0))])

    def _open(self, x: float, y: float, angles: np.ndarray) -> np.ndarray:
        """Metres to the first object in each direction, at most 12."""
        reach = np.arange(0.4, 12.0, _CELL_M)
        ray = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None] * reach[:, None] + (x, y)
        cells = np.clip(self._cells(ray), 0, len(self._taken) - 1)
        met = self._taken[cells[..., 1], cells[..., 0]] > 0
        return np.where(met.any(axis=1), reach[met.argmax(axis=1)], 12.0)

    def _pose(self, x: float, y: float, heading: float, lift: float = 0.0, tilt: bool = False) -> np.ndarray:
        world_x, world_y, turn = self.ground.to_world(x, y)
        pose = placed(world_x, world_y, float(self.ground.height(x, y)) + lift, heading + float(turn))
        if tilt:
            along, across = self.ground.slope(x, y)
            c, s = np.cos(heading), np.sin(heading)
            forward, left = np.array([1, 0, along * c + across * s]), np.array([0, 1, across * c - along * s])
            up = np.cross(forward, left)
            forward, up = forward / np.linalg.norm(forward), up / np.linalg.norm(up)
            pose[:3, :3] = pose[:3, :3] @ np.stack([forward, np.cross(up, forward), up], axis=1)
        return pose

    def _outline(self, mesh: Mesh) -> np.ndarray | None:
        """Corners 4 x 2 of the rectangle around what is in the way; None where nothing is."""
        if id(mesh) not in self._outlines:
            points = mesh.triangles
            high = np.where(mesh.material == Surface.FOLIAGE, _CROWN_M, _HIGH_M)
            inside = (points[..., 2].min(axis=1) < high) & (points[..., 2].max(axis=1) > _LOW_M)
            outline = None
            if inside.any():
                flat = points[inside, :, :2].reshape(-1, 2)
                (x0, y0), (x1, y1) = flat.min(axis=0), flat.max(axis=0)
                outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
            self._outlines[id(mesh)] = mesh, outline
        return self._outlines[id(mesh)][1]

    def _take(self, corners: np.ndarray) -> None:
        cv2.fillConvexPoly(self._taken, self._cells(corners).astype(np.int32), 1)

    def _cells(self, points: np.ndarray) -> np.ndarray:
        return np.floor((points + _HALF_M) / _CELL_M).astype(np.int64)
