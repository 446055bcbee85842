"""Shell of a room: floor, ceiling and walls with openings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ..surface import Surface
from .solids import quads


@dataclass
class Opening:
    """A hole in wall `edge`, from u0 to u1 along it and from z0 to z1; `kind` door, closed (a shut
    door), window or niche.
    """

    edge: int
    u0: float
    u1: float
    z0: float
    z1: float
    kind: str
    deep: float = 0.15


@dataclass(eq=False)
class Room:
    """A room over an outline K x 2 that runs counter-clockwise.

    Args:
        height: of the ceiling, metres.
        knee: (height at least x, rise per metre of x) of a slanted roof, or None.
        dado: height up to which walls carry `dado_look`; 0 for none.
    """

    outline: np.ndarray
    height: float
    floor_look: dict
    wall_look: dict
    ceiling_look: dict
    knee: tuple[float, float] | None = None
    dado: float = 0.0
    dado_look: dict | None = None
    openings: list[Opening] = field(default_factory=list)

    def edge(self, index: int) -> tuple[np.ndarray, float, float]:
        """Start, heading and length of a wall; the room lies on its left."""
        a = self.outline[index]
        along = self.outline[(index + 1) % len(self.outline)] - a
        return a, float(np.arctan2(along[1], along[0])), float(np.hypot(*along))

    def at_wall(self, mesh: Mesh, index: int, u: float, z: float = 0.0, gap: float = 0.0) -> Mesh:
        """A mesh whose back is y = 0, with its origin `gap` in front of a wall, `u` along it."""
        (x, y), heading, _ = self.edge(index)
        c, s = np.cos(heading), np.sin(heading)
        return mesh.at(x + c * u - s * gap, y + s * u + c * gap, z, heading)

    def top(self, xy: np.ndarray) -> np.ndarray:
        """Height of the ceiling above points ... x 2."""
        if self.knee is None:
            return np.full(np.shape(xy)[:-1], self.height)
        return np.minimum(self.height, self.knee[0] + self.knee[1] * (xy[..., 0] - self.outline[:, 0].min()))

    def inside(self, xy: np.ndarray) -> np.ndarray:
        """Whether points N x 2 lie within the outline, by crossings."""
        return inside(self.outline, xy)

    def shell(self) -> Mesh:
        """Floor, ceiling and walls."""
        pieces = _triangulated(self.outline)
        floor = np.concatenate([pieces, np.zeros((*pieces.shape[:2], 1))], axis=2)
        parts = [
            Mesh.of(floor, self.floor_look["material"], self.floor_look["colour"]),
            self._ceiling(pieces),
        ]
        parts += [self._wall(index) for index in range(len(self.outline))]
        return join(*parts)

    def _ceiling(self, pieces: np.ndarray) -> Mesh:
        look = self.ceiling_look
        if self.knee is None:
            flat = np.concatenate([pieces, np.full((*pieces.shape[:2], 1), self.height)], axis=2)
            return Mesh.of(flat, look["material"], look["colour"])
        (x0, y0), (x1, y1) = self.outline.min(axis=0), self.outline.max(axis=0)
        x = np.array([x0, min(self._break(), x1), x1])
        z = self.top(np.stack([x, 0 * x], axis=1))
        corners = [[[x[i], y0, z[i]], [x[i + 1], y0, z[i + 1]], [x[i + 1], y1, z[i + 1]], [x[i], y1, z[i]]]
                   for i in (0, 1)]  # fmt: skip
        return quads(corners, **look)

    def _break(self) -> float:
        """Where a slanted roof meets the flat ceiling."""
        low, rise = self.knee
        return self.outline[:, 0].min() + (self.height - low) / rise

    def _wall(self, index: int) -> Mesh:
        """One wall, a grid of pieces cut at all openings without those in them, and the holes' reveals."""
        start, heading, length = self.edge(index)
        c, s = np.cos(heading), np.sin(heading)
        holes = [o for o in self.openings if o.edge == index]
        u = {0.0, length, *(v for o in holes for v in (o.u0, o.u1))}
        if self.knee is not None and abs(c) > 0.5 and 0 < (self._break() - start[0]) / c < length:
            u.add((self._break() - start[0]) / c)
        z = {0.0, self.height, *(v for o in holes for v in (o.z0, o.z1))}
        if self.dado:
            z.add(self.dado)
        u, z = np.array(sorted(u)), np.array(sorted(z))
        top = self.top(start + u[:, None] * [c, s])
        i, j = (a.ravel() for a in np.meshgrid(np.arange(len(u) - 1), np.arange(len(z) - 1), indexing="ij"))
        low_high = [np.minimum(z[j + dj], top[i + di]) for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1))]
        corners = np.stack(
            [np.stack([u[i + di], 0 * u[i], h], 1) for di, h in zip((0, 1, 1, 0), low_high, strict=True)], 1
        )
        middle_u, middle_z = (u[i] + u[i + 1]) / 2, (z[j] + z[j + 1]) / 2
        keep = (low_high[2] > low_high[1]) | (low_high[3] > low_high[0])
        for o in holes:
            keep &= ~((o.u0 < middle_u) & (middle_u < o.u1) & (o.z0 < middle_z) & (middle_z < o.z1))
        lower = keep & (middle_z < self.dado)
        parts = [quads(corners[keep & ~lower], **self.wall_look), *(self._reveal(o) for o in holes)]
        if lower.any():
            parts.append(quads(corners[lower], **self.dado_look))
        return join(*parts).at(*start, 0.0, heading)

    def _reveal(self, o: Opening) -> Mesh:
        """Sides of a hole, and the back of a niche; along x, outwards is -y."""
        near = np.array([[o.u0, 0, o.z0], [o.u1, 0, o.z0], [o.u1, 0, o.z1], [o.u0, 0, o.z1]])
        far = near - (0, o.deep, 0)
        sides = np.stack([near, np.roll(near, -1, 0), np.roll(far, -1, 0), far], axis=1)
        if o.kind in ("niche", "closed"):
            sides = np.concatenate([sides, far[None]])
        return quads(sides, **self.wall_look)

    def skirting(self, rng: np.random.Generator, **look) -> Mesh:
        """Boards along the foot of the walls, with gaps at doors."""
        high, thick = rng.uniform(0.05, 0.14), rng.uniform(0.008, 0.02)
        parts = []
        for index in range(len(self.outline)):
            _, _, length = self.edge(index)
            cuts = sorted((o.u0 - 0.06, o.u1 + 0.06) for o in self.openings if o.edge == index and o.z0 < 0.1)
            ends = np.array([0.0, *(v for cut in cuts for v in cut), length]).reshape(-1, 2)
            ends = ends[ends[:, 1] > ends[:, 0]]
            zero = np.zeros(len(ends))
            low = np.stack([ends[:, 0], zero, zero], 1)
            mesh = boxes(low, np.stack([ends[:, 1], zero + thick, zero + high], 1), **look)
            parts.append(self.at_wall(mesh, index, 0.0))
        return join(*parts)


