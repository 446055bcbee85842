"""Dense depth back to points."""

from __future__ import annotations

import numpy as np

from .camera import Camera

CLOUD_XYZ = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
CLOUD_XYZRGB = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])
"""Colour packed 0x00RRGGBB in the four bytes that PCL and RViz read as the float field `rgb`."""


def depth_to_points(depth: np.ndarray, camera: Camera, stride: int = 1) -> np.ndarray:
    """Points of all known pixels, float32 N x 3, metres, optical frame.

    Args:
        depth: H x W metres along z, NaN or 0 where unknown.
        camera: model of the image the depth belongs to, of the same size.
        stride: every how many pixels, in both directions, a point is made.
    """
    z, rays, _ = _known(depth, camera, stride)
    return rays * z[:, None]


def depth_to_cloud(
    depth: np.ndarray, camera: Camera, image: np.ndarray | None = None, stride: int = 1
) -> np.ndarray:
    """The same points as a structured array of `CLOUD_XYZ`, or of `CLOUD_XYZRGB` with an image.

    Args:
        image: uint8 H x W x 3 RGB that colours the points.
    """
    z, rays, known = _known(depth, camera, stride)
    cloud = np.empty(len(z), CLOUD_XYZ if image is None else CLOUD_XYZRGB)
    np.multiply(rays, z[:, None], out=cloud.view(np.float32).reshape(len(z), cloud.itemsize // 4)[:, :3])
    if image is not None:
        pixels = np.zeros((*image[::stride, ::stride].shape[:2], 4), np.uint8)
        pixels[..., :3] = image[::stride, ::stride, ::-1]
        cloud["rgb"] = pixels.view("<u4")[..., 0].ravel()[known]
    return cloud


def _known(depth: np.ndarray, camera: Camera, stride: int):
    if depth.shape != (camera.height, camera.width):
        raise ValueError(
            f"Depth is {depth.shape[1]} x {depth.shape[0]} but its camera is "
            f"{camera.width} x {camera.height}."
        )
    if stride < 1:
        raise ValueError(f"Stride is {stride}; it must be 1 or more.")
    z = depth[::stride, ::stride].ravel()
    rays = camera.rays[::stride, ::stride].reshape(-1, 3)
    known = np.flatnonzero((z > 0) & np.isfinite(z))
    if len(known) == len(z):
        return z, rays, slice(None)
    return z[known], rays[known], known
