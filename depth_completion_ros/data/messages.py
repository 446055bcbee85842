"""Decoding of ROS messages into arrays, for live messages and for those of a bag alike.

Only attribute names are used, so that messages of rclpy and of `rosbags` both fit. Arrays may share
memory with the message and be read-only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import cv2
import numpy as np

from depth_completion_ros.core import Camera

# Encoding: bytes of a channel, channels, OpenCV's conversion to RGB. OpenCV names a Bayer pattern
# by its second row and column, ROS by its first.
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
IMAGE_ENCODINGS = {
    "rgb8": (1, 3, None),
    "bgr8": (1, 3, cv2.COLOR_BGR2RGB),
    "rgba8": (1, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": (1, 4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, cv2.COLOR_GRAY2RGB),
    "mono16": (2, 1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": (1, 3, cv2.COLOR_BGR2RGB),
    "yuv422": (1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (1, 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (1, 2, cv2.COLOR_YUV2RGB_YUY2),
    **{f"bayer_{pattern}8": (1, 1, code) for pattern, code in _BAYER.items()},
    **{f"bayer_{pattern}16": (2, 1, code) for pattern, code in _BAYER.items()},
}
DEPTH_ENCODINGS = {"32FC1": "f4", "16UC1": "u2", "mono16": "u2"}
POINT_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
"""Codes of `sensor_msgs/PointField.datatype`."""
RING_FIELDS = ("ring", "line", "channel")


@dataclass(eq=False)
class Cloud:
    """Points of a LiDAR message.

    Args:
        points: float32 N x 3 (x, y, z in metres), or N x 4 with the intensity; NaN kept.
        rings: integer N, number of the laser as the driver counts it, or None.
    """

    points: np.ndarray
    rings: np.ndarray | None = None


def stamp_ns(header) -> int:
    """Stamp of a `std_msgs/Header` in nanoseconds."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def decode_image(msg) -> np.ndarray:
    """Picture of a `sensor_msgs/Image`: uint8 H x W x 3 RGB.

    Raises:
        ValueError: an encoding that is not in `IMAGE_ENCODINGS`, or too little data for the size.
    """
    if msg.encoding not in IMAGE_ENCODINGS:
        raise ValueError(
            f"Image encoding '{msg.encoding}' is unknown; it must be one of {', '.join(IMAGE_ENCODINGS)}."
        )
    size, channels, conversion = IMAGE_ENCODINGS[msg.encoding]
    pixels = _pixels(msg, f"u{size}", channels)
    if size == 2:
        pixels = (pixels >> 8).astype(np.uint8)
    if conversion is None:
        return np.ascontiguousarray(pixels)
    return cv2.cvtColor(np.ascontiguousarray(pixels), conversion)


def decode_compressed_image(msg) -> np.ndarray:
    """Picture of a `sensor_msgs/CompressedImage` (JPEG, PNG): uint8 H x W x 3 RGB."""
    data = np.frombuffer(msg.data, np.uint8)
    # The calibration belongs to the pixels as they are stored, whatever way up EXIF would turn them.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(data, flags) if data.size else None
    if image is None:
        raise ValueError(
            f"CompressedImage of format '{msg.format}' with {data.size} bytes cannot be decoded; "
            "it must be a JPEG or PNG picture."
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def decode_depth_image(msg) -> np.ndarray:
    """Depth of a `sensor_msgs/Image` of REP 118: float32 H x W, metres along z, 0 where unknown.

    Raises:
        ValueError: an encoding other than 32FC1 (metres) and 16UC1 (millimetres).
    """
    if msg.encoding not in DEPTH_ENCODINGS:
        raise ValueError(
            f"Depth encoding '{msg.encoding}' is unknown; it must be one of {', '.join(DEPTH_ENCODINGS)}."
        )
    pixels = _pixels(msg, DEPTH_ENCODINGS[msg.encoding], 1)
    if msg.encoding != "32FC1":
        return pixels * np.float32(1e-3)
    return np.where(np.isfinite(pixels) & (pixels > 0), pixels, np.float32(0)).astype("=f4")


def _pixels(msg, dtype: str, channels: int) -> np.ndarray:
    """View of the pixels, H x W or H x W x channels, without the padding at the end of rows."""
    dtype = np.dtype(dtype).newbyteorder(">" if msg.is_bigendian else "<")
    pixel = channels * dtype.itemsize
    row = msg.width * pixel
    data = np.frombuffer(msg.data, np.uint8)
    if not msg.width or not msg.height:
        raise ValueError(f"Image is {msg.width} x {msg.height}; both must be positive.")
    if msg.step < row or data.size < (msg.height - 1) * msg.step + row:
        raise ValueError(
            f"Image of {msg.width} x {msg.height} {msg.encoding} has {data.size} bytes in rows of "
            f"{msg.step}; it needs {msg.height} rows of at least {row}."
        )
    shape, strides = (msg.height, msg.width), (msg.step, pixel)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, dtype.itemsize)
    pixels = np.ndarray(shape, dtype, data, 0, strides)
    return pixels if dtype.isnative else pixels.astype(dtype.newbyteorder("="))


