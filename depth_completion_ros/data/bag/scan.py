"""Files of a bag that are read from the start to their end, or to where they break off.

Intact and indexed files are read through `rosbags`, which is faster. A recorder that was killed leaves files
without index or end, and an MCAP need not have an index at all.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

Message = tuple[str, int, bytes]
"""Topic, time of recording in nanoseconds, and the serialised message."""


class BagError(ValueError):
    """A bag that cannot be read, or not to its end."""


class Scan(ABC):
    """One file, read from its start.

    Attributes:
        topics: message type by topic.
        counts: number of messages by topic, as read.
        stated: the same as the file itself states it; None where it does not.
    """

    def __init__(self, path: Path):
        self._path = path
        self.topics: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.stated: Counter[str] | None = None
        try:
            for topic, _, _ in self._scan():
                self.counts[topic] += 1
        except BagError:
            if not self.counts:
                raise

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        """Messages of some topics in the order of recording; BagError where the file breaks off."""
        for message in self._scan():
            if message[0] in topics:
                yield message

    @abstractmethod
    def _scan(self) -> Iterator[Message]: ...


class SqliteScan(Scan):
    """A .db3 file that `rosbags` does not open."""

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
