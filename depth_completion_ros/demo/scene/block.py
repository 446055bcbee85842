"""Four streets around a block of houses, one of them through a tunnel: a drive around it closes a loop.

World frame: the block's middle is the origin. Streets are numbered counter-clockwise, from the one along x in
the south; in each street's frame x runs from its first corner to its last, and y > 0 is towards the block.
"""

from __future__ import annotations

import numpy as np

from . import objects
from .frontage import kerbside, lots
from .mesh import Mesh, join, placed
from .path import Circuit, Pace
from .site import LANE_M, PAVEMENT_END_M, Movers, Scene, Site
from .street import LOOKS, PROFILE
from .traffic import Walk, car_on, person, to_and_fro
from .tunnel import Tunnel

HALF_M = 33.0, 27.0  # from the block's middle to the middle of the streets
LENGTHS = tuple(2 * HALF_M[side % 2] for side in range(4))
CORNER_M = 14.0  # from a corner on: no parked cars, no markings
TUNNEL_SIDE, TUNNEL_M = 2, (16.0, 48.0)
CROSSING_X = 52.0  # of the zebra crossing in the first street, where people cross
GAP_M, GAP_S = 8.0, 1.6  # from car to car: what stays when they stand, and what is added by speed

OUR_LANE = Circuit(HALF_M[0] + LANE_M, HALF_M[1] + LANE_M, 12.0)
THEIR_LANE = Circuit(HALF_M[0] - LANE_M, HALF_M[1] - LANE_M, 8.5, clockwise=True)
_CARS_AHEAD = 2
# Where we stand: two cars from the crossing, and again and again in the queue of the second street.
_TO_CROSSING = CROSSING_X - 6.0 - _CARS_AHEAD * GAP_M - (HALF_M[0] + OUR_LANE.at(0.0)[0])
_WALKERS = (  # street, x and y in it, m/s
    (0, 8.0, -7.9, 1.4), (0, 30.0, 7.7, 1.2), (0, 31.0, 8.3, 1.2), (1, 5.0, -8.4, 1.5), (1, 40.0, 7.8, 1.4),
    (2, 20.0, -8.0, 1.3), (2, 60.0, 8.2, 1.4), (3, 11.0, -7.8, 1.3), (3, 33.0, -8.5, 1.4),
    (3, 50.0, 7.9, 1.5),
)  # fmt: skip
STOPS = ((_TO_CROSSING, 4.0), (80.0, 1.5), (89.0, 1.0))


def ground_height(x, y):
    """Height of the roads at a place of the world, metres: two long waves."""
    return 0.22 * np.sin(np.asarray(x) / 17.0) + 0.18 * np.sin(np.asarray(y) / 14.0 + 1.0)


def site(side: int) -> Site:
    """One of the four streets."""
    heading = side * np.pi / 2
    half, across = HALF_M if side % 2 == 0 else HALF_M[::-1]
    return Site(ground_height, placed(0, 0, 0, heading) @ placed(-half, -across, 0, 0))


def our_pace(speed: float) -> Pace:
    """How the camera's car drives along `OUR_LANE`."""
    return Pace(OUR_LANE, speed, STOPS)


def make_block(seed: int, speed: float) -> Scene:
    """Everything around the block that stands still, and everything that moves."""
    tunnel = Tunnel(site(TUNNEL_SIDE), *TUNNEL_M)
    parts = [tunnel.mesh()]
    for side, length in enumerate(LENGTHS):
        parts.append(_ground(side))
        place = site(side)
        for index, toward in enumerate((1, -1)):
            rng = np.random.default_rng([seed, 11, side, index])
            for start, end in _built_up(side, toward):
                parts += lots(rng, place, toward, start, end, fit=True)
            for start, end in _without_tunnel(side, CORNER_M, length - CORNER_M):
                parts += kerbside(rng, place, toward, start, end)
        rng = np.random.default_rng([seed, 12, side])
        corners = rng.uniform((6, -24), (24, -13), (4, 2)) * (-1, 1)
        parts += [place.stand(objects.tree(rng, 8.0, 1500, 1.3), *corner) for corner in corners]
    movers = _movers(np.random.default_rng([seed, 13]), speed)
    return Scene(join(*parts), movers, ground_height, to_road, tunnel.light)


def _without_tunnel(side: int, start: float, end: float) -> list[tuple[float, float]]:
    if side != TUNNEL_SIDE:
        return [(start, end)]
    return [(start, TUNNEL_M[0]), (TUNNEL_M[1], end)]


