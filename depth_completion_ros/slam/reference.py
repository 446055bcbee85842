"""Poses that a trajectory is compared with, or that a map is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core import Frame, invert
from ..data.kitti_raw import pose_at
from .trajectory import Trajectory

GROUND_TRUTH, KISS_ICP = "poses of the data", "KISS-ICP on the LiDAR, no ground truth"
LEAST_POSES = 3
LEAST_SHARE = 0.9
"""Of the frames; where fewer have a pose in the data, the poses are found in the scans if they can be."""


@dataclass(eq=False)
class Reference:
    """Camera poses of a recording.

    Args:
        trajectory: of the optical frame, at the stamps of the images.
        name: where it is from.
    """

    trajectory: Trajectory
    name: str


@dataclass(eq=False)
class ReferenceMaker:
    """Gathers poses of the camera: those of the data, else by KISS-ICP (Vizzo et al., RA-L 2023)."""

    stamps: list[int] = field(default_factory=list)
    given: list[np.ndarray | None] = field(default_factory=list)
    _scans: list[tuple[int, np.ndarray]] = field(default_factory=list)
    _scanned: int = 0
    _T_lidar_cam: np.ndarray | None = None
    _odometry: Any = None
    _lacking: ImportError | None = None

    def add(self, frame: Frame, stamp: int) -> None:
        """Take the frame with the next stamp, in nanoseconds."""
        self.stamps.append(stamp)
        pose = frame.T_world_cam
        self.given.append(pose)
        self._scanned += frame.points is not None
        if frame.T_cam_lidar is not None:
            self._T_lidar_cam = invert(frame.T_cam_lidar)
        if pose is None and frame.points is not None and len(self.stamps) == 1:
            try:
                self._odometry = _kiss_icp()
            except ImportError as error:
                self._lacking = error
        if self._odometry is not None and frame.points is not None:
            self._register(frame, stamp)

    def _register(self, frame: Frame, stamp: int) -> None:
        points = frame.points[:, :3].astype(np.float64)
        points = points[np.isfinite(points).all(axis=1)]
        self._odometry.register_frame(points, np.zeros(len(points)))
        at = stamp
        if frame.stamp_points is not None and frame.stamp_image is not None:
            at = stamp + frame.stamp_points - frame.stamp_image
        self._scans.append((at, self._odometry.last_pose.copy()))

    def reference(self) -> Reference:
        """The poses, and where they are from.

        Raises:
            ValueError: there are too few.
            ModuleNotFoundError: the data has none and KISS-ICP cannot be imported.
        """
        known = [
            (stamp, pose) for stamp, pose in zip(self.stamps, self.given, strict=True) if pose is not None
        ]
        name = GROUND_TRUTH
        if len(known) < LEAST_SHARE * len(self.stamps) and len(self._scans) >= LEAST_POSES:
            stamps, poses = zip(*self._scans, strict=True)
            moving = [(stamp, pose_at(list(stamps), list(poses), stamp)) for stamp in self.stamps]
            known = [(stamp, pose @ self._T_lidar_cam) for stamp, pose in moving if pose is not None]
            name = KISS_ICP
        if len(known) < LEAST_POSES and self._lacking is not None and self._scanned >= LEAST_POSES:
            raise self._lacking
        if len(known) < LEAST_POSES:
            raise ValueError(self._too_few(len(known)))
        return Reference(Trajectory.of(*_columns(known)), name)

    def _too_few(self, known: int) -> str:
        have, least = (
            f"{known} of {len(self.stamps)} frames have a pose",
            f"at least {LEAST_POSES} are needed",
        )
        if not self._scanned:
            return f"{have}, and there are no LiDAR scans to get them from; {least}."
        return (
            f"{have}, and {self._scanned} a LiDAR scan; {least}, or as many scans to get them from, that of "
            "the first frame among them."
        )


def _columns(pairs: Sequence[tuple]) -> tuple[tuple, ...]:
    return tuple(zip(*pairs, strict=True))


def _kiss_icp():
    """KISS-ICP without motion compensation, on one thread so that it gives the same every time."""
    try:
        from kiss_icp.config.parser import load_config
        from kiss_icp.kiss_icp import KissICP
    except ImportError as error:
        raise ModuleNotFoundError(
            f"The data has no poses and KISS-ICP, which finds them in the LiDAR scans, cannot be imported "
            f"({error}); "
            'install it with: pip install "depth-completion-ros[slam]"'
        ) from error
    config = load_config(None)
    config.data.deskew = False
    config.registration.max_num_threads = 1
    return KissICP(config)
