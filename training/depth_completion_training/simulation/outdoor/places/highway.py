"""Highways: two carriageways with rails, banks, signs, traffic and a bridge overhead."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, boxes, join

from ...surface import Surface
from .. import common
from ..ground import Ground, lines, rim, rolling
from ..objects import fences
from ..shapes import bars, block, pick, tinted
from ..site import Site
from ..stock import Stock


def make_highway(rng: np.random.Generator) -> Site:
    """Two carriageways with rails, banks beside them, signs, a bridge overhead and traffic."""
    lanes, middle, shoulder = int(rng.integers(2, 4)), rng.uniform(0.8, 2.5), rng.uniform(0.8, 3.0)
    inner, edge = middle + 0.5, middle + 0.5 + 3.6 * lanes
    outer = edge + shoulder
    site = Site(_highway_ground(rng, middle, outer), rng)
    stock = Stock(rng)
    for side in (1, -1):
        common.mark(site, -90, 90, *sorted((side * inner, side * (inner + 0.15))))
        common.mark(site, -90, 90, *sorted((side * edge, side * (edge + 0.2))))
        x = np.arange(-85, 85, 12.0)
        for lane in range(1, lanes):
            common.mark(
                site, x, x + 5, *sorted((side * (inner + 3.6 * lane), side * (inner + 3.6 * lane + 0.14)))
            )
        _highway_side(site, stock, side, outer)
        for _ in range(rng.integers(6, 18)):
            y = side * (inner + 3.6 * (rng.integers(lanes) + 0.5))
            name = str(rng.choice(["car", "lorry", "bus", "rider"], p=[0.62, 0.28, 0.05, 0.05]))
            site.try_put(stock(name), rng.uniform(-80, 80), y, 0.0 if side < 0 else np.pi, 1.0, tilt=True)
        site.zones += [
            (-50, 50, *sorted((side * inner, side * edge))),
            (-50, 50, *sorted((side * edge, side * (outer - 0.3)))),
        ]
        _broken_down(site, stock, side, (edge + outer) / 2)
    _middle_barrier(site, stock, middle)
    if rng.random() < 0.6:
        x = rng.uniform(-40, 40)
        site.put(_bridge(rng, outer + 9, rng.uniform(5.2, 6.5)), x, 0.0, solid=False)
        for y in (-outer - 1.2, 0.0, outer + 1.2):
            site.block(x - 1, x + 1, y - 0.7, y + 0.7)
    common.horizon(site, stock, outer + 28, 125, 0.12, 0.8)
    return site


def _highway_ground(rng, middle: float, outer: float) -> Ground:
    hills, waves = rim(rng, 90, rng.uniform(4, 30), 30.0), rolling(rng, rng.uniform(0, 1.0), 90.0)
    bank = rng.uniform(-3, 5, 2)
    slope, bumps = rng.normal(0, 0.02), rolling(rng, 0.15, 9.0)

    def terrain(x, y):
        beyond = np.clip((np.abs(y) - outer - 1.5) / 9.0, 0, 1)
        lift = np.where(y > 0, bank[0], bank[1]) * beyond**2 * (3 - 2 * beyond)
        return (
            slope * x
            + waves(x, 0 * y)
            + lift
            + beyond * bumps(x, y)
            + hills(x, y)
            - 0.02 * np.minimum(np.abs(y), outer)
        )

    ys = [s * v for s in (1, -1) for v in (middle, outer, outer + 1.5)]
    ground = Ground(
        lines(-70, 70, 2.4, [], 180),
        lines(-outer - 14, outer + 14, 1.6, ys, 165),
        terrain,
        Surface.GRASS,
        tinted(rng, pick(rng, common.GRASSES)),
        common.gentle_bend(rng, 14.0),
    )
    ground.paint((-300, 300), (-outer, outer), Surface.ASPHALT, tinted(rng, pick(rng, common.ASPHALTS)))
    ground.paint(
        (-300, 300),
        (-middle, middle),
        pick(rng, (Surface.GRASS, Surface.CONCRETE, Surface.SOIL)),
        (0.2, 0.19, 0.13),
        rng.choice([0, 0.12]),
    )
    return ground


def _highway_side(site: Site, stock: Stock, side: int, outer: float) -> None:
    """Guard rail or noise wall, posts, signs and lamps, bushes and trees on the bank."""
    rng, y = site.rng, side * (outer + 0.7)
    a, b = ((-70, y), (70, y)) if side < 0 else ((70, y), (-70, y))  # the beam faces the road
    kind = rng.integers(3)
    if kind == 0:
        common.run(site, fences.concrete_barrier, a, b, 6.0)
    elif kind == 1 or rng.random() < 0.6:
        common.run(site, lambda n: fences.guard_rail(rng, n), b, a, 8.0, 0.04)
    if rng.random() < 0.3:
        common.run(
            site,
            lambda n: fences.noise_wall(rng, n),
            (-75, side * (outer + 2.5)),
            (75, side * (outer + 2.5)),
            10.0,
        )
    facing = 0.0 if side < 0 else np.pi
    common.row(
        site,
        lambda: stock.any("sign", "board", "sign"),
        np.arange(-65, 65, rng.uniform(14, 30)),
        side * (outer + 1.6),
        facing,
    )
    post = join(
        block((-0.05, 0.05), (-0.06, 0.06), (-0.2, 1.0), Surface.PLAIN, (0.7,) * 3),
        block((-0.055, 0.055), (-0.065, 0.065), (0.7, 0.9), Surface.REFLECTOR, (0.05,) * 3),
    )
    common.row(site, lambda: post, np.arange(-70, 70, 12.5), side * (outer + 0.25), 0, 0.0)
    if rng.random() < 0.4:
        lamp, light = stock.lamps[1]
        for x in np.arange(-60, 60, 28.0):
            if site.try_put(lamp, x, side * (outer + 2.0), -side * np.pi / 2):
                site.lamps.append([x, side * (outer + 1.0), light[2]])
    zone = (-70, 70, *sorted((side * (outer + 3.2), side * (outer + 20))))
    site.scatter(
        [stock("tree"), stock("bush"), stock("bush"), stock("far_tree"), stock("small_tree")],
        zone,
        int(rng.integers(10, 70)),
        0.2,
    )
    near = (-45, 45, *sorted((side * (outer + 1.1), side * (outer + 6))))
    site.scatter([stock("grass") for _ in range(5)], near, int(rng.integers(10, 90)), 0.0, solid=False)


def _middle_barrier(site: Site, stock: Stock, middle: float) -> None:
    rng = site.rng
    if rng.random() < 0.4:
        common.run(site, fences.concrete_barrier, (-75, 0), (75, 0), 6.0)
        return
    for y, a, b in ((middle - 0.35, -75, 75), (-middle + 0.35, 75, -75)):
        common.run(site, lambda n: fences.guard_rail(rng, n), (b, y), (a, y), 8.0)
    if middle > 1.2 and rng.random() < 0.6:
        common.row(
            site,
            lambda: stock.any("low_bush", "bush"),
            np.arange(-60, 60, rng.uniform(1.5, 5)),
            0.0,
            rng.uniform(0, 6),
            0.1,
        )


def _broken_down(site: Site, stock: Stock, side: int, y: float) -> None:
    """Someone on the hard shoulder, or road works with cones and barriers."""
    rng = site.rng
    if rng.random() < 0.5:
        x = rng.uniform(-30, 30)
        site.try_put(stock.any("car", "lorry"), x, side * y, 0.0 if side < 0 else np.pi, tilt=True)
        site.try_put(stock("person"), x + 4, side * (y + 0.3), rng.uniform(0, 6))
    if rng.random() < 0.6:
        x = rng.uniform(-40, 10)
        common.row(
            site,
            lambda: stock.any("bollard", "barrier", "bollard"),
            x + np.arange(rng.integers(4, 14)) * rng.uniform(1.8, 4),
            side * (y - 1.2),
            0,
            0.15,
        )


def _bridge(rng, half: float, clear: float) -> Mesh:
    """A bridge along y over the road, with piers, rails and girders."""
    wide = rng.uniform(4, 11)
    look = Surface.CONCRETE, tinted(rng, (0.4, 0.39, 0.37))
    x = np.linspace(-wide / 2 + 0.6, wide / 2 - 0.6, 3)
    y = np.arange(-half, half, 0.35)
    rails = []
    for s in (-1, 1):
        foot = np.stack([0 * y + s * wide / 2, y, 0 * y + clear + 1.3], axis=1)
        rails.append(bars(foot, foot + (0, 0, 1.0), 0.015))
        rails.append(bars([s * wide / 2, -half, clear + 2.3], [s * wide / 2, half, clear + 2.3], 0.04))
    piers = np.array([[u, v] for u in x[::2] for v in (-half + 8, 0, half - 8)])
    return join(
        boxes([-wide / 2, -half - 20, clear + 0.8], [wide / 2, half + 20, clear + 1.3], *look),
        block((x - 0.3, x + 0.3), (-half, half), (clear, clear + 0.8), *look),
        block(
            (piers[:, 0] - 0.35, piers[:, 0] + 0.35),
            (piers[:, 1] - 0.5, piers[:, 1] + 0.5),
            (-2, clear),
            *look,
        ),
        *rails,
    )
