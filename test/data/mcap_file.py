"""MCAP files written record by record, as other writers than ours leave them (https://mcap.dev/spec)."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"

Message = tuple[str, str, int, bytes]
"""Topic, type, time in nanoseconds, and serialised bytes."""


def write_mcap(
    path: Path,
    chunks: Sequence[Sequence[Message]],
    indexed: Callable[[int, str], bool] = lambda chunk, topic: True,
    profile: str = "ros2",
    encoding: str = "cdr",
    states: int | None = None,
    content: Callable[[bytes], tuple[str, int, bytes]] = lambda records: ("", len(records), records),
) -> Path:
    """Write chunks of messages.

    Args:
        indexed: whether the messages of a topic in a chunk have an index.
        states: number of messages of each topic that the file states; as many as there are when None.
        content: compression, size that is stated, and bytes of a chunk, of its records.
    """
    kinds = {topic: kind for chunk in chunks for topic, kind, *_ in chunk}
    channels = {topic: number for number, topic in enumerate(kinds, start=1)}
    definitions = b"".join(
        _record(3, struct.pack("<H", channels[t]) + _text(kind) + _text("ros2msg") + _text(""))
        + _record(4, struct.pack("<HH", channels[t], channels[t]) + _text(t) + _text(encoding) + _text(""))
        for t, kind in kinds.items()
    )
    data = MAGIC + _record(1, _text(profile) + _text("test"))
    index = b""
    for number, chunk in enumerate(chunks):
        records, entries = b"" if number else definitions, {}
        for topic, _, time_ns, raw in chunk:
            entries.setdefault(channels[topic], []).append((time_ns, len(records)))
            records += _record(5, struct.pack("<HIQQ", channels[topic], 0, time_ns, time_ns) + raw)
        times = struct.pack("<QQ", min(m[2] for m in chunk), max(m[2] for m in chunk))
        compression, stated, stored = content(records)
        start, size, stored_size = len(data), struct.pack("<Q", stated), struct.pack("<Q", len(stored))
        data += _record(6, times + size + struct.pack("<I", 0) + _text(compression) + stored_size + stored)
        length, table, before = len(data) - start, b"", len(data)
        for topic, channel in channels.items():
            if channel in entries and indexed(number, topic):
                table += struct.pack("<HQ", channel, len(data))
                rows = b"".join(struct.pack("<QQ", *entry) for entry in entries[channel])
                data += _record(7, struct.pack("<HI", channel, len(rows)) + rows)
        at = struct.pack("<QQI", start, length, len(table)) + table + struct.pack("<Q", len(data) - before)
        index += _record(8, times + at + _text(compression) + stored_size + size)
    data += _record(15, bytes(4))
    counts = Counter(channels[topic] for chunk in chunks for topic, *_ in chunk)
    if states is not None:
        counts = Counter(dict.fromkeys(counts, states))
    head = struct.pack("<QHIIIIQQ", counts.total(), len(kinds), len(kinds), 0, 0, len(chunks), 0, 2**62)
    rows = b"".join(struct.pack("<HQ", *item) for item in counts.items())
    statistics = _record(11, head + struct.pack("<I", len(rows)) + rows)
    footer = _record(2, struct.pack("<QQI", len(data), 0, 0))
    path.write_bytes(data + definitions + statistics + index + footer + MAGIC)
    return path


def _record(opcode: int, body: bytes) -> bytes:
    return bytes([opcode]) + struct.pack("<Q", len(body)) + body


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode()
