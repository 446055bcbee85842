"""Raw messages of a bag one after the other, as far as its files can be read.

Intact and indexed bags are read through `rosbags`, others from the start up to where they break off. ROS 1
and clouds of Livox's own type come out as messages of ROS 2 (see `translation`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from depth_completion_ros.core.safe.files import read_text

from .decompress import bound_rosbags, check_file, decompress_zstd
from .mcap_file import McapScan, index_is_whole
from .messages import typestore
from .scan import BagError, Message, Scan, SqliteScan
from .topics import COMPRESSED, IMAGE
from .translation import ROS1, translation

__all__ = ["BagError", "BagStream", "is_bag"]

STORAGE_SUFFIXES = (".mcap", ".db3")
ROS1_SUFFIX = ".bag"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class BagStream:
    """The topics and messages of a bag: a rosbag2 folder, an .mcap or .db3 file, or a .bag of ROS 1.

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
        self._sources, self._stated = _open_sources(path)
        self.topics: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._converters = {}
        for source in self._sources:
            self.counts += source.counts
            for topic, kind in source.topics.items():
                self.topics[topic], self._converters[topic] = translation(kind)

    def image_content(self) -> dict[str, str]:
        """Encoding or format of the first message of each topic of images, where it can be read."""
        wanted = {t for t, kind in self.topics.items() if kind in (IMAGE, COMPRESSED) and self.counts[t]}
        content = {}
        # One by one, as what comes late would have all the rest read before it.
        for topic in wanted:
            with suppress(ValueError, StopIteration):  # broken bytes are told later
                message = self.decode(topic, next(self.messages({topic}))[2])
                content[topic] = message.encoding if self.topics[topic] == IMAGE else message.format
        return content

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        """Messages of some topics in the order of recording.

        Bytes that cannot be converted come as none, which `decode` refuses.

        Raises:
            BagError: after the last message that can be read, where the bag does not end there, or states
                another number of messages than were read.
        """
        read: Counter[str] = Counter()
        for source in self._sources:
            for topic, time_ns, raw in source.messages(topics):
                read[topic] += 1
                # Compression by message is told by metadata.yaml only, which may be lost.
                whole = _converted(decompress_zstd, raw) if raw[:4] == ZSTD_MAGIC else raw
                convert = self._converters[topic]
                yield topic, time_ns, whole if convert is None else _converted(convert, whole)
        for topic in sorted(topics):
            if self._stated is not None and self._stated[topic] != read[topic]:
                raise BagError(
                    f"Bag '{self.path}' states {self._stated[topic]} messages of {topic}, but {read[topic]} "
                    "were read"
                )

    def decode(self, topic: str, raw: bytes):
        """Message of a topic from its bytes; ValueError where they are broken."""
        try:
            return typestore().deserialize_cdr(raw, self.topics[topic])
        except Exception as error:  # broken bytes surface as errors of any kind
            cause = str(error) if raw else f"it is no {self.topics[topic]}"
            raise ValueError(f"A message of {topic} cannot be read: {cause}") from None


def is_bag(path: Path) -> bool:
    """Whether a path looks like a rosbag2, or a bag of ROS 1."""
    if path.is_dir():
        names = [p.name for p in path.iterdir()]
        return "metadata.yaml" in names or any(n.endswith(STORAGE_SUFFIXES) for n in names)
    return path.suffix in (*STORAGE_SUFFIXES, ROS1_SUFFIX)


def _converted(convert, raw: bytes) -> bytes:
    try:
        return convert(raw)
    except Exception:  # broken bytes surface as errors of any kind
        return b""


def _open_sources(path: Path) -> tuple[list[_Indexed | Scan], Counter[str] | None]:
    """Sources of the messages, and how many of each topic the bag states; None where it does not."""
    if path.suffix == ROS1_SUFFIX:
        try:
            bag = _Ros1(path)
        except Exception as error:  # broken bytes surface as errors of any kind
            raise BagError(
                f"Bag '{path}' of ROS 1 cannot be opened: {str(error).rstrip('.')}; where its recorder was "
                "killed, `rosbag reindex` of ROS 1 repairs it."
            ) from None
        return [bag], bag.counts
    files = [path] if path.is_file() else [p for p in path.iterdir() if p.suffix in STORAGE_SUFFIXES]
    stated = None
    try:
        bag = _Indexed(path)
        if all(index_is_whole(file) for file in files if file.suffix == ".mcap"):
            return [bag], bag.counts
        stated = bag.counts
    except Exception as error:
        cause = error
    if not files:
        raise BagError(f"Bag '{path}' cannot be opened: {cause}") from None
    sources = [_open_file(file) for file in sorted(files, key=lambda p: (len(p.name), p.name))]
    if stated is None:
        stated = _counts_of_metadata(path / "metadata.yaml")
    if stated is None and all(source.stated is not None for source in sources):
        stated = sum((source.stated for source in sources), Counter())
    return sources, stated


def _counts_of_metadata(file: Path) -> Counter[str] | None:
    """Messages by topic that a metadata.yaml states; None where there is none that can be read.

    Of a bag that `rosbags` does not open, as where one of its files is missing.
    """
    import yaml

    try:
        topics = yaml.safe_load(read_text(file))["rosbag2_bagfile_information"]["topics_with_message_count"]
        counts = {t["topic_metadata"]["name"]: int(t["message_count"]) for t in topics}
    except Exception:  # of a recorder that was killed
        return None
    return Counter(counts) if sum(counts.values()) else None


def _open_file(file: Path) -> _Indexed | Scan:
    try:
        if file.suffix != ".mcap" or index_is_whole(file):
            return _Indexed(file)
    except Exception:  # broken bytes surface as errors of any kind
        pass
    return McapScan(file) if file.suffix == ".mcap" else SqliteScan(file)


class _Indexed:
    """A bag or a file of it that `rosbags` opens."""

    def __init__(self, path: Path):
        self._path = path
        for file in path.glob("*.zstd") if path.is_dir() else ():
            check_file(file)
        with self._open() as reader:
            self.topics = {c.topic: self._kind(c) for c in reader.connections}
            self.counts: Counter[str] = Counter()
            for connection in reader.connections:
                self.counts[connection.topic] += connection.msgcount
        self.stated = self.counts

    def _open(self):
        from rosbags.rosbag2 import Reader

        bound_rosbags()
        return Reader(self._path)

    def _kind(self, connection) -> str:
        return connection.msgtype

    def messages(self, topics: Collection[str]) -> Iterator[Message]:
        """Messages of some topics in the order of recording; BagError where the bag breaks off."""
        time_ns = None
        with self._open() as reader:
            connections = [c for c in reader.connections if c.topic in topics]
            messages = reader.messages(connections) if connections else iter(())
            while True:
                try:
                    connection, time_ns, raw = next(messages)
                except StopIteration:
                    return
                except Exception as error:  # broken bytes surface as errors of any kind
                    where = "at its start" if time_ns is None else f"after time {time_ns / 1e9:.3f}"
                    raise BagError(f"Bag '{self._path}' breaks off {where}: {error}") from None
                yield connection.topic, time_ns, raw


class _Ros1(_Indexed):
    """A .bag of ROS 1."""

    def _open(self):
        from rosbags.rosbag1 import Reader

        bound_rosbags()
        return Reader(self._path)

    def _kind(self, connection) -> str:
        return connection.msgtype + ROS1
