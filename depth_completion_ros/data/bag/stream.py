"""Raw messages of a rosbag2 one after the other, as far as its files can be read.

Intact bags are read through `rosbags`. A recorder that was killed leaves files without index or end,
and no metadata.yaml; those are read from the start up to where they break off.
"""

from __future__ import annotations

import sqlite3
import struct
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from zlib import crc32

from .topics import COMPRESSED, IMAGE

STORAGE_SUFFIXES = (".mcap", ".db3")
MCAP_MAGIC = b"\x89MCAP0\r\n"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F

Message = tuple[str, int, bytes]
"""Topic, time of recording in nanoseconds, and the serialised message."""


class BagError(ValueError):
    """A bag that cannot be read, or not to its end."""


class BagStream:
    """The topics and messages of a bag: a rosbag2 folder, an .mcap or a .db3 file.

    Attributes:
        topics: message type by topic.
        counts: number of messages by topic.

    Raises:
        BagError: nothing of the bag can be read.
    """

    def __init__(self, path: Path):
        try:
            import rosbags.rosbag2  # noqa: F401
        except ImportError:
            raise BagError("Bags need the package rosbags: pip install rosbags.") from None
        self.path = path
        self._sources = _open_sources(path)
        self.topics: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        for source in self._sources:
            self.topics |= source.topics
            self.counts += source.counts

    def image_content(self) -> dict[str, str]:
        """Encoding or format of the first message of each topic of images, where it can be read."""
        from .messages import typestore

        wanted = {t for t, kind in self.topics.items() if kind in (IMAGE, COMPRESSED) and self.counts[t]}
        content = {}
        # One by one, as what comes late would have all the rest read before it.
        for topic in wanted:
            with suppress(Exception):  # broken bytes surface as errors of any kind; they are told later
                raw = next(self.messages({topic}))[2]
                message = typestore().deserialize_cdr(raw, self.topics[topic])
                content[topic] = message.encoding if self.topics[topic] == IMAGE else message.format
        return content

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        """Messages of some topics in the order of recording.

        Raises:
            BagError: after the last message that can be read, where the bag does not end there.
        """
        for source in self._sources:
            for topic, time_ns, raw in source.messages(topics):
                # Compression by message is told by metadata.yaml only, which may be lost.
                yield topic, time_ns, _zstd(raw) if raw[:4] == ZSTD_MAGIC else raw


def is_bag(path: Path) -> bool:
    """Whether a path looks like a rosbag2."""
    if path.is_dir():
        names = [p.name for p in path.iterdir()]
        return "metadata.yaml" in names or any(n.endswith(STORAGE_SUFFIXES) for n in names)
    return path.suffix in STORAGE_SUFFIXES


def _open_sources(path: Path) -> list[_Indexed | _CutMcap | _CutSqlite]:
    try:
        return [_Indexed(path)]
    except Exception as error:  # broken bytes surface as errors of any kind
        cause = error
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.suffix in STORAGE_SUFFIXES]
    if not files:
        raise BagError(f"Bag '{path}' cannot be opened: {cause}") from None
    sources = []
    for file in sorted(files, key=lambda p: (len(p.name), p.name)):
        try:
            sources.append(_Indexed(file))
        except Exception:
            sources.append(_CutMcap(file) if file.suffix == ".mcap" else _CutSqlite(file))
    return sources


class _Indexed:
    """A bag or a file of it that `rosbags` opens."""

    def __init__(self, path: Path):
        self._path = path
        with self._open() as reader:
            self.topics = {c.topic: c.msgtype for c in reader.connections}
            self.counts = Counter()
            for connection in reader.connections:
                self.counts[connection.topic] += connection.msgcount

    def _open(self):
        from rosbags.rosbag2 import Reader

        return Reader(self._path)

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        time_ns = None
        with self._open() as reader:
            connections = [c for c in reader.connections if c.topic in topics]
            messages = reader.messages(connections) if connections else iter(())
            while True:
                try:
                    connection, time_ns, raw = next(messages)
                except StopIteration:
                    return
                except Exception as error:  # see _open_sources
                    where = "at its start" if time_ns is None else f"after time {time_ns / 1e9:.3f}"
                    raise BagError(f"Bag '{self._path}' breaks off {where}: {error}") from None
                yield connection.topic, time_ns, raw


