"""The ground: a grid of patches of road, kerb, path or field over a smooth terrain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, join

from ..surface import Surface

Terrain = Callable[[np.ndarray, np.ndarray], np.ndarray]
_KERB = (0.32, 0.315, 0.30)


def rolling(rng: np.random.Generator, height: float, length: float) -> Terrain:
    """Terrain of a few random waves, of about `height` metres and `length` metres long."""
    turn, phase = rng.uniform(0, 2 * np.pi, 7), rng.uniform(0, 2 * np.pi, 7)
    wave = 2 * np.pi / (length * rng.uniform(0.5, 2.0, 7))
    tall = height * length * rng.uniform(0.2, 0.6, 7) * wave / (2 * np.pi)
    kx, ky = wave * np.cos(turn), wave * np.sin(turn)

    def terrain(x, y):
        return sum(tall[i] * np.sin(kx[i] * x + ky[i] * y + phase[i]) for i in range(7))

    return terrain


def rim(rng: np.random.Generator, start: float, height: float, valley: float = 0.0) -> Terrain:
    """Hills around the world that rise `height` metres beyond `start` metres from its middle.

    Along the x axis they leave a valley of about twice `valley` metres for a road.
    """
    lift = rng.uniform(0.3, 1.0, 5)
    phase = rng.uniform(0, 2 * np.pi, 5)

    def terrain(x, y):
        turn = np.arctan2(y, x)
        crest = 1 + 0.35 * sum(lift[i] * np.sin((i + 1) * turn + phase[i]) for i in range(5)) / 1.5
        beyond = np.clip((np.hypot(x, y) - start) / 90.0, 0, 1)
        road = 1 - 0.85 * np.exp(-((y / valley) ** 2)) if valley else 1.0
        return road * height * np.clip(crest, 0.25, 2) * beyond**2 * (3 - 2 * beyond)

    return terrain


def lines(low: float, high: float, step: float, breaks=(), far: float | None = None) -> np.ndarray:
    """Grid lines from low to high, through all `breaks`, then ever wider apart out to +-`far`."""
    breaks = np.unique(np.round(np.append(breaks, [low, high]), 4))
    even = np.arange(low, high, step)
    clear = np.abs(even[:, None] - breaks).min(axis=1) > 0.35 * step
    inner = np.sort(np.concatenate([even[clear], breaks]))
    if far is None or far <= max(abs(low), abs(high)):
        return inner
    ahead, back = _widening(step, far - high), _widening(step, far + low)
    return np.concatenate([low - back[::-1], inner, high + ahead])


def _widening(step: float, length: float) -> np.ndarray:
    """Distances whose gaps grow by a third each time, up to 14 m, until `length` is reached."""
    gaps = np.minimum(step * 1.33 ** np.arange(1, 60), 14.0)
    reach = gaps.cumsum()
    return reach[: int(np.searchsorted(reach, length)) + 1]


class Ground:
    """Patches between grid lines in street coordinates: x along, y across.

    Each patch lies on the terrain, lifted by its own offset; where neighbours' offsets differ stands
    a small wall: a kerb, a step, the side of a ramp. In the world the street may bend: y is sheared
    by `bend(x)`.

    Args:
        xs, ys: grid lines, metres.
        terrain: height at (x, y).
        surface, colour: of all patches until painted otherwise.
        bend: metres that the street's middle lies off at x.
    """

    def __init__(self, xs, ys, terrain: Terrain, surface=Surface.GRASS, colour=(0.07, 0.11, 0.03), bend=None):
        self.xs, self.ys = np.asarray(xs, float), np.asarray(ys, float)
        shape = len(self.xs) - 1, len(self.ys) - 1
        self.base = np.broadcast_to(
            terrain(self.xs[:, None], self.ys[None]) + 0.0, (len(self.xs), len(self.ys))
        ).copy()
        self.offset = np.zeros(shape)
        self.surface = np.full(shape, int(surface), np.uint8)
        self.colour = np.broadcast_to(np.asarray(colour, float), (*shape, 3)).copy()
        self.bend = np.zeros(len(self.xs)) if bend is None else np.asarray(bend(self.xs), float)
        self._mid = (self.xs[1:] + self.xs[:-1]) / 2, (self.ys[1:] + self.ys[:-1]) / 2

    def paint(self, x, y, surface=None, colour=None, offset: float | None = None) -> None:
        """Give the patches with their middle in ranges x and y a surface, a colour, an offset."""
        self.paint_where(self.patches(x, y), surface, colour, offset)

    def patches(self, x, y) -> np.ndarray:
        """Which patches have their middle in ranges x and y, bool."""
        inside = [(m > low) & (m < high) for m, (low, high) in zip(self._mid, (x, y), strict=True)]
        return inside[0][:, None] & inside[1][None]

    def paint_where(self, chosen: np.ndarray, surface=None, colour=None, offset: float | None = None) -> None:
        """The same for patches chosen by a mask."""
        if surface is not None:
            self.surface[chosen] = surface
        if colour is not None:
            self.colour[chosen] = colour
        if offset is not None:
            self.offset[chosen] = offset

    def middles(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the patches' middles, each of the patches' shape."""
        return np.meshgrid(*self._mid, indexing="ij")

    def height(self, x, y):
        """Height of the ground at street coordinates, metres; outside the grid that of its edge."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        i = np.clip(np.searchsorted(self.xs, x, "right") - 1, 0, len(self.xs) - 2)
        j = np.clip(np.searchsorted(self.ys, y, "right") - 1, 0, len(self.ys) - 2)
        u = np.clip((x - self.xs[i]) / (self.xs[i + 1] - self.xs[i]), 0, 1)
        v = np.clip((y - self.ys[j]) / (self.ys[j + 1] - self.ys[j]), 0, 1)
        a, b, c, d = (self.base[i + k, j + m] for k, m in ((0, 0), (1, 0), (1, 1), (0, 1)))
        lower = a + (b - a) * u + (c - b) * v  # the triangle a b c
        upper = a + (c - d) * u + (d - a) * v
        return np.where(u > v, lower, upper) + self.offset[i, j]

    def slope(self, x: float, y: float, reach: float = 1.0) -> tuple[float, float]:
        """Rise of the terrain along x and along y, without kerbs."""
        offset, self.offset = self.offset, np.zeros_like(self.offset)
        east, west = self.height([x + reach, x - reach], [y, y])
        north, south = self.height([x, x], [y + reach, y - reach])
        self.offset = offset
        return (east - west) / (2 * reach), (north - south) / (2 * reach)

    def to_world(self, x, y) -> tuple:
        """World x and y, and by how much headings turn, of street coordinates."""
        shift = np.interp(x, self.xs, self.bend)
        ahead, behind = (
            np.interp(np.add(x, 2.0), self.xs, self.bend),
            np.interp(np.subtract(x, 2.0), self.xs, self.bend),
        )
        return x, y + shift, np.arctan2(ahead - behind, 4.0)

    def from_world(self, x, y) -> tuple:
        """Street coordinates of world x and y."""
        return x, y - np.interp(x, self.xs, self.bend)

    def mesh(self) -> Mesh:
        """All patches and the small walls between them."""
        along, across = np.gradient(self.base, self.xs, self.ys)
        lean = np.gradient(self.bend, self.xs)[:, None]
        normals = np.stack([-(along - lean * across), -across, np.ones_like(along)], axis=2)
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        points = np.stack(
            [
                np.broadcast_to(self.xs[:, None], self.base.shape),
                self.ys[None] + self.bend[:, None],
                self.base,
            ],
            2,
        )
        lift = np.zeros((*self.offset.shape, 3))
        lift[..., 2] = self.offset

        def quads(v, add=0.0):
            a, b, c, d = v[:-1, :-1] + add, v[1:, :-1] + add, v[1:, 1:] + add, v[:-1, 1:] + add
            return np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 3, 3)

        top = Mesh.of(
            quads(points, lift), Surface.PLAIN, np.repeat(self.colour.reshape(-1, 3), 2, 0), quads(normals)
        )
        top.material[:] = np.repeat(self.surface.ravel(), 2)
        return join(top, self._steps(points, 0), self._steps(points, 1))

    def _steps(self, points: np.ndarray, axis: int) -> Mesh:
        """Walls between patches that are neighbours along an axis and differ in offset."""
        offset = self.offset if axis == 0 else self.offset.T
        grid = points if axis == 0 else points.transpose(1, 0, 2)
        i, j = np.nonzero(np.abs(np.diff(offset, axis=0)) > 1e-4)
        a, b = grid[i + 1, j], grid[i + 1, j + 1]
        low, high = np.zeros((2, len(i), 3))
        low[:, 2], high[:, 2] = offset[i, j], offset[i + 1, j]
        quads = np.stack([a + low, b + low, b + high, a + low, b + high, a + high], axis=1)
        return Mesh.of(quads, Surface.CONCRETE, _KERB)
