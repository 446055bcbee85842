"""One view of a world: rays of all pixels, more of them at edges, and the camera's own faults."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core import Camera

from .ambient import open_sky
from .sensor import Sensor
from .shading import Shader, lamps_for
from .world import World

_WITHIN_PIXEL = 0.3  # of the sample besides the centre, pixels
_MOST_ROUGH = 0.15  # share of the pixels that get one
_PORTION = 32_768  # rays at a time, which fit the cache


def render(world: World, camera: Camera, T_world_cam: np.ndarray, rng: np.random.Generator):
    """Image uint8 H x W x 3 RGB and depth float32 H x W, metres along z at pixel centres, inf = sky."""
    size = camera.height, camera.width
    x, y = (part.ravel() for part in camera.rays)
    rays = np.stack([x, y, np.ones_like(x)])
    R, origin = T_world_cam[:3, :3].astype(np.float32), T_world_cam[:3, 3]
    coarse = rays[:, :: max(rays.shape[1] // 400, 1)]
    far = world.distances(origin, R @ coarse)
    met = np.isfinite(far)
    points = origin.astype(np.float32)[:, None] + (R @ coarse)[:, met] * far[met]
    shader = Shader(world, lamps_for(world, points), float(1 / camera.K[0, 0]), rng)

    directions = R @ rays
    hits = world.cast(origin, directions)
    around = open_sky(world, hits, size)
    light = np.empty_like(rays)
    for start in range(0, rays.shape[1], _PORTION):
        part = slice(start, start + _PORTION)
        light[:, part] = shader.light(hits.chosen(part), directions[:, part], around[part])
    np.fmax(light, 0, out=light)  # of a ray that grazes a degenerate triangle there may be none
    sensor = Sensor.random(rng, light)
    np.minimum(light, sensor.white * 1.5, out=light)  # one bright sample must not outshine the others
    rough = _rough(np.sqrt(light.sum(axis=0) / (3 * sensor.white)).reshape(size))
    shift = rng.choice(np.float32([-_WITHIN_PIXEL, _WITHIN_PIXEL]), (3, len(rough)))
    shift *= np.float32([[1 / camera.K[0, 0]], [1 / camera.K[1, 1]], [0]])
    directions = R @ (rays[:, rough] + shift)
    more = shader.light(world.cast(origin, directions), directions, around[rough])
    light[:, rough] = (light[:, rough] + np.clip(np.nan_to_num(more), 0, sensor.white * 1.5)) / 2
    return sensor.develop(light.reshape(3, *size), rng), hits.distance.reshape(size)


def _rough(grey: np.ndarray) -> np.ndarray:
    """Numbers of the pixels of an image H x W, 1 = white, that differ most from a neighbour."""
    step = np.zeros(grey.shape, np.float32)
    down, right = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
    for part, change in ((step[1:], down), (step[:-1], down), (step[:, 1:], right), (step[:, :-1], right)):
        np.maximum(part, change, out=part)
    least = max(np.quantile(step[::2, ::2], 1 - _MOST_ROUGH), 0.08)
    return np.flatnonzero(step > least)
