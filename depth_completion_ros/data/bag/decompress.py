"""Decompression of bags, of at most so many bytes, also where `rosbags` does it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from depth_completion_ros.core.safe.limits import CHUNK_BYTES

PIECE_BYTES = 1 << 24
"""So much is decompressed at once, so that what is too much is noticed early."""


def decompress_zstd(data: bytes, size: int | None = None) -> bytes:
    """Content of one or more frames of zstd.

    Args:
        size: bytes that the content is said to have; None where nobody says.

    Raises:
        ValueError: the content is larger than said, or than the limit `CHUNK_BYTES`, or cut off.
    """
    return _decompress(data, _zstd().ZstdDecompressor, "zstd", size)


def decompress_lz4(data: bytes, size: int | None = None) -> bytes:
    """Content of one or more frames of LZ4; the rest as of `decompress_zstd`."""
    from lz4.frame import LZ4FrameDecompressor

    return _decompress(data, LZ4FrameDecompressor, "LZ4", size)


def decompress_bz2(data: bytes) -> bytes:
    """Content of one or more streams of bzip2; the rest as of `decompress_zstd`."""
    from bz2 import BZ2Decompressor

    return _decompress(data, BZ2Decompressor, "bzip2")


def check_file(path: Path) -> None:
    """A ValueError where what a .zstd file holds would take more than half of what the temporary folder has.

    `rosbags` decompresses such a file there.
    """
    room = shutil.disk_usage(tempfile.gettempdir()).free // 2
    size = 0
    with path.open("rb") as file, _zstd().open(file, "rb") as content:
        while piece := content.read(PIECE_BYTES):
            size += len(piece)
            if size > room:
                raise ValueError(
                    f"File '{path}' holds more than {room} bytes, half of what is free in "
                    f"'{tempfile.gettempdir()}'; decompress it first (unzstd)."
                )


@cache
def bound_rosbags() -> None:
    """Have `rosbags` decompress by the functions above.

    Raises:
        AttributeError, KeyError: this version of rosbags is built otherwise, and must not open bags.
    """
    from rosbags.rosbag1 import reader as rosbag1
    from rosbags.rosbag2 import reader as rosbag2
    from rosbags.rosbag2 import storage_mcap

    of_mcap = {"zstd": decompress_zstd, "lz4": decompress_lz4}
    of_rosbag1 = {
        rosbag1.Compression.BZ2.value: decompress_bz2,
        rosbag1.Compression.LZ4.value: decompress_lz4,
    }
    for table, ours in ((storage_mcap.DECOMPRESSORS, of_mcap), (rosbag1.decompressors, of_rosbag1)):
        for name, function in ours.items():
            if name not in table:
                raise KeyError(name)
            table[name] = function
    rosbag2.zstd = SimpleNamespace(open=rosbag2.zstd.open, decompress=decompress_zstd)


def _zstd():
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _decompress(data: bytes, make, kind: str, stated: int | None = None) -> bytes:
    """Content of streams one after the other, by objects that decompress one stream each."""
    limit, pieces, size = CHUNK_BYTES.value(), [], 0
    CHUNK_BYTES.check(stated or 0, f"{kind} data of a bag", limit)
    while data:
        stream = make()
        while not stream.eof:
            piece = stream.decompress(data, PIECE_BYTES)
            data = b""
            size += len(piece)
            pieces.append(piece)
            CHUNK_BYTES.check(size, f"{kind} data of a bag", limit)
            if stated is not None and size > stated:
                raise ValueError(f"{kind} data of a bag have more than the {stated} bytes that they state.")
            if not piece and stream.needs_input and not stream.eof:
                raise ValueError(f"{kind} data of a bag are cut off.")
        data = stream.unused_data
    return b"".join(pieces)
