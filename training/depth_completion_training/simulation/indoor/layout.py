"""Putting objects into rooms and onto tops without letting them run into each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from .room import Room, inside
from .solids import bounds

Rng = np.random.Generator
Maker = Callable[[Rng], Mesh]
SPOT_M = 0.55  # half width of the places kept free for a viewer
HEAD_M = 2.1
_TRIES = 32


class Floor:
    """A room that fills up; spots for viewers and the ways through doors stay free.

    Args:
        spots: how many places to keep free for viewers.
    """

    def __init__(self, rng: Rng, room: Room, spots: int = 2):
        self.room, self._rng, self.parts = room, rng, []
        self._taken: list[tuple[float, ...]] = []  # x0, y0, z0, x1, y1, z1
        for o in room.openings:
            if o.kind == "window" and rng.random() < 0.5:  # objects may stand before it
                continue
            reach = {"door": 0.8, "closed": 0.5, "window": 0.15, "niche": 0.0}[o.kind]
            start, heading, _ = room.edge(o.edge)
            low, high = _turned([o.u0, 0.0], [o.u1, reach], np.array([heading]))
            self._taken.append((*(start + low[0]), o.z0 + 0.02, *(start + high[0]), o.z1))
        self.spots = [self._spot(SPOT_M if i == 0 else 0.8 * SPOT_M) for i in range(spots)]

    def _spot(self, reach: float) -> np.ndarray:
        """A place at which a viewer has room, kept free from now on."""
        low, high = self.room.outline.min(axis=0), self.room.outline.max(axis=0)
        for shrink in (1.0, 1.0, 0.8, 0.6, 0.45):
            points, half = self._rng.uniform(low, high, (24, 2)), reach * shrink
            ways = np.stack([points + np.array(d) * half for d in ((1, 1), (1, -1), (-1, 1), (-1, -1))])
            good = inside(self.room.outline, ways.reshape(-1, 2)).reshape(4, -1).all(axis=0)
            good &= self.room.top(points) > 1.9
            if good.any():
                x, y = points[np.argmax(good)]
                self._taken.append((x - half, y - half, 0.02, x + half, y + half, HEAD_M))
                return np.array([x, y])
        return self.room.outline.mean(axis=0)

    def _fits(self, low: np.ndarray, high: np.ndarray, within: bool = True) -> np.ndarray:
        """Of N boxes, least and greatest corners N x 3, which are free and in the room."""
        taken = np.array(self._taken).reshape(-1, 6)
        apart = (taken[:, :3] >= high[:, None]) | (low[:, None] + (0, 0, 0.01) >= taken[:, 3:])
        good = apart.any(axis=2).all(axis=1)
        if within and good.any():
            outline, index = self.room.outline, np.flatnonzero(good)
            low, high = low[index], high[index]
            share = np.stack(np.meshgrid([0, 0.5, 1.0], [0, 0.5, 1.0]), axis=-1).reshape(-1, 2)
            points = low[:, None, :2] + (high - low)[:, None, :2] * share
            fit = inside(outline, points.reshape(-1, 2)).reshape(points.shape[:2]).all(axis=1)
            vertex = (outline > low[:, None, :2] + 0.02) & (outline < high[:, None, :2] - 0.02)
            fit &= ~vertex.all(axis=2).any(axis=1) & (self.room.top(points).min(axis=1) >= high[:, 2] - 0.001)
            good[index] = fit
        return good

    def claim(self, mesh: Mesh, slack: float = 0.0, within: bool = True) -> bool:
        """Add a mesh where it is, if it fits."""
        low, high = bounds(mesh)
        around = np.array([slack, slack, 0.0])
        if not self._fits((low - around)[None], (high + around)[None], within)[0]:
            return False
        self.put(mesh, slack)
        return True

    def put(self, mesh: Mesh, slack: float = 0.0) -> None:
        """Add a mesh where it is, whether it fits or not."""
        low, high = (v.astype(float) for v in bounds(mesh))
        self._taken.append((*(low[:2] - slack), low[2] + 0.01, *(high[:2] + slack), high[2]))
        self.parts.append(mesh)

    def along_wall(self, mesh: Mesh, z: float = 0.0, gap: float = 0.012, corner: float = 0.3):
        """Put a mesh with its back (least y) to some wall; the wall's index and u, or None.

        `corner` is how often it goes right into a corner.
        """
        low, high = (v.astype(float) for v in bounds(mesh))
        gap -= low[1]
        edges = [self.room.edge(i) for i in range(len(self.room.outline))]
        lengths = np.array([length for _, _, length in edges])
        odds = np.where(lengths > high[0] - low[0] + 0.03, lengths, 0)
        if not odds.sum():
            return None
        index = self._rng.choice(len(edges), _TRIES, p=odds / odds.sum())
        start, heading = np.array([e[0] for e in edges])[index], np.array([e[1] for e in edges])[index]
        u = self._rng.uniform(-low[0], lengths[index] - high[0])
        ends = np.where(self._rng.random(_TRIES) < 0.5, -low[0] + 0.015, lengths[index] - high[0] - 0.015)
        u = np.where(self._rng.random(_TRIES) < corner, ends, u)
        c, s = np.cos(heading), np.sin(heading)
        place = start + np.stack([c * u - s * gap, s * u + c * gap], axis=1)
        least, most = self._boxes(low, high, place, heading, z)
        good = self._fits(least, most)
        if not good.any():
            return None
        i = int(np.argmax(good))
        self.put(self.room.at_wall(mesh, int(index[i]), float(u[i]), z, gap))
        return int(index[i]), float(u[i])

    def anywhere(self, mesh: Mesh, slack: float = 0.05, heading: float | None = None, z=0.0):
        """Put a mesh somewhere on the floor (or at z); its pose (x, y, heading), or None."""
        low, high = self.room.outline.min(axis=0), self.room.outline.max(axis=0)
        turn = self._rng.uniform(0, 2 * np.pi, _TRIES) if heading is None else np.full(_TRIES, heading)
        place = self._rng.uniform(low, high, (_TRIES, 2))
        around = np.array([slack, slack, 0.0])
        least, most = bounds(mesh)
        good = self._fits(*self._boxes(least - around, most + around, place, turn, z))
        if not good.any():
            return None
        i = int(np.argmax(good))
        pose = float(place[i, 0]), float(place[i, 1]), float(turn[i])
        self.put(mesh.at(*pose[:2], z, pose[2]), slack)
        return pose

    def _boxes(self, low, high, place, heading, z: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes N x 3 around a mesh of the given bounds at N places and headings."""
        least, most = _turned(low[:2], high[:2], heading)
        up = np.ones((len(place), 1))
        return np.hstack([least + place, up * (low[2] + z)]), np.hstack([most + place, up * (high[2] + z)])

    def hang(self, mesh: Mesh, tries: int = 8) -> np.ndarray | None:
        """Put a mesh below the ceiling, whose highest point is z = 0; the place x, y, z of its origin."""
        low, high = self.room.outline.min(axis=0), self.room.outline.max(axis=0)
        for _ in range(tries):
            x, y = low + (high - low) * self._rng.uniform(0.2, 0.8, 2)
            z = float(self.room.top(np.array([[x, y]]))[0]) - 0.002
            if self.claim(mesh.at(x, y, z, 0.0)):
                return np.array([x, y, z])
        return None

    def mesh(self) -> Mesh | None:
        """All that was put in."""
        return join(*self.parts) if self.parts else None


