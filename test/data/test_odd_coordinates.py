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
