"""Writing of rosbag2, from messages or from frames."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Frame, invert
from depth_completion_ros.core.frame import FIXED_FRAME

from ..messages import check_stamp
from .message_fields import metres
from .messages import (
    camera_info_message,
    compressed_image_message,
    image_message,
    new_message,
    points_message,
    transform_message,
    typestore,
)

STORAGES = ("mcap", "sqlite3")
COMPRESSIONS = ("none", "message", "file", "storage")
IMAGE_FORMATS = ("raw", "png", "jpeg")
GROUND_TRUTH_TOPIC = "/ground_truth/depth"
POINTS_TOPIC = "/lidar/points"


class BagWriter:
    """A new rosbag2 folder, as a context manager; an error leaves what was written until then.

    Args:
        path: folder to make; it must not exist.
        storage: `mcap` or `sqlite3`.
        compression: `none`, by `message`, of the whole `file`, or `storage` (chunks of MCAP).

    Raises:
        FileExistsError: something is at the path already.
        ValueError: a storage or compression that is not known.
    """

    def __init__(self, path: str | Path, *, storage: str = "mcap", compression: str = "none"):
        path = Path(path).expanduser()
        allowed = COMPRESSIONS if storage == "mcap" else COMPRESSIONS[:3]
        if storage not in STORAGES:
            raise ValueError(f"Bag storage is '{storage}'; it must be one of {', '.join(STORAGES)}.")
        if compression not in allowed:
            raise ValueError(
                f"Compression of a {storage} bag is '{compression}'; it must be one of {', '.join(allowed)}."
            )
        if path.exists():
            raise FileExistsError(f"'{path}' exists already; a bag is only written to a new folder.")
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

        # Version 8 is read by Humble and all since; 9 is not by Humble and Iron.
        self._writer = Writer(path, version=8, storage_plugin=StoragePlugin[storage.upper()])
        self._writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
        self._types = typestore()
        self._connections: dict[str, object] = {}

    def __enter__(self) -> BagWriter:
        self._writer.open()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            with self._told_as_os_error():
                self._writer.__exit__(None, None, None)
            return
        # What was written before an error, or Ctrl-C, becomes a bag that can be read.
        with suppress(Exception):
            if self._connections:
                self._writer.close()
            else:
                self._writer.abort()
                shutil.rmtree(self._writer.path)

    def write(self, topic: str, message_type: str, message, stamp_ns: int, *, latched: bool = False) -> None:
        """Write one message.

        Args:
            message_type: such as `sensor_msgs/msg/Image`.
            message: of the classes of `rosbags`, or its serialised bytes.
            stamp_ns: time of recording, which `ros2 bag play` plays it at.
            latched: keep it for late subscribers; counts from the first message of a topic.
        """
        connection = self._connections.get(topic)
        if connection is None:
            connection = self._connections[topic] = self._writer.add_connection(
                topic, message_type, typestore=self._types, offered_qos_profiles=[_qos(latched)]
            )
        if not isinstance(message, bytes):
            message = self._types.serialize_cdr(message, message_type)
        with self._told_as_os_error():
            self._writer.write(connection, stamp_ns, message)

    @contextmanager
    def _told_as_os_error(self) -> Iterator[None]:
        """Errors of disk and database as an OSError that names the bag."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise OSError(f"Bag '{self._writer.path}' cannot be written: {reason}.") from None


@dataclass(frozen=True)
class InputTopics:
    """Names of the topics that a frame is written to."""

    image: str = "/camera/image_raw"
    camera_info: str = "/camera/camera_info"
    points: str = POINTS_TOPIC


def write_bag(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    storage: str = "mcap",
    compression: str = "none",
    image_format: str = "raw",
    camera_name: str = "camera",
    lidar_frame: str = "lidar",
) -> int:
    """Write frames as a bag that `ros2 bag play` plays and `open_reader` reads back; their number.

    Topics are /<camera_name>/image_raw (or .../compressed) and camera_info, /lidar/points, /tf_static
    and, where there is a truth, /ground_truth/depth. Stamps stay; frames without get 10 Hz. Every
    set of extrinsics has a camera frame of its own below the LiDAR's, as a static transform cannot
    change. Where a frame has `T_world_lidar`, /tf has it as the LiDAR in `odom`, at the stamp of the
    points and, by `T_image_points`, at that of the image; `fixed_frame="odom"` reads them back.

    Args:
        image_format: `raw` (rgb8), `png` (lossless) or `jpeg`.

    Raises:
        FileExistsError: something is at the path already.
        ValueError: a frame without image, camera, points or extrinsics, or an option not known.
    """
    topics = InputTopics(f"/{camera_name}/image_raw", f"/{camera_name}/camera_info")
    count = 0
    with BagWriter(path, storage=storage, compression=compression) as writer:
        each = FrameWriter(writer, topics, image_format, f"{camera_name}_optical_frame", lidar_frame)
        for frame in frames:
            each.write(frame)
            count += 1
    return count