def decode_points(msg) -> Cloud:
    """Points of a `sensor_msgs/PointCloud2` of any layout, in the order of the message.

    Any order, offset and type of the fields, padding of points and rows, either byte order and
    organised clouds are understood.

    Raises:
        ValueError: no x, y or z among the fields, or too little data for the size.
    """
    fields = {field.name: field for field in msg.fields}
    if not {"x", "y", "z"} <= fields.keys():
        raise ValueError(
            f"PointCloud2 has the fields {', '.join(fields) or 'none'}; it must have x, y and z."
        )
    names = [name for name in ("x", "y", "z", "intensity") if name in fields]
    count = msg.width * msg.height
    if not count:
        return Cloud(np.zeros((0, len(names)), np.float32))
    data = _cloud_bytes(msg)
    views = [_field(msg, data, fields[name]) for name in names]
    return Cloud(_columns(msg, data, [fields[name] for name in names], views), _rings(msg, data, fields))


def _cloud_bytes(msg) -> np.ndarray:
    data = np.frombuffer(msg.data, np.uint8)
    row = msg.width * msg.point_step
    needed = (msg.height - 1) * msg.row_step + row
    if data.size < needed or (msg.height > 1 and msg.row_step < row):
        raise ValueError(
            f"PointCloud2 of {msg.width} x {msg.height} points has {data.size} bytes in rows of "
            f"{msg.row_step}; it needs {msg.height} rows of at least {row}."
        )
    return data


def _field(msg, data: np.ndarray, field) -> np.ndarray:
    """View of one field, height x width, first value where it has several."""
    if field.datatype not in POINT_TYPES:
        raise ValueError(
            f"PointCloud2 field '{field.name}' has datatype {field.datatype}; it must be 1 to 8."
        )
    order = ">" if msg.is_bigendian else "<"
    dtype = np.dtype(POINT_TYPES[field.datatype]).newbyteorder(order)
    if field.offset + dtype.itemsize > msg.point_step:
        raise ValueError(
            f"PointCloud2 field '{field.name}' ends at byte {field.offset + dtype.itemsize} of a point "
            f"of {msg.point_step} bytes."
        )
    strides = (msg.row_step, msg.point_step)
    return np.ndarray((msg.height, msg.width), dtype, data, field.offset, strides)


def _columns(msg, data: np.ndarray, fields: list, views: list[np.ndarray]) -> np.ndarray:
    """The fields side by side, float32 N x their number."""
    count = msg.width * msg.height
    dense = msg.height == 1 or msg.row_step == msg.width * msg.point_step
    side_by_side = dense and all(
        view.dtype == "<f4" and field.offset == fields[0].offset + 4 * at
        for at, (field, view) in enumerate(zip(fields, views, strict=True))
    )
    if side_by_side and sys.byteorder == "little":
        # The usual layout is one strided block: a single pass, or none where nothing lies between.
        shape, strides = (count, len(fields)), (msg.point_step, 4)
        block = np.ndarray(shape, np.float32, data, fields[0].offset, strides)
        return np.ascontiguousarray(block) if msg.point_step % 4 == 0 else block.copy()
    points = np.empty((msg.height, msg.width, len(views)), np.float32)
    for at, view in enumerate(views):
        points[..., at] = view
    return points.reshape(count, len(views))


def _rings(msg, data: np.ndarray, fields: dict) -> np.ndarray | None:
    name = next((name for name in RING_FIELDS if name in fields), None)
    if name is None:
        return None
    rings = _field(msg, data, fields[name])
    native = rings.dtype.newbyteorder("=") if rings.dtype.kind in "iu" else np.dtype(np.int32)
    return rings.astype(native).ravel()


def rings_from_top(rings: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Ring numbers counted from the topmost laser, as `Frame.rings` wants them.

    Drivers count from the bottom (Velodyne) or from the top (Ouster, Hesai); which of the two is seen
    by whether the elevation of the points (N x 3 or more, LiDAR frame) grows with the number.
    """
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = z / np.sqrt(x * x + y * y)
    known = np.isfinite(slope)
    if not known.any():
        return rings
    number, slope = rings[known].astype(np.float64), slope[known].astype(np.float64)
    covariance = np.mean((number - number.mean()) * (slope - slope.mean()))
    return rings.max() - rings if covariance > 0 else rings


def decode_camera_info(msg, rectified: bool = False) -> Camera:
    """Camera of a `sensor_msgs/CameraInfo`: its region of interest after binning, as its images are.

    Args:
        rectified: take P and no distortion, for images that were rectified; else K and D.

    Raises:
        ValueError: what no camera can have, such as the zeros of an uncalibrated one.
    """
    if rectified:
        K = np.asarray(msg.p, np.float64).reshape(3, 4)[:, :3]
        camera = Camera(msg.width, msg.height, K)
    else:
        K = np.asarray(msg.k, np.float64).reshape(3, 3)
        camera = Camera(msg.width, msg.height, K, msg.distortion_model, msg.d)
    roi = msg.roi
    if roi.width and roi.height:
        camera = camera.cropped(roi.x_offset, roi.y_offset, roi.width, roi.height)
    if msg.binning_x > 1 or msg.binning_y > 1:
        binning_x, binning_y = max(msg.binning_x, 1), max(msg.binning_y, 1)
        width, height = camera.width // binning_x, camera.height // binning_y
        # Pixels left over at the end are not binned.
        camera = camera.cropped(0, 0, width * binning_x, height * binning_y).resized(width, height)
    return camera
