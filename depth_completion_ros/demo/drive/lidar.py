"""A 64-line spinning LiDAR after the Velodyne HDL-64E."""

from __future__ import annotations

import numpy as np

from ..scene.caster import Hits, Snapshot, dot
from ..scene.mesh import Material
from ..scene.textures import albedo

STEPS = 2083  # of 0.1728 degrees: 10 turns a second
MAX_RANGE_M = 120.0
RANGE_NOISE_M = 0.02
# Upper block from +2 degrees in thirds, lower block in halves of a degree.
ELEVATION_DEG = np.concatenate([2 - np.arange(32) / 3, 2 - 31 / 3 - np.arange(1, 33) / 2])
BEAM_RAD = 0.002
# Share of the energy that comes back where it is not simply the surface's brightness.
_GLASS_RETURN = 0.06
_PAINT_RETURN = 0.55


def scan(snapshot: Snapshot, T_world_lidar: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One turn: float32 N x 4 (x, y, z, intensity in [0, 1]), LiDAR frame.

    All of it is taken at one moment, as in KITTI's synced scans, where the car's own movement
    during the turn has been taken out. Order as in KITTI's files: ring by ring from the topmost,
    each with rising azimuth from 0 to 360 degrees.
    """
    rays = _rays(rng)
    R, origin = T_world_lidar[:3, :3].astype(np.float32), T_world_lidar[:3, 3]
    directions = R @ rays
    hits = snapshot.cast(origin, directions)
    index = np.flatnonzero(hits.distance < MAX_RANGE_M)
    hits = hits.chosen(index)
    cosine = -dot(hits.normals, directions[:, index])
    reflectance = _reflectance(hits, cosine)
    # What comes back falls with the square of the range; half the returns are lost at 0.015.
    energy = reflectance * np.clip(cosine, 0.01, 1) * (80.0 / np.maximum(hits.distance, 5.0)) ** 2
    kept = np.flatnonzero(rng.random(len(index)) < 0.93 * energy / (energy + 0.015))
    noise = rng.standard_normal(len(index), dtype=np.float32) * np.float32(RANGE_NOISE_M)
    intensity = reflectance * (0.4 + 0.6 * cosine) + rng.normal(0, 0.015, len(index))
    points = np.empty((len(kept), 4), np.float32)
    points[:, :3] = (rays[:, index[kept]] * (hits.distance + noise)[kept]).T
    points[:, 3] = np.round(np.clip(intensity[kept], 0, 0.99), 2)
    return points


def _rays(rng: np.random.Generator) -> np.ndarray:
    """Unit directions in the LiDAR frame, float32 3 x (64 * STEPS); each laser has its own start."""
    azimuth = (np.arange(STEPS) + rng.uniform(0.05, 0.95, (64, 1))) * (2 * np.pi / STEPS)
    elevation = np.deg2rad(ELEVATION_DEG)[:, None]
    x, y = np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth)
    z = np.broadcast_to(np.sin(elevation), x.shape)
    return np.stack([x, y, z]).reshape(3, -1).astype(np.float32)


def _reflectance(hits: Hits, cosine: np.ndarray) -> np.ndarray:
    """Share of the light that surfaces send back, N in [0, 1]."""
    surface = albedo(hits, hits.distance * BEAM_RAD / np.clip(cosine, 0.08, 1))
    value = np.sqrt(surface.mean(axis=0)) * 0.6
    value[hits.material == Material.FOLIAGE] = 0.35  # leaves are bright in the near infrared
    value[hits.material == Material.GLASS] *= _GLASS_RETURN
    value[hits.material == Material.PAINT] *= _PAINT_RETURN
    value[hits.material == Material.REFLECTOR] = 1.0
    return value
