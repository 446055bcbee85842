"""The decoder of compressed images: their size is read first, and all that is wrong is an `ImageError`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from .limits import IMAGE_PIXELS

JPEG_MAGIC, PNG_MAGIC = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG after which the size stands; the three left out are tables."""
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers of JPEG without a length."""


class ImageError(ValueError):
    """An image that cannot be used: one sentence with what came and what is allowed."""


def decode_pixels(
    data: bytes | np.ndarray, flags: int, what: str, max_pixels: int | None = None
) -> np.ndarray:
    """Pixels of a JPEG or PNG, as OpenCV decodes them with its `flags`.

    Args:
        data: of the file, uint8.
        what: the image, as sentences begin, such as "Image 'a.png' (17 bytes)".
        max_pixels: in place of the limit `IMAGE_PIXELS`.

    Raises:
        ImageError: neither JPEG nor PNG, damaged, or larger than allowed, which is told before memory is
            taken for it.
    """
    data = np.frombuffer(data, np.uint8)
    width, height = declared_size(data, what, max_pixels)
    with opencv_errors(what):
        image = cv2.imdecode(data, flags)
    if image is None or image.shape[:2] != (height, width):
        raise ImageError(f"{what} cannot be decoded; it is damaged or no JPEG or PNG.")
    return image


def declared_size(data: bytes | np.ndarray, what: str, max_pixels: int | None = None) -> tuple[int, int]:
    """Width and height that a JPEG or PNG says it has; ImageError as of `decode_pixels`."""
    start = bytes(data[:24])
    size = None
    if start.startswith(PNG_MAGIC) and start[12:16] == b"IHDR" and len(start) == 24:
        size = struct.unpack(">II", start[16:24])
    elif start.startswith(JPEG_MAGIC):
        size = _jpeg_size(memoryview(data))
    if size is None:
        raise ImageError(f"{what} cannot be decoded; it is damaged or no JPEG or PNG.")
    check_size(*size, what, max_pixels)
    return size


def check_size(width: int, height: int, what: str, max_pixels: int | None = None) -> None:
    """An ImageError for an image without pixels, or with more than allowed."""
    if width < 1 or height < 1:
        raise ImageError(f"{what} is {width} x {height}; both must be positive.")
    try:
        IMAGE_PIXELS.check(width * height, f"{what}, {width} x {height},", max_pixels)
    except ValueError as error:
        raise ImageError(str(error)) from None


@contextmanager
def opencv_errors(what: str) -> Iterator[None]:
    """Errors of OpenCV, and memory that does not suffice, as an ImageError."""
    try:
        yield
    except cv2.error as error:
        reason = (error.err or str(error)).strip().splitlines()[0] if str(error) else "no reason given"
        raise ImageError(f"{what} cannot be decoded (OpenCV: {reason}).") from None
    except MemoryError:
        raise ImageError(f"{what} cannot be decoded: there is no memory for it.") from None


def _jpeg_size(data: memoryview) -> tuple[int, int] | None:
    """Width and height of the first frame header of a JPEG (ITU-T T.81, B.2.2); None where there is none."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None
