"""Where the LiDAR is, seen from the camera, for a live frame: by TF, a calibration file or a parameter."""

from __future__ import annotations

import time

import numpy as np

from ..core import TransformError, invert
from ..core.transform_tree import StaticTransforms
from ..data.bag.topics import odd_quaternions, transforms_of
from ..data.calibration.extrinsics import extrinsics_from_numbers
from ..data.calibration.extrinsics_file import not_that_lidar, of_one_lidar, read_extrinsics
from . import qos
from .diagnostics.status import WARN, Status
from .inputs.drop import Drop


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
        self._of_file: dict[tuple[str, str], np.ndarray] = {}
        self._of_one, self._lidar_frame = True, ""
        self.tf: TfExtrinsics | None = None
        if self._fixed_frame and self._source != "tf":
            raise ValueError(
                f"Parameter 'fixed_frame' is '{self._fixed_frame}', which needs TF; "
                f"'extrinsics_source' is '{self._source}' and must be tf."
            )
        if getattr(settings, "more_points", "") and self._source == "parameter":
            raise ValueError(
                f"Parameter 'more_points' is '{settings.more_points}', but 'extrinsics_source' is parameter, "
                "which has the place of one LiDAR; it must be tf or file."
            )
        if getattr(settings, "deskew", "off") == "on" and not self._fixed_frame:
            raise ValueError(
                "Parameter 'deskew' is on, which needs the motion of the LiDAR; 'fixed_frame' is empty and "
                "must name a frame such as odom."
            )
        if getattr(settings, "temporal", "off") == "blend" and not self._fixed_frame:
            raise ValueError(
                "Parameter 'temporal' is blend, which needs the motion of the camera; 'fixed_frame' is empty "
                "and must name a frame such as odom."
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
            self._of_one = of_one_lidar(self._file)  # refused now if it is none; its frames are checked later
            if self._of_one and getattr(settings, "more_points", ""):
                raise ValueError(
                    f"Parameter 'more_points' is '{settings.more_points}', but 'extrinsics_file' "
                    f"'{self._file}' has no names of frames, so it has the place of one LiDAR."
                )
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
            return self._fixed(camera_frame, lidar_frame), None
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

    def pose(self, sensor_frame: str, stamp: int) -> np.ndarray:
        """4 x 4 pose of a sensor in the fixed frame at a stamp; TransformError where TF does not have it."""
        return self.tf.lookup(self._fixed_frame, sensor_frame, stamp, self._wait_s)

    def T_robot_lidar(self, lidar_frame: str, stamp_points: int) -> np.ndarray:
        """4 x 4 from the LiDAR to the frame in which the robot's own box is told; Drop without it."""
        if not self._robot_frame or self._robot_frame == lidar_frame:
            return np.eye(4)
        try:
            return self.tf.T_cam_lidar(self._robot_frame, lidar_frame, stamp_points, self._wait_s)
        except TransformError as error:
            raise Drop("no transform", str(error)) from None

    def _fixed(self, camera_frame: str, lidar_frame: str) -> np.ndarray:
        """That of the parameter, or of the file for the frames of the messages: swapped ones are inverted."""
        self._lidar_frame = self._lidar_frame or lidar_frame
        if self._of_one and lidar_frame != self._lidar_frame:
            name = f"Calibration '{self._file}'" if self._source == "file" else "Parameter 'extrinsics'"
            sentence = not_that_lidar(name, self._lidar_frame, lidar_frame)
            raise Drop("extrinsics cannot be used", sentence)
        if self._source == "parameter":
            return self._T
        frames = camera_frame, lidar_frame
        if frames not in self._of_file:
            try:
                self._of_file[frames] = read_extrinsics(self._file, camera_frame, lidar_frame)
            except (OSError, ValueError) as error:
                raise Drop("extrinsics cannot be used", str(error)) from None
        return self._of_file[frames]

    def clear(self) -> None:
        """Forget what is past, after a jump back in time."""
        if self.tf is not None:
            self.tf.clear()

    @property
    def statuses(self) -> list[Status]:
        """A warning where static transforms of TF contradict each other."""
        conflicts = [] if self.tf is None else self.tf.conflicts
        return [Status("static transforms", WARN, " ".join(conflicts))] if conflicts else []

    def close(self) -> None:
        """Unsubscribe from TF."""
        if self.tf is not None:
            self.tf.close()


class TfExtrinsics:
    """T_cam_lidar and ego motion from /tf and /tf_static.

    Lookups answer at once. With `wait_s` they wait for a transform that is late, which must not be
    done in a callback of the node's own executor: nothing would arrive.

    Raises:
        ValueError: TF cannot be had in this environment; the sentence says why.
    """

    def __init__(self, node, buffer=None):
        from .wheels import packages

        if packages.tf2 is None:
            raise ValueError(
                f"TF cannot be used here, {packages.reason('tf2')}; give the extrinsics as "
                "parameter or calibration file, or make the messages of TF with "
                "`python -m depth_completion_ros.ros.wheels.generate_tf2_msgs`."
            )
        self._tf2 = packages.tf2
        self._quaternion_matrix = packages.tf_transformations.quaternion_matrix
        self._buffer = packages.tf2.Buffer() if buffer is None else buffer
        self._listener = packages.tf2.TransformListener(self._buffer, node)
        self._watch = StaticWatch(node)

    def lookup(self, target: str, source: str, stamp_ns: int, wait_s: float = 0.0) -> np.ndarray:
        """T_target_source 4 x 4 at a time; TransformError where it is missing, late or too old."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return self._lookup(target, source, stamp_ns)
            except TransformError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.005)

    def T_cam_lidar(
        self, camera_frame: str, lidar_frame: str, stamp_ns: int, wait_s: float = 0.0
    ) -> np.ndarray:
        """T_cam_lidar 4 x 4 at the stamp of the point cloud; TransformError."""
        return self.lookup(camera_frame, lidar_frame, stamp_ns, wait_s)

    def ego_motion(
        self,
        fixed_frame: str,
        lidar_frame: str,
        stamp_points: int,
        stamp_image: int,
        wait_s: float = 0.0,
    ) -> np.ndarray:
        """T_image_points 4 x 4 of `Frame`, from the motion in a fixed frame; TransformError."""
        T_fixed_points = self.lookup(fixed_frame, lidar_frame, stamp_points, wait_s)
        T_fixed_image = self.lookup(fixed_frame, lidar_frame, stamp_image, wait_s)
        return invert(T_fixed_image) @ T_fixed_points

    @property
    def conflicts(self) -> list[str]:
        """Static transforms that were told with two values, a sentence each."""
        return self._watch.conflicts

    def clear(self) -> None:
        """Forget what is not static, as after a jump back in time."""
        self._buffer.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.unregister()
        self._watch.close()

    def _lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        from rclpy.time import Time

        try:
            found = self._buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns))
        except TransformError:
            raise
        except self._tf2.TransformException as error:
            why = " ".join(str(error).split())
            raise TransformError(f"No transform from '{source}' to '{target}': {why}") from error
        t, q = found.transform.translation, found.transform.rotation
        T = self._quaternion_matrix((q.x, q.y, q.z, q.w))
        T[:3, 3] = t.x, t.y, t.z
        return T


class StaticWatch:
    """Hears /tf_static beside tf2, which keeps the last value of a transform and says nothing of others.

    What contradicts, and quaternions that are no rotation, are logged once each.
    """

    def __init__(self, node):
        from tf2_msgs.msg import TFMessage

        self._node = node
        self._static = StaticTransforms()
        self._odd: set[str] = set()
        self._subscription = node.create_subscription(TFMessage, "/tf_static", self._take, qos.latched(100))

    @property
    def conflicts(self) -> list[str]:
        """A sentence for each transform that was told with two values."""
        return list(self._static.conflicts.values())

    def close(self) -> None:
        """Listen no more."""
        self._node.destroy_subscription(self._subscription)

    def _take(self, message) -> None:
        log = self._node.get_logger()
        for sentence in {*odd_quaternions(message)} - self._odd:
            self._odd.add(sentence)
            log.warning(sentence)
        for parent, child, T, _ in transforms_of(message):
            if isinstance(T, str):
                continue  # tf2 says so itself
            sentence = self._static.add(parent, child, T)
            if sentence:
                log.warning(sentence)
