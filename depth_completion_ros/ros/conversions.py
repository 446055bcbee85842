"""Messages that go out, of the classes of rclpy. Headers are those of the input image, used as they are."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.recfunctions import repack_fields
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField, RegionOfInterest

from ..core import Camera
from ..data.bag.message_fields import (
    CAMERA_INFO,
    CLOUD,
    IMAGE,
    camera_info_fields,
    check_encoding,
    cloud_fields,
    metres,
)
from .wheels.packages import cv_bridge, point_cloud2

CLASSES = {IMAGE: Image, CAMERA_INFO: CameraInfo, CLOUD: PointCloud2}


@cache
def _bridge():
    return cv_bridge.CvBridge()


def output_message(message_type: str, content, encoding: str, header):
    """The message of an `Output` of the table of outputs, from its content."""
    if message_type == IMAGE:
        return image_message(content, encoding, header)
    if message_type == CLOUD:
        return cloud_message(content, header)
    return filled_camera_info(content, header)


def image_message(image: np.ndarray, encoding: str, header) -> Image:
    """Image of an array H x W or H x W x C; ValueError where it does not fit the encoding."""
    check_encoding(image, encoding)
    return _bridge().cv2_to_imgmsg(image, encoding, header)


def rgb_message(image: np.ndarray, header) -> Image:
    """`rgb8` of uint8 H x W x 3 RGB."""
    return image_message(image, "rgb8", header)


def depth_message(depth: np.ndarray, header) -> Image:
    """`32FC1` of depth in metres, NaN where it is unknown."""
    return image_message(metres(depth), "32FC1", header)


def camera_info_message(camera: Camera, header) -> CameraInfo:
    """CameraInfo of a camera on its own: R is the identity and P is K."""
    return filled_camera_info(camera_info_fields(camera), header)


def filled_camera_info(fields: dict[str, object], header) -> CameraInfo:
    """CameraInfo of all its fields but the header."""
    nested = {"roi": RegionOfInterest(**fields["roi"]), "d": list(fields["d"])}
    return CameraInfo(header=header, **fields | nested)


def cloud_message(cloud: np.ndarray, header) -> PointCloud2:
    """PointCloud2 of a structured array with x, y and z."""
    cloud = repack_fields(cloud)  # `create_cloud` knows no bytes between points
    fields = cloud_fields(cloud)
    described = [PointField(**field) for field in fields["fields"]]
    # Colours go out as the FLOAT32 that PCL and RViz know; their bytes are not changed.
    sent = cloud.view([(name, "f4" if name == "rgb" else cloud.dtype[name]) for name in cloud.dtype.names])
    message = point_cloud2.create_cloud(header, described, sent)
    message.is_dense = fields["is_dense"]
    return message
