"""Messages that go out. Headers are those of the input image, used as they are."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from ..core import Camera
from .wheels.packages import cv_bridge, point_cloud2

MAX_MM_DEPTH = 65.5354
"""Metres, the largest depth that fits into millimetres of 16 bits."""
_COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}


@cache
def _bridge():
    return cv_bridge.CvBridge()


def image_message(array: np.ndarray, encoding: str, header) -> Image:
    """Image of an array H x W or H x W x C whose type is that of the encoding."""
    return _bridge().cv2_to_imgmsg(array, encoding, header)


def depth_message(depth: np.ndarray, header) -> Image:
    """`32FC1` of depth in metres, NaN where it is unknown, not positive or not finite (REP 118)."""
    message = image_message(np.asarray(depth, dtype=np.float32), "32FC1", header)
    sent = np.frombuffer(message.data, np.float32)  # the message's own memory, saves a copy
    known = sent > 0
    known &= sent < np.inf
    sent[~known] = np.nan
    return message


def depth_mm_message(depth: np.ndarray, header) -> Image:
    """`16UC1` of depth in metres as whole millimetres, 0 where unknown or beyond 65.535 m."""
    depth = np.asarray(depth, dtype=np.float32)
    known = cv2.inRange(depth, 0.0, MAX_MM_DEPTH)
    metres = cv2.copyTo(depth, known, np.zeros_like(depth))
    return image_message(cv2.multiply(metres, 1000.0, dtype=cv2.CV_16U), "16UC1", header)


def confidence_message(confidence: np.ndarray, header) -> Image:
    """`32FC1` of confidence in [0, 1]."""
    return image_message(np.asarray(confidence, dtype=np.float32), "32FC1", header)


def source_message(source: np.ndarray, header) -> Image:
    """`mono8` of the numbers of `Source`."""
    return image_message(np.asarray(source, dtype=np.uint8), "mono8", header)


def rgb_message(image: np.ndarray, header) -> Image:
    """`rgb8` of uint8 H x W x 3 RGB."""
    return image_message(image, "rgb8", header)


def camera_info_message(camera: Camera, header) -> CameraInfo:
    """CameraInfo of a camera on its own: R is the identity and P is K."""
    D = np.zeros(max(_COEFFICIENTS[camera.distortion_model], camera.D.size))
    D[: camera.D.size] = camera.D
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=camera.distortion_model,
        d=D.tolist(),
        k=camera.K.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([camera.K, np.zeros((3, 1))]).ravel(),
    )


def copy_camera_info(info: CameraInfo, header) -> CameraInfo:
    """The CameraInfo that came in, with the header of the image it goes out with."""
    fields = {name: getattr(info, name) for name in CameraInfo.get_fields_and_field_types()}
    return CameraInfo(**{**fields, "header": header})


def cloud_message(cloud: np.ndarray, header) -> PointCloud2:
    """PointCloud2 of a structured array x, y, z[, rgb], all of four bytes and finite.

    The colour goes out as the FLOAT32 field that PCL and RViz know; its bytes are not changed.
    """
    dtype = np.dtype([(name, "<f4") for name in cloud.dtype.names])
    message = point_cloud2.create_cloud(header, _fields(cloud.dtype.names), cloud.view(dtype))
    message.is_dense = True
    return message


@cache
def _fields(names: tuple[str, ...]) -> list[PointField]:
    return [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(names)
    ]
