"""Less light from around in corners and below objects, by one short ray for every fourth pixel."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros.demo.scene.caster import dot

from .world import Hits, World

_REACH_M = {"outdoor": 2.0, "indoor": 0.8, "small": 0.12}
_LOST = 0.8  # share of the light that goes where all rays are blocked
_PATTERN = 4  # pixels of the coarse grid after which the directions repeat
_ALIKE = 0.04  # share of the depth by which pixels of one surface may differ


def open_sky(world: World, hits: Hits, size: tuple[int, int]) -> np.ndarray:
    """Share of the light from around that reaches what the pixels of an image see, float32 N.

    Neighbours take turns with 16 directions and share what they find where their depths are alike
    (interleaved sampling, Keller and Heidrich 2001).
    """
    height, width = size
    rows, columns = np.arange(0, height, 2), np.arange(0, width, 2)
    index = (rows[:, None] * width + columns).ravel()
    coarse = hits.chosen(index)
    depth = coarse.distance.reshape(len(rows), len(columns))
    seen = np.flatnonzero(np.isfinite(coarse.distance))
    free = np.ones(len(index), np.float32)
    reach = _REACH_M["small" if world.small else "indoor" if world.scene.indoor else "outdoor"]
    turn = (np.arange(len(rows))[:, None] % _PATTERN * _PATTERN + np.arange(len(columns)) % _PATTERN).ravel()
    chosen = coarse.chosen(seen)
    ways = chosen.normals + _BALL[:, turn[seen]]
    ways /= np.sqrt(dot(ways, ways)) + np.float32(1e-6)
    free[seen] -= _LOST * world.blocked(chosen.points, chosen.normals, ways, far=reach)
    return _spread(_shared(free.reshape(depth.shape), depth), depth, hits.distance.reshape(size)).ravel()


def _ball() -> np.ndarray:
    """Points spread evenly over a sphere, 3 x 16, in an order that mixes well."""
    count = _PATTERN**2
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    side = 0.98 * np.sqrt(1 - height**2)
    ball = np.stack([side * np.cos(turn), side * np.sin(turn), 0.98 * height])
    return ball[:, np.arange(count) * 7 % count].astype(np.float32)


_BALL = _ball()


def _shared(free: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Mean over the pattern around each pixel of those at a like depth."""
    before, after = _PATTERN // 2, _PATTERN - 1 - _PATTERN // 2
    near = 1 / depth
    widths = (before, after, before, after)
    free_around = cv2.copyMakeBorder(free, *widths, cv2.BORDER_REFLECT)
    near_around = cv2.copyMakeBorder(near, *widths, cv2.BORDER_REFLECT)
    total, weights = np.zeros_like(free), np.full_like(free, 1e-6)
    height, width = free.shape
    for v, u in np.ndindex(_PATTERN, _PATTERN):
        window = slice(v, v + height), slice(u, u + width)
        weight = _alike(near_around[window], near)
        total += weight * free_around[window]
        weights += weight
    return total / weights


def _spread(free: np.ndarray, coarse: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The coarse grid's values for all pixels, from those of its neighbours at a like depth."""
    height, width = depth.shape
    rows, columns = np.arange(height) // 2, np.arange(width) // 2
    near, near_coarse = 1 / depth, 1 / coarse
    total, weights = np.zeros_like(depth), np.full_like(depth, 1e-6)
    for down, right in np.ndindex(2, 2):
        v = np.minimum((np.arange(height) + down) // 2, len(coarse) - 1) if down else rows
        u = np.minimum((np.arange(width) + right) // 2, coarse.shape[1] - 1) if right else columns
        weight = _alike(near_coarse[v][:, u], near)
        total += weight * free[v][:, u]
        weights += weight
    return total / weights


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Near 1 where inverse depths are alike, near 0 across a step."""
    difference = (a - b) / (np.float32(_ALIKE) * b + np.float32(1e-9))
    return 1 / (1 + difference * difference) ** 2 + np.float32(1e-4)
