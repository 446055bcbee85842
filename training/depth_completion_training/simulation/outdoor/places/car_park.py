"""Car parks before a market hall: bays with cars, islands with trees, trolleys, lamps, barriers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ...surface import Surface
from .. import common
from ..buildings.buildings import building, canopy, hall, ramp, stairs
from ..ground import Ground, lines, rim, rolling
from ..objects import fences
from ..shapes import any_colour, bars, pick, tinted
from ..site import Site
from ..stock import Stock

_BAY_M = 2.6


def make_car_park(rng: np.random.Generator) -> Site:
    """Rows of bays along x with lanes between; a hall on one side, borders on the others."""
    rows = int(rng.integers(2, 5))
    lane, deep = rng.uniform(5.0, 7.0), 5.0
    pitch = lane + 2 * deep + 1.4
    half_x, half_y = rng.uniform(24, 42), rows * pitch / 2 + 2
    islands = (np.arange(rows) - (rows - 1) / 2) * pitch
    site = Site(_ground(rng, half_x, half_y, islands), rng)
    stock = Stock(rng)
    full, marked = rng.uniform(0.25, 0.9), rng.random() < 0.85
    _market(site, stock, half_x, half_y)
    for y in islands:
        _island(site, stock, y, half_x)
        for side in (1, -1):
            _bays(site, stock, y + side * (0.7 + deep / 2), side, half_x, deep, full, marked)
    for y in islands + pitch / 2:
        zone = (-half_x + 2, half_x - 2, y - lane / 2, y + lane / 2)
        site.zones.append(zone)
        common.people(site, stock, zone, int(rng.integers(0, 4)))
        site.scatter(
            [_trolley(rng), stock("barrier"), stock("bollard"), stock("cyclist"), stock("pram")], zone, 3
        )
        if rng.random() < 0.8:
            site.try_put(
                stock.any("car", "car", "lorry"),
                rng.uniform(-half_x, half_x),
                y + lane / 4,
                np.pi * rng.integers(2),
                0.5,
                tilt=True,
            )
    site.zones += [(-half_x + 1, half_x - 1, -half_y, half_y)] * 2
    _border(site, stock, half_x, half_y)
    common.horizon(site, stock, max(half_x, half_y) + 22, 120, 0.4, 0.9)
    return site


def _ground(rng, half_x: float, half_y: float, islands) -> Ground:
    hills, waves, bumps = (
        rim(rng, 80, rng.uniform(3, 20)),
        rolling(rng, rng.uniform(0.05, 0.4), 45.0),
        rolling(rng, 0.01, 5.0),
    )
    slope = rng.normal(0, 0.015, 2)

    def terrain(x, y):
        return slope[0] * x + slope[1] * y + waves(x, y) + bumps(x, y) + hills(x, y)

    ys = [v for y in islands for v in (y - 0.7, y + 0.7)] + [-half_y, half_y, half_y + 3.5]
    ground = Ground(
        lines(-half_x - 8, half_x + 8, 1.8, [-half_x, half_x], 165),
        lines(-half_y - 8, half_y + 8, 1.6, ys, 165),
        terrain,
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
    )
    kerb = rng.uniform(0.08, 0.16)
    ground.offset[:] = kerb
    ground.paint((-half_x, half_x), (-half_y, half_y), *common.asphalt(rng), 0.0)
    ground.paint((-half_x - 4, half_x + 4), (half_y, half_y + 3.5), *common.paving(rng), kerb)
    ground.paint((half_x, 300), (-3, 3), *common.asphalt(rng), 0.0)
    for y in islands:
        ground.paint(
            (-half_x + 3, half_x - 3),
            (y - 0.7, y + 0.7),
            pick(rng, (Surface.GRASS, Surface.SOIL, Surface.PAVING)),
            None,
            kerb,
        )
    return ground


def _market(site: Site, stock: Stock, half_x: float, half_y: float) -> None:
    """The hall or a row of shops beyond the pavement, with canopy, stairs or ramp."""
    rng, y = site.rng, half_y + 3.7
    if rng.random() < 0.6:
        width = rng.uniform(1.2, 1.7) * half_x
        common.stand_building(
            site, hall(rng, width, rng.uniform(18, 28)), rng.uniform(-4, 4), y + 0.3, 0.0, width
        )
    else:
        x = -half_x
        while x < half_x:
            width = rng.uniform(10, 18)
            mesh = building(
                rng, width, 12, int(rng.integers(1, 4)), None, str(rng.choice(["shop", "arcade"]))
            )
            common.stand_building(site, mesh, x + width / 2, y, 0.0, width)
            x += width + rng.choice([0.0, 3.0])
    if rng.random() < 0.5:
        site.try_put(
            stairs(rng, rng.uniform(2, 5), 3, tread=0.3).at(0, -3.0), rng.uniform(-10, 10), y, 0, -0.5
        )
        site.try_put(ramp(rng, 4.5, 1.5, 0.45).at(0, -2.0), rng.uniform(-20, 10), y, 0, -0.5)
    zone = (-half_x + 2, half_x - 2, half_y + 0.4, half_y + 3.3)
    site.scatter(
        [
            stock("bench"),
            stock("bin"),
            stock("cycle_stand"),
            stock("bicycle"),
            stock("flowers"),
            stock("kiosk"),
            _trolleys(rng),
        ],
        zone,
        16,
    )
    common.people(site, stock, zone, int(rng.integers(1, 7)))
    site.zones.append(zone)


def _island(site: Site, stock: Stock, y: float, half_x: float) -> None:
    """Trees, lamps, bushes and signs on the strip between two rows of bays."""
    rng = site.rng
    lamp, light = stock.lamps[1]
    for x in np.arange(-half_x + 6, half_x - 4, rng.uniform(14, 22)):
        if site.try_put(lamp, x, y, rng.choice([-1, 1]) * np.pi / 2):
            site.lamps.append([x, y, light[2]])
    if rng.random() < 0.8:
        common.row(
            site,
            lambda: stock.any("tree", "small_tree"),
            np.arange(-half_x + 4, half_x - 3, rng.uniform(5, 11)),
            y,
            rng.uniform(0, 6),
        )
    objects = ("low_bush", "low_bush", "sign", "bollard", "grass", "cabinet", "bin")
    common.row(
        site, lambda: stock.any(*objects), rng.uniform(-half_x + 4, half_x - 4, int(rng.integers(3, 30))), y
    )
    if rng.random() < 0.3:
        kind = pick(rng, ("railing", "rails"))
        common.run(
            site, lambda n: fences.fence(rng, kind, n, 0.8), (-half_x + 4, y), (half_x - 4, y), 3.0, 0.3
        )
    if rng.random() < 0.35:
        site.try_put(
            join(canopy(rng, 5.0, 2.4), _trolleys(rng).at(0.5, 1.2)),
            rng.uniform(-half_x, half_x - 6),
            y + 0.9,
        )


def _bays(
    site: Site, stock: Stock, y: float, side: int, half_x: float, deep: float, full: float, marked: bool
) -> None:
    rng = site.rng
    x = np.arange(-half_x + 3.2, half_x - 3, _BAY_M)
    if marked:
        common.mark(site, x - 0.05, x + 0.05, y - deep / 2, y + deep / 2)
    for u in x[:-1] + _BAY_M / 2:
        if rng.random() < full:
            name = str(rng.choice(["car", "trailer", "motorbike", "lorry"], p=[0.94, 0.02, 0.03, 0.01]))
            heading = side * np.pi / 2 + np.pi * (rng.random() < 0.35) + rng.normal(0, 0.03)
            site.try_put(
                stock(name), u + rng.normal(0, 0.1), y + rng.normal(0, 0.15), heading, 0.05, tilt=True
            )


def _border(site: Site, stock: Stock, half_x: float, half_y: float) -> None:
    """Fences or hedges around, trees behind, and a barrier at the entry."""
    rng, e = site.rng, 1.2
    corners = [(-half_x - e, half_y), (-half_x - e, -half_y - e), (half_x + e, -half_y - e)]
    for a, b in pairwise(corners):
        common.run(site, common.any_border(rng, stock), a, b, 4.0, 0.05)
    for y in (-half_y - 5, -half_y - 9):
        common.row(
            site,
            lambda: stock.any("tree", "far_tree", "bush"),
            np.arange(-half_x, half_x, 6.0),
            y,
            rng.uniform(0, 6),
            1.2,
        )
    for x in (-half_x - 5, half_x + 6):
        for y in np.arange(-half_y, half_y, 5.5):
            site.try_put(stock.any("tree", "far_tree", "bush"), x + rng.normal(0, 1.2), y)
    post = boxes([-0.2, -0.2, -0.2], [0.2, 0.2, 1.05], Surface.PAINT, any_colour(rng))
    arm = bars(
        [[0, 0, 0.9]],
        [[0, 5.0, 0.9 + rng.choice([0.0, 3.0])]],
        0.05,
        material=Surface.REFLECTOR,
        colour=(0.6, 0.1, 0.08),
    )
    site.try_put(join(post, arm), half_x + 1, -2.8)


def _trolley(rng) -> Mesh:
    """A shopping trolley of wire."""
    x, z = np.linspace(-0.4, 0.4, 8), np.linspace(0.5, 0.95, 5)
    look = {"material": Surface.METAL, "colour": (0.4, 0.4, 0.42), "sides": 3}
    lines_ = [([[a, s, 0.5] for a in x], [[a, s * 1.1, 0.95] for a in x]) for s in (-0.22, 0.22)]
    lines_ += [([[-0.4, s, c] for c in z], [[0.4, s, c] for c in z]) for s in (-0.22, 0.22)]
    lines_ += [([[a, -0.22, 0.5] for a in x], [[a, 0.22, 0.5] for a in x])]
    lines_ += [
        ([[e, s, 0.5] for s in np.linspace(-0.2, 0.2, 5)], [[e, s, 0.95] for s in np.linspace(-0.2, 0.2, 5)])
        for e in (-0.4, 0.4)
    ]
    wires = [bars(a, b, 0.004, **look) for a, b in lines_]
    frame = bars(
        [[-0.42, s, 0.05] for s in (-0.2, 0.2)] + [[0.35, s, 0.05] for s in (-0.2, 0.2)],
        [[-0.42, s, 1.0] for s in (-0.2, 0.2)] + [[-0.4, s, 0.5] for s in (-0.2, 0.2)],
        0.014,
        **look,
    )
    return join(*wires, frame, bars([-0.44, -0.25, 1.0], [-0.44, 0.25, 1.0], 0.02, colour=any_colour(rng)))


def _trolleys(rng) -> Mesh:
    """Trolleys pushed into each other."""
    one = _trolley(rng)
    return join(*(one.at(0.28 * i, 0) for i in range(int(rng.integers(2, 8)))))
