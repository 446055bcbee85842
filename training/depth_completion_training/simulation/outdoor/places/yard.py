"""Yards of works and ports: alleys between containers, pallets, fork lifts, lorries, halls, heaps."""

from __future__ import annotations

import numpy as np

from ...surface import Surface
from .. import common
from ..buildings.buildings import hall, outside_stairs, ramp
from ..ground import Ground, lines, rim, rolling
from ..objects import fences, works, yard_goods
from ..shapes import pick, tinted
from ..site import Site
from ..stock import Stock

_GOODS = (
    "pallet",
    "pallet",
    "pallet",
    "drum",
    "pipes",
    "rack",
    "barrier",
    "heap",
    "barrow",
    "cabinet",
    "bollard",
    "bin",
)


def make_yard(rng: np.random.Generator) -> Site:
    """A yard of 36 to 72 metres with halls at its edge and goods in rows and heaps."""
    half_x, half_y = rng.uniform(18, 36, 2)
    site = Site(_ground(rng, half_x, half_y), rng)
    stock = Stock(rng)
    _halls(site, half_x, half_y)
    port = rng.uniform(0, 1)
    if port > 0.3:
        _containers(site, half_x, half_y, int(rng.integers(9, 40)))
    _goods(site, stock, half_x, half_y)
    zone = (-half_x + 2, half_x - 2, -half_y + 2, half_y - 2)
    traffic = [
        stock("lorry"),
        stock("forklift"),
        stock("forklift"),
        stock("lorry"),
        stock("trailer"),
        stock("car"),
        stock("tractor"),
    ]
    site.scatter(traffic, zone, int(rng.integers(8, 26)), 0.4, tilt=True)
    common.people(site, stock, zone, int(rng.integers(2, 8)))
    for x in rng.uniform(-half_x, half_x, 5):
        lamp, light = stock.lamps[0]
        y = rng.uniform(-half_y, half_y)
        if site.try_put(lamp, x, y, rng.uniform(0, 6)):
            site.lamps.append([x, y, light[2]])
    _fence(site, stock, half_x, half_y)
    site.zones.append(zone)
    common.horizon(site, stock, max(half_x, half_y) + 24, 125, 0.45, 0.9)
    return site


def _ground(rng, half_x: float, half_y: float) -> Ground:
    hills, waves, bumps = (
        rim(rng, 85, rng.uniform(3, 22)),
        rolling(rng, rng.uniform(0.05, 0.35), 45.0),
        rolling(rng, rng.uniform(0, 0.05), 3.5),
    )
    look = pick(
        rng,
        (
            (Surface.CONCRETE, (0.35, 0.34, 0.32)),
            (Surface.ASPHALT, (0.11, 0.11, 0.11)),
            (Surface.SOIL, (0.3, 0.25, 0.19)),
            (Surface.PAVING, (0.28, 0.27, 0.25)),
        ),
    )
    rough = 3.0 if look[0] == Surface.SOIL else 0.6

    def terrain(x, y):
        return waves(x, y) + rough * bumps(x, y) + hills(x, y)

    ground = Ground(
        lines(-half_x - 6, half_x + 6, 1.6, [-half_x, half_x], 165),
        lines(-half_y - 6, half_y + 6, 1.6, [-half_y, half_y], 165),
        terrain,
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
    )
    ground.paint((-half_x, half_x), (-half_y, half_y), look[0], tinted(rng, look[1]))
    for _ in range(rng.integers(0, 9)):
        x, y = rng.uniform(-half_x, half_x - 5), rng.uniform(-half_y, half_y - 5)
        chosen = ground.patches((x, x + rng.uniform(2, 15)), (y, y + rng.uniform(2, 12))) & (
            ground.surface == look[0]
        )
        ground.paint_where(chosen, None, tinted(rng, look[1], 0.4), rng.choice([0.0, 0.0, 0.12]))
    return ground


