"""Messages that go out."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="the ROS message packages are not installed")

from sensor_msgs.msg import CameraInfo, PointField  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.core import Camera, depth_to_cloud  # noqa: E402
from depth_completion_ros.data.messages import (  # noqa: E402
    decode_camera_info,
    decode_depth_image,
    decode_image,
    decode_points,
)
from depth_completion_ros.ros import conversions  # noqa: E402

KITTI = Camera(1242, 375, [[721.5, 0, 609.6], [0, 721.5, 172.9], [0, 0, 1]])


def header():
    made = Header(frame_id="camera_optical")
    made.stamp.sec, made.stamp.nanosec = 12, 345
    return made


def best_ms(function):
    times = []
    for _ in range(15):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1e3 * min(times)


def test_depth_is_metres_with_nan_where_unknown():
    depth = np.array([[1.5, np.nan, 0.0], [-1.0, np.inf, 80.25]], np.float32)
    message = conversions.depth_message(depth, header())
    assert (message.encoding, message.height, message.width, message.step) == ("32FC1", 2, 3, 12)
    assert message.header == header()
    sent = np.frombuffer(message.data, np.float32).reshape(2, 3)
    np.testing.assert_array_equal(sent, [[1.5, np.nan, np.nan], [np.nan, np.nan, 80.25]])
    np.testing.assert_array_equal(decode_depth_image(message), np.nan_to_num(sent))


def test_depth_in_millimetres_is_rounded_and_zero_where_unknown_or_too_far():
    depth = np.array([[1.5, np.nan, 0.0, 0.0004, 0.0006, 1.2344]], np.float32)
    far = np.array([[65.535, 65.536, 80.0, np.inf, -1.0, 1.2346]], np.float32)
    message = conversions.depth_mm_message(np.vstack([depth, far]), header())
    assert (message.encoding, message.step) == ("16UC1", 12)
    sent = np.frombuffer(message.data, np.uint16).reshape(2, 6).tolist()
    assert sent == [[1500, 0, 0, 0, 1, 1234], [65535, 0, 0, 0, 0, 1235]]


def test_confidence_source_and_overlay_go_out_as_they_are():
    confidence = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    message = conversions.confidence_message(confidence, header())
    assert message.encoding == "32FC1" and bytes(message.data) == confidence.tobytes()
    source = np.arange(4, dtype=np.uint8).reshape(2, 2)
    message = conversions.source_message(source, header())
    assert message.encoding == "mono8" and bytes(message.data) == source.tobytes()
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    message = conversions.rgb_message(picture, header())
    assert message.encoding == "rgb8"
    np.testing.assert_array_equal(decode_image(message), picture)


def test_slices_of_larger_images_go_out_without_their_surroundings():
    depth = np.arange(48, dtype=np.float32).reshape(6, 8)[1:3, 2:5]
    sent = np.frombuffer(conversions.depth_message(depth, header()).data, np.float32)
    np.testing.assert_array_equal(sent, depth.ravel())


@pytest.mark.parametrize(
    ("model", "D"),
    [
        ("plumb_bob", ()),
        ("plumb_bob", (0.1, -0.05, 0.001, 0.002, 0.01)),
        ("rational_polynomial", (0.1, 0, 0, 0, 0, 0.2, 0, 0)),
        ("equidistant", (0.01, 0, 0, -0.002)),
        ("equidistant", ()),
    ],
)
def test_camera_info_says_what_the_camera_is(model, D):
    camera = Camera(640, 480, [[500, 0, 320], [0, 510, 240], [0, 0, 1]], model, D)
    info = conversions.camera_info_message(camera, header())
    assert info.header == header()
    assert decode_camera_info(info) == camera
    np.testing.assert_array_equal(np.reshape(info.p, (3, 4))[:, :3], camera.K)
    np.testing.assert_array_equal(np.reshape(info.r, (3, 3)), np.eye(3))


def test_camera_info_is_passed_on_with_the_header_of_the_image():
    info = conversions.camera_info_message(KITTI, Header(frame_id="old"))
    info.binning_x, info.roi.width = 2, 77
    passed = conversions.copy_camera_info(info, header())
    assert isinstance(passed, CameraInfo)
    assert passed.header == header() and info.header.frame_id == "old"
    passed.header = info.header
    assert passed == info


def test_cloud_has_the_fields_that_pcl_and_rviz_read():
    camera = Camera(4, 2, [[2, 0, 1.5], [0, 2, 0.5], [0, 0, 1]])
    depth = np.array([[1, 2, np.nan, 3], [0, 4, 5, 6]], np.float32)
    image = np.zeros((2, 4, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = 1, 2, 3
    message = conversions.cloud_message(depth_to_cloud(depth, camera, image), header())
    assert [(f.name, f.offset, f.datatype, f.count) for f in message.fields] == [
        (name, 4 * i, PointField.FLOAT32, 1) for i, name in enumerate(("x", "y", "z", "rgb"))
    ]
    assert (message.height, message.width, message.point_step) == (1, 6, 16)
    assert message.row_step == len(message.data) == 96
    assert message.is_dense and not message.is_bigendian
    assert message.header == header()
    colours = np.frombuffer(message.data, "<u4").reshape(6, 4)[:, 3]
    assert (colours == 0x010203).all()
    np.testing.assert_array_equal(decode_points(message).points[:, 2], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("coloured", [False, True])
def test_an_empty_cloud_goes_out_empty(coloured):
    camera = Camera(4, 2, [[2, 0, 1.5], [0, 2, 0.5], [0, 0, 1]])
    image = np.zeros((2, 4, 3), np.uint8) if coloured else None
    cloud = depth_to_cloud(np.full((2, 4), np.nan, np.float32), camera, image)
    message = conversions.cloud_message(cloud, header())
    assert (message.width, message.row_step, len(message.data)) == (0, 0, 0)


def test_messages_of_full_size_are_made_quickly():
    """Several times the time measured on one slow core, so that only a wrong way is caught."""
    depth = np.random.default_rng(0).uniform(1, 80, (375, 1242)).astype(np.float32)
    image = np.zeros((375, 1242, 3), np.uint8)
    cloud = depth_to_cloud(depth, KITTI, image)
    assert len(cloud) == 375 * 1242
    assert best_ms(lambda: conversions.depth_message(depth, header())) < 5
    assert best_ms(lambda: conversions.depth_mm_message(depth, header())) < 10
    assert best_ms(lambda: conversions.rgb_message(image, header())) < 5
    assert best_ms(lambda: conversions.cloud_message(cloud, header())) < 15
