"""Images of depth (REP 118), raw and as `compressed_depth_image_transport` compresses them."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from depth_completion_ros.core.safe.pixels import ImageError, check_size, declared_size, decode_pixels
from depth_completion_ros.core.sparse import check_same_view, scatter

from .image import image_size, pixels_of
from .metres import check_depths

DEPTH_ENCODINGS = {"32FC1": "f4", "16UC1": "u2", "mono16": "u2"}
FULL = 65535
"""Millimetres that 16 bits end at: what drivers send where a sensor saturates, and no measurement."""
ROWS_LOOKED_AT, FEW_PAIRS = 10, 300
PNG_MAGIC = b"\x89PNG"
HEADER_BYTES = 12
"""Of compressedDepth: an enumeration (int32), and A and B (float32) with depth = A / (value - B)."""


def decode_depth_image(msg, max_pixels: int | None = None) -> np.ndarray:
    """Depth of an image message: float32 H x W, metres along z, 0 where unknown.

    Args:
        msg: `sensor_msgs/Image` of REP 118, or `sensor_msgs/CompressedImage` of the transport
            compressedDepth (PNG or RVL), or with a PNG of 16 bits.
        max_pixels: in place of the limit `IMAGE_PIXELS`.

    Raises:
        ValueError: an encoding other than 32FC1 (metres) and 16UC1 (millimetres, of which 0 and 65535 are
            unknown), broken data, depth that cannot be in metres or is smooth in the other byte order alone,
            or more pixels than allowed.
    """
    depth_size(msg, max_pixels)
    depth = _decode_raw(msg) if hasattr(msg, "encoding") else _decode_compressed(msg)
    check_depths(depth, f"Depth of {depth.shape[1]} x {depth.shape[0]}")
    return depth


def _decode_raw(msg) -> np.ndarray:
    if msg.encoding not in DEPTH_ENCODINGS:
        raise ValueError(
            f"Depth encoding '{msg.encoding}' is unknown; it must be one of {', '.join(DEPTH_ENCODINGS)}."
        )
    pixels = pixels_of(msg, DEPTH_ENCODINGS[msg.encoding], 1)
    _check_byte_order(msg, pixels)
    return _metres(pixels) if msg.encoding == "32FC1" else _of_millimetres(pixels)


def _check_byte_order(msg, pixels: np.ndarray) -> None:
    """ValueError where whole numbers become smooth only in the other byte order.

    There one step of depth is one of 256 millimetres, and 2 m are read as 53 m.
    """
    if pixels.dtype.kind != "u":
        return  # floating point is no depth at all in the other order
    rows = pixels[:: max(1, len(pixels) // ROWS_LOOKED_AT)]
    pairs = np.stack([rows[:, :-1], rows[:, 1:]], axis=-1).reshape(-1, 2)
    pairs = pairs[(pairs > 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])]
    if len(pairs) < FEW_PAIRS or np.ptp(pairs & 255) == 0:  # or it is all of 256 mm and more
        return
    step, swapped = (
        float(np.median(np.abs(np.diff(values.astype(np.int32))))) for values in (pairs, pairs.byteswap())
    )
    if step >= 256 and swapped < step / 16:
        said, other = ("true", "false") if msg.is_bigendian else ("false", "true")
        raise ValueError(
            f"Depth of {msg.width} x {msg.height} has is_bigendian {said}, by which pixels side by side are "
            f"{step:.0f} mm apart in the median; in the other byte order they are {swapped:.0f}, so its "
            f"driver must set {other}."
        )


def depth_size(msg, max_pixels: int | None = None) -> tuple[int, int]:
    """Width and height that an image of depth says it has; the rest as of `decode_depth_image`."""
    if hasattr(msg, "encoding"):
        return image_size(msg, max_pixels)
    if _encoding(msg) not in DEPTH_ENCODINGS:
        raise ValueError(
            f"CompressedImage of format '{msg.format}' is no depth; its format must begin with 16UC1 or "
            "32FC1."
        )
    what, data = _what(msg), _content(msg)[0]
    if "rvl" not in msg.format.lower():
        return declared_size(data, what, max_pixels)
    if len(data) < 8:
        raise ValueError(f"{what} cannot be decoded; it is cut off.")
    width, height = struct.unpack_from("<ii", data)
    check_size(width, height, what, max_pixels)
    return width, height


def decode_sparse_depth(msg, width: int, height: int) -> np.ndarray:
    """Depth of an image message at the pixels of an image of the same view, float32 height x width.

    Depth of lower resolution lands on the pixels in which the centres of its own lie.

    Raises:
        ValueError: as `decode_depth_image`; or a shape that cannot be of the same view.
    """
    columns, rows = depth_size(msg)
    check_same_view(rows, columns, height, width)
    depth = decode_depth_image(msg)
    return depth if depth.shape == (height, width) else scatter(depth, width, height)


def _metres(depth: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0)).astype("=f4")


def _of_millimetres(depth: np.ndarray) -> np.ndarray:
    return np.where(depth == FULL, np.float32(0), depth * np.float32(1e-3))


def _decode_compressed(msg) -> np.ndarray:
    data, A, B = _content(msg)
    try:
        values = _rvl(data) if "rvl" in msg.format.lower() else _png(data, _what(msg))
    except ImageError:
        raise
    except (ValueError, IndexError, struct.error) as error:
        raise ValueError(f"{_what(msg)} cannot be decoded ({error}).") from None
    if _encoding(msg) != "32FC1":
        return _of_millimetres(values)
    if not (np.isfinite([A, B]).all() and A > 0):
        raise ValueError(
            f"{_what(msg)} has no A and B before its image, by which 32FC1 is told in 16 bits; it must be of "
            "compressedDepth."
        )
    with np.errstate(divide="ignore"):
        return np.where(values > 0, _metres(np.float32(A) / (values - np.float32(B))), np.float32(0))


def _encoding(msg) -> str:
    return msg.format.partition(";")[0].strip()


def _what(msg) -> str:
    return f"CompressedImage of format '{msg.format}' with {len(msg.data)} bytes"


def _content(msg) -> tuple[bytes, float, float]:
    """What was compressed, and A and B of the header before it, where there is one."""
    data = bytes(msg.data)
    if data[:4] == PNG_MAGIC or len(data) <= HEADER_BYTES:
        return data, 0.0, 0.0
    _, A, B = struct.unpack_from("<iff", data)
    return data[HEADER_BYTES:], A, B


def _png(data: bytes, what: str) -> np.ndarray:
    values = decode_pixels(data, cv2.IMREAD_UNCHANGED, what)
    if values.dtype != np.uint16 or values.ndim != 2:
        raise ImageError(f"{what} is {values.dtype} {values.shape}; it must be 16 bits and one channel.")
    return values


def _rvl(data: bytes) -> np.ndarray:
    """Depth of RVL: uint16 H x W (A. D. Wilson, Fast Lossless Depth Image Compression, ISS 2017).

    Numbers of 3 bits a nibble, least first, the fourth bit meaning that more follow: in turn how many pixels
    are zero, how many are not, and the differences of those to the value before, with the sign last.
    """
    width, height = struct.unpack_from("<ii", data)
    # In words of 32 bits, the first nibble is the highest.
    words = np.frombuffer(data[8 : 8 + (len(data) - 8) // 4 * 4], "<u4").astype(">u4").view(np.uint8)
    nibbles = np.stack([words >> 4, words & 15], axis=1).ravel()
    ends = np.flatnonzero(nibbles < 8)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(ends[-1] + 1) - np.repeat(starts, ends - starts + 1)
    parts = (nibbles[: ends[-1] + 1] & 7).astype(np.int64) << 3 * np.minimum(place, 20)
    numbers = np.add.reduceat(parts, starts)
    pixel, at, kept, where = 0, 0, [], []
    while pixel < width * height:
        zeros, count = int(numbers[at]), int(numbers[at + 1])
        if not 0 < zeros + count <= width * height - pixel:
            raise ValueError("its runs do not fit its size")
        kept.append(numbers[at + 2 : at + 2 + count])
        where.append(np.arange(pixel + zeros, pixel + zeros + count))
        pixel, at = pixel + zeros + count, at + 2 + count
    coded, flat = np.concatenate(kept), np.zeros(width * height, np.uint16)
    flat[np.concatenate(where)] = np.cumsum((coded >> 1) ^ -(coded & 1))
    return flat.reshape(height, width)
