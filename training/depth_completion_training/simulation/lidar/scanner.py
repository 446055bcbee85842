"""One scan of a world by a range sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_completion_ros.core.geometry import check_rigid
from depth_completion_ros.demo.scene.caster import Hits, dot

from ..surface import Surface
from .beams import widen
from .faults import Faults
from .pattern import Pattern

_RAIN_M = 12.0
_SKIN_M = 0.01
"""What a beam goes on from a pane or a mirror before anything else can stop it."""


@dataclass(eq=False)
class Scan:
    """What a sensor tells.

    Args:
        points: float32 N x 3, metres, LiDAR frame, as measured.
        line: uint16 N, as in `Pattern`.
        truth: float32 N, metres to the surface in the middle of the beam; inf where there is none.
        sensor: name of the pattern.
    """

    points: np.ndarray
    line: np.ndarray
    truth: np.ndarray
    sensor: str = ""


def scan(
    world, T_world_lidar: np.ndarray, pattern: Pattern, rng: np.random.Generator, faults: Faults | None = None
) -> Scan:
    """All rays of a pattern at one moment.

    Args:
        world: has `cast(origin 3 or 3 x N, directions 3 x N) -> Hits`, and may have
            `reflectance(hits, footprint N in metres) -> N` in [0, 1], of the near infrared.
        T_world_lidar: 4 x 4.
        faults: None for the usual ones.

    Raises:
        ValueError: a transform that is not rigid.
    """
    faults = Faults() if faults is None else faults
    T = check_rigid(T_world_lidar, "T_world_lidar")
    origin, directions = T[:3, 3], T[:3, :3].astype(np.float32) @ pattern.directions
    hits = world.cast(origin, directions)
    truth = hits.distance
    distance = widen(world, origin, directions, truth, pattern, faults, rng)
    distance, behind = _ghosts(world, directions, distance, hits, faults, rng)
    distance, drops = _early(distance, pattern, faults, rng)
    index = np.flatnonzero(distance < pattern.max_range)
    surface = ~(behind | drops | np.isinf(truth))[index]
    kept = rng.random(len(index), dtype=np.float32) >= np.float32(faults.dropout)
    if faults.dark:
        # What came from elsewhere than the middle of the beam is as likely to come back as a dark wall.
        energy = np.full(len(index), 3 * faults.dark, np.float32)
        chosen = index[surface]
        energy[surface] = _energy(
            world, hits.chosen(chosen), directions[:, chosen], distance[chosen], pattern
        )
        kept &= rng.random(len(index), dtype=np.float32) < energy / (energy + np.float32(faults.dark))
    index = index[kept]
    measured = _told(distance[index], pattern, faults, rng)
    positive = measured > 0
    index, measured = index[positive], measured[positive]
    points = (pattern.directions[:, index] * measured).T.copy()
    return Scan(points, pattern.line[index], truth[index], pattern.name)


def _energy(world, hits: Hits, directions: np.ndarray, distance: np.ndarray, pattern: Pattern) -> np.ndarray:
    """What comes back from surfaces, N; 1 from a white one that faces the sensor at 2/3 of its range."""
    cosine = -dot(hits.normals, directions)
    footprint = distance * np.float32(pattern.divergence) / np.clip(cosine, 0.08, 1)
    if hasattr(world, "reflectance"):
        reflectance = np.asarray(world.reflectance(hits, footprint), np.float32)
    else:
        reflectance = np.sqrt(hits.colour.mean(axis=0)) * np.float32(0.6)
    # Light falls with the square of the range; near the sensor its receiver sees less of it.
    full = np.float32(pattern.max_range * 2 / 3)
    return reflectance * np.clip(cosine, 0.01, 1) * (full / np.maximum(distance, full / 13)) ** 2


def _ghosts(world, directions, distance, hits: Hits, faults: Faults, rng) -> tuple[np.ndarray, np.ndarray]:
    """Ranges with those of what panes let through and mirrors show, and a mask of which they are."""
    odd = np.zeros(len(distance), bool)
    if not faults.ghosts:
        return distance, odd
    kind = hits.material
    panes = np.flatnonzero(((kind == Surface.GLASS) | (kind == Surface.MIRROR)) & np.isfinite(hits.distance))
    panes = panes[rng.random(len(panes)) < faults.ghosts]
    if not panes.size:
        return distance, odd
    onwards, normals = directions[:, panes], hits.normals[:, panes]
    mirrored = onwards - 2 * dot(onwards, normals) * normals
    onwards = np.where(kind[panes] == Surface.MIRROR, mirrored, onwards).astype(np.float32)
    further = world.cast(hits.points[:, panes] + onwards * np.float32(_SKIN_M), onwards).distance
    odd[panes] = True
    distance = distance.copy()
    distance[panes] = hits.distance[panes] + np.float32(_SKIN_M) + further
    return distance, odd


def _early(distance: np.ndarray, pattern: Pattern, faults: Faults, rng) -> tuple[np.ndarray, np.ndarray]:
    """Ranges with those of drops and dust before the surface, and a mask of which they are."""
    if not faults.outliers:
        return distance, np.zeros(len(distance), bool)
    odd = rng.random(len(distance)) < faults.outliers
    drops = np.flatnonzero(odd)
    limit = np.minimum(np.minimum(distance[drops], pattern.max_range), _RAIN_M)
    distance = distance.copy()
    distance[drops] = limit * np.sqrt(rng.uniform(0.002, 1, len(drops)))
    return distance, odd


def _told(distance: np.ndarray, pattern: Pattern, faults: Faults, rng: np.random.Generator) -> np.ndarray:
    """Ranges with noise, in the steps in which the sensor tells them."""
    if faults.noise:
        sigma = np.hypot(pattern.noise, pattern.noise_share * distance) * faults.noise
        distance = distance + rng.standard_normal(len(distance), dtype=np.float32) * sigma.astype(np.float32)
    if faults.quantum:
        distance = np.round(distance / np.float32(faults.quantum)) * np.float32(faults.quantum)
    return distance.astype(np.float32)
