"""LiDARs that never repeat their path: a beam bent by turning prisms.

Two thin prisms that turn at different speeds bend the beam by two angles that add as vectors, which
draws a rosette (Risley pair). Speeds of the Mid-40: 7294 and -4664 turns a minute; figures of fields
and rates: user manuals of Livox.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .pattern import FULL_CIRCLE, Pattern, unit


@dataclass(frozen=True)
class Rosette:
    """A sensor with a pair of prisms before its lasers.

    Args:
        field: full angle of the circle that it covers, degrees.
        rate: points a second, of all lasers together.
        lasers: that stand above each other and share the prisms.
        spread: elevation from the topmost laser to the lowest, degrees.
        turns: of the two prisms a minute.
    """

    name: str
    field: float
    rate: int
    max_range: float
    lasers: int = 1
    spread: float = 0.0
    turns: tuple[float, float] = (7294.0, -4664.0)
    divergence: float = 0.004
    noise: float = 0.02


ROSETTES: dict[str, Rosette] = {
    sensor.name: sensor
    for sensor in (
        Rosette("Mid-40", 38.4, 100_000, 260),
        Rosette("Mid-70", 70.4, 100_000, 260),
        # Six lasers in a row, whose prisms' speeds are not published: those of the Mid-40.
        Rosette("Avia", 70.4, 240_000, 450, 6, 7.0),
    )
}


def rosette(sensor: Rosette, rng: np.random.Generator, seconds: float) -> Pattern:
    """The path within some seconds, from a random moment on; the line is the laser."""
    if not seconds > 0:
        raise ValueError(f"A {sensor.name} is read for {seconds} s; the time must be positive.")
    count = max(1, round(sensor.rate * seconds / sensor.lasers))
    time = rng.uniform(0, 600) + np.arange(count) * (sensor.lasers / sensor.rate)
    first, second = (2 * np.pi * (turns / 60 * time + rng.random()) for turns in sensor.turns)
    bend = np.deg2rad(sensor.field / 4)
    across, up = bend * (np.cos(first) + np.cos(second)), bend * (np.sin(first) + np.sin(second))
    laser = np.arange(sensor.lasers, dtype=np.uint16)
    offset = np.deg2rad(sensor.spread) * (0.5 - laser / max(1, sensor.lasers - 1)) * (sensor.lasers > 1)
    up = up + offset[:, None]
    return Pattern(
        sensor.name, unit(np.broadcast_to(across, up.shape), up), np.repeat(laser, count),
        sensor.max_range, sensor.divergence, sensor.noise,
    )  # fmt: skip


def mid_360(rng: np.random.Generator, seconds: float, sector: tuple[float, float] = FULL_CIRCLE) -> Pattern:
    """A Livox Mid-360 or the like: all around, -7 to 52 degrees, 200 000 points a second, four lasers.

    Its lasers go up and down while they turn, a little further at each turn. The true path is not
    published; the density over elevation and the gaps of a short reading are alike.
    """
    if not seconds > 0:
        raise ValueError(f"A Mid-360 is read for {seconds} s; the time must be positive.")
    rate, lasers = 200_000, 4
    count = max(1, round(rate * seconds / lasers))
    time = rng.uniform(0, 600) + np.arange(count) * (lasers / rate)
    azimuth = 2 * np.pi * (10.02 * time + rng.random())
    swing = 2 * np.pi * (397.3 * time + rng.random())
    laser = np.arange(lasers, dtype=np.uint16)
    elevation = 22.5 + 26.5 * np.sin(swing) + 3.0 * (1 - 2 * laser / (lasers - 1))[:, None]
    middle = (sector[0] + sector[1]) / 2
    turn = np.mod(azimuth - middle + np.pi, 2 * np.pi) - np.pi
    kept = np.abs(turn) <= (sector[1] - sector[0]) / 2
    elevation = np.deg2rad(elevation[:, kept])
    directions = unit(np.broadcast_to(azimuth[kept] % (2 * np.pi), elevation.shape), elevation)
    line = np.repeat(laser, np.count_nonzero(kept))
    return Pattern("Mid-360", directions, line, 70, 0.004, 0.02)
