"""Observes a rosbag2 as it was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..core import TransformTree
from ..data.bag.topics import TopicError, Topics
from .finding import Finding, error, warning
from .options import Options
from .recording import Recording, Stream
from .samples import Sampler
from .transforms import Transforms


def record_bag(path: Path, options: Options) -> Recording:
    """Read a whole bag, decoding little of it.

    Args:
        path: rosbag2 folder, `.mcap` or `.db3` file, even one that breaks off.
        options: of these, which topics are meant, and how images and clouds are paired.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is not a bag, or nothing of it can be read.
        ImportError: the library `rosbags` is missing.
    """
    if find_spec("rosbags") is None:
        raise ImportError("Bags need the library rosbags: pip install rosbags")
    from ..data.bag.stream import BagStream, is_bag

    if not path.exists():
        raise FileNotFoundError(f"There is nothing at '{path}'.")
    if not is_bag(path):
        raise ValueError(f"'{path}' is no rosbag2; it must be a bag's folder, an .mcap or a .db3 file.")
    stream = BagStream(path)
    topics = Topics(stream.topics, stream.counts, stream.image_content(), f"The bag {path.name}")
    # For all time, so that early transforms of a long bag are still there.
    transforms = Transforms(TransformTree(history_s=1e9))
    recording = Recording(f"bag {path.name}", {}, transforms.tree.lookup, is_bag=True)
    for topic, message_type in stream.topics.items():
        if topic in topics.of("image", "compressed", "camera_info", "points"):
            recording.streams[topic] = Stream(topic, message_type, options.rectified)
        else:
            recording.others[topic] = message_type
    pair = options.pair(topics)
    if pair:
        recording.sampler = Sampler(*pair, options.slack_ns, options.offset_ns)
    try:
        tf_topics = topics.transforms(pair or (), options.tf_topics)
    except TopicError as unclear:
        tf_topics = []
        recording.findings.append(error("topics", str(unclear)))
    _listen(stream, recording, transforms, tf_topics)
    recording.findings += [*transforms.findings(), *_offered(path)]
    return recording


def _listen(stream, recording: Recording, transforms: Transforms, tf_topics: list[str]) -> None:
    """Take the messages of all streams and of TF, up to where the bag breaks off."""
    unreadable: Counter[str] = Counter()
    try:
        for topic, received, raw in stream.messages({*recording.streams, *tf_topics}):
            try:
                message = stream.decode(topic, raw)
            except ValueError:
                unreadable[topic] += 1
                continue
            if topic in recording.streams:
                recording.streams[topic].add(message, received)
                if recording.sampler:
                    recording.sampler.add(topic, message)
            else:
                transforms.add(topic, message)
    except ValueError as broken:
        recording.findings.append(error(recording.name, str(broken)))
    for topic, number in unreadable.items():
        recording.findings.append(error(topic, f"{number} messages cannot be read; their bytes are broken."))


def _offered(path: Path) -> Iterator[Finding]:
    """What a player of this bag would offer that subscribers cannot use."""
    from rosbags.rosbag2 import Reader, ReaderError

    try:
        with Reader(path) as reader:
            connections = list(reader.connections)
    except (ReaderError, OSError):
        return  # a bag that breaks off; that is said already
    for connection in connections:
        durabilities = {qos.durability.name for qos in connection.ext.offered_qos_profiles}
        if connection.topic.endswith("tf_static") and "VOLATILE" in durabilities:
            yield warning(
                connection.topic,
                "Was recorded as volatile, so nodes that start after it was played never get it; play "
                "it with --qos-profile-overrides-path and durability transient_local.",
            )
