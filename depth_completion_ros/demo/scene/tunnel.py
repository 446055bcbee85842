"""A tunnel over a stretch of a street: walls, columns, a ceiling with lamps, and the light below it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .mesh import Material, Mesh, boxes, join
from .site import PAVEMENT_END_M, Site

HEIGHT_M = 5.2
_DECK_M, _BANK_M = 1.1, 15.0  # thickness of the ceiling, and how far the walls reach to the sides
_LAMP_Y_M, _LAMP_GAP_M = 3.0, 4.0
_CONCRETE, _TILES = (0.36, 0.355, 0.34), (0.52, 0.50, 0.44)
_LAMP_LIGHT = np.array([[5.6], [5.0], [3.9]], np.float32)


@dataclass(frozen=True)
class Tunnel:
    """A tunnel from `start` to `end` along a street."""

    site: Site
    start: float
    end: float

    def mesh(self) -> Mesh:
        """All of it, in the world."""
        a, b, wall = self.start, self.end, PAVEMENT_END_M
        parts = [
            boxes([a, -_BANK_M, HEIGHT_M], [b, _BANK_M, HEIGHT_M + _DECK_M], Material.PLASTER, _CONCRETE),
            boxes([a, -_BANK_M, HEIGHT_M + _DECK_M], [b, _BANK_M, HEIGHT_M + _DECK_M + 0.05], Material.GRASS,
                  (0.075, 0.115, 0.03)),
        ]  # fmt: skip
        for side in (1, -1):
            low, high = sorted((side * wall, side * _BANK_M))
            parts.append(boxes([a, low, -2], [b, high, HEIGHT_M], Material.PLASTER, _CONCRETE))
            low, high = sorted((side * (wall - 0.02), side * wall))
            parts.append(boxes([a, low, 0.4], [b, high, 2.4], Material.BRICK, _TILES))
            low, high = sorted((side * (wall - 0.35), side * wall))
            x = np.arange(a + 0.1, b - 0.4, 4.0)
            column = np.stack([x, np.full_like(x, low), np.full_like(x, -1)], axis=1)
            parts.append(boxes(column, column + (0.4, 0.35, HEIGHT_M + 1), Material.PLASTER, _CONCRETE))
            lamp = np.arange(a + 1.0, b - 1.6, _LAMP_GAP_M)
            corner = np.stack(
                [lamp, np.full_like(lamp, side * _LAMP_Y_M - 0.12), 0 * lamp + HEIGHT_M - 0.12], 1
            )
            parts.append(boxes(corner, corner + (1.6, 0.24, 0.12), Material.PLAIN, (0.8, 0.8, 0.8)))
        beams = np.arange(a + 2.8, b, _LAMP_GAP_M)
        corner = np.stack([beams, 0 * beams - wall, 0 * beams + HEIGHT_M - 0.35], axis=1)
        parts.append(boxes(corner, corner + (0.4, 2 * wall, 0.35), Material.PLASTER, _CONCRETE))
        for x in (a, b - 0.25):  # a parapet over each portal
            low, high = [x, -_BANK_M, HEIGHT_M + _DECK_M], [x + 0.25, _BANK_M, HEIGHT_M + _DECK_M + 0.9]
            parts.append(boxes(low, high, Material.PLASTER, (0.30, 0.29, 0.28)))
        return join(*parts).moved(self._T_world_tunnel)

    @property
    def _T_world_tunnel(self) -> np.ndarray:
        """Level, at the height of the road in the middle of the tunnel."""
        T = self.site.T_world_street.copy()
        middle = T @ ((self.start + self.end) / 2, 0, 0, 1)
        T[2, 3] = float(self.site.ground(middle[0], middle[1]))
        return T

    def light(self, points: np.ndarray, normals: np.ndarray, ambient: np.ndarray) -> np.ndarray:
        """Ambient light 3 x N of points 3 x N: below the ceiling the sky fades and the lamps burn."""
        T = self._T_world_tunnel.astype(np.float32)
        x, y, z = T[:3, :3].T @ (points - T[:3, 3:])
        inside = np.flatnonzero(
            (x > self.start) & (x < self.end) & (np.abs(y) < PAVEMENT_END_M + 0.05) & (z < HEIGHT_M + 0.02)
        )
        x, y, z = x[inside], y[inside], z[inside]
        n = T[:3, :3].T @ normals[:, inside]
        daylight = np.exp(-np.minimum(x - self.start, self.end - x) / 4.0)
        lamps = np.zeros_like(x)
        for side in (1, -1):
            across, down = side * _LAMP_Y_M - y, HEIGHT_M - 0.13 - z
            squared = across**2 + down**2
            facing = (n[1] * across + n[2] * down) / np.sqrt(squared + 0.01)
            lamps += (0.45 + 0.55 * np.clip(facing, 0, 1)) / (1 + squared)
        lamps[z > HEIGHT_M - 0.11] *= 0.15  # lamps shine down, not on the ceiling that they hang from
        light = ambient.copy()
        light[:, inside] = ambient[:, inside] * daylight + _LAMP_LIGHT * lamps
        return light