class FrameWriter:
    """Writes frames of one sequence into a bag, as `write_bag` says.

    Args:
        frame_id: of cameras that have none.

    Raises:
        ValueError: an image format that is not known.
    """

    def __init__(
        self,
        writer: BagWriter,
        topics: InputTopics,
        image_format: str = "raw",
        frame_id: str = "camera_optical_frame",
        lidar_frame: str = "lidar",
    ):
        if image_format not in IMAGE_FORMATS:
            raise ValueError(
                f"Image format is '{image_format}'; it must be one of {', '.join(IMAGE_FORMATS)}."
            )
        self._writer, self._topics, self._format = writer, topics, image_format
        self._frame_id, self._lidar_frame = frame_id, lidar_frame
        self._static = _StaticTransforms(lidar_frame)
        self._count, self._last = 0, 0

    def write(self, frame: Frame) -> tuple[int, str]:
        """Write one frame; stamp and frame_id that its image got.

        Raises:
            ValueError: it lacks image, camera, points or extrinsics, or is not after the one before.
        """
        self._count += 1
        _check(frame, self._count)
        # A stamp of zero means none to ROS.
        stamp = frame.stamp_image if frame.stamp_image is not None else self._count * 100_000_000
        points_stamp = frame.stamp_points if frame.stamp_points is not None else stamp
        for time_ns in (stamp, points_stamp):
            check_stamp(time_ns, f"Frame {frame.name or self._count}")
        if stamp <= self._last:
            raise ValueError(
                f"Frame {frame.name or self._count} has the stamp {stamp} ns, which is not after that of "
                f"the one before, {self._last} ns; a bag needs frames of one sequence."
            )
        first, self._last = min(stamp, points_stamp), stamp
        frame_id = frame.frame_id or self._frame_id
        frame_id, transforms = self._static.camera_frame(frame_id, frame.T_cam_lidar, first)
        if transforms is not None:
            self._writer.write("/tf_static", "tf2_msgs/msg/TFMessage", transforms, first, latched=True)
        # First, so that a player has told the pose when it plays what was seen from there.
        messages = _pose_messages(frame, stamp, points_stamp, self._lidar_frame)
        messages += _camera_messages(frame, stamp, frame_id, self._topics, self._format)
        each = frame.points, frame.rings
        cloud = points_message(*each, points_stamp, self._lidar_frame, frame.point_times)
        messages.append((points_stamp, self._topics.points, cloud))
        for time_ns, topic, message in sorted(messages, key=lambda m: m[0]):
            self._writer.write(topic, message.__msgtype__, message, time_ns)
        return stamp, frame_id


def _check(frame: Frame, number: int) -> None:
    needed = ("image", "camera", "points", "T_cam_lidar")
    missing = [name for name in needed if getattr(frame, name) is None]
    if missing:
        raise ValueError(f"Frame {frame.name or number} has no {', '.join(missing)}, which a bag needs.")


class _StaticTransforms:
    """Camera frames in use, with the extrinsics of each."""

    def __init__(self, lidar_frame: str):
        self._lidar_frame = lidar_frame
        self._known: dict[str, np.ndarray] = {}

    def camera_frame(self, frame_id: str, T_cam_lidar: np.ndarray, stamp_ns: int):
        """Name for a camera with these extrinsics, and the TFMessage if there is a new one to write."""
        name, number = frame_id, 0
        while name in self._known and not np.array_equal(self._known[name], T_cam_lidar):
            number += 1
            name = f"{frame_id}_{number}"
        if name in self._known:
            return name, None
        self._known[name] = T_cam_lidar
        transforms = [
            transform_message(self._lidar_frame, camera, invert(T), stamp_ns)
            for camera, T in self._known.items()
        ]
        # All of them again, as late subscribers are given only the last message.
        return name, new_message("tf2_msgs/msg/TFMessage", transforms=transforms)


def _pose_messages(frame: Frame, stamp: int, points_stamp: int, lidar_frame: str):
    if frame.T_world_lidar is None:
        return []
    poses = {points_stamp: frame.T_world_lidar}
    if frame.T_world_lidar_at_image is not None:
        poses.setdefault(stamp, frame.T_world_lidar_at_image)
    messages = []
    for time_ns, T in poses.items():
        transforms = [transform_message(FIXED_FRAME, lidar_frame, T, time_ns)]
        messages.append((time_ns, "/tf", new_message("tf2_msgs/msg/TFMessage", transforms=transforms)))
    return messages


def _camera_messages(frame: Frame, stamp: int, frame_id: str, topics: InputTopics, image_format: str):
    topic = topics.image
    if image_format == "raw":
        image = image_message(frame.image, "rgb8", stamp, frame_id)
    else:
        topic += "/compressed"
        image = compressed_image_message(frame.image, image_format, stamp, frame_id)
    info = camera_info_message(frame.camera, stamp, frame_id)
    messages = [(stamp, topic, image), (stamp, topics.camera_info, info)]
    if frame.ground_truth is not None:
        truth = image_message(metres(frame.ground_truth), "32FC1", stamp, frame_id)
        messages.append((stamp, GROUND_TRUTH_TOPIC, truth))
    return messages


def _qos(latched: bool):
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    for_ever = QosTime(9223372036, 854775807)
    return Qos(
        QosHistory.KEEP_LAST,
        10,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        for_ever,
        for_ever,
        QosLiveliness.AUTOMATIC,
        for_ever,
        False,
    )
