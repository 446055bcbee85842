"""Spinning LiDARs with 16, 32 and 64 lines, after Velodyne's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..scene.caster import Hits, Snapshot, World, dot
from ..scene.mesh import Material
from ..scene.textures import albedo

BEAM_RAD = 0.002
# Share of the energy that comes back where it is not simply the surface's brightness.
_GLASS_RETURN = 0.06
_PAINT_RETURN = 0.55
_SECTORS = 20  # of a turn, in each of which what moves stands still


@dataclass(frozen=True)
class LidarModel:
    """A LiDAR that turns ten times a second.

    Args:
        elevation_deg: of the lasers, from the topmost.
        steps: shots of a laser in a turn.
        max_range, range_noise: metres.
    """

    elevation_deg: np.ndarray
    steps: int
    max_range: float
    range_noise: float


MODELS = {
    16: LidarModel(np.arange(15.0, -16.0, -2.0), 1800, 100.0, 0.03),
    32: LidarModel(10.67 - np.arange(32) * 4 / 3, 2170, 100.0, 0.02),
    # Upper block from +2 degrees in thirds, lower block in halves of a degree; shots of 0.1728 degrees.
    64: LidarModel(
        np.concatenate([2 - np.arange(32) / 3, 2 - 31 / 3 - np.arange(1, 33) / 2]), 2083, 120.0, 0.02
    ),
}
"""VLP-16, HDL-32E and HDL-64E by their number of lines."""


def scan(
    snapshot: Snapshot, T_world_lidar: np.ndarray, rng: np.random.Generator, model: LidarModel
) -> np.ndarray:
    """One turn: float32 N x 4 (x, y, z, intensity in [0, 1]), LiDAR frame.

    All of it is taken at one moment, as in KITTI's synced scans, where the car's own movement
    during the turn has been taken out. Order as in KITTI's files: ring by ring from the topmost,
    each with rising azimuth from 0 to 360 degrees.
    """
    rays, _ = _rays(rng, model)
    R, origin = T_world_lidar[:3, :3].astype(np.float32), T_world_lidar[:3, 3]
    directions = R @ rays
    return _returns(snapshot.cast(origin, directions), rays, directions, rng, model)[0]


def rolling_scan(
    world: World,
    T_world_lidar: Callable[[float], np.ndarray],
    start: float,
    seconds: float,
    rng: np.random.Generator,
    model: LidarModel,
) -> tuple[np.ndarray, np.ndarray]:
    """One turn that takes its time, each shot from where the LiDAR then is, as drivers deliver it.

    The turn begins and ends straight ahead, and goes clockwise as seen from above. What moves is moved on
    twenty times in a turn.

    Args:
        T_world_lidar: pose by time.
        start, seconds: when the turn begins, and how long it takes.

    Returns:
        points as of `scan`, each in the LiDAR frame of its own moment, and float32 N: seconds since `start`.
    """
    rays, azimuth = _rays(rng, model)
    share = 1 - azimuth / (2 * np.pi)
    sector = np.minimum((share * _SECTORS).astype(int), _SECTORS - 1)
    hits = Hits.none(rays.shape[1])
    directions = np.empty_like(rays)
    for number in range(_SECTORS):
        index = np.flatnonzero(sector == number)
        ends = [start + seconds * (number + k) / _SECTORS for k in (0, 1)]
        T0, T1 = (T_world_lidar(time) for time in ends)
        within = (share[index] * _SECTORS - number).astype(np.float32)
        # Over a few milliseconds a pose changes evenly.
        origin = T0[:3, 3:] + (T1 - T0)[:3, 3:] * within
        first, last = (T[:3, :3].astype(np.float32) @ rays[:, index] for T in (T0, T1))
        directions[:, index] = first + (last - first) * within
        hits.put(index, world.at(sum(ends) / 2).cast(origin, directions[:, index]))
    points, kept = _returns(hits, rays, directions, rng, model)
    return points, (share[kept] * seconds).astype(np.float32)


def _returns(hits: Hits, rays, directions, rng, model: LidarModel) -> tuple[np.ndarray, np.ndarray]:
    """What comes back of rays: points in the LiDAR frame, and the numbers of their rays."""
    index = np.flatnonzero(hits.distance < model.max_range)
    hits = hits.chosen(index)
    cosine = -dot(hits.normals, directions[:, index])
    reflectance = _reflectance(hits, cosine)
    # What comes back falls with the square of the range; half the returns are lost at 0.015.
    energy = reflectance * np.clip(cosine, 0.01, 1) * (80.0 / np.maximum(hits.distance, 5.0)) ** 2
    kept = np.flatnonzero(rng.random(len(index)) < 0.93 * energy / (energy + 0.015))
    noise = rng.standard_normal(len(index), dtype=np.float32) * np.float32(model.range_noise)
    intensity = reflectance * (0.4 + 0.6 * cosine) + rng.normal(0, 0.015, len(index))
    points = np.empty((len(kept), 4), np.float32)
    points[:, :3] = (rays[:, index[kept]] * (hits.distance + noise)[kept]).T
    points[:, 3] = np.round(np.clip(intensity[kept], 0, 0.99), 2)
    return points, index[kept]


def _rays(rng: np.random.Generator, model: LidarModel) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions in the LiDAR frame, float32 3 x N, and azimuths N; each laser has its own start."""
    lasers = len(model.elevation_deg)
    azimuth = (np.arange(model.steps) + rng.uniform(0.05, 0.95, (lasers, 1))) * (2 * np.pi / model.steps)
    elevation = np.deg2rad(model.elevation_deg)[:, None]
    x, y = np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth)
    z = np.broadcast_to(np.sin(elevation), x.shape)
    return np.stack([x, y, z]).reshape(3, -1).astype(np.float32), azimuth.ravel()


def _reflectance(hits: Hits, cosine: np.ndarray) -> np.ndarray:
    """Share of the light that surfaces send back, N in [0, 1]."""
    surface = albedo(hits, hits.distance * BEAM_RAD / np.clip(cosine, 0.08, 1))
    value = np.sqrt(surface.mean(axis=0)) * 0.6
    value[hits.material == Material.FOLIAGE] = 0.35  # leaves are bright in the near infrared
    value[hits.material == Material.GLASS] *= _GLASS_RETURN
    value[hits.material == Material.PAINT] *= _PAINT_RETURN
    value[hits.material == Material.REFLECTOR] = 1.0
    return value
