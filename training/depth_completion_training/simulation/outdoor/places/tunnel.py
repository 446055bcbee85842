"""A road that goes through a tunnel or a long underpass."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh

from ...surface import Surface
from .. import common
from ..ground import Ground, lines, rim, rolling
from ..objects import fences
from ..shapes import bars, block, pick, tinted
from ..site import Site
from ..stock import Stock

_LININGS = (
    (Surface.CONCRETE, (0.4, 0.39, 0.36)),
    (Surface.TILES, (0.55, 0.55, 0.5)),
    (Surface.BRICK, (0.3, 0.2, 0.14)),
)
_SMALL = ("cabinet", "bin", "barrier", "bollard", "bicycle")


def make_tunnel(rng: np.random.Generator) -> Site:
    """A road that goes through a tunnel or a long underpass."""
    half, walk, high = rng.uniform(3.2, 7.5), rng.uniform(0.4, 1.8), rng.uniform(4.2, 6.5)
    start, end = -rng.uniform(10, 35), rng.uniform(10, 40)
    wall = half + walk
    site = Site(_tunnel_ground(rng, half, walk, start, end), rng)
    site.always_lit = True
    stock = Stock(rng)
    arched = rng.random() < 0.5
    _tube(site, wall, high, start, end, arched)
    _fittings(site, wall, high, start, end, arched)
    x = np.arange(-85, 85, 8.0)
    common.mark(site, x, x + 3.5, -0.06, 0.06)
    for side in (1, -1):
        y = side * (half + walk * 0.6)
        common.row(site, lambda: stock.any(*_SMALL), rng.uniform(start - 20, end + 20, 9), y, 0, 0.15)
        for u in (start, end):
            _approach(site, stock, side, u, half, wall)
        for _ in range(rng.integers(2, 7)):
            kinds = ["car", "lorry", "bus", "rider", "cyclist"]
            mesh = stock(str(rng.choice(kinds, p=[0.6, 0.15, 0.1, 0.08, 0.07])))
            heading = 0.0 if side < 0 else np.pi
            site.try_put(mesh, rng.uniform(-65, 65), side * half / 2, heading, 0.6, tilt=True)
        site.zones.append((start - 25, end + 25, *sorted((side * (half + 0.2), side * (wall - 0.2)))))
    common.people(site, stock, (start - 10, end + 10, half, wall), int(rng.integers(0, 5)))
    site.zones += [(start - 30, end + 30, -half + 0.3, half - 0.3)] * 2 + [(start, end, -half, half)]
    common.horizon(site, stock, 60, 125, 0.15, 0.9)
    return site


def _approach(site: Site, stock: Stock, side: int, mouth: float, half: float, wall: float) -> None:
    """Walls, rails and green beside the road before one mouth of the tunnel, on one side."""
    rng, out = site.rng, float(np.sign(mouth))
    start, end = (mouth + out, side * wall), (mouth + 26 * out, side * (wall + 2))
    common.run(site, lambda n: fences.fence(rng, "wall", n, 1.4), start, end, 5.0)
    rail = fences.guard_rail if rng.random() < 0.6 else (lambda rng, n: fences.fence(rng, "railing", n))
    y = side * (half + 0.3)
    common.run(site, lambda n: rail(rng, n), (mouth + 3 * out, y), (mouth + 48 * out, y), 6.0)
    zone = (*sorted((mouth + 3 * out, mouth + 48 * out)), *sorted((side * (wall + 3), side * (wall + 18))))
    green = [stock(name) for name in ("tree", "bush", "grass", "rock", "small_tree")]
    site.scatter(green, zone, 40, 0.2)


def _tunnel_ground(rng, half: float, walk: float, start: float, end: float) -> Ground:
    hills, bumps, slope = rim(rng, 95, rng.uniform(8, 30), 22.0), rolling(rng, 0.3, 12.0), rng.normal(0, 0.02)
    steep = rng.uniform(0.3, 0.7)
    wall = half + walk

    def terrain(x, y):
        beyond = np.maximum(np.abs(y) - wall - 2.2, 0)
        bank = np.minimum(beyond * steep, 7.5)
        return slope * x + bank + np.clip(beyond / 3, 0, 1) * bumps(x, y) + hills(x, y)

    ys = [s * v for s in (1, -1) for v in (half, wall, wall + 2.2)]
    ground = Ground(
        lines(-60, 60, 2.0, [start, end], 170),
        lines(-wall - 16, wall + 16, 1.6, ys, 165),
        terrain,
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
        common.gentle_bend(rng, 5.0),
    )
    kerb = rng.uniform(0.06, 0.2)
    ground.paint((-300, 300), (-wall, wall), *common.paving(rng), kerb)
    ground.paint((-300, 300), (-half, half), *common.asphalt(rng), 0.0)
    return ground


def _tube(site: Site, wall: float, high: float, start: float, end: float, arched: bool) -> None:
    """Walls and roof of the tunnel in rings that follow the road, its portals, and grass on top."""
    look = pick(site.rng, _LININGS)
    if arched:
        angle = np.linspace(0, np.pi, 15)
        y, z = wall * np.cos(angle), 1.5 + (high - 1.5) * np.sin(angle)
        y, z = np.concatenate([[wall], y, [-wall]]), np.concatenate([[-0.5], z, [-0.5]])
    else:
        y, z = np.array([wall, wall, -wall, -wall]), np.array([-0.5, high, high, -0.5])
    x = np.linspace(start, end, max(int((end - start) / 2.0), 2))
    wx, wy, _ = site.ground.to_world(x, 0 * x)
    line = np.stack([wx, wy, site.ground.height(x, 0 * x)], axis=1)
    ring = np.stack([0 * y, y, z], axis=1)
    site.add(_strip(line[:, None] + ring, *look))
    far, top = wall + 9.0, high + site.rng.uniform(0.8, 2.5)
    reach = np.minimum(far / np.maximum(np.abs(y), 0.01), (top + 0.5) / np.maximum(z + 0.5, 0.01))
    outer = np.stack([0 * y, y * reach, (z + 0.5) * reach - 0.5], axis=1)
    for end_point in (line[0], line[-1]):
        site.add(_strip(end_point + np.stack([ring, outer]), Surface.CONCRETE, (0.38, 0.37, 0.35)))
    lid = np.array([[0, -far, top - 0.05], [0, far, top - 0.05]])
    site.add(_strip(line[:, None] + lid, Surface.GRASS, site.ground.colour[0, 0]))
    for u in x[:-1]:
        for s in (-1, 1):
            site.block(u - 1.1, u + 1.1, *sorted((s * (wall - 0.05), s * (wall + 1.5))))


def _strip(grid: np.ndarray, material: Surface, colour) -> Mesh:
    """Skin over a grid of points A x B x 3."""
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    return Mesh.of(np.stack([a, b, c, a, c, d], axis=2), material, colour)


def _fittings(site: Site, wall: float, high: float, start: float, end: float, arched: bool) -> None:
    """Lamps along the roof and a pipe along one wall."""
    y, z = np.array([-1, 1]) * (wall - 0.9), high * (0.75 if arched else 0.98)
    lamp = block((-0.6, 0.6), (y - 0.1, y + 0.1), (z - 0.05, z + 0.05), Surface.REFLECTOR, (0.8,) * 3)
    for u in np.arange(start + 2, end - 1, 7.0):
        site.put(lamp, u, 0.0, solid=False)
        site.lamps += [[u, side * (wall - 0.9), z - 0.15] for side in (-1, 1)]
    pipe = bars([0, wall - 0.12, 2.6], [2.0, wall - 0.12, 2.6], 0.06, sides=6, material=Surface.METAL)
    common.run(site, lambda n: pipe, (start, 0.0), (end, 0.0), 2.0)
