"""How a completion node is to be started on a robot, as its topics tell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...core import TransformError
from ..clocks import LATENCY_S, SECOND, estimate
from ..options import Options
from ..recording import Recording, Stream

FIXED_FRAMES = ("odom", "map")
STEADY = 0.1
"""Streams whose steps differ by less than this share have a rate that one may name."""


@dataclass
class Robot:
    """Topics, parameters that differ from what the node does by itself, and what is missing.

    Args:
        image, points: topics.
        arguments: of `camera_lidar.launch.py`, by name.
        parameters: of the completion node, by name: the value, and why.
        camera_frame, lidar_frame: frame_ids.
        needs_extrinsics: whether TF does not tell where the LiDAR is.
        needs_camera: whether nobody publishes CameraInfo.
    """

    image: str
    points: str
    arguments: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, tuple[object, str]] = field(default_factory=dict)
    camera_frame: str = ""
    lidar_frame: str = ""
    needs_extrinsics: bool = False
    needs_camera: bool = False


def robot_of(recording: Recording, options: Options) -> Robot:
    """What a recording tells of its robot.

    Raises:
        ValueError: it has no images or no points.
    """
    topics = recording.topics
    image = options.image or next(iter(topics.images()), "")
    points = options.points or next(iter(topics.points()), "")
    if image not in recording.streams or points not in recording.streams:
        there = ", ".join(sorted([*recording.streams, *recording.others])) or "none"
        depth = " Depth images can stand for points: parameter measured_input." * bool(topics.depths())
        raise ValueError(
            f"{topics.name} must have a topic of images and one of points; its topics are {there}.{depth}"
        )
    robot = Robot(image, points)
    _name_image(robot, recording, options)
    robot.arguments["points"] = points
    _compare(robot, recording, options)
    return robot


def _name_image(robot: Robot, recording: Recording, options: Options) -> None:
    """The image topic as the launch file wants it, its CameraInfo, its rate, and whether it is rectified."""
    stream = recording.streams[robot.image]
    base = robot.image.removesuffix("/compressed") if stream.kind == "compressed" else robot.image
    robot.arguments["image"] = base
    if stream.kind == "compressed":
        robot.arguments["image_transport"] = "compressed"
    infos = recording.topics.camera_infos(robot.image)
    if len(infos) == 1 and infos[0] != f"{base.rsplit('/', 1)[0]}/camera_info":
        robot.arguments["camera_info"] = infos[0]
    robot.needs_camera = not infos
    if options.rectified or "rect" in base.rsplit("/", 1)[-1]:
        robot.parameters["rectified"] = (True, "by the name of its topic; false where it is not")
    robot.camera_frame = min(stream.frame_ids, default="")
    rate = _steady_rate(stream)
    if rate:
        robot.parameters["image_rate"] = (rate, "measured; a pair then need not wait for the next image")


def _compare(robot: Robot, recording: Recording, options: Options) -> None:
    """Clocks of both streams, and where the LiDAR is."""
    image, cloud = recording.streams[robot.image], recording.streams[robot.points]
    robot.lidar_frame = min(cloud.frame_ids, default="")
    offset = estimate(image, cloud)
    if offset is not None and abs(offset.seconds) > LATENCY_S + options.slack:
        why = offset.why or "estimated from times of arrival"
        robot.parameters["image_time_offset"] = (round(offset.seconds, 3), why)
    if not len(cloud):
        return
    stamp = cloud.stamps[len(cloud) // 2]
    robot.needs_extrinsics = not _knows(recording, robot.camera_frame, robot.lidar_frame, stamp)
    fixed = [frame for frame in FIXED_FRAMES if _knows(recording, frame, robot.lidar_frame, stamp)]
    if fixed and not robot.needs_extrinsics:
        robot.parameters["fixed_frame"] = (
            fixed[0],
            "in TF, so that the motion between cloud and image is taken out",
        )


def _knows(recording: Recording, target: str, source: str, stamp: int) -> bool:
    try:
        recording.lookup(target, source, stamp)
    except TransformError:
        return False
    return True


def _steady_rate(stream: Stream) -> float:
    """Hz, to a tenth; 0 where the steps of the stamps differ, or are too few to tell."""
    steps = np.diff(np.array(stream.stamps, dtype=np.int64))
    if len(steps) < 10 or np.median(steps) <= 0:
        return 0.0
    middle = float(np.median(steps))
    steady = np.percentile(np.abs(steps.astype(float) - middle), 95) < STEADY * middle
    return round(SECOND / middle, 1) if steady else 0.0
