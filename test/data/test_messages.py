"""Decoding of ROS messages, with made-up ones of every layout and with genuine ones."""

from __future__ import annotations

import re
import tracemalloc
from array import array
from types import SimpleNamespace as Message

import cv2
import numpy as np
import pytest
from raw_messages import RGB, VALUES, XYZ, cloud_of, image_of

from depth_completion_ros.data.messages import (
    IMAGE_ENCODINGS,
    decode_camera_info,
    decode_compressed_image,
    decode_depth_image,
    decode_image,
    decode_points,
    doubt_of_rectified,
    rings_from_top,
    stamp_ns,
)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("8UC3", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, RGB[..., 0]])),
        ("bgra8", np.dstack([RGB[..., ::-1], RGB[..., 0]])),
    ],
)
def test_colour_comes_out_as_rgb(encoding, pixels, padding):
    np.testing.assert_array_equal(decode_image(image_of(pixels, encoding, padding)), RGB)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("encoding", ["mono8", "8UC1", "mono16"])
def test_grey_is_the_same_in_all_channels(encoding, big_endian):
    grey = RGB[..., 0]
    pixels = grey
    if encoding == "mono16":
        pixels = (grey.astype(np.uint16) * 256 + 7).astype(">u2" if big_endian else "<u2")
    decoded = decode_image(image_of(pixels, encoding, padding=3, big_endian=big_endian))
    np.testing.assert_array_equal(decoded, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_each_colour_its_place(pattern, bits):
    colour = {"r": 200, "g": 120, "b": 30}
    tile = np.array([[colour[c] for c in pattern[:2]], [colour[c] for c in pattern[2:]]])
    pixels = np.tile(tile, (4, 4)).astype(np.uint8)
    if bits == 16:
        pixels = pixels.astype("<u2") << 8
    decoded = decode_image(image_of(pixels, f"bayer_{pattern}{bits}"))
    np.testing.assert_array_equal(decoded[2:-2, 2:-2], np.broadcast_to((200, 120, 30), (4, 4, 3)))


@pytest.mark.parametrize(
    ("encoding", "order"), [("yuv422", "UYVY"), ("uyvy", "UYVY"), ("yuv422_yuy2", "YUY2"), ("yuyv", "YUY2")]
)
def test_yuv_comes_out_as_rgb(encoding, order):
    y, u, v = 81, 90, 240  # red in ITU-R BT.601
    pair = {"UYVY": [[u, y], [v, y]], "YUY2": [[y, u], [y, v]]}[order]
    decoded = decode_image(image_of(np.tile(np.array(pair, np.uint8), (4, 2, 1)), encoding))
    assert np.abs(decoded.astype(int) - (255, 0, 0)).max() < 3


def test_unknown_encoding_is_refused_with_those_allowed():
    with pytest.raises(ValueError, match="'mono12' is unknown; it must be one of rgb8, bgr8") as error:
        decode_image(image_of(RGB, "mono12"))
    assert all(name in str(error.value) for name in IMAGE_ENCODINGS)


def test_image_with_too_little_data_is_refused():
    message = image_of(RGB, "rgb8")
    message.data = message.data[:-1]
    with pytest.raises(ValueError, match="8 x 6 rgb8 has 143 bytes in rows of 24"):
        decode_image(message)
    message = image_of(RGB, "rgb8")
    message.step = 20
    with pytest.raises(ValueError, match="rows of at least 24"):
        decode_image(message)
    message.width = 0
    with pytest.raises(ValueError, match="both must be positive"):
        decode_image(message)


def test_rgb_is_not_copied():
    message = image_of(RGB, "rgb8")
    assert np.shares_memory(decode_image(message), np.frombuffer(message.data, np.uint8))


def test_png_is_decoded_and_rubbish_refused():
    data = cv2.imencode(".png", RGB[..., ::-1])[1]
    message = Message(data=array("B", data.tobytes()), format="png")
    np.testing.assert_array_equal(decode_compressed_image(message), RGB)
    for data in (b"", b"no image"):
        with pytest.raises(ValueError, match="of format 'png' with .* cannot be decoded"):
            decode_compressed_image(Message(data=data, format="png"))


@pytest.mark.parametrize("order", ["<", ">"])
def test_depth_is_metres_and_zero_where_unknown(order):
    depth = np.array([[1.5, np.nan], [np.inf, -1]], order + "f4")
    decoded = decode_depth_image(image_of(depth, "32FC1", 3, order == ">"))
    np.testing.assert_array_equal(decoded, [[1.5, 0], [0, 0]])
    assert decoded.dtype == np.float32 and decoded.dtype.isnative
    millimetres = np.array([[1500, 0]], order + "u2")
    decoded = decode_depth_image(image_of(millimetres, "16UC1", 0, order == ">"))
    np.testing.assert_allclose(decoded, [[1.5, 0]], rtol=1e-7)
    with pytest.raises(ValueError, match="'rgb8' is unknown; it must be one of 32FC1, 16UC1"):
        decode_depth_image(image_of(RGB, "rgb8"))


LAYOUTS = {
    "packed": (XYZ, {}),
    "padded": (XYZ, {"step": 32}),
    "shifted": ([("x", 7, "f4", 4), ("y", 7, "f4", 8), ("z", 7, "f4", 12)], {"step": 24}),
    "odd step": (XYZ, {"step": 19}),
    "mixed up": ([("z", 7, "f4", 0), ("x", 7, "f4", 8), ("y", 7, "f4", 4)], {}),
    "doubles": ([("x", 8, "f8", 0), ("y", 8, "f8", 8), ("z", 8, "f8", 16)], {}),
    "one double": ([("x", 7, "f4", 0), ("y", 8, "f8", 4), ("z", 7, "f4", 12)], {}),
}


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(("height", "row_padding"), [(1, 0), (3, 0), (3, 7)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_of_any_layout_are_read(layout, height, row_padding, big_endian):
    fields, options = LAYOUTS[layout]
    columns = VALUES[:, ["xyz".index(name) for name, *_ in fields]]
    message = cloud_of(
        fields, columns, height=height, row_padding=row_padding, big_endian=big_endian, **options
    )
    before = message.data.tobytes()
    cloud = decode_points(message)
    np.testing.assert_array_equal(cloud.points, VALUES)
    assert cloud.points.dtype == np.float32 and cloud.points.flags.c_contiguous
    assert cloud.rings is None and message.data.tobytes() == before


def test_intensity_and_rings_are_read_with_velodyne_padding_fields():
    fields = [*XYZ, ("intensity", 7, "f4", 12), ("ring", 4, "u2", 16), ("time", 7, "f4", 18)]
    values = np.column_stack([VALUES, np.arange(12), np.arange(12) % 5, np.zeros(12)])
    message = cloud_of(fields, values)
    # PCL calls bytes that mean nothing "_", several times over.
    message.fields += [Message(name="_", datatype=2, offset=o, count=1) for o in (12, 13)]
    cloud = decode_points(message)
    np.testing.assert_array_equal(cloud.points, values[:, :4].astype(np.float32))
    np.testing.assert_array_equal(cloud.rings, np.arange(12) % 5)
    assert cloud.rings.dtype == np.uint16


def test_not_a_number_is_kept_and_an_empty_cloud_is_empty():
    values = VALUES.copy()
    values[3] = np.nan
    np.testing.assert_array_equal(decode_points(cloud_of(XYZ, values)).points, values)
    assert decode_points(cloud_of(XYZ, VALUES[:0])).points.shape == (0, 3)


def test_cloud_without_z_is_refused_with_the_fields_it_has():
    with pytest.raises(ValueError, match="has the fields x, y; it must have x, y and z"):
        decode_points(cloud_of(XYZ[:2], VALUES[:, :2]))


def test_cloud_with_a_wrong_description_is_refused():
    message = cloud_of(XYZ, VALUES)
    message.data = message.data[:-4]
    with pytest.raises(ValueError, match="12 x 1 points has 140 bytes"):
        decode_points(message)
    message = cloud_of(XYZ, VALUES)
    message.fields[2].offset = 9
    with pytest.raises(ValueError, match="'z' ends at byte 13 of a point of 12"):
        decode_points(message)
    message.fields[2].datatype = 77
    with pytest.raises(ValueError, match="'z' has datatype 77"):
        decode_points(message)


def test_rings_count_from_the_top_whichever_way_the_driver_counts():
    rings = np.repeat(np.arange(4), 5)
    points = np.column_stack([np.full(20, 10.0), np.zeros(20), -rings]).astype(np.float32)
    points[7] = np.nan
    np.testing.assert_array_equal(rings_from_top(rings, points), rings)
    points[:, 2] *= -1
    np.testing.assert_array_equal(rings_from_top(rings, points), 3 - rings)


def camera_info(**changes):
    K = [700.0, 0, 320, 0, 710, 240, 0, 0, 1]
    roi = Message(x_offset=0, y_offset=0, width=0, height=0)
    fields = {"width": 640, "height": 480, "k": K, "d": [], "distortion_model": "", "roi": roi}
    P = [500.0, 0, 300, -50, 0, 500, 200, 0, 0, 0, 1, 0]
    return Message(**(fields | {"p": P, "binning_x": 0, "binning_y": 0} | changes))


def test_camera_info_becomes_a_camera():
    camera = decode_camera_info(camera_info())
    assert (camera.width, camera.height, camera.distortion_model) == (640, 480, "plumb_bob")
    assert camera.is_rectified and camera.K[1, 1] == 710
    fisheye = decode_camera_info(camera_info(distortion_model="fisheye", d=[0.1, 0, 0, 0]))
    assert fisheye.distortion_model == "equidistant" and fisheye.D[0] == 0.1
    rectified = decode_camera_info(camera_info(d=[0.1, 0, 0, 0, 0]), rectified=True)
    assert rectified.is_rectified and rectified.K[0, 0] == 500


def test_camera_info_of_a_binned_region_is_that_of_its_images():
    roi = Message(x_offset=20, y_offset=40, width=600, height=400)
    camera = decode_camera_info(camera_info(roi=roi, binning_x=2, binning_y=2))
    assert (camera.width, camera.height) == (300, 200)
    np.testing.assert_allclose(camera.K[:2, 2], [(300.5 / 2) - 0.5, (200.5 / 2) - 0.5])
    assert camera.K[0, 0] == 350


@pytest.mark.parametrize("corner", [(1, 0), (0, 1), (100, 50)])
def test_a_region_that_is_not_inside_the_sensor_is_refused(corner):
    roi = Message(x_offset=corner[0], y_offset=corner[1], width=640, height=480)
    with pytest.raises(ValueError, match="region of interest of 640 x 480 begins at .* must be of the whole"):
        decode_camera_info(camera_info(roi=roi))


@pytest.mark.parametrize(
    ("topic", "rectified", "changes", "said"),
    [
        ("/camera/image_rect", False, {}, "says rectified.*set rectified: true"),
        ("/camera/image_rect_color/compressed", False, {"d": [0.1, 0, 0, 0, 0]}, "says rectified"),
        ("/camera/image_raw", True, {}, "says raw.*set rectified: false"),
        ("/camera/image_rect", True, {}, None),
        ("/camera/image_raw", False, {"d": [0.1, 0, 0, 0, 0]}, None),
        ("/direct/image", False, {}, None),
        ("/camera/image_rect", False, {"p": [0.0] * 12}, None),
    ],
)
def test_names_of_topics_that_speak_against_how_images_are_read(topic, rectified, changes, said):
    doubt = doubt_of_rectified(camera_info(**changes), topic, rectified)
    assert doubt is None if said is None else re.search(said, doubt)


def test_rectified_images_without_p_are_refused():
    with pytest.raises(ValueError, match="has a P of zeros, which is the camera of rectified images"):
        decode_camera_info(camera_info(p=[0.0] * 12), rectified=True)


def test_pixels_that_fill_no_bin_do_not_change_the_scale():
    camera = decode_camera_info(camera_info(width=641, height=481, binning_x=2, binning_y=2))
    assert (camera.width, camera.height) == (320, 240)
    assert camera.K[0, 0] == 350 and camera.K[1, 1] == 355


def test_camera_info_of_zeros_is_refused():
    with pytest.raises(ValueError, match="not calibrated"):
        decode_camera_info(camera_info(k=[0.0] * 9))


def test_stamp_is_in_nanoseconds():
    assert stamp_ns(Message(stamp=Message(sec=1_700_000_000, nanosec=5))) == 1_700_000_000_000_000_005


def test_messages_of_rclpy_are_decoded():
    msg = pytest.importorskip("sensor_msgs.msg", reason="no ROS message packages here")
    image = msg.Image(width=8, height=6, step=24, encoding="rgb8")
    image.data = array("B", RGB.tobytes())
    np.testing.assert_array_equal(decode_image(image), RGB)
    names = {"x": 0, "y": 4, "z": 8}
    fields = [msg.PointField(name=n, offset=o, datatype=7, count=1) for n, o in names.items()]
    cloud = msg.PointCloud2(width=12, height=1, point_step=12, row_step=144, fields=fields)
    cloud.data = array("B", VALUES.tobytes())
    np.testing.assert_array_equal(decode_points(cloud).points, VALUES)
    info = msg.CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0])
    info.k = np.array([700.0, 0, 320, 0, 710, 240, 0, 0, 1])
    assert decode_camera_info(info).D[0] == 0.1


def test_a_large_cloud_is_decoded_without_copies_of_its_bytes():
    fields = [*XYZ, ("intensity", 7, "f4", 16), ("ring", 4, "u2", 20)]
    message = cloud_of(fields, np.zeros((120_000, 5)), step=32)
    tracemalloc.start()
    try:
        cloud = decode_points(message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cloud.points) == 120_000
    assert peak < 2 * cloud.points.nbytes
