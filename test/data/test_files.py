"""Depth in PNG files: what is written is what is read back, and what does not fit is unknown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_completion_ros.data.files import read_depth, read_image, write_depth, write_image


def units_of(path) -> list:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).tolist()


def test_depth_is_rounded_and_what_is_unknown_or_does_not_fit_is_zero_and_never_clipped(tmp_path):
    depth = np.array(
        [[-3, np.nan, 0, 1, 1.0029, 255.99, 255.997, 255.999, 256, 1e9, np.inf, -np.inf]], np.float32
    )
    assert write_depth(tmp_path / "a.png", depth) == 3  # one of them only when rounded
    assert units_of(tmp_path / "a.png") == [[0, 0, 0, 256, 257, 65533, 65535, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_depth_goes_round_to_half_a_unit_in_units_of_any_size(tmp_path, dtype):
    depth = np.random.default_rng(0).uniform(0.01, 60, (20, 30)).astype(dtype)
    depth[3] = np.nan
    assert write_depth(tmp_path / "new" / "a.png", depth, units_per_metre=1000) == 0
    back = read_depth(tmp_path / "new" / "a.png", units_per_metre=1000)
    assert not back[3].any()
    known = np.isfinite(depth)
    np.testing.assert_allclose(back[known], depth[known], rtol=1e-6, atol=0.5e-3 + 1e-5)


@pytest.mark.parametrize("compression", [None, 1])
def test_images_go_round_with_their_colours_in_order(tmp_path, compression):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", image, compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)
