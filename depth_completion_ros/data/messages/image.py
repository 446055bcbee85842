"""Images: raw in the encodings of `sensor_msgs/image_encodings`, and compressed."""

from __future__ import annotations

import re
import warnings

import cv2
import numpy as np

from depth_completion_ros.core.safe.pixels import check_size, declared_size, decode_pixels, opencv_errors

from .rows import row_stride

# OpenCV names a Bayer pattern by its second row and column, ROS by its first.
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
_PACKED = {
    "rgb8": (1, 3, None),
    "bgr8": (1, 3, cv2.COLOR_BGR2RGB),
    "rgba8": (1, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": (1, 4, cv2.COLOR_BGRA2RGB),
    "rgb16": (2, 3, None),
    "bgr16": (2, 3, cv2.COLOR_BGR2RGB),
    "rgba16": (2, 4, cv2.COLOR_RGBA2RGB),
    "bgra16": (2, 4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, cv2.COLOR_GRAY2RGB),
    "mono16": (2, 1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, 1, cv2.COLOR_GRAY2RGB),
    "8UC3": (1, 3, cv2.COLOR_BGR2RGB),
    "8UC4": (1, 4, cv2.COLOR_BGRA2RGB),
    "yuv422": (1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (1, 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (1, 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (1, 2, cv2.COLOR_YUV2RGB_YUY2),
    **{f"bayer_{pattern}8": (1, 1, code) for pattern, code in _BAYER.items()},
    **{f"bayer_{pattern}16": (2, 1, code) for pattern, code in _BAYER.items()},
}
"""Encoding: bytes of a channel, channels, OpenCV's conversion to RGB."""
_SEMI_PLANAR = {
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "nv21": cv2.COLOR_YUV2RGB_NV21,
    "nv24": cv2.COLOR_YUV2RGB_NV12,
}
"""Encodings with a plane of brightness, and below it one of colours: of 2 x 2 pixels, or (nv24) of each."""
IMAGE_ENCODINGS = (*_PACKED, *_SEMI_PLANAR)
FEW_BITS = 4096
"""Values of 16 bits that are all below are those of a camera of 12 bits, as a rule."""
_NAMES = {name.lower(): name for name in IMAGE_ENCODINGS}


def image_size(msg, max_pixels: int | None = None) -> tuple[int, int]:
    """Width and height that a `sensor_msgs/Image` or `CompressedImage` says it has, before it is decoded.

    Args:
        max_pixels: in place of the limit `IMAGE_PIXELS`.

    Raises:
        ValueError: an image without pixels, with more than allowed, or whose size cannot be read.
    """
    if not hasattr(msg, "encoding"):
        return declared_size(np.frombuffer(msg.data, np.uint8), _what_compressed(msg), max_pixels)
    check_size(msg.width, msg.height, "Image", max_pixels)
    return msg.width, msg.height


def decode_image(msg, max_pixels: int | None = None) -> np.ndarray:
    """Image of a `sensor_msgs/Image`: uint8 H x W x 3 RGB.

    Args:
        max_pixels: as of `image_size`.

    Raises:
        ValueError: an encoding that is not in `IMAGE_ENCODINGS` (in upper or lower case), too little data for
            the size, more pixels than allowed, or half a pair of pixels in YUV.
    """
    image_size(msg, max_pixels)
    encoding = _NAMES.get(msg.encoding.lower())
    if encoding is None:
        raise ValueError(
            f"Image encoding '{msg.encoding}' is unknown; it must be one of {', '.join(IMAGE_ENCODINGS)}."
        )
    with opencv_errors(_what(msg)):
        return _semi_planar(msg, encoding) if encoding in _SEMI_PLANAR else _packed(msg, encoding)


def _packed(msg, encoding: str) -> np.ndarray:
    size, channels, conversion = _PACKED[encoding]
    if channels == 2:
        _check_even(msg, "width", msg.width)
    pixels = pixels_of(msg, f"u{size}", channels)
    if size == 2:
        if pixels[::8, ::8].max() < FEW_BITS:
            warnings.warn(
                f"{_what(msg)} has hardly a value of {FEW_BITS} or more of 65535, so it is nearly black; "
                "where the camera gives 10 or 12 bits, its driver must shift them to the upper end.",
                stacklevel=4,
            )
        pixels = (pixels >> 8).astype(np.uint8)
    if conversion is None:
        return np.ascontiguousarray(pixels)
    return cv2.cvtColor(np.ascontiguousarray(pixels), conversion)


def decode_compressed_image(msg, max_pixels: int | None = None) -> np.ndarray:
    """Image of a `sensor_msgs/CompressedImage` (JPEG, PNG): uint8 H x W x 3 RGB.

    Where `format` says that a Bayer pattern was compressed as it is, such as `bayer_rggb8; jpeg compressed `,
    the colours are made of it.

    Args:
        max_pixels: as of `image_size`.

    Raises:
        ValueError: data that are no JPEG or PNG, more pixels than allowed, or an image of depth.
    """
    if "compressedDepth" in msg.format or re.match(r"\s*(16U|32F)C1\b", msg.format):
        raise ValueError(f"CompressedImage of format '{msg.format}' is depth; it must be an image.")
    # The calibration belongs to the pixels as they are stored, whatever way up EXIF would turn them.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    content, what = msg.format.strip().lower(), _what_compressed(msg)
    pattern = re.match(r"bayer_(rggb|bggr|gbrg|grbg)(8|16)\b", content)
    if pattern is None and content.startswith("bayer"):
        raise ValueError(
            f"{what} is of no pattern that is known; they are bayer_ with rggb, bggr, gbrg, grbg, 8 or 16."
        )
    image = decode_pixels(msg.data, cv2.IMREAD_UNCHANGED if pattern else flags, what, max_pixels)
    if pattern:
        with opencv_errors(what):
            return _of_mosaic(image, _BAYER[pattern[1]])
    if re.search(r"compressed rgba?8?\b", content):  # as image_transport reads it
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def _of_mosaic(image: np.ndarray, conversion: int) -> np.ndarray:
    """RGB of what was stored of a Bayer pattern: the pattern, perhaps in three equal channels, or colours."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 3:
        image = image[..., :3]
        if not (image[..., 0] == image[..., 1]).all() or not (image[..., 1] == image[..., 2]).all():
            return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2RGB)
        image = np.ascontiguousarray(image[..., 0])
    return cv2.cvtColor(image, conversion)


def _semi_planar(msg, encoding: str) -> np.ndarray:
    height, width = msg.height, msg.width
    full = encoding == "nv24"
    if not full:
        _check_even(msg, "width", width)
        _check_even(msg, "height", height)
    rows = 3 * height if full else height + height // 2
    data = np.frombuffer(msg.data, np.uint8)
    # Drivers tell the bytes of a row of brightness, or the mean with the colours below.
    exact = data.size == rows * width
    step = width if exact else row_stride(rows, width, msg.step, data.size, _what(msg))
    planes = np.ndarray((rows, width), np.uint8, data, 0, (step, 1))
    if not full:
        return cv2.cvtColor(np.ascontiguousarray(planes), _SEMI_PLANAR[encoding])
    # As nv12 of twice the size, which has one colour for 2 x 2 pixels.
    brightness = planes[:height].repeat(2, axis=0).repeat(2, axis=1)
    colours = np.ascontiguousarray(planes[height:]).reshape(height, 2 * width)
    twice = cv2.cvtColor(np.concatenate([brightness, colours]), _SEMI_PLANAR[encoding])
    return np.ascontiguousarray(twice[::2, ::2])


def _check_even(msg, side: str, value: int) -> None:
    if value % 2:
        raise ValueError(f"{_what(msg)} has an odd {side}; colours of {msg.encoding} are of pairs of pixels.")


def _what(msg) -> str:
    return f"Image of {msg.width} x {msg.height} {msg.encoding}"


def _what_compressed(msg) -> str:
    return f"CompressedImage of format '{msg.format}' with {len(msg.data)} bytes"


def pixels_of(msg, kind: str, channels: int) -> np.ndarray:
    """View of the pixels, H x W or H x W x channels, without the padding at the end of rows.

    Raises:
        ValueError: an empty image, or too little data for its size.
    """
    dtype = np.dtype(kind).newbyteorder(">" if msg.is_bigendian else "<")
    pixel = channels * dtype.itemsize
    check_size(msg.width, msg.height, "Image")
    data = np.frombuffer(msg.data, np.uint8)
    step = row_stride(msg.height, msg.width * pixel, msg.step, data.size, _what(msg))
    shape, strides = (msg.height, msg.width), (step, pixel)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, dtype.itemsize)
    pixels = np.ndarray(shape, dtype, data, 0, strides)
    return pixels if dtype.isnative else pixels.astype(dtype.newbyteorder("="))
