"""A scan as the pixels of a camera that it measures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from depth_completion_ros.core import filters
from depth_completion_ros.core.camera import Camera
from depth_completion_ros.core.geometry import check_rigid, transform_points
from depth_completion_ros.core.sparse import z_buffer

from .pattern import MIN_DEPTH_M
from .scanner import Scan


class Projected(NamedTuple):
    """Measured pixels of an image, in order.

    Args:
        pixel: int32 N, v * width + u.
        z: float32 N, metres.
        line: uint16 N, as in `Scan`.
        hidden: bool N, which of them the filter of the ROS node takes for points that show through
            a nearer surface.
    """

    pixel: np.ndarray
    z: np.ndarray
    line: np.ndarray
    hidden: np.ndarray


def project_scan(scan: Scan, camera: Camera, T_cam_lidar: np.ndarray) -> Projected:
    """Project a scan with the extrinsics that are believed; the nearest point of a pixel wins.

    Args:
        T_cam_lidar: 4 x 4, see `Faults.believed`.

    Raises:
        ValueError: a transform that is not rigid.
    """
    T = check_rigid(T_cam_lidar, "T_cam_lidar")
    optical = transform_points(T, scan.points)
    pixels, seen = camera.project(optical)
    with np.errstate(invalid="ignore"):
        inside = (pixels >= -0.5) & (pixels < (camera.width - 0.5, camera.height - 0.5))
    index = np.flatnonzero(seen & inside.all(axis=1) & (optical[:, 2] >= MIN_DEPTH_M))
    u, v = (pixels[index] + 0.5).astype(np.int32).T
    z, line = optical[index, 2], scan.line[index]
    depth, _ = z_buffer(u, v, z, camera.height, camera.width)
    return _sorted(depth, v * np.int32(camera.width) + u, z, line, float(camera.K[0, 0]))


def to_depth(projected: Projected, camera: Camera, *, see_through: bool = True) -> np.ndarray:
    """float32 H x W metres, 0 where not measured; with `see_through`, without the points that are hidden."""
    depth = np.zeros(camera.height * camera.width, np.float32)
    kept = ~projected.hidden if see_through else slice(None)
    depth[projected.pixel[kept]] = projected.z[kept]
    return depth.reshape(camera.height, camera.width)


def from_depth(depth: np.ndarray, focal: float) -> Projected:
    """The measured pixels of an image of sparse depth (H x W metres, 0 where not measured), of line 0.

    Args:
        focal: in pixels.
    """
    pixel = np.flatnonzero(depth > 0).astype(np.int32)
    z = depth.ravel()[pixel].astype(np.float32)
    return _sorted(depth, pixel, z, np.zeros(len(pixel), np.uint16), focal)


def _sorted(depth: np.ndarray, pixel, z, line, focal: float) -> Projected:
    won = z == depth.ravel()[pixel]
    lines = np.zeros(depth.size, np.uint16)
    lines[pixel[won]] = line[won]
    pixel = np.flatnonzero(depth).astype(np.int32)
    hidden = filters.see_through(depth, focal).ravel()[pixel]
    return Projected(pixel, depth.ravel()[pixel], lines[pixel], hidden)
