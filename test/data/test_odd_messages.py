"""Decoding of messages that are not as they should be, and of compressed depth."""

from __future__ import annotations

import warnings
from array import array
from types import SimpleNamespace as Message

import cv2
import numpy as np
import pytest
from raw_messages import RGB, cloud_of, image_of

from depth_completion_ros.data.messages import (
    decode_compressed_image,
    decode_depth_image,
    decode_image,
    decode_points,
)

SMOOTH = np.zeros((12, 16, 3), np.uint8)
SMOOTH[..., 0], SMOOTH[..., 1], SMOOTH[..., 2] = (
    np.linspace(30, 200, 16),
    90,
    np.linspace(200, 60, 12)[:, None],
)


def semi_planar(rgb: np.ndarray, encoding: str, padding: int = 0):
    """Message of a plane of brightness and one of colours below it, of one colour for 2 x 2 pixels."""
    height, width = rgb.shape[:2]
    i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    colours = np.stack([v, u] if encoding == "nv21" else [u, v], axis=-1)
    if encoding == "nv24":
        colours = colours.repeat(2, axis=0).repeat(2, axis=1).reshape(2 * height, width)
    planes = np.concatenate([i420[:height], colours.reshape(-1, width)])
    message = image_of(planes, encoding, padding)
    message.height, message.encoding = height, encoding.upper() if encoding == "nv21" else encoding
    return message


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ["nv12", "nv21", "nv24"])
def test_semi_planar_yuv_comes_out_as_rgb(encoding, padding):
    image = decode_image(semi_planar(SMOOTH, encoding, padding))
    assert image.shape == SMOOTH.shape and image.flags.c_contiguous
    assert np.abs(image.astype(int) - SMOOTH).mean() < 6


@pytest.mark.parametrize("step", [0, 24])
def test_step_of_semi_planar_yuv_may_be_the_mean_of_both_planes(step):
    message = semi_planar(SMOOTH, "nv12")
    expected = decode_image(message)
    message.step = step
    np.testing.assert_array_equal(decode_image(message), expected)


@pytest.mark.parametrize(
    ("encoding", "size", "side"),
    [("nv12", (12, 15), "width"), ("nv21", (11, 16), "height"), ("yuyv", (12, 15), "width")],
)
def test_half_a_pair_of_pixels_is_refused_in_words(encoding, size, side):
    message = image_of(np.zeros((24, 2 * size[1]), np.uint8), encoding)
    message.height, message.width = size
    with pytest.raises(ValueError, match=f"has an odd {side}; colours of {encoding} are of pairs of pixels"):
        decode_image(message)


@pytest.mark.parametrize("padding", [1, 3, 7])
def test_yuv_422_with_rows_of_an_odd_length(padding):
    packed = np.zeros((12, 16, 2), np.uint8)
    yuv = cv2.cvtColor(SMOOTH, cv2.COLOR_RGB2YUV)
    packed[..., 0], packed[:, ::2, 1], packed[:, 1::2, 1] = yuv[..., 0], yuv[:, ::2, 1], yuv[:, ::2, 2]
    plain = decode_image(image_of(packed, "yuv422_yuy2"))
    np.testing.assert_array_equal(decode_image(image_of(packed, "YUYV", padding)), plain)


@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "8UC4"])
def test_encodings_of_16_bits_and_of_four_channels(encoding):
    pixels = {"rgb16": RGB.astype(np.uint16) * 257, "bgr16": RGB[..., ::-1].astype(np.uint16) * 257}
    pixels["8UC4"] = np.dstack([RGB[..., ::-1], RGB[..., :1]])
    np.testing.assert_array_equal(decode_image(image_of(pixels[encoding], encoding)), RGB)


