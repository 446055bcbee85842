"""MCAP files without an index of all their messages, or that break off (https://mcap.dev/spec)."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from depth_completion_ros.core.safe.limits import CHUNK_BYTES

from .decompress import decompress_lz4, decompress_zstd
from .scan import BagError, Message, Scan
from .translation import ROS1, full_type

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x02, 0x03, 0x04, 0x05, 0x06
CHUNK_INDEX, STATISTICS, DATA_END = 0x08, 0x0B, 0x0F
FOOTER_BYTES = 9 + 20 + len(MAGIC)
CHUNKS_AT_ONCE = 4
"""Largest chunks that may be held at once."""
ENCODINGS = ("cdr", "ros1")
"""Of messages, as robots record them; not those of Foxglove (json, protobuf, flatbuffer)."""


class McapScan(Scan):
    """A .mcap file, record by record. The messages of a chunk come in order of time."""

    def _scan(self) -> Iterator[Message]:
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            if file.read(8) != MAGIC:
                raise BagError(f"File '{self._path}' of {size} bytes is no MCAP file.")
            types: dict[int, str] = {}
            channels: dict[int, str] = {}
            while True:
                start = file.tell()
                try:
                    opcode, body = _record(file, size)
                    if opcode == DATA_END:
                        self._read_summary(file, size, channels)
                        return
                    records = _chunk(body) if opcode == CHUNK else [(opcode, body)]
                    messages = [m for r in records if (m := self._take(*r, types, channels))]
                except Exception:  # broken bytes surface as errors of any kind
                    raise BagError(f"Bag '{self._path}' breaks off at byte {start} of {size}.") from None
                yield from sorted(messages, key=lambda message: message[1])

    def _take(self, opcode: int, body: bytes, types: dict, channels: dict) -> Message | None:
        if opcode == SCHEMA:
            (number,) = struct.unpack_from("<H", body)
            types[number] = _string(body, 2)[0]
        elif opcode == CHANNEL:
            number, schema = struct.unpack_from("<HH", body)
            channels[number], at = _string(body, 4)
            encoding = _string(body, at)[0]
            kind = full_type(types.get(schema, ""))
            if encoding not in ENCODINGS:
                kind = f"{kind or 'messages'} in {encoding or 'no encoding'}"
            self.topics[channels[number]] = kind + ROS1 if encoding == "ros1" else kind
        elif opcode == MESSAGE:
            channel, _, time_ns = struct.unpack_from("<HIQ", body)
            return channels[channel], time_ns, body[22:]
        return None

    def _read_summary(self, file: BinaryIO, size: int, channels: dict[int, str]) -> None:
        """Take the counts that the file states after its data, if it does."""
        for opcode, body in _records(file, size):
            if opcode == STATISTICS:
                total, by_channel = _statistics(body)
                if sum(by_channel.values()) == total:
                    self.stated = Counter()
                    for channel, count in by_channel.items():
                        self.stated[channels.get(channel, f"channel {channel}")] += count


def index_is_whole(path: Path) -> bool:
    """Whether an MCAP file can be read by the index in its summary, and be read whole.

    It must have as many messages as the summary states there are. A chunk without message index is legal, and
    so is a file without any; readers that go by the index miss those messages. They also hold all chunks of
    one time at once, which must not be more than a few.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - FOOTER_BYTES, 0))
        opcode, body = _record(file, size)
        (summary,) = struct.unpack_from("<Q", body)
        if opcode != FOOTER or not summary:
            return False
        file.seek(summary)
        indexed: Counter[int] = Counter()
        stated, spans = None, []
        for opcode, body in _records(file, size):
            if opcode == CHUNK_INDEX:
                indexed += _indexed_messages(body)
                spans.append(_span(body))
            elif opcode == STATISTICS:
                stated = _statistics(body)
    if _bytes_at_once(spans) > CHUNKS_AT_ONCE * CHUNK_BYTES.value():
        return False
    return stated is not None and stated == (indexed.total(), {c: n for c, n in indexed.items() if n})


def _indexed_messages(body: bytes) -> Counter[int]:
    """Messages by channel that the index of a chunk lists, from where its parts begin."""
    _, _, start, length, table = struct.unpack_from("<QQQQI", body)
    offsets = sorted((at, channel) for channel, at in struct.iter_unpack("<HQ", body[36 : 36 + table]))
    (index_bytes,) = struct.unpack_from("<Q", body, 36 + table)
    ends = [at for at, _ in offsets[1:]] + [start + length + index_bytes]
    # A MessageIndex has 15 bytes before its entries of 16.
    return Counter({c: (end - at - 15) // 16 for (at, c), end in zip(offsets, ends, strict=True)})


def _span(body: bytes) -> tuple[int, int, int]:
    """First and last time of a chunk, and its bytes when decompressed, by its index."""
    begin, end = struct.unpack_from("<QQ", body)
    (table,) = struct.unpack_from("<I", body, 32)
    _, at = _string(body, 36 + table + 8)
    return begin, end, struct.unpack_from("<QQ", body, at)[1]


def _bytes_at_once(spans: list[tuple[int, int, int]]) -> int:
    """Bytes of all chunks that overlap in time, where these are the most."""
    changes = [(begin, 0, size) for begin, _, size in spans] + [(end, 1, -size) for _, end, size in spans]
    now = most = 0
    for *_, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _statistics(body: bytes) -> tuple[int, dict[int, int]]:
    """Number of messages, and those of each channel that has any."""
    (total,) = struct.unpack_from("<Q", body)
    (table,) = struct.unpack_from("<I", body, 42)
    counts = struct.iter_unpack("<HQ", body[46 : 46 + table])
    return total, {channel: count for channel, count in counts if count}


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """Records up to the footer."""
    while True:
        opcode, body = _record(file, size)
        if opcode == FOOTER:
            return
        yield opcode, body


def _record(stream: BinaryIO, end: int) -> tuple[int, bytes]:
    """Opcode and content of the next record; EOFError where it is not complete."""
    head = stream.read(9)
    if len(head) < 9 or (length := int.from_bytes(head[1:], "little")) > end - stream.tell():
        raise EOFError
    return head[0], stream.read(length)


def _chunk(body: bytes) -> Iterator[tuple[int, bytes]]:
    size, crc = struct.unpack_from("<QI", body, 16)
    compression, at = _string(body, 28)
    data = _DECOMPRESS[compression](body[at + 8 :], size)
    if len(data) != size or (crc and crc32(data) != crc):
        raise EOFError
    stream = BytesIO(data)
    while stream.tell() < size:
        yield _record(stream, size)


def _string(body: bytes, at: int) -> tuple[str, int]:
    """Text with its length before it, and where it ends."""
    (length,) = struct.unpack_from("<I", body, at)
    end = at + 4 + length
    return body[at + 4 : end].decode(), end


_DECOMPRESS = {"": lambda data, _: data, "zstd": decompress_zstd, "lz4": decompress_lz4}
