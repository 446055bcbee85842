"""Messages that go out, of the classes of rclpy. Headers are those of the input image, used as they are."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField, RegionOfInterest

from ..core import Camera
from ..data.bag.message_fields import camera_info_fields, cloud_fields, image_fields, metres

CLASSES = {f"sensor_msgs/msg/{kind.__name__}": kind for kind in (CameraInfo, Image, PointCloud2)}


def filled_message(message_type: str, fields: dict[str, object], header):
    """A message with a header, from what a function of `message_fields` gives."""
    fields = dict(fields)
    data = fields.pop("data", None)
    if "roi" in fields:
        fields["roi"] = RegionOfInterest(**fields["roi"])
        fields["d"] = list(fields["d"])
    if "fields" in fields:
        fields["fields"] = [PointField(**field) for field in fields["fields"]]
    message = CLASSES[message_type](header=header, **fields)
    if data is not None:
        # Filled where it lies: assigning anything would copy it, or walk through all its bytes.
        message.data.frombytes(memoryview(data))
    return message


def image_message(image: np.ndarray, encoding: str, header) -> Image:
    """Image of an array H x W or H x W x C that fits the encoding."""
    return filled_message("sensor_msgs/msg/Image", image_fields(image, encoding), header)


def rgb_message(image: np.ndarray, header) -> Image:
    """`rgb8` of uint8 H x W x 3 RGB."""
    return image_message(image, "rgb8", header)


def depth_message(depth: np.ndarray, header) -> Image:
    """`32FC1` of depth in metres, NaN where it is unknown."""
    return image_message(metres(depth), "32FC1", header)


def camera_info_message(camera: Camera, header) -> CameraInfo:
    """CameraInfo of a camera on its own: R is the identity and P is K."""
    return filled_message("sensor_msgs/msg/CameraInfo", camera_info_fields(camera), header)


def cloud_message(cloud: np.ndarray, header) -> PointCloud2:
    """PointCloud2 of a structured array with x, y and z."""
    return filled_message("sensor_msgs/msg/PointCloud2", cloud_fields(cloud), header)
