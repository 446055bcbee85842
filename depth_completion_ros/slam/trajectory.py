"""Poses over time, and their files in the format of the TUM benchmark, which evo and most others read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import invert
from ..core.geometry import matrix_to_quaternion
from ..core.safe.files import write_text


@dataclass(eq=False)
class Trajectory:
    """Poses of one frame, such as a camera's optical frame, in a world that stands still.

    Args:
        stamps: int64 N, nanoseconds, rising.
        poses: N x 4 x 4, frame to world.
    """

    stamps: np.ndarray
    poses: np.ndarray

    @classmethod
    def of(cls, stamps: Sequence[int], poses: Sequence[np.ndarray]) -> Trajectory:
        return cls(np.asarray(stamps, np.int64), np.reshape(np.asarray(poses, np.float64), (-1, 4, 4)))

    @property
    def positions(self) -> np.ndarray:
        """N x 3, metres."""
        return self.poses[:, :3, 3]

    @property
    def length(self) -> float:
        """Metres along the way."""
        return float(np.linalg.norm(np.diff(self.positions, axis=0), axis=1).sum())

    def seen_from_first(self) -> Trajectory:
        """The same in the frame of its first pose."""
        return Trajectory(self.stamps, invert(self.poses[0]) @ self.poses)

    def write(self, path: Path) -> Path:
        """Write lines `stamp x y z qx qy qz qw`: seconds, metres, quaternion; return the path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["# stamp x y z qx qy qz qw"]
        for stamp, pose in zip(self.stamps.tolist(), self.poses, strict=True):
            numbers = *pose[:3, 3], *matrix_to_quaternion(pose)
            seconds, rest = divmod(stamp, 10**9)
            lines.append(f"{seconds}.{rest:09d} " + " ".join(f"{number:.9f}" for number in numbers))
        write_text(path, "\n".join(lines) + "\n")
        return path
