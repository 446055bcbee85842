"""The street: what stands where, what moves how, and the ground below it.

World frame: x along the street, y to the left, z up; the road's middle is y = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import objects
from .buildings import house
from .mesh import Material, Mesh, join, placed

ROAD_HALF_M = 5.6  # a lane of 3.4 m and parked cars on each side
PAVEMENT_END_M = 9.2
KERB_M = 0.13
LANE_M = 1.75
BEHIND_M, AHEAD_M = 80.0, 170.0
GROUND_HALF_M = 60.0

# Each moving part with its pose in the world at a time in seconds.
Movers = list[tuple[Mesh, Callable[[float], np.ndarray]]]


def ground_height(x):
    """Height of the road in its middle at x, metres: gently up, with a long wave."""
    return 0.008 * np.asarray(x) + 0.22 * np.sin(np.asarray(x) / 19.0)


def ground_slope(x):
    """Its derivative."""
    return 0.008 + 0.22 / 19.0 * np.cos(np.asarray(x) / 19.0)


def make_street(seed: int, travel: float, speed: float) -> tuple[Mesh, Movers]:
    """Everything that stands still, and everything that moves, around a drive of `travel` metres."""
    start, end = -BEHIND_M, travel + AHEAD_M
    parts = [_ground(start - 40, end + 60)]
    for index, side in enumerate((1, -1)):
        rng = np.random.default_rng([seed, 1, index])
        parts += _lots(rng, side, start, end)
        parts += _kerbside(rng, side, start, end)
    parts += _far_end(np.random.default_rng([seed, 2]), end)
    return join(*parts), _movers(np.random.default_rng([seed, 3]), speed)


def _ground(start: float, end: float) -> Mesh:
    """Strips across the street; the kerbs are steps."""
    kerb = ROAD_HALF_M
    left = [(0, 0.0), (kerb, -0.10), (kerb, KERB_M - 0.10), (kerb + 0.18, KERB_M - 0.10),
            (PAVEMENT_END_M, KERB_M - 0.04), (GROUND_HALF_M, KERB_M)]  # fmt: skip
    looks = [(Material.ASPHALT, (0.085, 0.085, 0.09)), (Material.PLAIN, (0.30, 0.295, 0.28)),
             (Material.PLAIN, (0.33, 0.325, 0.31)), (Material.PAVING, (0.27, 0.26, 0.245)),
             (Material.GRASS, (0.075, 0.115, 0.03))]  # fmt: skip
    x = np.arange(start, end, 3.0)
    z = ground_height(x)
    parts = []
    for (y0, h0), (y1, h1), look in zip(left, left[1:], looks, strict=False):
        for side in (1, -1):
            a = np.stack([x, np.full_like(x, side * y0), z + h0], axis=1)
            b = np.stack([x, np.full_like(x, side * y1), z + h1], axis=1)
            quads = [a[:-1], a[1:], b[1:], a[:-1], b[1:], b[:-1]]
            parts.append(Mesh.of(np.stack(quads, axis=1), *look))
    return join(*parts)


def _stand(mesh: Mesh, x: float, y: float, heading: float = 0.0, lift: float = KERB_M - 0.1) -> Mesh:
    return mesh.at(x, y, float(ground_height(x)) + lift, heading)


def _lots(rng, side: int, start: float, end: float) -> list[Mesh]:
    """Houses in rows, houses behind gardens, and gaps, one after the other along one side."""
    parts, x = [], start
    heading = 0.0 if side > 0 else np.pi
    while x < end:
        kind = rng.choice(["row", "garden", "gap"], p=[0.66, 0.24, 0.10])
        width = rng.uniform(9.0, 15.0)
        corner = x if side > 0 else x + width
        if kind == "row":
            mesh = house(rng, width, rng.uniform(9, 12), int(rng.integers(2, 5)))
            parts.append(_stand(mesh, corner, side * PAVEMENT_END_M, heading))
        elif kind == "garden":
            mesh = house(rng, width - 3.0, rng.uniform(8, 10), int(rng.integers(1, 3)))
            parts.append(_stand(mesh, corner + side * 1.5, side * (PAVEMENT_END_M + 5.5), heading))
            parts += _garden(rng, x, width, side)
        else:
            parts += _gap(rng, x, width, side)
        x += width
    return parts


def _garden(rng, x: float, width: float, side: int) -> list[Mesh]:
    y = side * (PAVEMENT_END_M + 0.3)
    is_railing = rng.random() < 0.6
    border = objects.railing(width) if is_railing else objects.hedge(rng, width, rng.uniform(0.9, 1.4))
    parts = [_stand(border, x, y)]
    small = objects.tree(rng, rng.uniform(3.5, 5.0), 700)
    return [*parts, _stand(small, x + rng.uniform(2, width - 2), side * (PAVEMENT_END_M + 2.6))]


def _gap(rng, x: float, width: float, side: int) -> list[Mesh]:
    """An open plot with a fence, and trees further back."""
    parts = [_stand(objects.railing(width, 1.5), x, side * (PAVEMENT_END_M + 0.2))]
    for _ in range(2):
        mesh = objects.tree(rng, rng.uniform(7, 10), 1200, 1.4)
        parts.append(_stand(mesh, x + rng.uniform(1, width - 1), side * rng.uniform(14, 24)))
    return parts


def _kerbside(rng, side: int, start: float, end: float) -> list[Mesh]:
    """Parked cars, and trees, lamps, signs, bollards, bins and waiting people on the pavement."""
    parts = []
    kinds = list(objects.HULLS)
    for x in np.arange(start + 3, end, 6.3):
        if rng.random() < 0.62:
            kind = kinds[rng.choice(3, p=[0.5, 0.38, 0.12])]
            mesh = objects.car(kind, objects.CAR_COLOURS[rng.integers(len(objects.CAR_COLOURS))])
            heading = (0.0 if side < 0 else np.pi) + rng.normal(0, 0.012)
            place = x + rng.uniform(-0.4, 0.4), side * (4.55 + rng.normal(0, 0.08))
            parts.append(_stand(mesh, *place, heading, lift=-0.08))
    for x in np.arange(start + rng.uniform(0, 8), end, 15.0):
        # Those that are never near get fewer and larger leaves.
        near = start + BEHIND_M - 15 < x < end - AHEAD_M + 50
        mesh = objects.tree(rng, rng.uniform(6.2, 8.5), 2600 if near else 900, 1.0 if near else 1.7)
        parts.append(_stand(mesh, x + rng.normal(0, 1.0), side * 6.9))
    toward_road = -side * np.pi / 2
    for x in np.arange(start + (9 if side > 0 else 24), end, 30.0):
        parts.append(_stand(objects.lamp(), x, side * 6.1, toward_road))
    for x in np.arange(start + rng.uniform(5, 12), end, 23.0):
        facing = 0.0 if side < 0 else np.pi
        parts.append(_stand(objects.sign(int(rng.integers(3))), x, side * 6.05, facing))
        parts.append(_stand(objects.bin_(), x + 4, side * 8.7, rng.uniform(0, 6)))
    for x in np.arange(start + rng.uniform(0, 9), end, 36.0):
        parts += [_stand(objects.bollard(), x + 1.6 * i, side * 5.95) for i in range(5)]
    for x in np.arange(start + rng.uniform(0, 20), end, 27.0):
        parts += [part.moved(pose(0.0)) for part, pose in
                  _person(rng, x, side * rng.uniform(7.4, 8.6), rng.uniform(0, 6), 0.0)]  # fmt: skip
    return parts


def _far_end(rng, end: float) -> list[Mesh]:
    """Houses across the street where it ends in the haze, and trees in front."""
    parts, y = [], -45.0
    while y < 45.0:
        width = rng.uniform(11, 16)
        parts.append(_stand(house(rng, width, 10.0, int(rng.integers(3, 6))), end + 25, y, -np.pi / 2))
        y += width
    return parts + [_stand(objects.tree(rng, 9.0, 600, 2.0), end + 15, y) for y in np.arange(-42, 43, 9.0)]


def _person(rng, x: float, y: float, heading: float, speed: float) -> Movers:
    """Torso and four limbs; they swing as the person walks."""
    parts = objects.person_parts(rng)
    size = np.diag([1.0, 1.0, 1.0, 1.0]) * rng.uniform(0.92, 1.05)
    size[3, 3] = 1.0
    phase = rng.uniform(0, 6)
    cadence, swing = speed / 0.75 * np.pi, min(speed, 1.4) * 0.35 + 0.03

    def limb(side: float, joint_z: float, joint_y: float, sign: float):
        def pose(time: float) -> np.ndarray:
            angle = sign * swing * np.sin(cadence * time + phase)
            c, s = np.cos(angle), np.sin(angle)
            turn = np.array([[c, 0, s, 0], [0, 1, 0, side * joint_y], [-s, 0, c, joint_z], [0, 0, 0, 1]])
            return torso(time) @ turn

        return pose

    def torso(time: float) -> np.ndarray:
        px, py = x + np.cos(heading) * speed * time, y + np.sin(heading) * speed * time
        lift = KERB_M - 0.1 if abs(py) > ROAD_HALF_M else -0.1 * abs(py) / ROAD_HALF_M
        return placed(px, py, float(ground_height(px)) + lift, heading) @ size

    movers: list[tuple[Mesh, Callable[[float], np.ndarray]]] = [(parts["torso"], torso)]
    for side in (1.0, -1.0):
        movers.append((parts["leg"], limb(side, 0.88, 0.09, side)))
        movers.append((parts["arm"], limb(side, 1.40, 0.225, -side)))
    return movers


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
        movers += _person(rng, x, y, heading, pace)
    return movers