def _built_up(side: int, toward: int) -> list[tuple[float, float]]:
    """Parts of a street with houses. Towards the block those of the long streets fill its corners."""
    margin = -PAVEMENT_END_M if toward < 0 else PAVEMENT_END_M if side % 2 == 0 else PAVEMENT_END_M + 12.5
    return _without_tunnel(side, margin, LENGTHS[side] - margin)


def _ground(side: int) -> Mesh:
    """Strips along a street, mitred with those of its neighbours."""
    inner = min(HALF_M)
    parts = []
    for (y0, h0), (y1, h1), look in zip(PROFILE, PROFILE[1:], LOOKS, strict=False):
        for toward in (1, -1):
            ends = (y0, min(y1, inner)) if toward > 0 else (-y0, -y1)
            steps = max(int(abs(ends[1] - ends[0]) / 4.0), 1)
            y = np.linspace(*ends, steps + 1)
            h = np.linspace(h0, h1, steps + 1)
            share = np.linspace(0, 1, int(LENGTHS[side] / 3.0) + 1)[:, None]
            x = y + share * (LENGTHS[side] - 2 * y)
            grid = np.stack([x, np.broadcast_to(y, x.shape), np.broadcast_to(h, x.shape)], axis=-1)
            a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
            quads = np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 3, 3)
            parts.append(Mesh.of(quads, *look))
    return site(side).spread(join(*parts))


def to_road(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points 3 x N of the world along and across the street that they are in, and where markings are."""
    frames = [site(side).T_world_street for side in range(4)]
    local = np.stack([T[:2, :2].T @ (points[:2] - T[:2, 3:]) for T in frames])
    nearest = local[:, 1].argmin(axis=0)
    x, y = np.take_along_axis(local, nearest[None, None], axis=0)[0]
    length = np.take(LENGTHS, nearest)
    marked = (x > CORNER_M - 2) & (x < length - CORNER_M + 2)
    return np.stack([x, y]), marked.astype(np.float32)


def _movers(rng, speed: float) -> Movers:
    """Cars ahead of and behind us that queue as we do, oncoming ones, walkers, and people who cross."""
    colours = rng.permutation(len(objects.CAR_COLOURS))
    kinds = ["hatchback", "van", "saloon", "saloon", "hatchback", "van", "saloon"]
    cars = [objects.car(kind, objects.CAR_COLOURS[c]) for kind, c in zip(kinds, colours, strict=False)]
    ours, theirs = our_pace(speed), Pace(THEIR_LANE, 0.85 * speed)
    movers = []
    for place, car in zip((1, 2, -1), cars, strict=False):
        movers.append(car_on(ground_height, car, _follows(ours, place)))
    for place, car in zip((10.0, 62.0, 95.0, 170.0), cars[3:], strict=False):
        movers.append(car_on(ground_height, car, _oncoming(theirs, place)))
    for side, x, y, pace in _WALKERS:
        margin = -6.0 if y < 0 else 10.0  # the pavement around the block is shorter inside
        walk = to_and_fro(margin, LENGTHS[side] - margin, y, pace, x)
        movers += person(rng, site(side), walk, pace)
    arrival = _arrival(ours, STOPS[0][0] - 12.0)
    for shift, pace in ((0.0, 1.5), (0.7, 1.3)):
        movers += person(rng, site(0), _crossing(ours.lap_s, arrival + shift, pace), pace)
    return movers


def _follows(pace: Pace, place: int):
    """Our drive, so many cars further ahead."""
    return lambda time: OUR_LANE.at(pace.distance(time + place * GAP_S) + place * GAP_M)


def _oncoming(pace: Pace, start: float):
    return lambda time: THEIR_LANE.at(pace.distance(time) + start)


def _arrival(pace: Pace, place: float) -> float:
    """When in its lap a car comes to a place; seconds."""
    times = np.arange(0, pace.lap_s, 0.1)
    return float(times[np.searchsorted([pace.distance(t) for t in times], place)])


def _crossing(lap_s: float, start: float, pace: float) -> Walk:
    """Over the zebra crossing once a lap, to and fro."""
    far = 7.6

    def walk(time: float) -> tuple[float, float, float]:
        lap, t = divmod(time, lap_s)
        over = float(np.clip(pace * (t - start), 0, 2 * far))
        return (CROSSING_X, far - over, -np.pi / 2) if lap % 2 == 0 else (CROSSING_X, over - far, np.pi / 2)

    return walk