class _Cut(ABC):
    """A file that is read up to where it breaks off; `_scan` ends there with BagError."""

    def __init__(self, path: Path):
        self._path = path
        self.topics: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        try:
            for topic, _, _ in self._scan():
                self.counts[topic] += 1
        except BagError:
            if not self.counts:
                raise

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        for message in self._scan():
            if message[0] in topics:
                yield message

    @abstractmethod
    def _scan(self) -> Iterator[Message]: ...


class _CutMcap(_Cut):
    def _scan(self) -> Iterator[Message]:
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            if file.read(8) != MCAP_MAGIC:
                raise BagError(f"File '{self._path}' of {size} bytes is no MCAP file.")
            types: dict[int, str] = {}
            channels: dict[int, str] = {}
            while True:
                start = file.tell()
                try:
                    opcode, body = _record(file, size)
                    if opcode == DATA_END:
                        return
                    records = _chunk(body) if opcode == CHUNK else [(opcode, body)]
                    messages = [m for r in records if (m := self._take(*r, types, channels))]
                except Exception:  # see _open_sources
                    raise BagError(f"Bag '{self._path}' breaks off at byte {start} of {size}.") from None
                yield from messages

    def _take(self, opcode: int, body: bytes, types: dict, channels: dict) -> Message | None:
        if opcode == SCHEMA:
            (number,) = struct.unpack_from("<H", body)
            types[number] = _string(body, 2)[0]
        elif opcode == CHANNEL:
            number, schema = struct.unpack_from("<HH", body)
            channels[number] = _string(body, 4)[0]
            self.topics[channels[number]] = types[schema]
        elif opcode == MESSAGE:
            channel, _, time_ns = struct.unpack_from("<HIQ", body)
            return channels[channel], time_ns, body[22:]
        return None


def _record(stream: BinaryIO, end: int) -> tuple[int, bytes]:
    """Opcode and content of the next record; EOFError where it is not complete."""
    head = stream.read(9)
    if len(head) < 9 or (length := int.from_bytes(head[1:], "little")) > end - stream.tell():
        raise EOFError
    return head[0], stream.read(length)


def _chunk(body: bytes) -> Iterator[tuple[int, bytes]]:
    size, crc = struct.unpack_from("<QI", body, 16)
    compression, at = _string(body, 28)
    data = _DECOMPRESS[compression](body[at + 8 :])
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


def _zstd(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.decompress(data)


def _lz4(data: bytes) -> bytes:
    from lz4.frame import decompress

    return decompress(data)


_DECOMPRESS = {"": lambda data: data, "zstd": _zstd, "lz4": _lz4}


class _CutSqlite(_Cut):
    def _scan(self) -> Iterator[Message]:
        connection = sqlite3.connect(f"file:{quote(str(self._path))}?immutable=1", uri=True)
        count = 0
        try:
            # Else SQLite refuses a file that is shorter than its header says.
            connection.execute("PRAGMA writable_schema = ON")
            topics = {}
            for number, name, kind in connection.execute("SELECT id, name, type FROM topics"):
                topics[number] = name
                self.topics[name] = kind
            query = "SELECT topic_id, timestamp, data FROM messages"
            for number, time_ns, raw in connection.execute(query):
                # Where pages are missing, SQLite may give rows of nothing in place of an error.
                if number not in topics or not isinstance(raw, bytes):
                    raise sqlite3.DatabaseError("a row is broken")
                yield topics[number], time_ns, raw
                count += 1
        except sqlite3.Error as error:
            raise BagError(f"Bag '{self._path}' breaks off after {count} messages: {error}.") from None
        finally:
            connection.close()
