"""The bag that `make demo` writes for Foxglove, against the layouts and the genuine message classes."""

from __future__ import annotations

import json

import pytest
import yaml
from import_graph import ROOT

pytest.importorskip("rosbags", reason="rosbags is not installed")
from rosbags.highlevel import AnyReader

from depth_completion_ros.demo.drive import make_demo_drive
from depth_completion_ros.demo.run import SAMPLE_FRAMES, _write_sample

SHOWN_BY_RVIZ = {"Image": "sensor_msgs/msg/Image", "PointCloud2": "sensor_msgs/msg/PointCloud2"}
"""What the displays of rviz_default_plugins take."""
ENCODINGS_OF_RVIZ = {"rgb8", "mono8", "32FC1", "16UC1"}


@pytest.fixture(scope="module")
def sample(open3d, tmp_path_factory):
    """Sample of a small drive: (topic, type) to its serialised messages."""
    folder = tmp_path_factory.mktemp("demo")
    drive = make_demo_drive(folder / "drive", frames=SAMPLE_FRAMES + 1, width=256, height=80)
    for _ in range(2):  # the second takes the place of the first
        _write_sample(drive, folder / "sample", "nearest")
    assert (folder / "sample" / "sample.mcap").is_file()
    found = {}
    with AnyReader([folder / "sample"]) as reader:
        for connection, _, data in reader.messages():
            found.setdefault((connection.topic, connection.msgtype), []).append(bytes(data))
    return found


def _genuine(sample, topic: str):
    """Messages of a topic as rclpy's own classes."""
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    from importlib import import_module

    from rclpy.serialization import deserialize_message

    ((kind, data),) = [(kind, data) for (name, kind), data in sample.items() if name == topic]
    package, _, name = kind.split("/")
    if package == "tf2_msgs":
        pytest.importorskip("tf2_msgs", reason="tf2_msgs is not installed")
    return [deserialize_message(each, getattr(import_module(f"{package}.msg"), name)) for each in data]


def _displays() -> list[dict]:
    content = yaml.safe_load((ROOT / "config" / "depth_completion.rviz").read_text())
    return [display for display in content["Visualization Manager"]["Displays"] if "Topic" in display]


def test_it_has_every_topic_that_foxglove_is_to_show_of_a_drive(sample):
    panels = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())["configById"]
    images = {panel["imageMode"]["imageTopic"] for name, panel in panels.items() if name.startswith("Image!")}
    shown = (
        images | set(panels["3D!cloud"]["topics"]) | {panels["Image!depth"]["imageMode"]["calibrationTopic"]}
    )
    assert shown <= {topic for topic, _ in sample}
    for topic in shown:
        ((_, data),) = [(name, data) for (name, _), data in sample.items() if name == topic]
        assert len(data) == SAMPLE_FRAMES


def test_every_display_of_rviz_gets_messages_of_its_type(sample):
    types = dict(sample)
    for display in _displays():
        kind = SHOWN_BY_RVIZ[display["Class"].split("/")[1]]
        assert (display["Topic"]["Value"], kind) in types, display["Name"]


def test_encodings_and_fields_are_those_that_rviz_draws(sample):
    for display in _displays():
        message = _genuine(sample, display["Topic"]["Value"])[0]
        if display["Class"].endswith("Image"):
            assert message.encoding in ENCODINGS_OF_RVIZ
            assert len(message.data) == message.height * message.step
        else:
            fields = {field.name for field in message.fields}
            assert {"x", "y", "z"} <= fields
            assert ("rgb" in fields) >= (display["Color Transformer"] == "RGB8"), display["Name"]


def test_transforms_lead_from_every_message_to_the_fixed_frames_of_the_views(sample):
    parents = {}
    for topic in ("/tf", "/tf_static"):
        for message in _genuine(sample, topic):
            parents.update({each.child_frame_id: each.header.frame_id for each in message.transforms})
    shown = {
        _genuine(sample, topic)[0].header.frame_id for topic in ("/depth/points", "/points", "/depth/image")
    }
    rviz = yaml.safe_load((ROOT / "config" / "depth_completion.rviz").read_text())["Visualization Manager"]
    panels = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())["configById"]
    for fixed in (rviz["Global Options"]["Fixed Frame"], panels["3D!cloud"]["followTf"]):
        for first in shown:
            frame = first
            while frame != fixed:
                frame = parents[frame]  # KeyError where the chain ends elsewhere
    assert parents["lidar"] == "odom"