def inside(outline: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Whether points N x 2 lie within an outline K x 2."""
    x, y = np.asarray(xy, np.float64).reshape(-1, 2).T[:, :, None]
    a, b = outline, np.roll(outline, -1, axis=0)
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return ((crosses & (x < at)).sum(axis=1) % 2) == 1


def _triangulated(outline: np.ndarray) -> np.ndarray:
    """Triangles N x 3 x 2 of a simple counter-clockwise outline, by cutting off ears."""

    def cross(a, b, c):
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    left, triangles = [tuple(p) for p in outline], []
    while len(left) > 3:
        for i in range(len(left)):
            a, b, c = left[i - 1], left[i], left[(i + 1) % len(left)]
            if cross(a, b, c) <= 1e-9:
                continue
            others = (p for p in left if p not in (a, b, c))
            if not any(cross(a, b, p) >= 0 and cross(b, c, p) >= 0 and cross(c, a, p) >= 0 for p in others):
                break
        else:
            i = 1
            a, b, c = left[0], left[1], left[2]
        triangles.append((a, b, c))
        del left[i]
    triangles.append(tuple(left))
    return np.array(triangles)


def ceiling_look(rng: np.random.Generator) -> dict:
    """White mostly; now and then panels, wood or concrete."""
    kind = rng.random()
    material = Surface.PLASTER if kind < 0.7 else Surface.TILES if kind < 0.85 else Surface.CONCRETE
    return {"material": material, "colour": np.full(3, rng.uniform(0.55, 0.78) if kind < 0.85 else 0.4)}