def _turned(low, high, heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rectangles N x 2 along the axes around one that is turned by N headings."""
    c, s = np.cos(heading)[:, None], np.sin(heading)[:, None]
    x, y = np.array([low[0], high[0], high[0], low[0]]), np.array([low[1], low[1], high[1], high[1]])
    corners = np.stack([c * x - s * y, s * x + c * y], axis=2)
    return corners.min(axis=1), corners.max(axis=1)


def scatter(
    rng: Rng,
    area: Sequence[float],
    z: float,
    makers: Sequence[Maker],
    count: int,
    clearance: float = np.inf,
    heaped: float = 0.0,
) -> list[Mesh]:
    """Small objects on a top.

    Args:
        area: x0, y0, x1, y1 of the top.
        z: its height.
        count: how many to try.
        clearance: room above it; higher objects are left out.
        heaped: how often an object may stand on another's top instead.
    """
    x0, y0, x1, y1 = area
    taken, parts = np.zeros((0, 5)), []
    for _ in range(count):
        mesh = makers[int(rng.integers(len(makers)))](rng).at(0, 0, 0, rng.uniform(0, 2 * np.pi))
        low, high = (v.astype(float) for v in bounds(mesh))
        half = (high - low)[:2] / 2
        if 2 * half[0] > x1 - x0 or 2 * half[1] > y1 - y0:
            continue
        middle = (low + high)[:2] / 2
        for _ in range(6):
            x, y = rng.uniform((x0 + half[0], y0 + half[1]), (x1 - half[0], y1 - half[1]))
            on = z
            near = (np.abs(taken[:, 0] - x) < taken[:, 2] + half[0]) & (
                np.abs(taken[:, 1] - y) < taken[:, 3] + half[1]
            )
            if near.any():
                if near.sum() > 1 or rng.random() >= heaped:
                    continue
                below = taken[near][0]
                if (half > below[2:4]).any():
                    continue
                (x, y), on = below[:2], below[4]
            if on + high[2] - z > clearance:
                break
            taken = np.concatenate([taken, [[x, y, *half, on + high[2]]]])
            parts.append(mesh.at(x - middle[0], y - middle[1], on))
            break
    return parts
