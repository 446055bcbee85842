"""Files and messages that say of themselves what is not so."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def of_declared_size(data: bytes, width: int, height: int) -> bytes:
    """The same JPEG or PNG, saying another size."""
    data = bytearray(data)
    if data[:4] == b"\x89PNG":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    else:
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)
