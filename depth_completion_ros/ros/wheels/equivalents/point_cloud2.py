"""Stand-in for sensor_msgs_py.point_cloud2: structured arrays to PointCloud2 messages."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

_TYPES = {
    PointField.INT8: "i1",
    PointField.UINT8: "u1",
    PointField.INT16: "i2",
    PointField.UINT16: "u2",
    PointField.INT32: "i4",
    PointField.UINT32: "u4",
    PointField.FLOAT32: "f4",
    PointField.FLOAT64: "f8",
}


def create_cloud(header, fields: Sequence[PointField], points: np.ndarray) -> PointCloud2:
    """PointCloud2 of a structured array whose type is that of the fields; AssertionError if not."""
    names = {field.name: (_TYPES[field.datatype], field.offset) for field in fields}
    given = {name: (dtype.str[1:], offset) for name, (dtype, offset) in points.dtype.fields.items()}
    assert names == given, f"The fields of the cloud are {names}, but the points have {given}."
    cloud = PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=fields,
        is_bigendian=sys.byteorder != "little",
        point_step=points.itemsize,
        row_step=points.itemsize * len(points),
        is_dense=False,
    )
    # Filled where it lies: assigning an array would copy it once more.
    cloud.data.frombytes(memoryview(np.ascontiguousarray(points)).cast("B"))
    return cloud
