"""Messages of images and points in any layout, without ROS."""

from __future__ import annotations

from array import array
from types import SimpleNamespace as Message

import numpy as np

RGB = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def image_of(pixels: np.ndarray, encoding: str, padding: int = 0, big_endian: bool = False):
    """Message whose rows have `padding` bytes of rubbish at their end."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAB)
    return Message(
        width=pixels.shape[1],
        height=pixels.shape[0],
        step=rows.shape[1],
        encoding=encoding,
        is_bigendian=big_endian,
        data=array("B", rows.tobytes()),
    )


def cloud_of(fields, values, *, height=1, step=None, row_padding=0, big_endian=False):
    """Message with fields (name, code, dtype, offset) and values N by number of fields."""
    order = ">" if big_endian else "<"
    names, formats = [f[0] for f in fields], [order + f[2] for f in fields]
    offsets = [f[3] for f in fields]
    layout = {"names": names, "formats": formats, "offsets": offsets}
    points = np.zeros(len(values), layout | ({"itemsize": step} if step else {}))
    for name, column in zip(names, np.asarray(values).T, strict=True):
        points[name] = column
    width = len(values) // height
    rows = points.view(np.uint8).reshape(height, width * points.dtype.itemsize)
    rows = np.pad(rows, ((0, 0), (0, row_padding)), constant_values=0xAB)
    return Message(
        height=height,
        width=width,
        point_step=points.dtype.itemsize,
        row_step=rows.shape[1],
        is_bigendian=big_endian,
        fields=[Message(name=f[0], datatype=f[1], offset=f[3], count=1) for f in fields],
        data=array("B", rows.tobytes()),
    )


XYZ = [("x", 7, "f4", 0), ("y", 7, "f4", 4), ("z", 7, "f4", 8)]
VALUES = np.random.default_rng(2).normal(size=(12, 3)).astype(np.float32)
