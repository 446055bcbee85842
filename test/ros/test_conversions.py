"""Messages that go out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="the ROS message packages are not installed")

from sensor_msgs.msg import CameraInfo, PointField  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.core import Camera, depth_to_cloud  # noqa: E402
from depth_completion_ros.data.bag.message_fields import (  # noqa: E402
    copied_camera_info_fields,
    millimetres,
    points_array,
)
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
    message = conversions.image_message(millimetres(np.vstack([depth, far])), "16UC1", header())
    assert (message.encoding, message.step) == ("16UC1", 12)
    sent = np.frombuffer(message.data, np.uint16).reshape(2, 6).tolist()
    assert sent == [[1500, 0, 0, 0, 1, 1234], [65535, 0, 0, 0, 0, 1235]]


@pytest.mark.parametrize(
    ("encoding", "dtype", "channels"),
    [("32FC1", np.float32, 1), ("16UC1", np.uint16, 1), ("mono8", np.uint8, 1), ("rgb8", np.uint8, 3)],
)
def test_images_go_out_as_they_are(encoding, dtype, channels):
    shape = (3, 5) if channels == 1 else (3, 5, channels)
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    message = conversions.image_message(image, encoding, header())
    assert (message.height, message.width, message.encoding) == (3, 5, encoding)
    assert message.step == 5 * channels * image.itemsize
    assert message.is_bigendian == 0
    assert message.header == header()
    assert bytes(message.data) == image.tobytes()
    if encoding in ("mono8", "rgb8"):
        np.testing.assert_array_equal(decode_image(message)[..., :channels], image.reshape(3, 5, channels))


@pytest.mark.parametrize(
    ("image", "encoding"),
    [
        (np.zeros((2, 2), np.float64), "32FC1"),
        (np.zeros((2, 2), np.float32), "16UC1"),
        (np.zeros((2, 2, 4), np.uint8), "rgb8"),
        (np.zeros((2, 2), np.uint8), "rgb8"),
        (np.zeros((2, 2), np.uint8), "bayer_rggb8"),
    ],
)
def test_an_image_that_does_not_fit_its_encoding_is_refused(image, encoding):
    with pytest.raises(ValueError, match=f"cannot be sent as '{encoding}'; the encodings are"):
        conversions.image_message(image, encoding, header())


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
        ("plumb_bob", (0.1, -0.05, 0.001, 0.002)),
    ],
)
def test_camera_info_says_what_the_camera_is(model, D):
    camera = Camera(640, 480, [[500, 0, 320], [0, 510, 240], [0, 0, 1]], model, D)
    info = conversions.camera_info_message(camera, header())
    assert info.header == header()
    # A program that rectifies expects every coefficient; those not given are 0.
    all_of_them = np.zeros({"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}[model])
    all_of_them[: len(D)] = D
    assert list(info.d) == list(all_of_them)
    assert decode_camera_info(info) == Camera(640, 480, camera.K, model, all_of_them if D else ())
    np.testing.assert_array_equal(np.reshape(info.p, (3, 4))[:, :3], camera.K)
    np.testing.assert_array_equal(np.reshape(info.r, (3, 3)), np.eye(3))


def test_camera_info_is_passed_on_with_the_header_of_the_image():
    info = conversions.camera_info_message(KITTI, Header(frame_id="old"))
    info.binning_x, info.roi.width = 2, 77
    fields = copied_camera_info_fields(info)
    passed = conversions.filled_camera_info(fields, header())
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


def test_a_cloud_with_points_that_are_not_finite_says_so():
    cloud = np.zeros(3, [(name, "<f4") for name in ("x", "y", "z")])
    assert conversions.cloud_message(cloud, header()).is_dense
    cloud["y"][1] = np.nan
    assert not conversions.cloud_message(cloud, header()).is_dense


@pytest.mark.parametrize("rings", [False, True])
def test_lidar_points_go_out_with_intensity_and_rings(rings):
    points = np.arange(12, dtype=np.float32).reshape(3, 4)
    numbers = np.array([0, 63, 127]) if rings else None
    message = conversions.cloud_message(points_array(points, numbers), header())
    decoded = decode_points(message)
    assert [field.name for field in message.fields] == ["x", "y", "z", "intensity", "ring"][: 4 + rings]
    np.testing.assert_array_equal(decoded.points, points)
    if rings:
        np.testing.assert_array_equal(decoded.rings, numbers)
