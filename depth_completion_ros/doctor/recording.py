"""What was observed of a few topics, whether in a bag or on a live graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..core import Camera
from ..data.bag.topics import KINDS, Topics
from ..data.messages import (
    Cloud,
    decode_camera_info,
    decode_compressed_image,
    decode_image,
    decode_points,
    stamp_ns,
)
from .finding import Finding
from .samples import Sampler

_SAMPLES = 3


@dataclass(eq=False)
class Stream:
    """What one topic brought.

    Args:
        message_type: a key of `KINDS`, such as sensor_msgs/msg/Image.
        stamps, received: nanoseconds, of the header and of receipt (or recording).
        frame_ids: frames named by the headers.
        sizes: width and height of images and of the cameras of CameraInfo.
        cameras: different cameras described, in order.
        info: the last message that described one.
        clouds: the first clouds that hold points, with their stamps.
        faults: messages that cannot be used, by the sentence that says why.
        content: encoding of images, format of compressed ones.
    """

    topic: str
    message_type: str
    rectified: bool = False
    stamps: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    frame_ids: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    cameras: list[Camera] = field(default_factory=list)
    info: object = None
    clouds: list[tuple[int, Cloud]] = field(default_factory=list)
    empty: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    content: str | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def kind(self) -> str:
        """What the messages are to this package: a value of `KINDS`."""
        return KINDS[self.message_type]

    @property
    def is_depth(self) -> bool:
        """Whether these are images of depth."""
        known = {} if self.content is None else {self.topic: self.content}
        return Topics({self.topic: self.message_type}, content=known).is_depth(self.topic)

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
        self.content = message.encoding
        if not self.is_depth and (message.width, message.height) not in self.sizes:
            decode_image(message)
        self.sizes.add((message.width, message.height))

    def _add_compressed(self, message) -> None:
        self.content = message.format
        if not self.sizes and not self.is_depth:
            height, width = decode_compressed_image(message).shape[:2]
            self.sizes.add((width, height))

    def _add_camera_info(self, message) -> None:
        camera = decode_camera_info(message, rectified=self.rectified)
        self.info = message
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
        sampler: a few pairs of messages.
        is_bag: whether commands would read it, which want topics that are not clear to be chosen.
    """

    name: str
    streams: dict[str, Stream]
    lookup: Callable[[str, str, int], np.ndarray]
    others: dict[str, str] = field(default_factory=dict)
    wall_clock: bool = True
    findings: list[Finding] = field(default_factory=list)
    sampler: Sampler | None = None
    is_bag: bool = False

    @property
    def topics(self) -> Topics:
        """The topics looked into, as the reader of bags sees them."""
        return Topics(
            {topic: stream.message_type for topic, stream in self.streams.items()},
            {topic: len(stream) for topic, stream in self.streams.items()},
            {t: stream.content for t, stream in self.streams.items() if stream.content is not None},
            f"The {self.name}",
        )