def _halls(site: Site, half_x: float, half_y: float) -> None:
    """Halls on two or three sides, with loading ramps and stairs."""
    rng = site.rng
    for turn, reach, span in (
        (0.0, half_y, half_x),
        (np.pi, half_y, half_x),
        (-np.pi / 2, half_x, half_y),
        (np.pi / 2, half_x, half_y),
    ):
        if rng.random() < 0.3:
            continue
        width = rng.uniform(0.7, 1.6) * span
        shift, back = rng.uniform(-0.2, 0.2) * span, reach + rng.uniform(-4, 2)
        x, y = -np.sin(turn) * back + np.cos(turn) * shift, np.cos(turn) * back + np.sin(turn) * shift
        if common.stand_building(site, hall(rng, width, rng.uniform(10, 20)), x, y, turn, width, force=False):
            u = rng.uniform(-0.4, 0.2) * width
            dx, dy = np.cos(turn) * u, np.sin(turn) * u
            mesh = (
                ramp(rng, 6, 2.4, rng.uniform(0.6, 1.2)).at(0, -2.5)
                if rng.random() < 0.6
                else outside_stairs(rng, 3).at(0, -3.5)
            )
            site.try_put(mesh, x + dx, y + dy, turn, -0.4)


def _containers(site: Site, half_x: float, half_y: float, count: int) -> None:
    """Stacks of containers in two or three blocks, with alleys of a few metres between their rows."""
    rng = site.rng
    for _ in range(rng.integers(1, 4)):
        length = float(rng.choice([6.06, 6.06, 12.19]))
        stacks = [
            yard_goods.stack(rng, int(rng.integers(1, 4)), length).at(-length / 2, -1.22) for _ in range(3)
        ]
        heading = rng.choice([0.0, np.pi / 2]) + rng.choice([0.0, rng.normal(0, 0.2)])
        x0, y0 = rng.uniform(-0.6, 0.6) * half_x, rng.uniform(-0.6, 0.6) * half_y
        alley = rng.uniform(2.6, 6)
        c, s = np.cos(heading), np.sin(heading)
        for i in range(max(count // 3, 1)):
            u, v = (
                (i % 3 - 1) * (length + rng.uniform(0.15, 1.5)),
                (i // 3 - 1) * (2.5 + alley * (i // 3 % 2)),
            )
            x, y = x0 + c * u - s * v, y0 + s * u + c * v
            if abs(x) < half_x - 4 and abs(y) < half_y - 4:
                site.try_put(pick(rng, stacks), x, y, heading + rng.normal(0, 0.01), 0.03)


def _goods(site: Site, stock: Stock, half_x: float, half_y: float) -> None:
    """Rows of pallets and single goods everywhere."""
    rng = site.rng
    for _ in range(rng.integers(4, 12)):
        x, y, step = rng.uniform(-0.8, 0.5) * half_x, rng.uniform(-0.85, 0.85) * half_y, rng.uniform(1.4, 2.2)
        name, deep = pick(rng, ("pallet", "pallet", "drum", "rack", "pipes")), int(rng.integers(1, 4))
        for k in range(deep):
            common.row(
                site,
                lambda n=name: stock(n),
                x + np.arange(rng.integers(2, 9)) * step * (1 if name in ("pallet", "drum") else 3),
                y + 1.4 * k,
                0.0,
                0.06,
                margin=0.02,
            )
    zone = (-half_x + 1, half_x - 1, -half_y + 1, half_y - 1)
    site.scatter([stock.any(*_GOODS) for _ in range(14)], zone, int(rng.integers(40, 150)), 0.1)
    if rng.random() < 0.4:
        site.try_put(
            works.scaffold(rng, rng.uniform(5, 12), int(rng.integers(2, 5))),
            rng.uniform(-15, 5),
            rng.uniform(-10, 10),
            rng.uniform(0, 3),
        )
    site.scatter(
        [stock("grass"), stock("low_bush"), stock("bush"), stock("grass")],
        zone,
        int(rng.integers(0, 30)),
        0.0,
    )


def _fence(site: Site, stock: Stock, half_x: float, half_y: float) -> None:
    """A fence about the yard with gaps for gates, weeds and trees behind it."""
    rng = site.rng
    kind = pick(rng, ("mesh", "mesh", "palisade", "wall", "planks"))
    high = rng.uniform(1.6, 2.4)
    c = [(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)]
    for a, b in zip(c, c[1:] + c[:1], strict=True):
        if rng.random() < 0.75:
            common.run(site, lambda n: fences.fence(rng, kind, n, high), a, b, 5.0, 0.08)
        along = np.linspace(0.03, 0.97, 12)[:, None] * (np.array(b) - a) + a
        for x, y in along * 1.1:
            site.try_put(
                stock.any("far_tree", "tree", "bush", "grass", "far_tree"),
                x + rng.normal(0, 1),
                y + rng.normal(0, 1),
            )
