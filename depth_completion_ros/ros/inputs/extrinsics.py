"""Where the LiDAR is, seen from the camera, by TF."""

from __future__ import annotations

import time

import numpy as np

from ...core import TransformError, invert


class TfExtrinsics:
    """T_cam_lidar and ego motion from /tf and /tf_static.

    Lookups answer at once. With `wait_s` they wait for a transform that is late, which must not be
    done in a callback of the node's own executor: nothing would arrive.

    Raises:
        ValueError: TF cannot be had in this environment; the sentence says why.
    """

    def __init__(self, node, buffer=None):
        from ..wheels import packages

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

    def lookup(self, target: str, source: str, stamp_ns: int, wait_s: float = 0.0) -> np.ndarray:
        """T_target_source 4 x 4 at a time; TransformError where it is missing, late or too old."""
        if not target or not source:
            raise TransformError(
                f"No transform from '{source}' to '{target}': a message has an empty frame_id."
            )
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

    def clear(self) -> None:
        """Forget what is not static, as after a jump back in time."""
        self._buffer.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.unregister()

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
