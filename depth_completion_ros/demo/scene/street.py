"""The street: what stands where, what moves how, and the ground below it.

World frame: x along the street, y to the left, z up; the road's middle is y = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import objects
from .buildings import house
from .frontage import kerbside, lots
from .mesh import Material, Mesh, join, placed
from .site import GROUND_HALF_M, KERB_M, LANE_M, PAVEMENT_END_M, ROAD_HALF_M, Movers, Scene, Site
from .traffic import person, straight_on

BEHIND_M, AHEAD_M = 80.0, 170.0
# Across the street from its middle: distance and height over the middle, and what lies up to the next.
PROFILE = [(0, 0.0), (ROAD_HALF_M, -0.10), (ROAD_HALF_M, KERB_M - 0.10), (ROAD_HALF_M + 0.18, KERB_M - 0.10),
           (PAVEMENT_END_M, KERB_M - 0.04), (GROUND_HALF_M, KERB_M)]  # fmt: skip
LOOKS = [(Material.ASPHALT, (0.085, 0.085, 0.09)), (Material.PLAIN, (0.30, 0.295, 0.28)),
         (Material.PLAIN, (0.33, 0.325, 0.31)), (Material.PAVING, (0.27, 0.26, 0.245)),
         (Material.GRASS, (0.075, 0.115, 0.03))]  # fmt: skip


def ground_height(x):
    """Height of the road in its middle at x, metres: gently up, with a long wave."""
    return 0.008 * np.asarray(x) + 0.22 * np.sin(np.asarray(x) / 19.0)


def ground_slope(x):
    """Its derivative."""
    return 0.008 + 0.22 / 19.0 * np.cos(np.asarray(x) / 19.0)


STREET = Site(ground=lambda x, y: ground_height(x))


def make_street(seed: int, travel: float, speed: float) -> Scene:
    """Everything that stands still, and everything that moves, around a drive of `travel` metres."""
    start, end = -BEHIND_M, travel + AHEAD_M
    parts = [_ground(start - 40, end + 60)]
    for index, side in enumerate((1, -1)):
        rng = np.random.default_rng([seed, 1, index])
        parts += lots(rng, STREET, side, start, end)
        # Those trees that are never near get fewer and larger leaves.
        parts += kerbside(rng, STREET, side, start, end, near=(-15.0, travel + 50.0))
    parts += _far_end(np.random.default_rng([seed, 2]), end)
    return Scene(join(*parts), _movers(np.random.default_rng([seed, 3]), speed), STREET.ground)


def _ground(start: float, end: float) -> Mesh:
    """Strips across the street; the kerbs are steps."""
    x = np.arange(start, end, 3.0)
    z = ground_height(x)
    parts = []
    for (y0, h0), (y1, h1), look in zip(PROFILE, PROFILE[1:], LOOKS, strict=False):
        for side in (1, -1):
            a = np.stack([x, np.full_like(x, side * y0), z + h0], axis=1)
            b = np.stack([x, np.full_like(x, side * y1), z + h1], axis=1)
            quads = [a[:-1], a[1:], b[1:], a[:-1], b[1:], b[:-1]]
            parts.append(Mesh.of(np.stack(quads, axis=1), *look))
    return join(*parts)


def _far_end(rng, end: float) -> list[Mesh]:
    """Houses across the street where it ends in the haze, and trees in front."""
    parts, y = [], -45.0
    while y < 45.0:
        width = rng.uniform(11, 16)
        parts.append(STREET.stand(house(rng, width, 10.0, int(rng.integers(3, 6))), end + 25, y, -np.pi / 2))
        y += width
    return parts + [
        STREET.stand(objects.tree(rng, 9.0, 600, 2.0), end + 15, y) for y in np.arange(-42, 43, 9.0)
    ]


def _vehicle(mesh: Mesh, x: float, y: float, speed: float) -> tuple[Mesh, Callable]:
    def pose(time: float) -> np.ndarray:
        px = x + speed * time
        pitch = float(ground_slope(px))
        tilt = np.eye(4)
        tilt[0, 2], tilt[2, 0] = -pitch, pitch
        u, _, vt = np.linalg.svd(tilt[:3, :3])
        tilt[:3, :3] = u @ vt
        return placed(px, y, float(ground_height(px)) - 0.03, 0.0) @ tilt

    if speed < 0:
        mesh = mesh.moved(np.diag([-1.0, -1.0, 1.0, 1.0]))
    return mesh, pose


def _movers(rng, speed: float) -> Movers:
    """One car ahead in our lane, oncoming cars, walkers on the pavements and one who crosses."""
    colours = rng.permutation(len(objects.CAR_COLOURS))
    cars = [("hatchback", 19.0, -LANE_M, speed * 1.05), ("saloon", 44.0, LANE_M, -0.9 * speed),
            ("van", 66.0, LANE_M, -0.9 * speed), ("hatchback", 93.0, LANE_M, -0.95 * speed),
            ("saloon", -24.0, LANE_M, -0.9 * speed), ("saloon", -21.0, -LANE_M, speed)]  # fmt: skip
    movers = [
        _vehicle(objects.car(kind, objects.CAR_COLOURS[colour]), x, y, v)
        for (kind, x, y, v), colour in zip(cars, colours, strict=False)
    ]
    walkers = [
        (14.0, -7.9, 0.0, 1.4), (20.5, 7.7, np.pi, 1.2), (21.3, 8.3, np.pi, 1.2), (33.0, -8.4, np.pi, 1.5),
        (41.0, 7.8, 0.0, 1.4), (57.0, -8.0, 0.0, 1.3), (52.0, 6.5, -np.pi / 2, 1.3),
    ]  # fmt: skip
    for x, y, heading, pace in walkers:
        movers += person(rng, STREET, straight_on(x, y, heading, pace), pace)
    return movers
