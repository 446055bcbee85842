"""The fields of ROS messages as plain values, for the message classes of rosbags and of rclpy alike.

Each function gives all fields of a message but its header. Nested messages are dictionaries, `data` is a
flat array of bytes.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from depth_completion_ros.core import Camera

IMAGE = "sensor_msgs/msg/Image"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
CLOUD = "sensor_msgs/msg/PointCloud2"

ENCODINGS = {
    "mono8": (np.uint8, 1),
    "rgb8": (np.uint8, 3),
    "16UC1": (np.uint16, 1),
    "32FC1": (np.float32, 1),
}
"""Type and channels of the images that are written."""
MAX_MM_DEPTH = 65.5354
"""Metres, the largest depth that rounds to 16 bits of millimetres."""

_POINT_TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
_COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
_CAMERA_INFO = ("height", "width", "distortion_model", "d", "k", "r", "p", "binning_x", "binning_y")
_ROI = ("x_offset", "y_offset", "height", "width", "do_rectify")


# Planes ------------------------------------------------------------------------------------------


def metres(depth: np.ndarray) -> np.ndarray:
    """Depth for `32FC1`: float32 metres, NaN where unknown, not positive or not finite (REP 118)."""
    plane = np.array(depth, dtype=np.float32)
    known = plane > 0
    known &= plane < np.inf
    plane[~known] = np.nan
    return plane


def millimetres(depth: np.ndarray) -> np.ndarray:
    """Depth for `16UC1`: whole millimetres, 0 where unknown or beyond 65.535 m (REP 118)."""
    depth = np.asarray(depth, dtype=np.float32)
    known = cv2.inRange(depth, 0.0, MAX_MM_DEPTH)
    kept = cv2.copyTo(depth, known, np.zeros_like(depth))
    return cv2.multiply(kept, 1000.0, dtype=cv2.CV_16U)


def points_array(
    points: np.ndarray, rings: np.ndarray | None = None, times: np.ndarray | None = None
) -> np.ndarray:
    """LiDAR points as a structured array x, y, z[, intensity][, time][, ring], for `cloud_fields`.

    Args:
        points: N x 3, or more with the intensity in the fourth column.
        rings: integer N; sent as uint16.
        times: N seconds since the stamp; sent as float32, as Velodyne's driver does.
    """
    columns = dict(zip(("x", "y", "z", "intensity"), points.T, strict=False))
    formats = ["<f4"] * len(columns)
    if times is not None:
        columns["time"] = times
        formats.append("<f4")
    if rings is not None:
        columns["ring"] = rings
        formats.append("<u2")
    offsets = [4 * at for at in range(len(columns))]  # a ring takes four bytes too
    layout = {"names": list(columns), "formats": formats, "offsets": offsets, "itemsize": 4 * len(columns)}
    array = np.zeros(len(points), layout)
    for name, values in columns.items():
        array[name] = values
    return array


# Messages ----------------------------------------------------------------------------------------


def check_encoding(image: np.ndarray, encoding: str) -> tuple[np.dtype, int]:
    """Type and channels of an encoding; ValueError for one that is not sent, or another kind of array."""
    dtype, channels = ENCODINGS.get(encoding, (None, 0))
    shape = image.shape[2:] or (1,)
    if image.dtype != dtype or shape != (channels,):
        raise ValueError(
            f"An image of {image.dtype} {image.shape} cannot be sent as '{encoding}'; the encodings are "
            f"{', '.join(f'{name} ({n} x {np.dtype(t)})' for name, (t, n) in ENCODINGS.items())}."
        )
    return np.dtype(dtype), channels


def image_fields(image: np.ndarray, encoding: str) -> dict[str, Any]:
    """`sensor_msgs/Image` of an array H x W or H x W x channels; ValueError as of `check_encoding`."""
    _, channels = check_encoding(image, encoding)
    image = np.ascontiguousarray(image)
    return {
        "height": image.shape[0],
        "width": image.shape[1],
        "encoding": encoding,
        "is_bigendian": 0,
        "step": image.shape[1] * channels * image.itemsize,
        "data": image.view(np.uint8).ravel(),
    }


def camera_info_fields(camera: Camera) -> dict[str, Any]:
    """`sensor_msgs/CameraInfo` of a camera on its own: R is the identity and P is K.

    D has at least as many coefficients as its model names: programs that rectify expect them all.
    """
    D = np.zeros(max(_COEFFICIENTS[camera.distortion_model], camera.D.size))
    D[: camera.D.size] = camera.D
    return {
        "height": camera.height,
        "width": camera.width,
        "distortion_model": camera.distortion_model,
        "d": D,
        "k": camera.K.flatten(),
        "r": np.eye(3).ravel(),
        "p": np.hstack([camera.K, np.zeros((3, 1))]).ravel(),
        "binning_x": 0,
        "binning_y": 0,
        "roi": {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False},
    }


def copied_camera_info_fields(info) -> dict[str, Any]:
    """The same of a CameraInfo that came in, of either class."""
    fields = {name: getattr(info, name) for name in _CAMERA_INFO}
    return fields | {"roi": {name: getattr(info.roi, name) for name in _ROI}}


def cloud_fields(cloud: np.ndarray) -> dict[str, Any]:
    """`sensor_msgs/PointCloud2` of a structured array with x, y and z, as one row.

    A field `rgb` of uint32 goes out as the FLOAT32 that PCL and RViz know; its bytes are not changed.
    """
    fields = []
    for name in cloud.dtype.names:
        dtype, offset = cloud.dtype.fields[name][:2]
        datatype = _POINT_TYPES["f4" if name == "rgb" else dtype.str[1:]]
        fields.append({"name": name, "offset": offset, "datatype": datatype, "count": 1})
    return {
        "height": 1,
        "width": len(cloud),
        "fields": fields,
        "is_bigendian": False,
        "point_step": cloud.dtype.itemsize,
        "row_step": cloud.nbytes,
        "is_dense": all(bool(np.isfinite(cloud[axis]).all()) for axis in "xyz"),
        "data": np.ascontiguousarray(cloud).view(np.uint8).ravel(),
    }
