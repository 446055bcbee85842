"""Replay of a bag writes what the completion node publishes when that bag is played to it over DDS."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from robot import CAMERA, START, STEP, T_CAM_LIDAR, Robot, camera_image, completion_node, wall

pytest.importorskip("rosbags", reason="rosbags is not installed")

from depth_completion_ros.completion import create_completer  # noqa: E402
from depth_completion_ros.core import Camera, invert  # noqa: E402
from depth_completion_ros.data.bag.messages import (  # noqa: E402
    camera_info_message,
    image_message,
    new_message,
    points_message,
    transform_message,
    typestore,
)
from depth_completion_ros.data.bag.stream import BagStream  # noqa: E402
from depth_completion_ros.data.bag.writer import BagWriter  # noqa: E402
from depth_completion_ros.data.messages import decode_camera_info  # noqa: E402
from depth_completion_ros.data.reader import open_reader  # noqa: E402
from depth_completion_ros.evaluation.outputs import OUTPUTS  # noqa: E402
from depth_completion_ros.evaluation.replay import replay  # noqa: E402

NUMBER = 4
LIMIT, STEP_OF_EDGES = 0.4, 0.1
INPUTS = {"/camera/image_raw": "image", "/camera/camera_info": "camera_info", "/lidar/points": "points"}


def plain_info():
    return camera_info_message(CAMERA, START, "camera")


def info_of_a_stereo_camera():
    """Four coefficients, as some drivers send them, and a P with a baseline."""
    info = camera_info_message(CAMERA, START, "camera")
    info.d = np.array([0.05, -0.02, 0.001, 0.002])
    info.p[3] = -12.5
    return info


def info_of_a_binned_camera():
    """Of a sensor of twice the size, whose pixels are binned 2 x 2."""
    K = CAMERA.K * [[2], [2], [1]]
    info = camera_info_message(Camera(2 * CAMERA.width, 2 * CAMERA.height, K), START, "camera")
    info.binning_x = info.binning_y = 2
    return info


def expected_info(info, rectified: bool):
    """What came, passed on; but of an image without distortion, K, D and size are its own."""
    if rectified:
        info.k, info.d = info.p.reshape(3, 4)[:, :3].ravel(), np.zeros(5)
    elif info.binning_x:
        info = camera_info_message(decode_camera_info(info), START, "camera")
    return info


def record(path, info) -> None:
    """A bag of a moving wall; the last cloud is empty and the one before holds points that are not finite."""
    static = [transform_message("lidar", "camera", invert(T_CAM_LIDAR), START)]
    with BagWriter(path) as writer:
        message = new_message("tf2_msgs/msg/TFMessage", transforms=static)
        writer.write("/tf_static", "tf2_msgs/msg/TFMessage", message, START, latched=True)
        for at in range(NUMBER):
            stamp = START + at * STEP
            points = np.hstack([wall(8.0 + at), np.full((len(wall()), 1), 0.5, np.float32)])
            points[points[:, 1] > 2, 0] -= 3  # a part of it stands before the rest
            if at == NUMBER - 2:
                points[::7, :3] = np.nan
            rings = np.repeat(np.arange(24), 90)
            if at == NUMBER - 1:
                points, rings = points[:0], rings[:0]
            info.header.stamp.sec, info.header.stamp.nanosec = divmod(stamp, 10**9)
            for topic, message in (
                ("/camera/camera_info", info),
                (
                    "/camera/image_raw",
                    image_message(np.roll(camera_image(), at, axis=1), "rgb8", stamp, "camera"),
                ),
                ("/lidar/points", points_message(points, rings, stamp, "lidar")),
            ):
                writer.write(topic, message.__msgtype__, message, stamp)


def raw_messages(path):
    """Topic, type and bytes of the messages of a bag, in order."""
    stream = BagStream(path)
    for topic, _, raw in stream.messages(list(stream.topics)):
        yield topic, stream.topics[topic], raw


def content(message):
    """All fields of a message of either class, as values that compare equal; data as bytes."""
    if is_dataclass(message):
        names = [field.name for field in fields(message) if field.name[0].islower()]  # no constants
    elif hasattr(message, "get_fields_and_field_types"):
        names = list(message.get_fields_and_field_types())
    elif isinstance(message, str | bool | int | float):
        return message
    elif len(message) and not np.isscalar(message[0]):
        return [content(entry) for entry in message]
    else:
        array = np.asarray(message)
        return array.tobytes() if array.dtype == np.uint8 else array.tolist()
    return {name: content(getattr(message, name)) for name in names}


@pytest.mark.parametrize(
    ("info", "rectified"),
    [
        (plain_info, False),
        (info_of_a_stereo_camera, False),
        (info_of_a_stereo_camera, True),
        (info_of_a_binned_camera, False),
    ],
)
def test_node_and_replay_give_the_same_messages_on_every_topic(ros, tmp_path, info, rectified):
    record(tmp_path / "bag", info())
    reader = open_reader(tmp_path / "bag", rectified=rectified)
    names = [output.name for output in OUTPUTS]
    options = {"outputs": names, "stride": 2, "max_range": 10.5, "isolated": True}
    options |= {"min_confidence": LIMIT, "max_step": STEP_OF_EDGES}
    completer = create_completer("linear")
    assert replay(reader, completer, tmp_path / "dense", **options).frames == NUMBER
    written = {output.topic: [] for output in OUTPUTS}
    for topic, kind, raw in raw_messages(tmp_path / "dense"):
        written[topic.lstrip("/")].append(content(typestore().deserialize_cdr(raw, kind)))

    robot = Robot(ros, outputs=tuple(written))
    parameters = {"max_range": 10.5, "filter_isolated": True, "cloud_stride": 2}
    parameters |= {"min_confidence": LIMIT, "max_step": STEP_OF_EDGES}
    node = completion_node(ros, completer="linear", rectified=rectified, **parameters)
    robot.connect()
    for topic, _, raw in raw_messages(tmp_path / "bag"):
        if topic in INPUTS:
            robot.publishers[INPUTS[topic]].publish(bytes(raw))
    for topic in written:
        robot.wait_for_outputs(NUMBER, topic)
    assert node.counters.snapshot().lost == 0
    for topic, messages in robot.received.items():
        for live, offline in zip(map(content, messages), written[topic], strict=True):
            assert live == offline, topic
    expected = content(expected_info(info(), rectified)) | {"header": None}
    for message in written["depth/camera_info"]:
        assert message | {"header": None} == expected
    assert len({depth["data"] for depth in written["depth/image"]}) == NUMBER, "the wall moves"
    assert all(0 < cloud["width"] < CAMERA.width * CAMERA.height / 4 for cloud in written["depth/points"][:2])
