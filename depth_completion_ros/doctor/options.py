"""What a user may tell the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..data.bag.topics import Topics


@dataclass(frozen=True)
class Options:
    """Topics, calibration and pairing to judge by.

    Args:
        image, points: topics to look at; empty for the likeliest.
        tf_topics: TF topics, a list or with commas between them; empty for those of the robot.
        extrinsics: calibration file to judge in place of TF.
        camera_info_file: calibration file that tells the camera in place of CameraInfo.
        rectified: whether images are rectified, so that P of the CameraInfo is their camera.
        slack: seconds that the stamps of a cloud and its image may differ.
        image_time_offset: seconds added to the stamps of images first.
    """

    image: str = ""
    points: str = ""
    tf_topics: str | tuple[str, ...] = ()
    extrinsics: str | Path | None = None
    camera_info_file: str | Path | None = None
    rectified: bool = False
    slack: float = 0.05
    image_time_offset: float = 0.0

    @property
    def slack_ns(self) -> int:
        """Largest distance of the stamps of a pair, nanoseconds."""
        return round(self.slack * 1e9)

    @property
    def offset_ns(self) -> int:
        """Added to the stamps of images, nanoseconds."""
        return round(self.image_time_offset * 1e9)

    def pair(self, topics: Topics) -> tuple[str, str] | None:
        """The topics of images and points that are looked at: those wanted, else the first of each."""
        images, points = topics.images(), topics.points()
        if self.image:
            images = [t for t in topics.of("image", "compressed") if t == self.image]
        if self.points:
            points = [t for t in points if t == self.points]
        return (images[0], points[0]) if images and points else None
