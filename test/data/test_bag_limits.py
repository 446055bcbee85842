"""Compressed bags: what they state of their size is not believed, and limits hold whoever decompresses."""

from __future__ import annotations

import bz2
import sys

import pytest
from full_disk import on_a_full_disk
from memory import at_most
from test_broken_bag import frames

rosbags = pytest.importorskip("rosbags.rosbag2", reason="rosbags is not installed")
import mcap_file  # noqa: E402

from depth_completion_ros.core.safe.limits import CHUNK_BYTES  # noqa: E402
from depth_completion_ros.data import open_reader  # noqa: E402
from depth_completion_ros.data.bag import decompress  # noqa: E402
from depth_completion_ros.data.bag.mcap_file import index_is_whole  # noqa: E402
from depth_completion_ros.data.bag.stream import BagError, BagStream  # noqa: E402
from depth_completion_ros.data.bag.writer import write_bag  # noqa: E402

BOMB_BYTES = 1 << 30


def zstd():
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def compressed_zeros(kind: str) -> bytes:
    """A GiB of zeros, in some ten thousand bytes."""
    piece = bytes(1 << 24)
    if kind == "zstd":
        packer = zstd().ZstdCompressor()
    elif kind == "lz4":
        from lz4.frame import LZ4FrameCompressor

        packer = LZ4FrameCompressor(block_size=7)
        start = packer.begin()
        return start + b"".join(packer.compress(piece) for _ in range(BOMB_BYTES >> 24)) + packer.flush()
    else:
        packer = bz2.BZ2Compressor(1)
    return b"".join(packer.compress(piece) for _ in range(BOMB_BYTES >> 24)) + packer.flush()


FUNCTIONS = {
    "zstd": decompress.decompress_zstd,
    "lz4": decompress.decompress_lz4,
    "bz2": decompress.decompress_bz2,
}


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_what_is_too_large_is_refused_before_it_is_all_there(kind):
    data = compressed_zeros(kind)
    assert len(data) < BOMB_BYTES / 200
    refused = pytest.raises(ValueError, match="at most 268435456 are allowed")
    with at_most(1.5 * CHUNK_BYTES.usual / (1 << 20)), refused:
        FUNCTIONS[kind](data)
    with at_most(100), pytest.raises(ValueError, match="more than the 5000 bytes that they state"):
        FUNCTIONS[kind](data, 5000)


@pytest.mark.parametrize("kind", list(FUNCTIONS))
def test_what_is_small_comes_whole_also_of_several_parts(kind):
    from lz4.frame import compress

    pack = {"zstd": zstd().compress, "lz4": compress, "bz2": bz2.compress}[kind]
    assert FUNCTIONS[kind](pack(b"abc") + pack(b"def")) == b"abcdef"
    assert FUNCTIONS[kind](pack(b"")) == b""
    with pytest.raises((ValueError, OSError, EOFError, RuntimeError, zstd().ZstdError)):
        FUNCTIONS[kind](pack(bytes(range(256)))[:-5])


@pytest.mark.parametrize("stated", ["true", "small"])
@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "scanned"])
@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_a_chunk_that_is_a_bomb_breaks_the_bag_off_in_words(tmp_path, kind, indexed, stated):
    """Through rosbags, which goes by the index, and record by record."""
    size = BOMB_BYTES if stated == "true" else 5000
    path = bag_with_chunk(tmp_path / "bag.mcap", compressed_zeros(kind), kind, size)
    assert index_is_whole(path)
    if not indexed:
        path.write_bytes(path.read_bytes()[:-20])
    with at_most(1.5 * CHUNK_BYTES.usual / (1 << 20)), pytest.raises(BagError) as refused:
        list(BagStream(path).messages({"/image"}))
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def bag_with_chunk(path, data: bytes, kind: str, size: int):
    """An MCAP of one chunk with these compressed bytes, that states so many."""
    message = ("/image", "sensor_msgs/msg/Image", 10**9, b"\x00")
    return mcap_file.write_mcap(path, [[message]], content=lambda _: (kind, size, data))


def test_a_message_that_is_a_bomb_is_refused(tmp_path, monkeypatch):
    bag = tmp_path / "bag"
    write_bag(frames(2), bag, compression="message")
    assert len(list(open_reader(bag))) == 2
    monkeypatch.setenv(CHUNK_BYTES.variable, "100000")  # an image has 360,000 bytes
    with pytest.raises(BagError, match="A message of .* cannot be read"):
        list(open_reader(bag))


def test_a_compressed_file_that_does_not_fit_the_disk_is_refused_before(tmp_path, monkeypatch):
    bag = tmp_path / "bag"
    write_bag(frames(2), bag, compression="file")
    assert len(list(open_reader(bag))) == 2
    usage = decompress.shutil.disk_usage(tmp_path)._replace(free=200_000)
    monkeypatch.setattr(decompress.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BagError, match="half of what is free in .* decompress it first"):
        open_reader(bag)


def test_chunks_of_one_time_are_not_held_all_at_once(tmp_path, monkeypatch):
    messages = [[(f"/t{i}", "std_msgs/msg/String", 10**9, bytes(1000))] for i in range(9)]
    path = mcap_file.write_mcap(tmp_path / "bag.mcap", messages)
    assert index_is_whole(path)
    monkeypatch.setenv(CHUNK_BYTES.variable, "2000")
    assert not index_is_whole(path), "9 chunks of 1000 bytes are more than 4 of the largest allowed"


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_that_does_not_fit_the_disk_ends_convert_in_words(tmp_path, storage):
    write_bag(frames(3), tmp_path / "bag")
    code = "from depth_completion_ros.cli import main; main()"
    given = ["convert", tmp_path / "bag", tmp_path / "new", "--storage", storage]
    done = on_a_full_disk(sys.executable, "-c", code, *map(str, given))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"Error: Bag '{tmp_path / 'new'}' cannot be written: " in done.stderr
