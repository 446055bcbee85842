"""Camera of a live frame: from CameraInfo, or from a file."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from ...core import Camera
from ...core.safe.pixels import check_size
from ...data.calibration.camera_file import CameraFile
from ...data.messages import decode_camera_info, doubt_of_rectified, stamp_ns
from .drop import Drop


class Cameras:
    """The camera of an image, from the CameraInfo messages received so far.

    `add` is called by the input, `of_image` by the worker.

    Args:
        rectified: take P instead of K and D.
        on_change: called with a sentence when the camera is another than before.
        file: the camera where there is no CameraInfo.
        image_topic: whose name tells whether its images are rectified.
        warn: called with a sentence where that speaks against `rectified`.
    """

    def __init__(
        self,
        rectified: bool,
        on_change=lambda sentence: None,
        keep: int = 50,
        file: CameraFile | None = None,
        image_topic: str = "",
        warn=lambda sentence: None,
    ):
        self._rectified, self._on_change, self._keep, self._file = rectified, on_change, keep, file
        self._image_topic, self._warn = image_topic, warn
        self._received: OrderedDict[int, object] = OrderedDict()
        self._arrived = threading.Condition()
        self._decoded: tuple[tuple, Camera] | None = None
        if file is not None and (doubt := file.doubt(image_topic, rectified)):
            warn(doubt)

    def add(self, info) -> None:
        """Take a CameraInfo; the one with an image's own stamp is preferred, then the latest."""
        with self._arrived:
            stamp = stamp_ns(info.header)
            self._received.pop(stamp, None)
            self._received[stamp] = info
            if len(self._received) > self._keep:
                self._received.popitem(last=False)
            self._arrived.notify_all()

    def forget(self) -> None:
        """Keep the latest alone, as time has jumped: others may be of another run with the same stamps."""
        with self._arrived:
            while len(self._received) > 1:
                self._received.popitem(last=False)

    def of_image(self, stamp: int, width: int, height: int, wait_s: float) -> tuple[object, Camera]:
        """The CameraInfo and camera of an image, waited for if it is only just late; None and that of a file.

        Raises:
            Drop: none received, none of this size, or one of a camera that is not calibrated.
        """
        if self._file is not None:
            return None, self._of_file(width, height)
        deadline = time.monotonic() + wait_s
        with self._arrived:
            while True:
                info = self._best(stamp)
                if info is not None and _fits(info, width, height) and not self._is_late(stamp):
                    break
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    info = self._best(stamp)
                    break
        if info is None:
            raise Drop("no camera_info", "No CameraInfo has been received, so the camera is unknown.")
        camera = self._decode(info)
        if (camera.width, camera.height) != (width, height):
            raise Drop(
                "camera_info of another size",
                f"The image is {width} x {height} but its CameraInfo is {camera.width} x "
                f"{camera.height}; both must be the same.",
            )
        return info, camera

    def latest(self, image_size: tuple[int, int] | None, max_pixels: int | None = None) -> tuple[Any, Camera]:
        """The CameraInfo and camera known last, where there is no image; None and that of a file.

        Args:
            image_size: width and height of the last image, for a file; None where none has come.
            max_pixels: that a camera may have.

        Raises:
            Drop: none is known, it is not calibrated, or it is of more pixels than allowed.
        """
        if self._file is not None:
            if image_size is None:
                raise Drop("no image yet", "No image has come yet, so size and frame of images are unknown.")
            return None, self._of_file(*image_size)
        with self._arrived:
            info = next(reversed(self._received.values()), None)
        if info is None:
            raise Drop("no camera_info", "No CameraInfo has been received, so the camera is unknown.")
        camera = self._decode(info)
        try:
            check_size(camera.width, camera.height, "CameraInfo", max_pixels)
        except ValueError as error:
            raise Drop("camera not calibrated", str(error)) from None
        return info, camera

    def _of_file(self, width: int, height: int) -> Camera:
        content = width, height
        if self._decoded is None or self._decoded[0] != content:
            try:
                self._decoded = content, self._file.camera(width, height, self._rectified)
            except ValueError as error:
                raise Drop("camera file of another size", str(error)) from None
        return self._decoded[1]

    def _is_late(self, stamp: int) -> bool:
        """Whether the CameraInfo of an image is still to come, and will be another: that of a zoom lens."""
        last = list(self._received.items())[-2:]
        if len(last) < 2 or stamp in self._received or last[1][0] > stamp:
            return False
        return _content(last[0][1]) != _content(last[1][1])

    def _best(self, stamp: int):
        if stamp in self._received:
            return self._received[stamp]
        return next(reversed(self._received.values()), None)

    def _decode(self, info) -> Camera:
        content = _content(info)
        if self._decoded is not None and self._decoded[0] == content:
            return self._decoded[1]
        try:
            camera = decode_camera_info(info, rectified=self._rectified)
        except ValueError as error:
            raise Drop("camera not calibrated", f"CameraInfo cannot be used: {error}") from None
        doubt = doubt_of_rectified(info, self._image_topic, self._rectified)
        if doubt:
            self._warn(doubt)
        if self._decoded is not None:
            self._on_change(
                f"The camera changed: now {camera.width} x {camera.height}, "
                f"focal length {camera.K[0, 0]:.2f} pixels, {camera.distortion_model}."
            )
        self._decoded = content, camera
        return camera


def _content(info) -> tuple:
    """All of a CameraInfo that makes a camera; comparing it is cheaper than decoding it."""
    roi = info.roi
    window = (roi.x_offset, roi.y_offset, roi.width, roi.height, info.binning_x, info.binning_y)
    numbers = tuple(np.asarray(values).tobytes() for values in (info.k, info.d, info.p))
    return (info.width, info.height, info.distortion_model, *window, *numbers)


def _fits(info, width: int, height: int) -> bool:
    """Whether the plain size agrees; regions and binning are left to the decoder."""
    if info.roi.width or info.binning_x > 1 or info.binning_y > 1:
        return True
    return (info.width, info.height) == (width, height)
