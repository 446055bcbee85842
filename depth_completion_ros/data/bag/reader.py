"""Frames of a rosbag2: images, CameraInfo, point clouds and TF, paired as the live node does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Frame, check_rigid

from ..reader import Reader
from .frames import BagFrames
from .stream import BagError, BagStream, is_bag
from .topics import IMAGE, TopicError, Topics
from .writer import GROUND_TRUTH_TOPIC


class RosBag(Reader):
    """Frames of a bag (sqlite3 or MCAP, compressed or not, with or without metadata.yaml).

    The bag is streamed, never held in memory. Each point cloud gets the nearest image (`Pairing`);
    the camera is the latest CameraInfo not newer than the image, or the first one; extrinsics are
    those of TF at the stamp of the cloud. Messages that end up in no frame are counted by cause in
    `dropped` (the same as `skipped`).

    Args:
        image_topic, points_topic, camera_info_topic: needed where the bag has several of a type.
        ground_truth_topic: depth images with the stamps of the images; /ground_truth/depth if there.
        tf_topics: TF topics, a list or with commas between them, where the bag has those of several
            robots (`Topics.transforms`).
        T_cam_lidar: 4 x 4 or its 16 numbers row by row, instead of TF.
        fixed_frame: frame such as `odom` (which `write_bag` writes) through which the motion between
            cloud and image is told.
        slack_s: largest distance of the stamps of a pair, inclusive.
        image_offset_s: added to the stamps of images before they are compared with others.
        rectified: the images are rectified, so P of the CameraInfo is their camera.

    Raises:
        BagError: the bag cannot be opened, topics are missing or not clear; in an iteration after
            the last frame, where the bag breaks off or gave no frame at all.
    """

    layout = "rosbag2 folder, .mcap or .db3 file"

    def __init__(
        self,
        path: Path,
        *,
        image_topic: str | None = None,
        points_topic: str | None = None,
        camera_info_topic: str | None = None,
        ground_truth_topic: str | None = None,
        tf_topics: Sequence[str] | str = (),
        T_cam_lidar: np.ndarray | None = None,
        fixed_frame: str | None = None,
        slack_s: float = 0.05,
        image_offset_s: float = 0.0,
        rectified: bool = False,
    ):
        super().__init__(path.resolve().stem)
        self.path = path
        self.stream = BagStream(path)
        try:
            self._choose_topics(image_topic, points_topic, camera_info_topic, ground_truth_topic, tf_topics)
        except TopicError as error:
            raise BagError(str(error)) from None
        self.T_cam_lidar = None
        if T_cam_lidar is not None:
            self.T_cam_lidar = _matrix("T_cam_lidar", T_cam_lidar)
        self.fixed_frame = fixed_frame
        self.slack_ns = _nanoseconds("slack_s", slack_s)
        if self.slack_ns < 0:
            raise ValueError(f"Option slack_s is {slack_s}; it must be 0 or more.")
        self.image_offset_ns = _nanoseconds("image_offset_s", image_offset_s)
        if not isinstance(rectified, bool):
            raise ValueError(f"Option rectified is {rectified!r}; it must be true or false.")
        self.rectified = rectified

    @property
    def dropped(self) -> Counter[str]:
        """Messages of the last iteration that ended up in no frame, by cause."""
        return self.skipped

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return is_bag(path)

    def __len__(self) -> int:
        """Number of point clouds; there are not more frames."""
        return self.stream.counts[self.points_topic]

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        run = BagFrames(self)
        damage = None
        try:
            try:
                yield from run.frames()
            except BagError as error:
                damage = str(error)
                yield from run.rest()
        finally:
            self.skipped.update(run.dropped)
        if damage:
            raise BagError(f"{damage.rstrip('.')}; {run.count} frames were read before.")
        if not run.count:
            causes = ", ".join(f"{n} x {cause}" for cause, n in self.skipped.items())
            raise BagError(
                f"Bag '{self.path}' gave no frame: "
                f"{run.first_failure or causes or 'it has no images or no point clouds'}"
            )

    def describe(self) -> str:
        return (
            f"bag {self.name}: images {self.image_topic} ({self.stream.counts[self.image_topic]}), "
            f"points {self.points_topic} ({self.stream.counts[self.points_topic]}), "
            f"truth {self.ground_truth_topic or 'none'}"
        )

    def _choose_topics(self, image, points, camera_info, ground_truth, transforms) -> None:
        topics = Topics(
            self.stream.topics, self.stream.counts, self.stream.image_content(), f"Bag '{self.path}'"
        )
        if ground_truth is None and self.stream.topics.get(GROUND_TRUTH_TOPIC) == IMAGE:
            ground_truth = GROUND_TRUTH_TOPIC
        self.ground_truth_topic = ground_truth and topics.choose(
            "ground_truth_topic", ground_truth, topics.of("image", "compressed"), "Image"
        )
        images = topics.of("image", "compressed") if image else topics.images()
        images = [topic for topic in images if topic == image or topic != ground_truth]
        self.image_topic = topics.choose("image_topic", image, images, "Image or CompressedImage")
        self.points_topic = topics.choose("points_topic", points, topics.points(), "PointCloud2")
        infos = topics.of("camera_info") if camera_info else topics.camera_infos(self.image_topic)
        self.camera_info_topic = topics.choose("camera_info_topic", camera_info, infos, "CameraInfo")
        self.tf_topics = topics.transforms((self.image_topic, self.points_topic), transforms)


def _nanoseconds(option: str, seconds: float) -> int:
    try:
        return round(float(seconds) * 1e9)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"Option {option} is {seconds!r}; it must be a number of seconds.") from None


def _matrix(option: str, value) -> np.ndarray:
    try:
        T = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"Option {option} is {value!r}; it must be 16 numbers.") from None
    return check_rigid(T.reshape(4, 4) if T.size == 16 else T, f"Option {option}")
