"""Observes a rosbag2 as it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..core import TransformTree
from ..core.geometry import quaternion_to_matrix, rigid
from ..data.messages import stamp_ns
from .finding import Finding, error, warning
from .recording import KINDS, Recording, Stream

_TRANSFORMS = "tf2_msgs/msg/TFMessage"


def record_bag(path: Path, rectified: bool = False) -> Recording:
    """Read a whole bag, decoding little of it.

    Args:
        path: rosbag2 folder, `.mcap` or `.db3` file, even one that breaks off.
        rectified: whether P of the CameraInfo is the camera.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is not a bag, or nothing of it can be read.
        ImportError: the library `rosbags` is missing.
    """
    if find_spec("rosbags") is None:
        raise ImportError("Bags need the library rosbags: pip install rosbags")
    from ..data.bag.stream import BagStream, is_bag
    from ..data.bag.writer import typestore

    if not path.exists():
        raise FileNotFoundError(f"There is nothing at '{path}'.")
    if not is_bag(path):
        raise ValueError(f"'{path}' is no rosbag2; it must be a bag's folder, an .mcap or a .db3 file.")
    stream = BagStream(path)
    # For all time, so that early transforms of a long bag are still there.
    tree = TransformTree(history_s=1e9)
    recording = Recording(f"bag {path.name}", {}, tree.lookup)
    for topic, message_type in stream.topics.items():
        if message_type in KINDS:
            recording.streams[topic] = Stream(topic, KINDS[message_type], rectified)
        else:
            recording.others[topic] = message_type
    wanted = [t for t, kind in stream.topics.items() if kind in KINDS or kind == _TRANSFORMS]
    types = typestore()
    try:
        for topic, received, raw in stream.messages(wanted):
            message = types.deserialize_cdr(raw, stream.topics[topic])
            if topic in recording.streams:
                recording.streams[topic].add(message, received)
            else:
                _remember(tree, message, topic.endswith("tf_static"))
    except ValueError as broken:
        recording.findings.append(error(recording.name, str(broken)))
    recording.findings += _offered(path)
    return recording


def _remember(tree: TransformTree, message, static: bool) -> None:
    for transform in message.transforms:
        t, q = transform.transform.translation, transform.transform.rotation
        T = rigid(quaternion_to_matrix((q.x, q.y, q.z, q.w)), (t.x, t.y, t.z))
        stamp = None if static else stamp_ns(transform.header)
        tree.set(transform.header.frame_id, transform.child_frame_id, T, stamp)


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
