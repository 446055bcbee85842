"""A scene of boards before a wall, seen by a camera and by a LiDAR beside it; for tests of calibration."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from depth_completion_ros.core import Camera, Frame, rigid

CAMERA = Camera(640, 384, [[400, 0, 319.5], [0, 400, 191.5], [0, 0, 1]])
# The LiDAR looks along x with z up and sits 15 cm above the camera.
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.05, -0.15, -0.1])
WALL_M = 30.0


def boards(seed: int = 0, number: int = 16) -> np.ndarray:
    """Upright rectangles facing the camera: number x 5, left, top, right, bottom, z; optical frame."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(6, 16, number)
    u, v = np.linspace(-0.7, 0.7, number), rng.uniform(-0.2, 0.2, number)
    width, height = rng.uniform(0.03, 0.07, (2, number))
    return np.stack([(u - width) * z, (v - 2 * height) * z, (u + width) * z, (v + 2 * height) * z, z], axis=1)


def cast(origin: np.ndarray, directions: np.ndarray, scene: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z where rays end, and the number of the board they hit, -1 for the wall; optical frame."""
    z, which = np.full(len(directions), WALL_M), np.full(len(directions), -1)
    for number, (left, top, right, bottom, depth) in enumerate(scene):
        x, y = (origin[:2, None] + directions[:, :2].T / directions[:, 2] * (depth - origin[2])).round(9)
        hit = (x > left) & (x < right) & (y > top) & (y < bottom) & (depth < z)
        z[hit], which[hit] = depth, number
    return z, which


def image_of(scene: np.ndarray, seed: int = 0) -> np.ndarray:
    """What the camera sees: every board of one grey, on a wall with soft spots; uint8 H x W x 3."""
    rng = np.random.default_rng([seed, 1])
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    rays = CAMERA.unproject(np.stack([u.ravel(), v.ravel()], axis=1))
    _, which = cast(np.zeros(3), rays, scene)
    greys = np.append(rng.choice([20, 40, 200, 230], len(scene)), 120)
    spots = cv2.GaussianBlur(rng.normal(0, 40, (CAMERA.height, CAMERA.width)), (0, 0), 4)
    grey = greys[which].reshape(CAMERA.height, CAMERA.width) + spots + rng.normal(0, 3, spots.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def scan_of(scene: np.ndarray, rows: int = 48, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of a LiDAR with so many rings, N x 3 in its frame, and their rings from the top."""
    rng = np.random.default_rng([seed, 2])
    azimuth = np.deg2rad(np.arange(-42, 42, 0.2))
    elevation = np.deg2rad(np.linspace(22, -22, rows))
    ring, a = (part.ravel() for part in np.meshgrid(np.arange(rows), azimuth, indexing="ij"))
    e = elevation[ring]
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    R, t = T_CAM_LIDAR[:3, :3], T_CAM_LIDAR[:3, 3]
    directions = rays @ R.T
    z, _ = cast(t, directions, scene)
    distance = (z - t[2]) / directions[:, 2] + rng.normal(0, 0.01, len(z))
    return (rays * distance[:, None]).astype(np.float32), ring


@cache
def _view(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scene = boards(seed)
    return image_of(scene, seed), *scan_of(scene, seed=seed)


def frame(seed: int = 0, error: np.ndarray | None = None, with_rings: bool = True) -> Frame:
    """A frame whose camera-from-LiDAR transform has an error (4 x 4, in the optical frame) on top."""
    image, points, rings = _view(seed)
    return Frame(
        camera=CAMERA,
        image=image,
        points=points,
        rings=rings if with_rings else None,
        T_cam_lidar=T_CAM_LIDAR if error is None else error @ T_CAM_LIDAR,
    )
