"""Point clouds of `sensor_msgs/PointCloud2`, of any layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .metres import check_ranges, plausible_share
from .rows import row_stride

POINT_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
"""Codes of `sensor_msgs/PointField.datatype`."""
RING_FIELDS = ("ring", "line", "channel")
SAMPLED = 500
"""Points that are enough to tell a byte order."""


@dataclass(eq=False)
class Cloud:
    """Points of a LiDAR message.

    Args:
        points: float32 N x 3 (x, y, z in metres), or N x 4 with the intensity; NaN kept.
        rings: integer N, number of the laser as the driver counts it, or None.
    """

    points: np.ndarray
    rings: np.ndarray | None = None


def decode_points(msg) -> Cloud:
    """Points of a `sensor_msgs/PointCloud2` of any layout, in the order of the message.

    Any order and offset of the fields, float32 and float64, names in upper case, padding of points and
    rows, either byte order and organised clouds are understood.

    Raises:
        ValueError: no x, y or z among the fields; these twice, in integers, whose unit nothing tells, or over
            each other; points that cannot be in metres, or are so only in the other byte order; or data that
            do not fit the size.
    """
    fields = _fields(msg)
    if not {"x", "y", "z"} <= fields.keys():
        raise ValueError(
            f"PointCloud2 has the fields {', '.join(fields) or 'none'}; it must have x, y and z."
        )
    names = [name for name in ("x", "y", "z", "intensity") if name in fields]
    count = msg.width * msg.height
    if not count:
        return Cloud(np.zeros((0, len(names)), np.float32))
    _check_once(msg)
    _check_coordinates([fields[name] for name in "xyz"])
    data, row_step = _rows(msg)
    views = [_field(msg, data, row_step, fields[name]) for name in names]
    points = _columns(msg, data, row_step, [fields[name] for name in names], views)
    _check_byte_order(msg, points, views[:3])
    check_ranges(points, f"PointCloud2 of {msg.width} x {msg.height} points")
    _, rings = field_of(msg, RING_FIELDS)
    if rings is not None and rings.dtype.kind not in "iu":
        rings = rings.astype(np.int32)
    return Cloud(points, rings)


def _fields(msg) -> dict[str, object]:
    """Fields by their names in lower case; of `X` and `x` the one that is written so."""
    fields = {field.name.lower(): field for field in msg.fields}
    return fields | {field.name: field for field in msg.fields if field.name.islower()}


def _check_once(msg) -> None:
    """ValueError where x, y or z is told twice, as it is in clouds that were joined field by field."""
    for name in "xyz":
        offsets = sorted({field.offset for field in msg.fields if field.name == name})
        if len(offsets) > 1:
            raise ValueError(
                f"PointCloud2 has the field '{name}' at the bytes {' and '.join(map(str, offsets))} of a "
                "point; it must have it once."
            )


def _check_coordinates(fields: list) -> None:
    """ValueError where x, y and z are integers, or share bytes."""
    for field in fields:
        if field.datatype in POINT_TYPES and POINT_TYPES[field.datatype][0] != "f":
            raise ValueError(
                f"PointCloud2 field '{field.name}' has datatype {field.datatype}, an integer whose unit "
                "nothing tells; coordinates must be 7 (FLOAT32) or 8 (FLOAT64), in metres."
            )
    ordered = sorted(fields, key=lambda field: field.offset)
    for one, other in pairwise(ordered):
        size = np.dtype(POINT_TYPES.get(one.datatype, "f4")).itemsize
        if one.offset + size > other.offset:
            raise ValueError(
                f"PointCloud2 field '{one.name}' fills bytes {one.offset} to {one.offset + size - 1} of a "
                f"point, and '{other.name}' begins at byte {other.offset}; each must have bytes of its own."
            )


def _check_byte_order(msg, points: np.ndarray, views: list[np.ndarray]) -> None:
    """ValueError where most coordinates are no metres, and nearly all are in the other byte order."""
    step = max(1, len(points) // SAMPLED)
    some = points[::step, :3]
    if plausible_share(some) > 0.5 and some.any():  # the smallest of float64 are zero by now
        return
    rows, columns = np.divmod(np.arange(0, len(points), step), msg.width)
    values = [view[rows, columns] for view in views]
    swapped = np.stack([value.byteswap() for value in values])
    if plausible_share(np.stack(values)) <= 0.5 and plausible_share(swapped) > 0.95:
        said, other = ("true", "false") if msg.is_bigendian else ("false", "true")
        raise ValueError(
            f"PointCloud2 of {msg.width} x {msg.height} points has is_bigendian {said}, by which most "
            "coordinates are below 1e-6 m or beyond 10 km; in the other byte order they are plausible, so "
            f"its driver must set {other}."
        )


def _rows(msg) -> tuple[np.ndarray, int]:
    """Bytes of a cloud and how many lie from one row to the next; ValueError where they do not fit."""
    data = np.frombuffer(msg.data, np.uint8)
    what = f"PointCloud2 of {msg.width} x {msg.height} points"
    count = msg.width * msg.height
    own, rest = divmod(data.size, count)
    # Of organised clouds the rows may be padded; what is left over is no harm where it is no whole points.
    if msg.height == 1 and not rest and own > msg.point_step:
        raise ValueError(
            f"{what} has {data.size} bytes, {own} a point, but says that a point has {msg.point_step}; both "
            "must be the same."
        )
    return data, row_stride(msg.height, msg.width * msg.point_step, msg.row_step, data.size, what)


def field_of(msg, names: Sequence[str]) -> tuple[str, np.ndarray | None]:
    """The first of some fields that a cloud has: its name, and its values N in their own type, or None."""
    fields = _fields(msg)
    name = next((name for name in names if name in fields), "")
    if not name:
        return "", None
    if not msg.width * msg.height:
        return name, np.zeros(0, np.float32)
    values = _field(msg, *_rows(msg), fields[name])
    return name, values.astype(values.dtype.newbyteorder("=")).ravel()


def _field(msg, data: np.ndarray, row_step: int, field) -> np.ndarray:
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
    strides = (row_step, msg.point_step)
    return np.ndarray((msg.height, msg.width), dtype, data, field.offset, strides)


def _columns(msg, data: np.ndarray, row_step: int, fields: list, views: list[np.ndarray]) -> np.ndarray:
    """The fields side by side, float32 N x their number."""
    count = msg.width * msg.height
    dense = msg.height == 1 or row_step == msg.width * msg.point_step
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
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, and is left out as such
        for at, view in enumerate(views):
            points[..., at] = view
    return points.reshape(count, len(views))


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
