"""How the car drives: along the straight street, or around the block."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..scene import block
from ..scene.site import LANE_M, Scene
from ..scene.street import ground_height, ground_slope, make_street

SPEED_M_S = 9.0
IMU_HEIGHT_M = 0.93


class Motion(Protocol):
    """Where the GPS/IMU is in the world, by time in seconds."""

    def position(self, time: float) -> np.ndarray:
        """x, y, z in metres."""

    def attitude(self, time: float) -> tuple[float, float, float]:
        """Roll, pitch (positive: nose down), yaw in radians."""

    def scene(self, seed: int, seconds: float) -> Scene:
        """What is around the car in a drive of so many seconds."""


class StreetMotion:
    """Along our lane of the straight street, weaving and swaying a little, at one speed."""

    def __init__(self, speed: float = SPEED_M_S):
        self.speed = speed

    def position(self, time: float) -> np.ndarray:
        """As of `Motion`."""
        x = self.speed * time
        height = ground_height(x) - 0.03 + IMU_HEIGHT_M + 0.006 * np.sin(8.0 * time)
        return np.array([x, -LANE_M + 0.22 * np.sin(0.9 * time), height])

    def attitude(self, time: float) -> tuple[float, float, float]:
        """As of `Motion`."""
        yaw = np.arctan(0.22 * 0.9 * np.cos(0.9 * time) / self.speed)
        pitch = -np.arctan(ground_slope(self.speed * time)) + 0.002 * np.sin(6.1 * time)
        return 0.006 * np.sin(1.7 * time), float(pitch), float(yaw)

    def scene(self, seed: int, seconds: float) -> Scene:
        """As of `Motion`."""
        return make_street(seed, seconds * self.speed, self.speed)


class LoopMotion:
    """Around the block, lap after lap: turns, a stop at a crossing, stop and go, a tunnel."""

    def __init__(self, speed: float = SPEED_M_S):
        self.speed = speed
        self.pace = block.our_pace(speed)

    def position(self, time: float) -> np.ndarray:
        """As of `Motion`."""
        x, y, _ = self._place(time)
        height = block.ground_height(x, y) - 0.03 + IMU_HEIGHT_M + 0.006 * np.sin(8.0 * time)
        return np.array([x, y, float(height)])

    def attitude(self, time: float) -> tuple[float, float, float]:
        """As of `Motion`."""
        x, y, yaw = self._place(time)
        c, s, step = np.cos(yaw), np.sin(yaw), 0.5

        def slope(dx: float, dy: float) -> float:
            ahead, behind = (block.ground_height(x + k * dx, y + k * dy) for k in (step, -step))
            return float(np.arctan((ahead - behind) / (2 * step)))

        roll = slope(-s, c) + 0.006 * np.sin(1.7 * time)
        return roll, -slope(c, s) + 0.002 * np.sin(6.1 * time), yaw

    def scene(self, seed: int, seconds: float) -> Scene:
        """As of `Motion`."""
        return block.make_block(seed, self.speed)

    def _place(self, time: float) -> tuple[float, float, float]:
        return block.OUR_LANE.at(self.pace.distance(time))


ROUTES = {"street": StreetMotion, "loop": LoopMotion}
"""Motions by the name of their route."""
