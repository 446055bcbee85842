"""Topics of a bag or robot are told apart by what is in them, and TF by whose it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from depth_completion_ros.data.bag.topics import TopicError, Topics, is_static, transforms_of

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TF, INFO = "tf2_msgs/msg/TFMessage", "sensor_msgs/msg/CameraInfo"


def test_a_depth_topic_that_sorts_first_is_not_taken_for_an_image():
    colour, depth = "/camera/color/image_raw/compressed", "/camera/aligned/image_raw/compressedDepth"
    content = {colour: "rgb8; jpeg compressed bgr8", depth: "16UC1; compressedDepth png"}
    topics = Topics({depth: COMPRESSED, colour: COMPRESSED}, content=content)
    assert topics.images() == [colour]
    assert topics.depths() == [depth]


def test_depth_is_told_by_encoding_whatever_the_topic_is_called():
    content = {"/a/image": "32FC1", "/b/image": "mono16", "/c/image": "16UC1; png compressed "}
    topics = Topics({"/a/image": IMAGE, "/b/image": IMAGE, "/c/image": COMPRESSED}, content=content)
    assert topics.depths() == ["/a/image", "/c/image"]
    assert topics.images() == ["/b/image"]


def test_of_raw_and_compressed_images_of_one_camera_the_raw_ones_are_taken():
    types = {"/cam/image_raw": IMAGE, "/cam/image_raw/compressed": COMPRESSED}
    assert Topics(types).images() == ["/cam/image_raw"]
    assert Topics(types, {"/cam/image_raw": 0, "/cam/image_raw/compressed": 9}).images() == [
        "/cam/image_raw/compressed"
    ]


def test_two_cameras_are_not_clear_and_the_option_is_named():
    topics = Topics({"/left/image_raw": IMAGE, "/right/image_raw": IMAGE}, name="Bag 'x'")
    with pytest.raises(TopicError, match="it has /left/image_raw, /right/image_raw: choose with image_topic"):
        topics.choose("image_topic", None, topics.images(), "Image")


def test_camera_info_is_that_beside_the_images():
    types = {"/left/camera_info": INFO, "/right/camera_info": INFO, "/other": INFO}
    topics = Topics(types)
    assert topics.camera_infos("/left/image_raw") == ["/left/camera_info"]
    assert topics.camera_infos("/right/image_raw/compressed") == ["/right/camera_info"]
    assert topics.camera_infos("/else/image") == sorted(types)


def test_tf_of_one_namespace_is_found_wherever_it_is():
    topics = Topics({"/tf": TF, "/robot/tf_static": TF})
    assert topics.transforms(["/camera/image_raw"]) == ["/robot/tf_static", "/tf"]


def test_of_several_robots_the_one_of_the_camera_is_taken():
    topics = Topics({"/a/tf": TF, "/a/tf_static": TF, "/ab/tf_static": TF, "/tf": TF})
    assert topics.transforms(["/ab/cam/image"]) == ["/ab/tf_static", "/tf"]


def test_tf_of_several_robots_that_is_not_clear_must_be_chosen():
    topics = Topics({"/a/tf_static": TF, "/b/tf_static": TF}, name="Bag 'x'")
    with pytest.raises(TopicError, match="TF of 2 namespaces, .*: choose with tf_topics"):
        topics.transforms(["/camera/image_raw"])
    assert topics.transforms(chosen="/b/tf_static") == ["/b/tf_static"]
    with pytest.raises(TopicError, match="Option tf_topics is '/c/tf', but the TFMessage topics of bag 'x'"):
        topics.transforms(chosen=["/c/tf"])


def test_a_static_topic_is_told_by_its_name():
    assert is_static("/tf_static") and is_static("/robot/tf_static")
    assert not is_static("/tf") and not is_static("/static/tf")


def test_one_broken_transform_leaves_the_others():
    def entry(child, q, x=1.0):
        stamp = SimpleNamespace(sec=1, nanosec=5)
        return SimpleNamespace(
            header=SimpleNamespace(frame_id="base", stamp=stamp),
            child_frame_id=child,
            transform=SimpleNamespace(
                translation=SimpleNamespace(x=x, y=0.0, z=0.0),
                rotation=SimpleNamespace(**dict(zip("xyzw", q, strict=True))),
            ),
        )

    entries = [entry("wheel", (0, 0, 0, 0)), entry("lidar", (0, 0, 0, 1)), entry("arm", (0, 0, 0, 1), np.nan)]
    wheel, lidar, arm = transforms_of(SimpleNamespace(transforms=entries))
    assert "Transform of 'wheel' in 'base': Quaternion" in wheel[2]
    assert lidar[:2] == ("base", "lidar") and lidar[2][0, 3] == 1 and lidar[3] == 1_000_000_005
    assert "not finite" in arm[2]
