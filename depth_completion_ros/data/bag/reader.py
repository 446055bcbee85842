"""Frames of a bag: images, CameraInfo, point clouds and TF, paired as the live node does."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Box, Frame, check_rigid

from ..calibration.camera_file import read_camera_file
from ..calibration.extrinsics import of_a_rig
from ..calibration.extrinsics_file import of_one_lidar, read_extrinsics
from ..deskew import Deskew
from ..reader import Reader
from .frames import BagFrames
from .stream import BagError, BagStream, is_bag
from .topics import IMAGE, TopicError, Topics
from .writer import GROUND_TRUTH_TOPIC


class RosBag(Reader):
    """Frames of a bag (sqlite3 or MCAP, compressed or not, with or without metadata.yaml; .bag of ROS 1).

    The bag is streamed, never held in memory. Each point cloud gets the nearest image (`Pairing`);
    the camera is the latest CameraInfo not newer than the image, or the first one; extrinsics are
    those of TF at the stamp of the cloud. Messages that end up in no frame are counted by cause in
    `dropped` (the same as `skipped`).

    Args:
        image_topic, points_topic, camera_info_topic: needed where the bag has several of a type.
        ground_truth_topic: depth images with the stamps of the images; /ground_truth/depth if there.
        sparse_depth_topic: images of depth in the frame of the camera (RGB-D, ToF, SfM), raw or compressed,
            in place of point clouds.
        camera_info_file: camera of a calibration file (`read_camera_file`), in place of CameraInfo.
        robot_box: what the robot itself fills, as x y z of the lower and of the upper corner in metres;
            points in it are left out.
        robot_frame: frame of `robot_box`, which TF has; that of the LiDAR if not given.
        tf_topics: TF topics, a list or with commas between them, where the bag has those of several
            robots (`Topics.transforms`).
        T_cam_lidar: 4 x 4 or its 16 numbers row by row, instead of TF; without the last row 12.
        extrinsics_file: calibration file instead of TF (`read_extrinsics`), as of the node.
        fixed_frame: frame such as `odom` (which `write_bag` writes) through which the motion between
            cloud and image is told.
        slack_s: largest distance of the stamps of a pair, inclusive.
        image_offset_s: added to the stamps of images before they are compared with others.
        rectified: the images are rectified, so P of the CameraInfo is their camera.
        deskew: `auto`, `on` or `off`, see `Deskew`; the motion is that in `fixed_frame`.

    Raises:
        BagError: the bag cannot be opened, topics are missing or not clear; in an iteration after
            the last frame, where the bag breaks off or gave no frame at all.
    """

    layout = "rosbag2 folder, .mcap or .db3 file, .bag of ROS 1"

    def __init__(
        self,
        path: Path,
        *,
        image_topic: str | None = None,
        points_topic: str | None = None,
        camera_info_topic: str | None = None,
        ground_truth_topic: str | None = None,
        sparse_depth_topic: str | None = None,
        camera_info_file: str | Path | None = None,
        robot_box: Sequence[float] | None = None,
        robot_frame: str | None = None,
        tf_topics: Sequence[str] | str = (),
        T_cam_lidar: np.ndarray | None = None,
        extrinsics_file: str | Path | None = None,
        fixed_frame: str | None = None,
        slack_s: float = 0.05,
        image_offset_s: float = 0.0,
        rectified: bool = False,
        deskew: str = "auto",
    ):
        super().__init__(path.resolve().stem)
        self.path = path
        self.stream = BagStream(path)
        if points_topic and sparse_depth_topic:
            raise ValueError("Options points_topic and sparse_depth_topic are given; it must be one of them.")
        if not isinstance(rectified, bool):
            raise ValueError(f"Option rectified is {rectified!r}; it must be true or false.")
        self.rectified = rectified
        try:
            topics = self._topics()
            self._choose_images(topics, image_topic, ground_truth_topic, sparse_depth_topic)
            self._choose_measurements(topics, points_topic, sparse_depth_topic)
            self._choose_camera(topics, camera_info_topic, camera_info_file)
            self.tf_topics = topics.transforms((self.image_topic, self.measured_topic), tf_topics)
        except TopicError as error:
            raise BagError(str(error)) from None
        self.T_cam_lidar = None
        if T_cam_lidar is not None:
            self.T_cam_lidar = _matrix("T_cam_lidar", T_cam_lidar)
            if extrinsics_file is not None:
                raise ValueError("Options T_cam_lidar and extrinsics_file are given; it must be one of them.")
        self._extrinsics_file = extrinsics_file
        self._of_file: dict[tuple[str, str], np.ndarray] = {}
        self.extrinsics_of_one = ""
        if T_cam_lidar is not None:
            self.extrinsics_of_one = "Option T_cam_lidar"
        elif extrinsics_file is not None and of_one_lidar(extrinsics_file):
            self.extrinsics_of_one = f"Calibration '{extrinsics_file}'"
        self.robot_box = None if robot_box is None else _box(robot_box)
        self.robot_frame = robot_frame
        self.fixed_frame = fixed_frame
        self.slack_ns = _nanoseconds("slack_s", slack_s)
        if self.slack_ns < 0:
            raise ValueError(f"Option slack_s is {slack_s}; it must be 0 or more.")
        self.image_offset_ns = _nanoseconds("image_offset_s", image_offset_s)
        self.deskew = Deskew(deskew)

    def told_extrinsics(self, camera_frame: str, lidar_frame: str) -> np.ndarray | None:
        """T_cam_lidar of the options; None where TF tells it.

        Raises:
            ValueError: the file is of other frames.
        """
        if self._extrinsics_file is None:
            return self.T_cam_lidar
        frames = camera_frame, lidar_frame
        if frames not in self._of_file:
            self._of_file[frames] = read_extrinsics(self._extrinsics_file, *frames)
        return self._of_file[frames]

    @property
    def dropped(self) -> Counter[str]:
        """Messages of the last iteration that ended up in no frame, by cause."""
        return self.skipped

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return is_bag(path)

    def __len__(self) -> int:
        """Number of point clouds or sparse depth images; there are not more frames."""
        return self.stream.counts[self.measured_topic]

    @property
    def measured_topic(self) -> str:
        """The topic of point clouds or of sparse depth."""
        return self.sparse_depth_topic or self.points_topic

    def __iter__(self) -> Iterator[Frame]:
        run = BagFrames(self)
        damage = yield from self._read(run)
        if damage:
            raise BagError(f"{damage.rstrip('.')}; {run.count} frames were read before.")
        if not run.count:
            causes = ", ".join(f"{n} x {cause}" for cause, n in self.skipped.items())
            why = run.first_failure or causes or "it has no images or no point clouds"
            if self.skipped["no transform"]:
                why = f"{why.rstrip('.')}. Option extrinsics_file gives a calibration file in place of TF."
            raise BagError(f"Bag '{self.path}' gave no frame: {why}")

    def stretch(self, first: int, last: int) -> Iterator[Frame]:
        # The numbers are those of pairs. What comes before is read, as pairs depend on it, but not decoded.
        damage = yield from self._read(BagFrames(self, first, last))
        if damage:
            raise BagError(damage)

    def _read(self, run: BagFrames) -> Generator[Frame, None, str | None]:
        """Frames of a pass; returns why the bag breaks off, where it does."""
        self.skipped.clear()
        damage = None
        try:
            try:
                yield from run.frames()
            except BagError as error:
                damage = str(error)
                yield from run.rest()
        finally:
            self.skipped.update(run.dropped)
        return damage

    def describe(self) -> str:
        measured = "sparse depth" if self.sparse_depth_topic else "points"
        return (
            f"bag {self.name}: images {self.image_topic} ({self.stream.counts[self.image_topic]}), "
            f"{measured} {self.measured_topic} ({self.stream.counts[self.measured_topic]}), "
            f"truth {self.ground_truth_topic or 'none'}"
        )

    def _topics(self) -> Topics:
        stream = self.stream
        return Topics(stream.topics, stream.counts, stream.image_content(), f"Bag '{self.path}'")

    def _choose_images(self, topics: Topics, image, ground_truth, sparse_depth) -> None:
        every = topics.of("image", "compressed")
        if ground_truth is None and self.stream.topics.get(GROUND_TRUTH_TOPIC) == IMAGE:
            ground_truth = GROUND_TRUTH_TOPIC if sparse_depth != GROUND_TRUTH_TOPIC else None
        self.ground_truth_topic = ground_truth and topics.choose(
            "ground_truth_topic", ground_truth, every, "Image"
        )
        images = every if image else topics.images()
        images = [topic for topic in images if topic == image or topic not in (ground_truth, sparse_depth)]
        self.image_topic = topics.choose("image_topic", image, images, "Image or CompressedImage")

    def _choose_measurements(self, topics: Topics, points, sparse_depth) -> None:
        self.points_topic = self.sparse_depth_topic = None
        if sparse_depth:
            every = topics.of("image", "compressed")
            self.sparse_depth_topic = topics.choose("sparse_depth_topic", sparse_depth, every, "Image")
            return
        there, depths = topics.points(), [t for t in topics.depths() if t != self.ground_truth_topic]
        if not there and not points and depths:
            raise TopicError(
                f"Bag '{self.path}' has no topic of type PointCloud2, but depth images on "
                f"{', '.join(depths)}: give one as sparse_depth_topic."
            )
        self.points_topic = topics.choose("points_topic", points, there, "PointCloud2")

    def _choose_camera(self, topics: Topics, camera_info, file) -> None:
        self.camera_file = self.camera_info_topic = None
        if file is not None:
            self.camera_file = read_camera_file(str(file), self.image_topic)
            if doubt := self.camera_file.doubt(self.image_topic, self.rectified):
                warnings.warn(f"Bag '{self.path}': {doubt}", stacklevel=3)
            return
        infos = topics.of("camera_info") if camera_info else topics.camera_infos(self.image_topic)
        if not infos and not camera_info:
            raise TopicError(
                f"Bag '{self.path}' has no topic of type CameraInfo: give the camera as camera_info_file."
            )
        self.camera_info_topic = topics.choose("camera_info_topic", camera_info, infos, "CameraInfo")


def _box(numbers) -> Box:
    corners = np.array(numbers, dtype=object).ravel()
    try:
        if corners.size != 6:
            raise ValueError(f"it has {corners.size} numbers")
        return Box(corners[:3].astype(float), corners[3:].astype(float))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Option robot_box is {numbers!r}; it must be x y z of the lower and of the upper corner "
            f"({error})."
        ) from None


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
    if T.size == 12:
        T = np.concatenate([T.ravel(), [0, 0, 0, 1]])
    T = check_rigid(T.reshape(4, 4) if T.size == 16 else T, f"Option {option}")
    return of_a_rig(T, f"Option {option}")
