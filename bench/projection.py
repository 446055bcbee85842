"""Points to sparse depth: 120,000 points into 1242 x 375 on one core, against plain numpy.

    python bench/projection.py

The straightforward version is what one writes first: homogeneous float64 coordinates, all points
carried to the end, z-buffer by sorting. It has no see-through filter; ours is timed with and without.
"""

from __future__ import annotations

import statistics

import cv2
import numpy as np
from measure import in_turn

from depth_completion_ros import Camera, Frame, SparseDepth

POINTS = 120_000
CAMERA = Camera(1242, 375, [[721.5, 0, 609.6], [0, 721.5, 172.9], [0, 0, 1]])
T_CAM_LIDAR = np.array([[0, -1, 0, 0.06], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1.0]])


def scan() -> np.ndarray:
    """A 64-line scan of a street canyon: ground, two walls, a few cars."""
    azimuth = np.linspace(-np.pi, np.pi, POINTS // 64, endpoint=False)
    elevation = np.deg2rad(np.concatenate([np.linspace(2, -8.3, 32), np.linspace(-8.8, -24.3, 32)]))
    direction = np.stack(
        [
            np.outer(np.cos(elevation), np.cos(azimuth)),
            np.outer(np.cos(elevation), np.sin(azimuth)),
            np.outer(np.sin(elevation), np.ones_like(azimuth)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    with np.errstate(divide="ignore"):
        ground = np.where(direction[:, 2] < 0, -1.73 / direction[:, 2], np.inf)
        walls = 9 / np.abs(direction[:, 1])
    cars = np.where(np.sin(6 * np.arctan2(direction[:, 1], direction[:, 0])) > 0.6, 7.0, np.inf)
    distance = np.minimum(np.minimum(ground, walls), np.minimum(cars, 100))
    points = np.zeros((len(direction), 4), np.float32)
    points[:, :3] = direction * distance[:, None]
    return points


def straightforward(points: np.ndarray) -> np.ndarray:
    homogeneous = np.hstack([points[:, :3].astype(np.float64), np.ones((len(points), 1))])
    optical = (T_CAM_LIDAR @ homogeneous.T).T
    optical = optical[optical[:, 2] > 0.1]
    pixels = (CAMERA.K @ optical[:, :3].T).T
    u = np.round(pixels[:, 0] / pixels[:, 2]).astype(int)
    v = np.round(pixels[:, 1] / pixels[:, 2]).astype(int)
    z = optical[:, 2]
    inside = (u >= 0) & (u < CAMERA.width) & (v >= 0) & (v < CAMERA.height)
    u, v, z = u[inside], v[inside], z[inside]
    order = np.argsort(z)[::-1]
    depth = np.zeros((CAMERA.height, CAMERA.width), np.float32)
    depth[v[order], u[order]] = z[order]
    return depth


def main() -> None:
    cv2.setNumThreads(1)
    points = scan()
    frame = Frame(camera=CAMERA, points=points, T_cam_lidar=T_CAM_LIDAR)
    plain = SparseDepth.from_points(frame, see_through=False)
    same = np.mean((plain.depth > 0) == (straightforward(points) > 0))
    print(f"{len(points)} points, {plain.count} pixels hit; {100 * same:.3f} % of pixels agree")
    works = {
        "straightforward numpy": lambda: straightforward(points),
        "from_points": lambda: SparseDepth.from_points(frame, see_through=False),
        "from_points, see-through filter": lambda: SparseDepth.from_points(frame),
    }
    medians = {name: 1e3 * statistics.median(taken) for name, taken in in_turn(works, 50).items()}
    print("| version | ms | ratio |\n|---|---|---|")
    for name, ms in medians.items():
        print(f"| {name} | {ms:.1f} | {medians['straightforward numpy'] / ms:.1f} |")


if __name__ == "__main__":
    main()
