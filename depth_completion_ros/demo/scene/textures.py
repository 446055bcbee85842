"""Procedural reflectance of each material, by position."""

from __future__ import annotations

import cv2
import numpy as np

from .caster import Hits
from .mesh import Material
from .site import ROAD_HALF_M

_TILE = np.random.default_rng(1).normal(size=(256, 256)).astype(np.float32)
_ROW = 1024


def noise(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Smooth noise of mean 0 and spread about 0.7 with a grain of 1 to 2 units; N values."""
    count = len(u)
    if not count:
        return np.zeros(0, np.float32)
    maps = np.zeros((2, -(-count // _ROW) * _ROW), np.float32)
    np.mod(u, 256, out=maps[0, :count])
    np.mod(v, 256, out=maps[1, :count])
    a, b = maps.reshape(2, -1, _ROW)
    return cv2.remap(_TILE, a, b, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP).ravel()[:count]


def albedo(hits: Hits, footprint: np.ndarray) -> np.ndarray:
    """Linear RGB reflectance where rays hit, float32 3 x N.

    Args:
        footprint: N, metres of surface that one ray stands for; finer patterns fade out.
    """
    result = hits.colour.copy()
    for kind, texture in _TEXTURES.items():
        index = np.flatnonzero(hits.material == kind)
        if index.size:
            points, options = hits.points[:, index], {}
            if kind == Material.ASPHALT and hits.to_road is not None:
                points, options["marked"] = hits.to_road(points)
            pattern = texture(points, hits.normals[:, index], footprint[index], **options)
            result[:, index] *= pattern
    return np.clip(result, 0, 0.85, out=result)


def _fade(footprint, size: float) -> np.ndarray:
    """1 where a pattern of this size can be resolved, falling to 0."""
    return np.clip(1.5 - footprint / size, 0, 1)


def _wall_axes(points, normals):
    """Coordinates along and up a wall."""
    return np.where(np.abs(normals[0]) > 0.7, points[1], points[0]), points[2]


def _asphalt(points, normals, footprint, marked=1):
    x, y = points[:2]
    grey = 1 + 0.10 * noise(x * 0.35, y * 0.9) + 0.16 * noise(x * 9, y * 9) * _fade(footprint, 0.2)
    lane = np.abs(np.abs(y) - 1.75)
    grey -= 0.10 * np.exp(-((lane - 0.75) ** 2) * 12)
    patch = noise(np.floor(x / 7.3) * 3.7, np.floor(y / 1.9 + 0.3) * 5.1)
    grey *= np.where(patch > 1.1, 0.75, 1.0)
    grey[np.abs(np.abs(y) - ROAD_HALF_M + 0.15) < 0.15] *= 0.8
    wear = 0.85 + 0.15 * noise(x * 5, y * 5)
    paint = _markings(x, y) * wear * marked
    return grey * (1 - paint) + paint * np.float32(6.1)


def _markings(x, y):
    """1 on white paint: dashed middle, parking bays, a zebra crossing now and then."""
    middle = (np.abs(y) < 0.07) & (np.mod(x, 9.0) < 4.0)
    edge = np.abs(np.abs(y) - 3.45) < 0.06
    bay = (np.abs(y) > 3.45) & (np.abs(y) < ROAD_HALF_M - 0.3) & (np.mod(x + 0.2, 6.3) < 0.12)
    along = np.mod(x - 50.3, 70.0)
    crossing = along < 3.6
    zebra = crossing & (np.mod(y, 1.1) < 0.55)
    lines = (middle | edge | bay) & ~(np.mod(along + 1.0, 70.0) < 5.6)
    return (lines | zebra).astype(np.float32)


def _paving(points, normals, footprint):
    x, y = points[:2] / 0.5
    x = x + 0.5 * np.mod(np.floor(y), 2)
    slab = noise(np.floor(x) * 3.3, np.floor(y) * 5.7)
    joint = (np.mod(x, 1) < 0.05) | (np.mod(y, 1) < 0.05)
    fade = _fade(footprint, 0.3)
    return 1 + 0.10 * slab * fade - 0.35 * joint * fade + 0.06 * noise(points[0], points[1] * 1.3)


def _grass(points, normals, footprint):
    x, y = points[:2]
    return 1 + 0.2 * noise(x * 0.7, y * 0.7) + 0.35 * noise(x * 12, y * 12) * _fade(footprint, 0.15)


def _plaster(points, normals, footprint):
    u, z = _wall_axes(points, normals)
    stains = 0.05 * noise(u * 0.4, z * 0.25) + 0.04 * noise(u * 3.1, z * 0.35)
    return 1 + stains + 0.06 * noise(u * 14, z * 14) * _fade(footprint, 0.12)


def _brick(points, normals, footprint):
    u, z = _wall_axes(points, normals)
    row = np.floor(z / 0.083)
    u = u / 0.25 + 0.5 * np.mod(row, 2)
    joint = (np.mod(z / 0.083, 1) < 0.16) | (np.mod(u, 1) < 0.06)
    tone = noise(np.floor(u) * 3.7, row * 5.3) * 0.18
    fade = _fade(footprint, 0.09)
    mortar = 0.55 * joint * fade + 0.1 * (1 - fade)  # far away it blends in evenly
    return 1 + tone * _fade(footprint, 0.3) + mortar + 0.06 * noise(u * 0.08, z * 0.3)


def _roof(points, normals, footprint):
    u, z = _wall_axes(points, normals)
    row, column = z / 0.17, u / 0.24
    shade = np.mod(row, 1) * 0.35 - 0.17 + 0.15 * np.cos(column * 2 * np.pi)
    tone = 0.15 * noise(np.floor(column) * 3.1, np.floor(row) * 7.7)
    return 1 + (shade + tone) * _fade(footprint, 0.17) + 0.08 * noise(u * 0.5, z * 0.8)


def _bark(points, normals, footprint):
    x, y, z = points
    return 1 + 0.35 * noise((x + y) * 25, z * 4) * _fade(footprint, 0.08)


_TEXTURES = {
    Material.ASPHALT: _asphalt,
    Material.PAVING: _paving,
    Material.GRASS: _grass,
    Material.PLASTER: _plaster,
    Material.BRICK: _brick,
    Material.ROOF: _roof,
    Material.BARK: _bark,
}
