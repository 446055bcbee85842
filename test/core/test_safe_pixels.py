"""The decoder of compressed images: sizes are read first, and every fault is one sentence."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np
import pytest
from hostile import jpeg, of_declared_size, png
from memory import at_most
from synthetic import camera_image

from depth_completion_ros.core.safe.pixels import ImageError, declared_size, decode_pixels


@pytest.mark.parametrize("encode", [jpeg, png])
@pytest.mark.parametrize("shape", [(1, 1), (60, 90), (7, 1000)])
def test_the_declared_size_is_that_of_the_pixels(encode, shape):
    data = encode(camera_image(shape))
    assert declared_size(data, "Image") == shape[::-1]
    assert decode_pixels(data, cv2.IMREAD_COLOR, "Image").shape == (*shape, 3)


def test_the_size_of_a_progressive_jpeg_with_fill_bytes_is_found():
    data = cv2.imencode(".jpg", camera_image(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    filled = data[:2] + b"\xff\xff" + data[2:]
    assert declared_size(filled, "Image") == (90, 60)
    np.testing.assert_array_equal(
        decode_pixels(filled, cv2.IMREAD_COLOR, "Image"), decode_pixels(data, cv2.IMREAD_COLOR, "Image")
    )


@pytest.mark.parametrize("encode", [jpeg, png])
def test_a_small_file_that_says_it_is_huge_costs_no_memory(encode):
    data = of_declared_size(encode(np.zeros((64, 64, 3), np.uint8)), 65000, 16000)
    with at_most(50), pytest.raises(ImageError) as refused:
        decode_pixels(data, cv2.IMREAD_COLOR, "Image 'a'")
    assert str(refused.value) == (
        "Image 'a', 65000 x 16000, has 1040000000 pixels; at most 67108864 are allowed "
        "(DEPTH_COMPLETION_MAX_IMAGE_PIXELS)."
    )


def test_the_limit_is_that_of_the_environment_or_of_the_caller(monkeypatch):
    data = png(camera_image((60, 90)))
    monkeypatch.setenv("DEPTH_COMPLETION_MAX_IMAGE_PIXELS", "5399")
    with pytest.raises(ImageError, match="has 5400 pixels; at most 5399"):
        decode_pixels(data, cv2.IMREAD_COLOR, "Image")
    assert decode_pixels(data, cv2.IMREAD_COLOR, "Image", max_pixels=5400).shape == (60, 90, 3)
    monkeypatch.setenv("DEPTH_COMPLETION_MAX_IMAGE_PIXELS", "many")
    with pytest.raises(ValueError, match="is 'many'; it must be a whole number above 0"):
        decode_pixels(data, cv2.IMREAD_COLOR, "Image")


@pytest.mark.parametrize("encode", [jpeg, png])
def test_damage_is_one_kind_of_error_wherever_it_is(encode):
    data = encode(camera_image((30, 40)))
    random = np.random.default_rng(5)
    for _ in range(300):
        broken = bytearray(data)
        for at in random.integers(0, len(data), 3):
            broken[at] = random.integers(256)
        cut = bytes(broken[: random.integers(len(broken) + 1)])
        with suppress(ImageError):
            image = decode_pixels(cut, cv2.IMREAD_COLOR, "Image 'a'", max_pixels=10_000)
            assert image.shape[:2] == declared_size(cut, "")[::-1]
