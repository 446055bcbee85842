"""What was observed of a few topics, whether in a bag or on a live graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..core import Camera
from ..data.messages import (
    DEPTH_ENCODINGS,
    IMAGE_ENCODINGS,
    Cloud,
    decode_camera_info,
    decode_compressed_image,
    decode_image,
    decode_points,
    stamp_ns,
)
from .finding import Finding

KINDS = {
    "sensor_msgs/msg/Image": "image",
    "sensor_msgs/msg/CompressedImage": "compressed",
    "sensor_msgs/msg/CameraInfo": "camera_info",
    "sensor_msgs/msg/PointCloud2": "points",
}
_SAMPLES = 3


@dataclass(eq=False)
class Stream:
    """What one topic brought.

    Args:
        kind: one of the values of `KINDS`.
        stamps, received: nanoseconds, of the header and of receipt (or recording).
        frame_ids: frames named by the headers.
        sizes: width and height of images and of the cameras of CameraInfo.
        cameras: different cameras described, in order.
        clouds: the first clouds that hold points, with their stamps.
        faults: messages that cannot be used, by the sentence that says why.
        encoding: of images.
    """

    topic: str
    kind: str
    rectified: bool = False
    stamps: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    frame_ids: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    cameras: list[Camera] = field(default_factory=list)
    clouds: list[tuple[int, Cloud]] = field(default_factory=list)
    empty: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    encoding: str = ""

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def is_depth(self) -> bool:
        """Whether these are images of depth rather than pictures."""
        return self.encoding in DEPTH_ENCODINGS and self.encoding not in IMAGE_ENCODINGS

    def add(self, message, received: int) -> None:
        """Take one message, decoding no more of it than is looked at."""
        self.stamps.append(stamp_ns(message.header))
        self.received.append(received)
        self.frame_ids.add(message.header.frame_id)
        try:
            getattr(self, f"_add_{self.kind}")(message)
        except ValueError as fault:
            self.faults[str(fault)] += 1

    def _add_image(self, message) -> None:
        self.encoding = message.encoding
        if not self.is_depth and (message.width, message.height) not in self.sizes:
            decode_image(message)
        self.sizes.add((message.width, message.height))

    def _add_compressed(self, message) -> None:
        if not self.sizes:
            height, width = decode_compressed_image(message).shape[:2]
            self.sizes.add((width, height))

    def _add_camera_info(self, message) -> None:
        camera = decode_camera_info(message, rectified=self.rectified)
        if not self.cameras or camera != self.cameras[-1]:
            self.cameras.append(camera)
            self.sizes.add((camera.width, camera.height))

    def _add_points(self, message) -> None:
        if message.width * message.height == 0:
            self.empty += 1
        elif len(self.clouds) < _SAMPLES:
            cloud = decode_points(message)
            if np.isfinite(cloud.points[:, :3]).all(axis=1).any():
                self.clouds.append((self.stamps[-1], cloud))
            else:
                self.empty += 1


@dataclass(eq=False)
class Recording:
    """Streams by topic, and the transforms seen with them.

    Args:
        name: of the whole, such as `bag drive`.
        lookup: T_target_source for target, source and a stamp; raises `core.TransformError`.
        others: names and types of the topics that were not looked into.
        wall_clock: whether times of receipt are of the clock that stamped the messages.
        findings: what was seen while observing, beyond the streams.
    """

    name: str
    streams: dict[str, Stream]
    lookup: Callable[[str, str, int], np.ndarray]
    others: dict[str, str] = field(default_factory=dict)
    wall_clock: bool = True
    findings: list[Finding] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Stream]:
        """Streams of the given kinds that are not images of depth, in order of their topics."""
        found = [s for s in self.streams.values() if s.kind in kinds and not s.is_depth]
        return sorted(found, key=lambda stream: stream.topic)
