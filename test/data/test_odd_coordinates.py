"""Clouds and depth whose coordinates could be read in more than one way, or cannot be metres."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from raw_messages import XYZ, cloud_of, image_of

from depth_completion_ros.data.messages import decode_depth_image, decode_points

WALL = np.random.default_rng(0).uniform((4, -3, -1), (30, 3, 2), (600, 3)).astype(np.float32)


@pytest.mark.parametrize(("code", "kind", "size"), [(3, "i2", 2), (5, "i4", 4), (6, "u4", 4)])
def test_integer_coordinates_are_refused_as_nothing_tells_their_unit(code, kind, size):
    fields = [(name, code, kind, size * at) for at, name in enumerate("xyz")]
    with pytest.raises(
        ValueError, match=rf"field 'x' has datatype {code}, an integer whose unit nothing tells"
    ):
        decode_points(cloud_of(fields, 1000 * np.abs(WALL)))


@pytest.mark.parametrize("offsets", [(0, 0, 0), (0, 2, 4), (8, 4, 6)])
def test_coordinates_that_share_bytes_are_refused(offsets):
    message = cloud_of(XYZ, WALL)
    for field, offset in zip(message.fields, offsets, strict=True):
        field.offset = offset
    with pytest.raises(ValueError, match="each must have bytes of its own"):
        decode_points(message)


def test_a_coordinate_that_is_told_twice_is_refused():
    """As clouds have it that were joined field by field: of two places nothing tells which one counts."""
    fields = [*XYZ, ("again", 7, "f4", 12)]
    message = cloud_of(fields, np.column_stack([WALL, WALL[:, 0] + 3]))
    message.fields[3].name = "x"
    with pytest.raises(ValueError, match="has the field 'x' at the bytes 0 and 12 of a point"):
        decode_points(message)
    message.fields[3].offset = 0
    np.testing.assert_array_equal(decode_points(message).points, WALL)


def test_of_fields_x_and_upper_case_x_the_lower_one_counts():
    fields = [*XYZ, ("X", 7, "f4", 12)]
    points = decode_points(cloud_of(fields, np.column_stack([WALL, 0 * WALL[:, 0]]))).points
    np.testing.assert_array_equal(points, WALL)


def test_a_point_step_that_is_not_that_of_the_data_is_refused():
    message = cloud_of([*XYZ, ("intensity", 7, "f4", 12)], np.column_stack([WALL, WALL[:, 0]]))
    message.point_step, message.row_step, message.fields = 12, 12 * len(WALL), message.fields[:3]
    with pytest.raises(ValueError, match="has 9600 bytes, 16 a point, but says that a point has 12"):
        decode_points(message)


def test_some_bytes_at_the_end_of_a_cloud_do_no_harm():
    message = cloud_of(XYZ, WALL)
    message.data = message.data + array("B", bytes(100))
    np.testing.assert_array_equal(decode_points(message).points, WALL)


@pytest.mark.parametrize("said_big", [True, False])
@pytest.mark.parametrize("kind", [(7, "f4"), (8, "f8")], ids=["float32", "float64"])
@pytest.mark.parametrize("step", [0.0, 0.25], ids=["any values", "values whose last bytes are zero"])
@pytest.mark.parametrize("height", [1, 20])
def test_a_cloud_in_the_other_byte_order_than_it_says_is_refused(said_big, kind, step, height):
    values = np.round(WALL / step) * step if step else WALL.astype(np.float64) * 1.0001
    values[:50] = 0
    values[50:100] = np.nan
    size = int(kind[1][1])
    message = cloud_of(
        [(name, *kind, size * at) for at, name in enumerate("xyz")],
        values,
        height=height,
        big_endian=said_big,
    )
    np.testing.assert_array_equal(decode_points(message).points, values.astype(np.float32))
    message.is_bigendian = not said_big
    with pytest.raises(ValueError, match=f"its driver must set {str(said_big).lower()}") as refusal:
        decode_points(message)
    assert f"has is_bigendian {str(not said_big).lower()}" in str(refusal.value)


@pytest.mark.parametrize("value", [0.0, np.nan, 1e-9, 5e-39])
def test_clouds_without_a_return_are_not_taken_for_another_byte_order(value):
    values = np.full((600, 3), value, np.float32)
    np.testing.assert_array_equal(decode_points(cloud_of(XYZ, values)).points, values)


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_clouds_in_millimetres_are_refused(kind):
    size = int(kind[1])
    fields = [(name, {4: 7, 8: 8}[size], kind, size * at) for at, name in enumerate("xyz")]
    with pytest.raises(ValueError, match=r"600 x 1 points is \d{4,5} m away in the median.*not in metres"):
        decode_points(cloud_of(fields, 1000 * WALL))
    np.testing.assert_array_equal(decode_points(cloud_of(fields, WALL)).points, WALL)


def test_far_points_and_beams_without_return_are_no_reason_to_refuse():
    points = WALL.copy()
    points[:250] *= 100
    points[250:290] = np.inf
    points[290:300] = np.nan
    np.testing.assert_array_equal(decode_points(cloud_of(XYZ, points)).points, points)
    assert len(decode_points(cloud_of(XYZ, 0 * points[:5])).points) == 5


def test_depth_of_32fc1_in_millimetres_is_refused():
    depth = np.full((12, 16), 2400, np.float32)
    depth[:4] = np.nan
    with pytest.raises(ValueError, match="Depth of 16 x 12 is 2400 m deep in the median.*not in metres"):
        decode_depth_image(image_of(depth, "32FC1"))
    metres = decode_depth_image(image_of(depth / 1000, "32FC1"))
    assert metres[8, 8] == np.float32(2.4) and metres[0, 0] == 0


def test_millimetres_at_the_end_of_16_bits_are_no_measurement():
    """Drivers send 65535 where a sensor saturates; a wall 65.535 m away would stand there."""
    depth = decode_depth_image(image_of(np.array([[0, 65535, 65534, 1000]], np.uint16), "16UC1"))
    np.testing.assert_allclose(depth, [[0, 0, 65.534, 1]], rtol=1e-6)


@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_that_is_smooth_in_the_other_byte_order_alone_is_refused(big_endian):
    v, u = np.mgrid[:60, :80]
    ramp = (1500 + 5 * u + 3 * v + np.random.default_rng(3).integers(0, 3, u.shape)).astype(np.uint16)
    ramp[10:20] = 0
    sent = ramp.byteswap() if big_endian else ramp
    right = decode_depth_image(image_of(sent, "16UC1", big_endian=big_endian))
    np.testing.assert_allclose(right, ramp / 1000, rtol=1e-6)
    with pytest.raises(ValueError, match=f"so its driver must set {str(big_endian).lower()}"):
        decode_depth_image(image_of(sent, "16UC1", big_endian=not big_endian))


@pytest.mark.parametrize(
    "values", [range(300, 9000), [256, 512, 2560], [4000]], ids=["noise", "steps of 256", "flat"]
)
def test_rough_depth_is_not_taken_for_another_byte_order(values):
    depth = np.random.default_rng(4).choice(values, (60, 80)).astype(np.uint16)
    np.testing.assert_allclose(decode_depth_image(image_of(depth, "16UC1")), depth / 1000, rtol=1e-6)
