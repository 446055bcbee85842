"""Recorded messages of other kinds as those that are read: ROS 1, the first tf, Livox's own clouds."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from .messages import header_message, new_message, typestore

ROS1 = " of ROS 1"
"""After the type of a topic whose messages are serialised as ROS 1 does it."""
POINTS, TRANSFORMS = "sensor_msgs/msg/PointCloud2", "tf2_msgs/msg/TFMessage"
LIVOX = (
    "livox_ros_driver2/msg/CustomMsg",
    "livox_ros_driver/msg/CustomMsg",
    "livox_interfaces/msg/CustomMsg",
)
LIVOX_POINT_BYTES = 20
_LIVOX_FIELDS = (
    ("offset_time", 0, 6),
    ("x", 4, 7),
    ("y", 8, 7),
    ("z", 12, 7),
    ("intensity", 16, 2),
    ("tag", 17, 2),
    ("line", 18, 2),
)
"""Name, offset in a point, and code of `sensor_msgs/PointField.datatype`."""


def full_type(name: str) -> str:
    """A message type with `/msg/` in it, which ROS 1 leaves out."""
    package, _, kind = name.partition("/")
    return f"{package}/msg/{kind}" if kind and "/" not in kind else name


def translation(kind: str) -> tuple[str, Callable[[bytes], bytes] | None]:
    """The type that a recorded type is read as, and what makes CDR of its bytes; None for no change."""
    ros1 = kind.endswith(ROS1)
    plain = kind.removesuffix(ROS1)
    if plain == "tf/msg/tfMessage":
        return TRANSFORMS, _cdr_of(TRANSFORMS)
    if plain in LIVOX:
        return POINTS, _points_of_livox_ros1 if ros1 else points_of_livox
    return plain, _cdr_of(plain) if ros1 else None


def _cdr_of(kind: str) -> Callable[[bytes], bytes]:
    # The types of ROS 2 have the same fields in the same order, but for the sequence number of a header.
    return lambda raw: bytes(typestore().ros1_to_cdr(raw, kind))


def points_of_livox(raw: bytes) -> bytes:
    """`PointCloud2` of a `CustomMsg` of the Livox drivers, both serialised (CDR).

    A point is its time offset (uint32), x, y, z (float32), reflectivity, tag and line (uint8), which CDR
    sets 20 bytes apart, so that the points are taken as they are.

    Raises:
        ValueError: bytes that are no such message.
    """
    order = "<" if raw[1:2] == b"\x01" else ">"
    sec, nanosec, length = struct.unpack_from(f"{order}III", raw, 4)
    frame_id = raw[16 : 16 + length].rstrip(b"\0").decode()
    at = 4 + _aligned(12 + length, 8) + 8 + 4 + 4  # after timebase, point_num, lidar_id and rsvd
    (count,) = struct.unpack_from(f"{order}I", raw, at)
    return _cloud(raw[at + 4 :], count, LIVOX_POINT_BYTES, (sec, nanosec), frame_id, order == ">")


def _points_of_livox_ros1(raw: bytes) -> bytes:
    """The same of a message of ROS 1, which has a sequence number first and leaves no gaps."""
    _, sec, nanosec, length = struct.unpack_from("<IIII", raw)
    at = 16 + length
    frame_id = raw[16:at].decode()
    (count,) = struct.unpack_from("<I", raw, at + 16)
    return _cloud(raw[at + 20 :], count, LIVOX_POINT_BYTES - 1, (sec, nanosec), frame_id, big=False)


def _cloud(points: bytes, count: int, step: int, stamp: tuple[int, int], frame_id: str, big: bool) -> bytes:
    if len(points) < count * step - 1:  # the last point lacks the gap
        raise ValueError(
            f"Livox CustomMsg has {len(points)} bytes of points; {count} points need {count * step}."
        )
    data = np.frombuffer(points[: count * step].ljust(count * step, b"\0"), np.uint8)
    fields = [
        new_message("sensor_msgs/msg/PointField", name=name, offset=offset, datatype=code, count=1)
        for name, offset, code in _LIVOX_FIELDS
    ]
    message = new_message(
        POINTS,
        header=header_message(stamp[0] * 1_000_000_000 + stamp[1], frame_id),
        height=1,
        width=count,
        fields=fields,
        is_bigendian=big,
        point_step=step,
        row_step=count * step,
        data=data,
        is_dense=True,
    )
    return bytes(typestore().serialize_cdr(message, POINTS))


def _aligned(at: int, size: int) -> int:
    return (at + size - 1) // size * size
