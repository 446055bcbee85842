"""Edges of depth in a LiDAR scan: where a near surface ends before a far one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_GAP_M = 0.4
MIN_RATIO = 1.12
"""The far side of an edge lies so much farther than the near one, in metres and as a factor."""
CONTRAST = 3.0
"""1 / z changes so many times more across an edge than beside it; along a plane it changes evenly."""
ROW_RAD = 0.007
"""Height of a row of points where the sensor tells no rings."""
MAX_STEP_RAD = 0.045
"""Rows farther apart than this are no neighbours: 16-line sensors have 2 degrees between them."""
REACH = 2.5
"""Points of a row farther apart than so many times the usual distance are no neighbours."""


@dataclass(frozen=True, eq=False)
class DepthEdges:
    """Points on the outlines of near surfaces.

    Args:
        points: float32 N x 3, metres, the frame that was asked for.
        upright: bool N, whether the outline runs up and down (it ends to the left or right), else across.
        weight: float32 N in (0, 1], how clear the step in depth is.
    """

    points: np.ndarray
    upright: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.points)


def depth_edges(points: np.ndarray, T_cam_lidar: np.ndarray, rings: np.ndarray | None = None) -> DepthEdges:
    """Edges of a scan, in the camera's optical frame, halfway between the last near and the first far ray.

    After Levinson & Thrun 2013, "Automatic online calibration of cameras and lasers", with a test that
    planes seen at a slant pass: along a plane 1 / z is linear in the image.

    Args:
        points: N x 3 or more, metres, LiDAR frame; NaN allowed.
        T_cam_lidar: 4 x 4.
        rings: integer N, number of the laser, where the sensor has rings.
    """
    rays = np.ascontiguousarray(points[:, :3], np.float32) @ T_cam_lidar[:3, :3].T.astype(np.float32)
    ahead = np.flatnonzero(rays[:, 2] > 0.5)
    rays = rays[ahead]
    if len(rays) < 4:
        return DepthEdges(np.zeros((0, 3), np.float32), np.zeros(0, bool), np.zeros(0, np.float32))
    azimuth = np.arctan2(rays[:, 0], rays[:, 2]).astype(np.float64)
    elevation = np.arctan2(-rays[:, 1], np.hypot(rays[:, 0], rays[:, 2]))
    row = _dense(np.floor(elevation / ROW_RAD) if rings is None else rings[ahead])
    key = 8.0 * row + azimuth  # azimuths span less than 8, so rows never mix
    order = np.argsort(key, kind="stable")
    rays, key, elevation = rays[order], key[order], elevation[order]
    nearness = 1 / rays[:, 2]
    spacing = _spacing(key)
    at = np.arange(len(rays))
    found = [
        _edges(rays, nearness, _beside(key, at, spacing), upright=True),
        _edges(rays, nearness, _above(key, at, spacing, elevation), upright=False),
    ]
    t = T_cam_lidar[:3, 3].astype(np.float32)
    outline, upright, weight = (np.concatenate(part) for part in zip(*found, strict=True))
    return DepthEdges(outline + t, upright, weight)


def _dense(rings: np.ndarray) -> np.ndarray:
    """Numbers of rows without those that have no point."""
    return np.unique(rings, return_inverse=True)[1].astype(np.int64)


def _spacing(key: np.ndarray) -> float:
    """Usual angle between neighbours of a row."""
    steps = np.diff(key)
    steps = steps[(steps > 1e-5) & (steps < 0.05)]
    return float(np.median(steps)) if len(steps) else 0.01


def _beside(key: np.ndarray, at: np.ndarray, spacing: float) -> np.ndarray:
    """4 x N: for each point itself's left neighbour, itself, its right one, and the one after; -1 if none."""
    line = np.stack([at - 1, at, at + 1, at + 2])
    line[(line < 0) | (line >= len(key))] = -1
    for low, high in ((0, 1), (1, 2), (2, 3)):
        apart = (line[low] < 0) | (line[high] < 0) | (key[line[high]] - key[line[low]] > REACH * spacing)
        line[0 if low == 0 else slice(high, None), apart] = -1
    return line


def _above(key: np.ndarray, at: np.ndarray, spacing: float, elevation: np.ndarray) -> np.ndarray:
    """4 x N as `_beside`, but the nearest in azimuth of the rows before and after."""
    line = np.full((4, len(at)), -1)
    line[1] = at
    for place, rows in ((0, -1), (2, 1), (3, 2)):
        wanted = key + 8.0 * rows
        after = np.clip(np.searchsorted(key, wanted), 1, len(key) - 1)
        nearer = after - (wanted - key[after - 1] < key[after] - wanted)
        close = np.abs(key[nearer] - wanted) < REACH * spacing
        close &= np.abs(elevation[nearer] - elevation) < abs(rows) * MAX_STEP_RAD
        line[place, close] = nearer[close]
    return line


def _edges(rays, nearness, line, upright: bool):
    """Outline points, their direction and weight, where depth steps between places 1 and 2 of the lines."""
    line = line[:, line[2] >= 0]
    q = np.where(line < 0, np.nan, nearness[line])
    step = np.abs(q[1] - q[2])
    beside = np.fmax(np.nan_to_num(np.abs(q[0] - q[1])), np.nan_to_num(np.abs(q[2] - q[3])))
    alone = np.isnan(q[0]) | np.isnan(q[3])  # nothing tells of a slant
    near, far = np.where(q[1] > q[2], line[1], line[2]), np.where(q[1] > q[2], line[2], line[1])
    z_near, z_far = rays[near, 2], rays[far, 2]
    clear = (z_far - z_near > MIN_GAP_M) & (z_far > MIN_RATIO * z_near) & (step > CONTRAST * beside) & ~alone
    near, far, z_near, z_far = near[clear], far[clear], z_near[clear], z_far[clear]
    between = rays[near] / z_near[:, None] + rays[far] / z_far[:, None]
    outline = between * (z_near / 2)[:, None]
    weight = np.sqrt(np.minimum((z_far - z_near) / z_near, 1.0))
    return outline.astype(np.float32), np.full(len(outline), upright), weight.astype(np.float32)
