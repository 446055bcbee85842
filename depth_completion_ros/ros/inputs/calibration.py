"""Camera and extrinsics of a live frame: from CameraInfo, and from TF, a file or a parameter."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import numpy as np

from ...core import Camera, TransformError
from ...data.calibration.camera_file import CameraFile
from ...data.calibration.extrinsics import extrinsics_from_numbers
from ...data.calibration.extrinsics_file import read_extrinsics, read_transforms
from ...data.messages import decode_camera_info, stamp_ns
from .extrinsics import TfExtrinsics


class Drop(Exception):
    """A frame that cannot be completed.

    Args:
        cause: short name under which it is counted.
        sentence: what is wrong, for the operator.
    """

    def __init__(self, cause: str, sentence: str):
        super().__init__(sentence)
        self.cause = cause


class Cameras:
    """The camera of an image, from the CameraInfo messages received so far.

    `add` is called by the input, `of_image` by the worker.

    Args:
        rectified: take P instead of K and D.
        on_change: called with a sentence when the camera is another than before.
        file: the camera where there is no CameraInfo.
    """

    def __init__(
        self,
        rectified: bool,
        on_change=lambda sentence: None,
        keep: int = 50,
        file: CameraFile | None = None,
    ):
        self._rectified, self._on_change, self._keep, self._file = rectified, on_change, keep, file
        self._received: OrderedDict[int, object] = OrderedDict()
        self._arrived = threading.Condition()
        self._decoded: tuple[tuple, Camera] | None = None

    def add(self, info) -> None:
        """Take a CameraInfo; the one with an image's own stamp is preferred, then the latest."""
        with self._arrived:
            stamp = stamp_ns(info.header)
            self._received.pop(stamp, None)
            self._received[stamp] = info
            if len(self._received) > self._keep:
                self._received.popitem(last=False)
            self._arrived.notify_all()

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
                if info is not None and _fits(info, width, height):
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

    def _of_file(self, width: int, height: int) -> Camera:
        content = width, height
        if self._decoded is None or self._decoded[0] != content:
            try:
                self._decoded = content, self._file.camera(width, height, self._rectified)
            except ValueError as error:
                raise Drop("camera file of another size", str(error)) from None
        return self._decoded[1]

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


class Extrinsics:
    """T_cam_lidar, and the motion between cloud and image, from where the parameters say.

    Args:
        node: for TF.
        settings: parameters `extrinsics_source`, `extrinsics_file`, `extrinsics`,
            `calibration_timeout` and, where there are such, `fixed_frame` and `robot_frame`.

    Raises:
        ValueError, FileNotFoundError: what is given cannot be used; one sentence.
    """

    def __init__(self, node, settings):
        self._wait_s = settings.calibration_timeout
        self._fixed_frame = getattr(settings, "fixed_frame", "")
        self._file = settings.extrinsics_file
        self._source = settings.extrinsics_source
        self._T: np.ndarray | None = None
        self._frames_of_file: tuple[str, str] | None = None
        self.tf: TfExtrinsics | None = None
        if self._fixed_frame and self._source != "tf":
            raise ValueError(
                f"Parameter 'fixed_frame' is '{self._fixed_frame}', which needs TF; "
                f"'extrinsics_source' is '{self._source}' and must be tf."
            )
        self._robot_frame = getattr(settings, "robot_frame", "")
        if self._robot_frame and self._source != "tf":
            raise ValueError(
                f"Parameter 'robot_frame' is '{self._robot_frame}', which needs TF; "
                f"'extrinsics_source' is '{self._source}' and must be tf. Empty, it is the LiDAR's frame."
            )
        if self._source == "tf":
            self.tf = TfExtrinsics(node)
        elif self._source == "file":
            if not self._file:
                raise ValueError(
                    "Parameter 'extrinsics_file' is empty; with 'extrinsics_source' file it must name one."
                )
            read_transforms(self._file)  # refused now if it is none; its frames are checked later
        else:
            if len(settings.extrinsics) == 1:
                raise ValueError(
                    "Parameter 'extrinsics' is not given; with 'extrinsics_source' parameter it must "
                    "be 7 numbers x y z qx qy qz qw or the 16 of a matrix."
                )
            self._T = extrinsics_from_numbers(settings.extrinsics, "Parameter 'extrinsics'")

    def of_frame(
        self, camera_frame: str, lidar_frame: str, stamp_image: int, stamp_points: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """T_cam_lidar and T_image_points (None without a fixed frame) of a frame.

        Raises:
            Drop: TF does not have them, or the file is of other frames.
        """
        if self.tf is None:
            if self._source == "file" and self._frames_of_file != (camera_frame, lidar_frame):
                self._read_for(camera_frame, lidar_frame)
            return self._T, None
        try:
            T = self.tf.T_cam_lidar(camera_frame, lidar_frame, stamp_points, self._wait_s)
            if not self._fixed_frame:
                return T, None
            motion = self.tf.ego_motion(
                self._fixed_frame, lidar_frame, stamp_points, stamp_image, self._wait_s
            )
            return T, motion
        except TransformError as error:
            raise Drop("no transform", str(error)) from None

    def T_robot_lidar(self, lidar_frame: str, stamp_points: int) -> np.ndarray:
        """4 x 4 from the LiDAR to the frame in which the robot's own box is told; Drop without it."""
        if not self._robot_frame or self._robot_frame == lidar_frame:
            return np.eye(4)
        try:
            return self.tf.T_cam_lidar(self._robot_frame, lidar_frame, stamp_points, self._wait_s)
        except TransformError as error:
            raise Drop("no transform", str(error)) from None

    def _read_for(self, camera_frame: str, lidar_frame: str) -> None:
        """Read the file for the frames of the messages: one that names them swapped is inverted."""
        try:
            self._T = read_extrinsics(self._file, camera_frame, lidar_frame)
        except (OSError, ValueError) as error:
            raise Drop("extrinsics cannot be used", str(error)) from None
        self._frames_of_file = camera_frame, lidar_frame

    def clear(self) -> None:
        """Forget what is past, after a jump back in time."""
        if self.tf is not None:
            self.tf.clear()

    def close(self) -> None:
        """Unsubscribe from TF."""
        if self.tf is not None:
            self.tf.close()
