"""What moves in a street: people on foot, and cars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import objects
from .mesh import Mesh
from .site import KERB_M, ROAD_HALF_M, Ground, Movers, Site

WHEELS_SINK_M = 0.03  # the road's middle lies above its lanes

Walk = Callable[[float], tuple[float, float, float]]
"""x, y and heading in the street's frame at a time in seconds."""


def standing_still(x: float, y: float, heading: float) -> Walk:
    """A walk that goes nowhere."""
    return lambda time: (x, y, heading)


def straight_on(x: float, y: float, heading: float, speed: float) -> Walk:
    """A walk in one direction for ever."""
    return lambda time: (x + np.cos(heading) * speed * time, y + np.sin(heading) * speed * time, heading)


def to_and_fro(x0: float, x1: float, y: float, speed: float, start: float) -> Walk:
    """A walk along the street between x0 and x1, `start` metres along it at time 0."""
    length = x1 - x0

    def walk(time: float) -> tuple[float, float, float]:
        done = (start + speed * time) % (2 * length)
        return (x0 + done, y, 0.0) if done < length else (x1 + length - done, y, np.pi)

    return walk


def person(rng, site: Site, walk: Walk, speed: float) -> Movers:
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
        x, y, heading = walk(time)
        lift = KERB_M - 0.1 if abs(y) > ROAD_HALF_M else -0.1 * abs(y) / ROAD_HALF_M
        return site.pose(x, y, heading, lift) @ size

    movers: list[tuple[Mesh, Callable[[float], np.ndarray]]] = [(parts["torso"], torso)]
    for side in (1.0, -1.0):
        movers.append((parts["leg"], limb(side, 0.88, 0.09, side)))
        movers.append((parts["arm"], limb(side, 1.40, 0.225, -side)))
    return movers


def car_on(ground: Ground, mesh: Mesh, drive: Callable[[float], tuple[float, float, float]]):
    """A car, and its pose where `drive` gives x, y and heading in the world at a time: level across."""

    def pose(time: float) -> np.ndarray:
        x, y, heading = drive(time)
        c, s = np.cos(heading), np.sin(heading)
        ahead, behind = (float(ground(x + step * c, y + step * s)) for step in (1.3, -1.3))
        pitch = np.arctan2(ahead - behind, 2.6)
        forward = np.array([c * np.cos(pitch), s * np.cos(pitch), np.sin(pitch)])
        left = np.array([-s, c, 0.0])
        T = np.eye(4)
        T[:3, :3] = np.stack([forward, left, np.cross(forward, left)], axis=1)
        T[:3, 3] = x, y, (ahead + behind) / 2 - WHEELS_SINK_M
        return T

    return mesh, pose