def mosaic(rgb: np.ndarray, pattern: str) -> np.ndarray:
    """Bayer pattern of an image, named by its first four pixels."""
    raw = np.zeros(rgb.shape[:2], np.uint8)
    for at, colour in enumerate(pattern):
        raw[at // 2 :: 2, at % 2 :: 2] = rgb[at // 2 :: 2, at % 2 :: 2, "rgb".index(colour)]
    return raw


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("stored", ["png", "png of 16 bits", "jpeg", "three equal channels"])
def test_a_compressed_bayer_pattern_has_its_colours_made(pattern, stored):
    raw = mosaic(SMOOTH, pattern)
    bits = 16 if "16" in stored else 8
    pixels = raw.astype(np.uint16) * 257 if bits == 16 else np.dstack([raw] * 3) if "three" in stored else raw
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if stored == "jpeg" else []
    _, data = cv2.imencode(".jpg" if stored == "jpeg" else ".png", pixels, quality)
    message = Message(format=f"bayer_{pattern}{bits}; {stored.split()[0]} compressed ", data=data.tobytes())
    image = decode_compressed_image(message)
    expected = decode_image(image_of(raw, f"bayer_{pattern}8"))
    assert np.abs(image.astype(int) - expected).mean() < (3 if stored == "jpeg" else 1e-9)
    assert np.abs(image[2:-2, 2:-2].astype(int) - SMOOTH[2:-2, 2:-2]).mean() < 8


def test_a_bayer_pattern_that_was_made_colours_before_it_was_compressed_stays_so():
    _, data = cv2.imencode(".png", SMOOTH[..., ::-1])
    message = Message(format="bayer_rggb8; png compressed bgr8", data=data.tobytes())
    np.testing.assert_array_equal(decode_compressed_image(message), SMOOTH)


@pytest.mark.parametrize("wrong", ["zero", "whole message"])
def test_a_step_of_zero_or_of_the_whole_message_is_repaired_with_a_warning(wrong):
    image = image_of(RGB, "rgb8", padding=4)
    cloud = cloud_of(
        [(n, 7, "f4", 4 * i) for i, n in enumerate("xyz")], np.arange(72).reshape(24, 3), height=4
    )
    points = decode_points(cloud).points
    image.step = cloud.row_step = 0
    if wrong != "zero":
        image.step, cloud.row_step = len(image.data), len(cloud.data)
    with pytest.warns(
        UserWarning, match="Image of 8 x 6 rgb8 says rows of .* bytes; by its size they have 28"
    ):
        np.testing.assert_array_equal(decode_image(image), RGB)
    with pytest.warns(
        UserWarning, match="PointCloud2 of 6 x 4 points says rows of .*; by its size they have 72"
    ):
        np.testing.assert_array_equal(decode_points(cloud).points, points)


def test_a_step_of_zero_with_data_of_no_clear_size_is_refused():
    for extra in (1, 6 * 24):
        message = image_of(RGB, "rgb8")
        message.step, message.data = 0, message.data + array("B", bytes(extra))
        with pytest.raises(ValueError, match="in rows of 0; it needs 6 rows of at least 24"):
            decode_image(message)


def test_fields_in_upper_case_are_understood():
    fields = [(n, 7, "f4", 4 * i) for i, n in enumerate(("X", "Y", "Z", "Intensity"))] + [
        ("Ring", 4, "u2", 16)
    ]
    values = np.arange(15).reshape(3, 5)
    cloud = decode_points(cloud_of(fields, values))
    np.testing.assert_array_equal(cloud.points, values[:, :4])
    np.testing.assert_array_equal(cloud.rings, values[:, 4])


# Compressed depth ------------------------------------------------------------------------------------

MILLIMETRES = np.random.default_rng(2).integers(300, 9000, (9, 14)).astype(np.uint16)
MILLIMETRES[MILLIMETRES % 3 == 0] = 0
MILLIMETRES[:2] = 0


def rvl(depth: np.ndarray) -> bytes:
    """Encoder of Wilson's paper, number by number."""
    nibbles, flat, at, before = [], depth.ravel().astype(int), 0, 0

    def put(value):
        while True:
            nibbles.append(value & 7 | (8 if value > 7 else 0))
            value >>= 3
            if not value:
                return

    while at < flat.size:
        zeros = at
        while at < flat.size and not flat[at]:
            at += 1
        first = at
        while at < flat.size and flat[at]:
            at += 1
        put(first - zeros), put(at - first)
        for value in flat[first:at]:
            put((value - before) << 1 if value >= before else ((before - value) << 1) - 1)
            before = value
    nibbles += [0] * (-len(nibbles) % 8)
    words = [int("".join(f"{n:x}" for n in nibbles[i : i + 8]), 16) for i in range(0, len(nibbles), 8)]
    return np.array(depth.shape[::-1], "<i4").tobytes() + np.array(words, "<u4").tobytes()


def compressed_depth(encoding: str, codec: str, values: np.ndarray, A=0.0, B=0.0):
    data = rvl(values) if codec == "rvl" else cv2.imencode(".png", values)[1].tobytes()
    head = np.int32(0).tobytes() + np.float32([A, B]).tobytes()
    return Message(format=f"{encoding}; compressedDepth {codec}", data=array("B", head + data))


@pytest.mark.parametrize("codec", ["png", "rvl", ""])
def test_compressed_depth_in_millimetres_is_metres(codec):
    depth = decode_depth_image(compressed_depth("16UC1", codec, MILLIMETRES))
    np.testing.assert_allclose(depth, MILLIMETRES / 1000, rtol=1e-6)
    assert depth.dtype == np.float32


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_compressed_depth_of_floats_is_unpacked_from_its_inverse(codec):
    A, B = 1000.0, 10.5
    depth = decode_depth_image(compressed_depth("32FC1", codec, MILLIMETRES, A, B))
    expected = np.where(MILLIMETRES > 0, A / (np.maximum(MILLIMETRES, 1) - B), 0)
    np.testing.assert_allclose(depth, expected, rtol=1e-5)


def test_depth_as_a_plain_png_of_16_bits_is_read():
    _, data = cv2.imencode(".png", MILLIMETRES)
    depth = decode_depth_image(Message(format="16UC1; png compressed ", data=data.tobytes()))
    np.testing.assert_allclose(depth, MILLIMETRES / 1000, rtol=1e-6)


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_broken_compressed_depth_is_refused_in_words(codec):
    for cut in (0, 5, 13, 30):
        message = compressed_depth("16UC1", codec, MILLIMETRES)
        message.data = message.data[:cut]
        with pytest.raises(ValueError, match=r"format '16UC1; compressedDepth .*' with .* cannot be decoded"):
            decode_depth_image(message)
    with pytest.raises(ValueError, match="is no depth; its format must begin with 16UC1 or 32FC1"):
        decode_depth_image(Message(format="rgb8; jpeg compressed bgr8", data=b""))
    with pytest.raises(ValueError, match="is depth; it must be an image"):
        decode_compressed_image(compressed_depth("16UC1", codec, MILLIMETRES))


@pytest.mark.parametrize("kind", ["16UC1; png compressed ", "32FC1; png compressed", "16UC1"])
def test_depth_as_a_plain_png_is_not_taken_for_a_grey_image(kind):
    png = cv2.imencode(".png", MILLIMETRES)[1].tobytes()
    with pytest.raises(ValueError, match="is depth; it must be an image"):
        decode_compressed_image(Message(format=kind, data=png))


def test_compressed_depth_of_32fc1_without_its_scale_is_refused():
    png = cv2.imencode(".png", MILLIMETRES)[1].tobytes()
    for data in (png, bytes(12) + png):
        message = Message(format="32FC1; compressedDepth png", data=data)
        with pytest.raises(ValueError, match="has no A and B before its image"):
            decode_depth_image(message)


def test_bayer_of_compressed_images_is_told_by_any_writing_of_it():
    mosaic = np.zeros((12, 16), np.uint8)
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = 200, 20
    mosaic[0::2, 1::2] = mosaic[1::2, 0::2] = 90
    png = cv2.imencode(".png", mosaic)[1].tobytes()
    image = decode_compressed_image(Message(format="BAYER_RGGB8;png compressed", data=png))
    assert image[5, 6].tolist() == [200, 90, 20]
    with pytest.raises(ValueError, match="is of no pattern that is known"):
        decode_compressed_image(Message(format="bayer_rggb12; png compressed ", data=png))


@pytest.mark.parametrize(("stored", "first"), [("bgr8", 200), ("rgb8", 20)])
def test_order_of_colours_in_a_compressed_image_is_that_of_its_format(stored, first):
    png = cv2.imencode(".png", np.full((4, 4, 3), (20, 90, 200), np.uint8))[1].tobytes()
    image = decode_compressed_image(Message(format=f"rgb8; png compressed {stored}", data=png))
    assert image[0, 0].tolist() == [first, 90, 220 - first]


def test_twelve_bits_at_the_lower_end_of_sixteen_are_told():
    """Machine vision cameras: only the upper 8 bits are taken, and a black image guides no completion."""
    pixels = np.random.default_rng(0).integers(0, 4096, (16, 24)).astype(np.uint16)
    with pytest.warns(UserWarning, match="Image of 24 x 16 mono16 has hardly a value of 4096 or more"):
        assert decode_image(image_of(pixels, "mono16")).max() == 15
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(decode_image(image_of(16 * pixels, "mono16"))[..., 0], pixels >> 4)


@pytest.mark.parametrize("encoding", ["mono8", "nv12"])
def test_images_with_rows_left_over_are_refused(encoding):
    planes = np.zeros((12 * 3 if encoding == "mono8" else 12 * 3 // 2 + 4, 16), np.uint8)
    message = image_of(planes, "mono8")
    message.encoding, message.height = encoding, 12
    with pytest.raises(ValueError, match="bytes, more than .* rows of 16; size and step must be"):
        decode_image(message)
