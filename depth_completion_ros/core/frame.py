"""One synchronised measurement: an image, its camera, and what a range sensor saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .geometry import Box, invert

FIXED_FRAME = "odom"
"""What the fixed frame of `T_world_lidar` is called on /tf (REP 105)."""


@dataclass(kw_only=True, eq=False)
class Frame:
    """An image and the points measured with it; the same object from a bag, a data set or live topics.

    Args:
        camera: model of `image`; None only where a data set does not tell it, and then the
            measurement must come as `sparse_depth`.
        image: uint8 H x W x 3 RGB, raw or rectified as `camera` says; None if there is none.
        points: float32 N x 3 or more (x, y, z, ...), metres, LiDAR frame.
        T_cam_lidar: 4 x 4, x_cam = T_cam_lidar @ x_lidar.
        T_image_points: 4 x 4 ego motion that takes points of the LiDAR frame at `stamp_points` to
            the LiDAR frame at `stamp_image`; None where it is not known.
        T_world_lidar: 4 x 4 pose of the LiDAR frame at `stamp_points` in a frame that stands still
            over the sequence; None where it is not known.
        stamp_image, stamp_points: nanoseconds.
        frame_id: optical frame of the camera.
        point_times: float32 N, seconds since `stamp_points` at which each point was measured; None where that
            is not known or their motion has been taken out (`core.deskew`).
        rings: integer N, laser index of each point, 0 the topmost, where the sensor has rings.
        sparse_depth: float32 H x W, metres along z, 0 where not measured, for sensors that deliver
            an image of depth (RGB-D, ToF, SfM) instead of points.
        ground_truth: float32 H x W, metres along z, 0 where unknown; never seen by a completer.
        robot: box around the robot itself, whose points tell nothing of the world; None for no such box.
        camera_info: the CameraInfo message that `camera` was read from, of whatever class, to be passed
            on as it came; None where there was none.
        name: what a report calls this frame.

    Raises:
        ValueError: arrays of another type, or that do not fit each other.
    """

    camera: Camera | None
    image: np.ndarray | None = None
    points: np.ndarray | None = None
    T_cam_lidar: np.ndarray | None = None
    T_image_points: np.ndarray | None = None
    T_world_lidar: np.ndarray | None = None
    stamp_image: int | None = None
    stamp_points: int | None = None
    frame_id: str = ""
    point_times: np.ndarray | None = None
    rings: np.ndarray | None = None
    sparse_depth: np.ndarray | None = None
    ground_truth: np.ndarray | None = None
    robot: Box | None = None
    camera_info: object = None
    name: str = ""

    def __post_init__(self):
        if self.image is not None:
            image = self.image
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(
                    f"Frame image is {image.dtype} {image.shape}; it must be uint8 H x W x 3 RGB."
                )
            if self.camera and image.shape[:2] != (self.camera.height, self.camera.width):
                raise ValueError(
                    f"Frame image is {image.shape[1]} x {image.shape[0]} but its camera is "
                    f"{self.camera.width} x {self.camera.height}."
                )
        if self.points is not None and (self.points.ndim != 2 or self.points.shape[1] < 3):
            raise ValueError(f"Frame points have shape {self.points.shape}; they must be N x 3 or more.")
        if self.points is not None and not np.issubdtype(self.points.dtype, np.floating):
            raise ValueError(f"Frame points are {self.points.dtype}; they must be floating point in metres.")
        for name in ("rings", "point_times"):
            values = getattr(self, name)
            if values is not None and (self.points is None or len(values) != len(self.points)):
                raise ValueError(f"Frame {name.replace('_', ' ')} must have one entry for each point.")
        for name in ("sparse_depth", "ground_truth"):
            self._check_depth(name.replace("_", " "), getattr(self, name))

    def _check_depth(self, name: str, depth: np.ndarray | None) -> None:
        if depth is None:
            return
        if not np.issubdtype(depth.dtype, np.floating):
            raise ValueError(
                f"Frame {name} is {depth.dtype}; it must be floating point in metres, so divide by the units "
                "in a metre."
            )
        if depth.shape != self.size:
            raise ValueError(
                f"Frame {name} has shape {depth.shape}; it must be that of the image, {self.size} (H x W)."
            )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        if self.camera is not None:
            return self.camera.height, self.camera.width
        for plane in (self.image, self.sparse_depth, self.ground_truth):
            if plane is not None:
                return plane.shape[:2]
        raise ValueError("Frame has no camera, image or depth, so it has no size.")

    @property
    def T_world_lidar_at_image(self) -> np.ndarray | None:
        """Pose of the LiDAR frame at `stamp_image`; None where pose or motion is not known."""
        if self.T_world_lidar is None or self.T_image_points is None:
            return None
        return self.T_world_lidar @ invert(self.T_image_points)

    @property
    def T_world_cam(self) -> np.ndarray | None:
        """Pose of the optical frame at `stamp_image`; None where no pose is known.

        Without `T_image_points` points and image count as of one moment, as they do in the projection.
        """
        T_world_lidar = self.T_world_lidar if self.T_image_points is None else self.T_world_lidar_at_image
        if T_world_lidar is None or self.T_cam_lidar is None:
            return None
        return T_world_lidar @ invert(self.T_cam_lidar)
