"""Stand-in for cv_bridge: arrays to Image messages."""

from __future__ import annotations

import sys

import numpy as np
from sensor_msgs.msg import Image

ENCODINGS = {
    "mono8": ("uint8", 1),
    "8UC1": ("uint8", 1),
    "rgb8": ("uint8", 3),
    "bgr8": ("uint8", 3),
    "mono16": ("uint16", 1),
    "16UC1": ("uint16", 1),
    "32FC1": ("float32", 1),
}
"""Type and channels of the encodings that are published."""


class CvBridgeError(TypeError):
    """An array that does not fit its encoding."""


class CvBridge:
    """Converts arrays to messages."""

    def cv2_to_imgmsg(self, cvim: np.ndarray, encoding: str, header=None) -> Image:
        """Image message of an array H x W or H x W x C; CvBridgeError where it does not fit."""
        channels = 1 if cvim.ndim == 2 else cvim.shape[2]
        if ENCODINGS.get(encoding) != (cvim.dtype.name, channels):
            known = ", ".join(f"{name} ({c} x {t})" for name, (t, c) in ENCODINGS.items())
            raise CvBridgeError(
                f"An image of {channels} x {cvim.dtype.name} cannot be sent as '{encoding}'; "
                f"the encodings are {known}."
            )
        message = Image()
        if header is not None:
            message.header = header
        message.height, message.width = cvim.shape[:2]
        message.encoding = encoding
        message.is_bigendian = int(
            cvim.dtype.byteorder == ">" or (cvim.dtype.byteorder == "=" and sys.byteorder == "big")
        )
        message.step = cvim.shape[1] * channels * cvim.itemsize
        # Filled where it lies: assigning anything would copy it, or walk through all its bytes.
        message.data.frombytes(memoryview(np.ascontiguousarray(cvim)).cast("B"))
        return message
