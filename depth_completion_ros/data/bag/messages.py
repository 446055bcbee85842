"""Messages of the classes of `rosbags`, to be written into a bag."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from depth_completion_ros.core import Camera
from depth_completion_ros.core.geometry import matrix_to_quaternion

from .message_fields import (
    CAMERA_INFO,
    CLOUD,
    IMAGE,
    camera_info_fields,
    cloud_fields,
    image_fields,
    points_array,
)

_STORE = None


def typestore():
    """Message types of the newest distribution that `rosbags` knows."""
    global _STORE
    if _STORE is None:
        from rosbags.typesys import Stores, get_typestore

        _STORE = get_typestore(Stores.LATEST)
    return _STORE


def new_message(message_type: str, **fields):
    """A message such as `std_msgs/msg/Header` with all its fields."""
    return typestore().types[message_type](**fields)


def header_message(stamp_ns: int, frame_id: str):
    """`std_msgs/Header`."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    stamp = new_message("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
    return new_message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def filled_message(message_type: str, fields: dict[str, Any], stamp_ns: int, frame_id: str):
    """A message with a header, from what a function of `message_fields` gives."""
    fields = dict(fields)
    if "roi" in fields:
        fields["roi"] = new_message("sensor_msgs/msg/RegionOfInterest", **fields["roi"])
    if "fields" in fields:
        fields["fields"] = [new_message("sensor_msgs/msg/PointField", **f) for f in fields["fields"]]
    return new_message(message_type, header=header_message(stamp_ns, frame_id), **fields)


def image_message(image: np.ndarray, encoding: str, stamp_ns: int, frame_id: str):
    """`sensor_msgs/Image` of an array H x W or H x W x channels that fits the encoding."""
    return filled_message(IMAGE, image_fields(image, encoding), stamp_ns, frame_id)


def compressed_image_message(image: np.ndarray, image_format: str, stamp_ns: int, frame_id: str):
    """`sensor_msgs/CompressedImage`, `png` or `jpeg`, of uint8 H x W x 3 RGB."""
    suffix = {"png": ".png", "jpeg": ".jpg"}[image_format]
    _, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return new_message(
        "sensor_msgs/msg/CompressedImage",
        header=header_message(stamp_ns, frame_id),
        format=f"rgb8; {image_format} compressed bgr8",
        data=data.ravel(),
    )


def camera_info_message(camera: Camera, stamp_ns: int, frame_id: str):
    """`sensor_msgs/CameraInfo`; P is K, which is right for a rectified image."""
    return filled_message(CAMERA_INFO, camera_info_fields(camera), stamp_ns, frame_id)


def points_message(
    points: np.ndarray,
    rings: np.ndarray | None,
    stamp_ns: int,
    frame_id: str,
    times: np.ndarray | None = None,
):
    """`sensor_msgs/PointCloud2` of N x 3 or N x 4 (with intensity) points, their rings (uint16) and times."""
    return cloud_message(points_array(points, rings, times), stamp_ns, frame_id)


def cloud_message(cloud: np.ndarray, stamp_ns: int, frame_id: str):
    """`sensor_msgs/PointCloud2` of a structured array; a field `rgb` of uint32 is sent as float32."""
    return filled_message(CLOUD, cloud_fields(cloud), stamp_ns, frame_id)


def transform_message(parent: str, child: str, T_parent_child: np.ndarray, stamp_ns: int):
    """`geometry_msgs/TransformStamped` of a 4 x 4."""
    vector = dict(zip("xyz", map(float, T_parent_child[:3, 3]), strict=True))
    quaternion = dict(zip("xyzw", map(float, matrix_to_quaternion(T_parent_child)), strict=True))
    return new_message(
        "geometry_msgs/msg/TransformStamped",
        header=header_message(stamp_ns, parent),
        child_frame_id=child,
        transform=new_message(
            "geometry_msgs/msg/Transform",
            translation=new_message("geometry_msgs/msg/Vector3", **vector),
            rotation=new_message("geometry_msgs/msg/Quaternion", **quaternion),
        ),
    )
