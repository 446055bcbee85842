"""Which topics of a bag or a robot are camera, LiDAR and TF; asked by reader, doctor and node alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from depth_completion_ros.core.geometry import quaternion_to_matrix, rigid

from ..messages import DEPTH_ENCODINGS, IMAGE_ENCODINGS, stamp_ns

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
KINDS = {
    IMAGE: "image",
    COMPRESSED: "compressed",
    CAMERA_INFO: "camera_info",
    "sensor_msgs/msg/PointCloud2": "points",
    TRANSFORMS: "transforms",
}
"""What a message type can be to this package."""

CONVENTIONS = ("compressedDepth", "compressed")
"""Last parts of the topics of image_transport's plugins; before them stands the topic of the raw images."""


class TopicError(ValueError):
    """Topics that are missing or not clear; the message says which there are and how to choose."""


@dataclass(frozen=True)
class Topics:
    """The topics of a bag or a live graph.

    Args:
        types: message type by topic, such as sensor_msgs/msg/Image.
        counts: messages by topic where known; a topic without any is chosen only if no other is there.
        content: `encoding` of an Image topic or `format` of a CompressedImage topic, where one was seen.
        name: what error messages call the whole.
    """

    types: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    name: str = "It"

    def of(self, *kinds: str) -> list[str]:
        """Topics of some kinds in order of their names."""
        return sorted(topic for topic, kind in self.types.items() if KINDS.get(kind) in kinds)

    def images(self) -> list[str]:
        """Topics of colour or grey images; of one camera's raw and compressed ones the raw."""
        found = [t for t in self._alive(self.of("image", "compressed")) if not self.is_depth(t)]
        return [t for t in found if _raw_topic(t) == t or _raw_topic(t) not in found]

    def depths(self) -> list[str]:
        """Topics of images of depth."""
        return [t for t in self._alive(self.of("image", "compressed")) if self.is_depth(t)]

    def points(self) -> list[str]:
        """Topics of point clouds."""
        return self._alive(self.of("points"))

    def camera_infos(self, image: str) -> list[str]:
        """Topics of CameraInfo: the one beside an image topic, as image_transport finds it, else all."""
        there = self._alive(self.of("camera_info"))
        beside = f"{_raw_topic(image).rpartition('/')[0]}/camera_info"
        return [beside] if beside in there else there

    def transforms(self, near: Collection[str] = (), chosen: Collection[str] | str = ()) -> list[str]:
        """Topics of TF, dynamic and static: those chosen (a list, or a text with
        commas between them), else all that can be meant.

        Where several robots recorded theirs, each in a namespace, it is the TF of the namespaces that
        the topics `near` (image and points) are in, and what is in none.

        Raises:
            TopicError: a chosen topic is not there, or it is not clear which robot's TF is meant.
        """
        there = self.of("transforms")
        if isinstance(chosen, str):
            chosen = [topic.strip() for topic in chosen.split(",") if topic.strip()]
        for topic in chosen:
            if topic not in there:
                raise TopicError(self._no("tf_topics", topic, "TFMessage", there))
        if chosen:
            return sorted(chosen)
        spaces = {_namespace(topic) for topic in there} - {""}
        if len(spaces) < 2:
            return there
        around = {space for space in spaces if any(topic.startswith(f"{space}/") for topic in near)}
        found = [topic for topic in there if _namespace(topic) in around | {""}]
        if not found:
            raise TopicError(
                f"{self.name} has TF of {len(spaces)} namespaces, {', '.join(there)}: choose with tf_topics."
            )
        return found

    def is_depth(self, topic: str) -> bool:
        """Whether images of a topic are depth, told by their encoding or format, else by its name."""
        content = self.content.get(topic)
        if content is None:
            return topic.endswith("/compressedDepth")
        encoding = content.partition(";")[0].strip()
        only_depth = encoding in DEPTH_ENCODINGS and encoding not in IMAGE_ENCODINGS
        return only_depth or "compressedDepth" in content

    def choose(self, option: str, given: str | None, there: list[str], what: str) -> str:
        """The topic that was given, or the only one there is.

        Args:
            option: name of the option with which a user chooses.
            what: the kind of topics, for messages.

        Raises:
            TopicError: it is not there, or not clear.
        """
        if given:
            if given in there:
                return given
            raise TopicError(self._no(option, given, what, there))
        if len(there) == 1:
            return there[0]
        has = f"{', '.join(there)}: choose with {option}." if there else f"none{self._all()}."
        raise TopicError(f"{self.name} must have one topic of type {what}; it has {has}")

    def _alive(self, topics: list[str]) -> list[str]:
        """Those that brought a message, if any did or the counts are known at all."""
        return [topic for topic in topics if self.counts.get(topic, 1)] or topics

    def _all(self) -> str:
        """All topics there are, with their types; empty where there are none."""
        there = [
            f"{topic} ({kind}{f' of {self.content[topic]}' if self.content.get(topic) else ''})"
            for topic, kind in sorted(self.types.items())
        ]
        return f", but {', '.join(there)}" if there else ""

    def _no(self, option: str, given: str, what: str, there: list[str]) -> str:
        return (
            f"Option {option} is '{given}', but the {what} topics of {self.name[:1].lower()}{self.name[1:]} "
            f"are {', '.join(there) or 'none'}."
        )


def _raw_topic(topic: str) -> str:
    """The topic of the raw images that a topic of image_transport belongs to, or itself."""
    base, _, last = topic.rpartition("/")
    return base if last in CONVENTIONS else topic


def _namespace(topic: str) -> str:
    return topic.rpartition("/")[0]


def is_static(topic: str) -> bool:
    """Whether a TF topic holds transforms for all time, told by its name."""
    return topic.rpartition("/")[2].endswith("static")


def transforms_of(message) -> Iterator[tuple[str, str, np.ndarray | str, int]]:
    """Parent, child, T_parent_child 4 x 4 and stamp (ns) of each transform of a TFMessage.

    In place of a matrix comes a sentence where the transform is none: one broken transform says nothing
    of the others.
    """
    for entry in message.transforms:
        t, q = entry.transform.translation, entry.transform.rotation
        parent, child = entry.header.frame_id, entry.child_frame_id
        try:
            if parent.lstrip("/") == child.lstrip("/"):
                raise ValueError("two different frames are needed.")
            T = rigid(quaternion_to_matrix((q.x, q.y, q.z, q.w)), np.array([t.x, t.y, t.z]))
            if not np.isfinite(T).all():
                raise ValueError(f"Translation {[t.x, t.y, t.z]} is not finite.")
        except ValueError as error:
            yield parent, child, f"Transform of '{child}' in '{parent}': {error}", stamp_ns(entry.header)
            continue
        yield parent, child, T, stamp_ns(entry.header)
