"""Dense depth back to points."""

from __future__ import annotations

import cv2
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
    return depth_to_cloud(depth, camera, stride=stride).view(np.float32).reshape(-1, 3)


def depth_to_cloud(
    depth: np.ndarray, camera: Camera, image: np.ndarray | None = None, stride: int = 1
) -> np.ndarray:
    """The same points as a structured array of `CLOUD_XYZ`, or of `CLOUD_XYZRGB` with an image.

    Args:
        image: uint8 H x W x 3 RGB that colours the points.
    """
    if depth.shape != (camera.height, camera.width):
        raise ValueError(
            f"Depth is {depth.shape[1]} x {depth.shape[0]} but its camera is "
            f"{camera.width} x {camera.height}."
        )
    if stride < 1:
        raise ValueError(f"Stride is {stride}; it must be 1 or more.")
    every = np.s_[::stride, ::stride]
    z = np.ascontiguousarray(depth[every], dtype=np.float32)
    planes = [camera.rays[0][every] * z, camera.rays[1][every] * z, z]
    kind = CLOUD_XYZ
    if image is not None:
        kind = CLOUD_XYZRGB
        colours = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
        planes.append((colours[every] & 0x00FFFFFF).view(np.float32))
    cloud = cv2.merge(planes).view(kind).ravel()
    known = ((z > 0) & (z < np.inf)).ravel()
    if not camera.is_rectified:
        known &= np.isfinite(planes[0]).ravel()  # pixels beyond the lens model have no ray
    if known.all():
        return cloud
    # Copying points as opaque blocks is several times faster than field by field.
    return cloud.view(f"V{kind.itemsize}")[known].view(kind)
