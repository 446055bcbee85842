"""Alleys and courtyards: narrow ways between houses with stairs, bins, pipes, plants and washing."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join, rectangles

from ...surface import Surface
from .. import common
from ..buildings.buildings import building, outside_stairs
from ..buildings.facades import Style
from ..ground import Ground, lines, rim, rolling
from ..objects import fences, works
from ..shapes import any_colour, bars, pick, tinted
from ..site import Site
from ..stock import Stock

_BESIDE = (
    *("bin", "bin", "bin", "bicycle", "bicycle", "motorbike", "flowers", "flowers", "pallet", "drum"),
    *("barrow", "cabinet", "table", "bench", "scooter", "barrier", "low_bush", "bollard", "board", "rack"),
)


def make_alley(rng: np.random.Generator) -> Site:
    """A way of 3 to 8 metres between houses that widens to courts here and there."""
    half = rng.uniform(1.5, 4.0)
    site = Site(_ground(rng, half), rng)
    stock = Stock(rng)
    for side in (1, -1):
        _walls(site, stock, side, half)
        y, toward = side * (half - 0.55), -side * np.pi / 2
        xs = rng.uniform(-44, 44, int(rng.integers(25, 60)))
        common.row(site, lambda: stock.any(*_BESIDE), xs, y, toward, margin=0.05)
    for x in rng.uniform(-40, 40, int(rng.integers(2, 9))):
        _overhead(site, x, half)
    zone = (-42, 42, -half + 0.8, half - 0.8)
    common.people(site, stock, zone, int(rng.integers(1, 7)))
    site.scatter([stock("cyclist"), stock("pram"), stock("person"), stock("car")], zone, 4, 0.3)
    site.zones += [(-42, 42, -half, half)] * 2 + [(-40, 40, -half - 5, half + 5)]
    common.horizon(site, stock, 62, 120, 0.6, 0.7)
    return site


def _ground(rng, half: float) -> Ground:
    hills, waves = rim(rng, 75, rng.uniform(4, 25)), rolling(rng, rng.uniform(0, 0.8), 40.0)
    slope, bumps = rng.normal(0, 0.05), rolling(rng, rng.uniform(0, 0.025), 2.5)

    def terrain(x, y):
        gutter = -0.05 * np.exp(-((y / 0.35) ** 2))
        return slope * x + waves(x, 0 * y) + bumps(x, y) + gutter + hills(x, y)

    ys = [-half, half, -0.3, 0.0, 0.3]
    across = lines(-half - 18, half + 18, 1.1, ys, 150)
    ground = Ground(
        lines(-52, 52, 1.3, [], 165), across, terrain, *common.paving(rng), common.gentle_bend(rng, 6.0)
    )
    for side in (1, -1):
        beyond = sorted((side * half, side * 200))
        look = (
            (Surface.GRASS, tinted(rng, pick(rng, common.GRASSES)))
            if rng.random() < 0.3
            else common.paving(rng)
        )
        ground.paint((-300, 300), beyond, *look, rng.choice([0.0, 0.1, 0.02]))
    return ground


def _walls(site: Site, stock: Stock, side: int, half: float) -> None:
    """Houses, walls and small courts one after the other."""
    rng, x, turn = site.rng, -52.0, 0.0 if side > 0 else np.pi
    while x < 52:
        width, kind = rng.uniform(6, 15), rng.random()
        middle = x + width / 2
        if kind < 0.7:
            ground = str(rng.choice(["plain", "plain", "garage", "blank", "shop"]))
            style = Style.random(rng, ("holes", "holes", "ribbon"))
            mesh = building(rng, width, rng.uniform(7, 12), int(rng.integers(1, 7)), style, ground)
            common.stand_building(site, mesh, middle, side * half, turn, width)
            if half > 2.2:
                _on_wall(site, middle, side, half, turn, style.floor_m)
        else:
            if kind < 0.88:
                common.run(
                    site, common.any_border(rng, stock), (x, side * half), (x + width, side * half), 3.0
                )
            zone = (x + 0.5, x + width - 0.5, *sorted((side * (half + 0.7), side * (half + 8))))
            court = (
                "tree",
                "small_tree",
                "bush",
                "car",
                "table",
                "swing",
                "bin",
                "pallet",
                "flowers",
                "heap",
            )
            site.scatter([stock.any(*court) for _ in range(8)], zone, 10, 0.2)
            mesh = building(rng, width, 9.0, int(rng.integers(2, 6)), detail=False)
            common.stand_building(site, mesh, middle, side * (half + 8.5), turn, width)
        x += width


def _on_wall(site: Site, x: float, side: int, half: float, turn: float, floor_m: float) -> None:
    """Stairs, a scaffold or cooling boxes before a house."""
    rng, kind = site.rng, site.rng.integers(4)
    y = side * (half - 0.02)
    if kind == 0:
        site.try_put(outside_stairs(rng, floor_m).moved(_LEFT), x, y, turn)
    elif kind == 1:
        site.try_put(works.scaffold(rng, 5.0, int(rng.integers(1, 4))).at(-2.5, -0.95), x, y, turn)
    else:
        count = int(rng.integers(1, 6))
        low = np.column_stack(
            [rng.uniform(-3, 2, count), np.full(count, -0.4), rng.integers(1, 4, count) * floor_m]
        )
        cooler = boxes(low, low + (0.8, 0.38, 0.55), Surface.METAL, tinted(rng, (0.6, 0.6, 0.58)))
        site.put(cooler, x, y, turn, solid=False)


# Turns stairs that rise along y beside a wall at x = 0 to rise along x beside a wall at y = 0.
_LEFT = np.array([[0, 1.0, 0, 0], [-1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]])


def _overhead(site: Site, x: float, half: float) -> None:
    """Washing on a line, lights on wires, banners, an arch or a passage between houses."""
    rng, kind, high = site.rng, site.rng.integers(4), site.rng.uniform(3.4, 7.0)
    wx, wy, turn = site.ground.to_world(x, 0.0)
    z = float(site.ground.height(x, 0.0))
    if kind < 2:
        site.add(_washing(rng, half, high).at(wx, wy, z, float(turn)))
    elif kind == 2:
        wall = Surface.BRICK, tinted(rng, (0.35, 0.22, 0.15))
        arch = boxes([-0.4, -half - 0.5, high - 0.2], [rng.uniform(0.4, 4), half + 0.5, high + 2.0], *wall)
        site.put(arch, x, 0.0, solid=False)
    else:
        a, b = np.array([wx, wy - half, z + high]), np.array([wx + rng.uniform(-6, 6), wy + half, z + high])
        site.add(fences.wire(a, b, rng.uniform(0.1, 0.6)))
        lamp = boxes([-0.15, -0.15, -0.9], [0.15, 0.15, -0.3], Surface.REFLECTOR, (0.7, 0.68, 0.6))
        site.add(join(lamp, bars([0, 0, -0.3], [0, 0, 0], 0.01)).at(*((a + b) / 2)))


def _washing(rng, half: float, high: float) -> Mesh:
    """A line across with cloths of many colours."""
    count = int(rng.integers(2, 3 + int(3 * half)))
    y, wide, tall = (
        rng.uniform(-half, half - 0.5, count),
        rng.uniform(0.2, 0.8, count),
        rng.uniform(0.3, 1.1, count),
    )
    zero = 0 * y
    colours = np.stack([any_colour(rng) for _ in range(count)])
    slant = rng.normal(0, 0.1, count)
    cloths = rectangles(
        np.stack([zero, y, zero + high], 1),
        np.stack([zero, wide, zero], 1),
        np.stack([slant, zero, -tall], 1),
        Surface.CLOTH,
        colours,
    )
    return join(cloths, bars([0, -half - 0.2, high], [0, half + 0.2, high], 0.008, sides=3))
