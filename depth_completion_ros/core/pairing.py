"""Pairs each point cloud with the nearest image, by stamps alone."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

REORDER_NS = 50_000_000
"""A message up to this much older than the one before is late; an older one is a jump of time."""


@dataclass
class Stream:
    """What waits of one stream, in order of stamps, and what became of the rest."""

    stamps: list[int] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    newest: int | None = None
    received: int = 0
    alone: int = 0
    dropped: Counter = field(default_factory=Counter)
    _late: int = 0

    def refusal(self, stamp: int) -> str | None:
        """Why a message with this stamp cannot be appended, or None.

        Time has jumped where a message is much too old, or where a second one is late and time has
        not gone on in between: a short bag in a loop.
        """
        if self.newest is None or stamp > self.newest:
            self._late = 0
            return None
        if stamp == self.newest:
            return "repeated stamp"
        self._late += 1
        jumped = self.newest - stamp > REORDER_NS or self._late > 1
        return "time jump" if jumped else "out of order"

    def append(self, stamp: int, item: Any, size: int) -> None:
        self.stamps.append(stamp)
        self.items.append(item)
        self.sizes.append(size)
        self.newest = stamp

    def drop(self, count: int, cause: str) -> None:
        """Drop the oldest ones."""
        if count > 0:
            self.dropped[cause] += count
            del self.stamps[:count], self.items[:count], self.sizes[:count]

    def take(self) -> Any:
        """Remove and return the oldest one."""
        del self.stamps[0], self.sizes[0]
        return self.items.pop(0)

    def take_newest(self, cause: str) -> None:
        """Remove the newest one, which is used without a partner, and drop those before it for a cause."""
        self.drop(len(self.stamps) - 1, cause)
        self.take()
        self.alone += 1

    def surplus(self, most: int, most_bytes: int) -> int:
        """How many of the oldest are too many, or too large together; the newest never is."""
        count, size = max(len(self.sizes) - most, 0), sum(self.sizes)
        size -= sum(self.sizes[:count])
        while size > most_bytes and count < len(self.sizes) - 1:
            size -= self.sizes[count]
            count += 1
        return count

    def restart(self, cause: str) -> None:
        self.drop(len(self.stamps), cause)
        self.newest, self._late = None, 0


class Pairing:
    """Pairs each point cloud with the nearest image; no clock, no lock, no ROS.

    Each cloud, in order of stamps, gets the nearest image newer than those already used; stamps of
    the output never go back, and what comes out does not depend on how the two streams interleave.
    A cloud is decided as soon as no image that is still to come can be nearer. Where time jumps
    back (a bag in a loop, after a stamp in the far future) both streams start again. Every message
    taken ends in a pair, in `take_alone`, or is counted under one cause in `images.dropped` or
    `points.dropped`: "image without points", "points without image", "queue full", "out of order",
    "repeated stamp", "stamp is zero", "time jump", or what `reset` was given.

    Args:
        slack_ns: largest distance of the stamps of a pair, inclusive; 0 pairs equal stamps.
        image_offset_ns: added to the stamps of images before they are compared.
        max_images, max_points: messages that may wait.
        max_bytes: that those of one stream may take together; the newest is kept however large it is.
        size_of: bytes of a message.
        wait_ns: how far its own stream may go on, in stamps, before a message is decided with what
            is there; the lag between the streams that is bridged.
        image_interval_ns: images never come closer than this. Where it is known, a cloud just after
            an image need not wait for the next one; 0 = not known.

    Raises:
        ValueError: a negative slack or interval, or a queue or wait that is not positive.
    """

    def __init__(
        self,
        slack_ns: int,
        image_offset_ns: int = 0,
        *,
        max_images: int = 30,
        max_points: int = 20,
        wait_ns: int = 1_000_000_000,
        image_interval_ns: int = 0,
        max_bytes: int = sys.maxsize,
        size_of: Callable[[Any], int] = lambda item: 0,
    ):
        if slack_ns < 0 or image_interval_ns < 0:
            raise ValueError(
                f"Pairing slack is {slack_ns} ns and image interval {image_interval_ns} ns; "
                "both must be 0 or more."
            )
        if min(max_images, max_points, wait_ns) < 1:
            raise ValueError(
                f"Pairing has room for {max_images} images and {max_points} point clouds and waits "
                f"{wait_ns} ns; all must be positive."
            )
        self.slack_ns = slack_ns
        self.image_offset_ns = image_offset_ns
        self.max_images, self.max_points = max_images, max_points
        self.max_bytes, self._size_of = max_bytes, size_of
        self.wait_ns = wait_ns
        self.image_interval_ns = image_interval_ns
        self.images, self.points = Stream(), Stream()
        self.paired = 0
        self.time_jumps = 0

    def add_image(self, stamp_ns: int, item: Any) -> list[tuple[Any, Any]]:
        """Take an image; the (image, points) pairs that are certain now, in order of stamps."""
        return self._add(self.images, stamp_ns, self.image_offset_ns, item)

    def add_points(self, stamp_ns: int, item: Any) -> list[tuple[Any, Any]]:
        """Take a cloud; the (image, points) pairs that are certain now, in order of stamps."""
        return self._add(self.points, stamp_ns, 0, item)

    def take_alone(self, item: Any) -> list[tuple[Any, Any]]:
        """The message just added (the object itself), with None as its partner, if it still waits.

        For a stream whose partner has failed. Older ones that wait are dropped, as time only goes on.
        """
        if self.images.items and self.images.items[-1] is item:
            self.images.take_newest("image without points")
            return [(item, None)]
        if self.points.items and self.points.items[-1] is item:
            self.points.take_newest("points without image")
            return [(None, item)]
        return []

    def flush(self) -> list[tuple[Any, Any]]:
        """Decide everything with what is there, as at the end of a bag or after silence."""
        pairs = []
        while self.points.stamps:
            pairs += self._decide("points without image")
        self.images.drop(len(self.images.stamps), "image without points")
        return pairs

    def reset(self, cause: str = "time jump") -> None:
        """Drop everything that waits, for a cause, and forget the time."""
        self.images.restart(cause)
        self.points.restart(cause)

    @property
    def pending(self) -> int:
        """Messages that wait for a partner."""
        return len(self.images.stamps) + len(self.points.stamps)

    @property
    def dropped(self) -> Counter:
        """Messages of both streams that ended without a partner, by cause."""
        return self.images.dropped + self.points.dropped

    def _add(self, stream: Stream, stamp: int, offset: int, item: Any) -> list[tuple[Any, Any]]:
        stream.received += 1
        if stamp <= 0:
            stream.dropped["stamp is zero"] += 1
            return []
        refusal = stream.refusal(stamp + offset)
        if refusal == "time jump":
            self.reset()
            self.time_jumps += 1
        elif refusal:
            stream.dropped[refusal] += 1
            return []
        stream.append(stamp + offset, item, self._size_of(item))
        pairs = self._pairs()
        self._forget_images()
        return pairs

    def _pairs(self) -> list[tuple[Any, Any]]:
        pairs = []
        while self.points.stamps:
            waited = self.points.newest - self.points.stamps[0]
            if self._is_certain() or waited >= self.wait_ns:
                pairs += self._decide("points without image")
            elif self.points.surplus(self.max_points, self.max_bytes):
                pairs += self._decide("queue full")
            else:
                break
        return pairs

    def _nearest(self) -> tuple[int, int | None]:
        """Distance and index of the image nearest to the first cloud; one beyond the slack if none.

        Of two images equally near the older one is taken, which is there first.
        """
        stamp, stamps = self.points.stamps[0], self.images.stamps
        after = bisect_left(stamps, stamp)
        near = [(abs(stamps[i] - stamp), i) for i in (after - 1, after) if 0 <= i < len(stamps)]
        distance, index = min(near, default=(self.slack_ns + 1, None))
        return (distance, index) if distance <= self.slack_ns else (self.slack_ns + 1, None)

    def _is_certain(self) -> bool:
        """Whether no image that is still to come can be nearer to the first cloud."""
        if self.images.newest is None:
            return False
        next_image = self.images.newest + max(self.image_interval_ns, 1)
        return next_image - self.points.stamps[0] >= self._nearest()[0]

    def _decide(self, cause: str) -> list[tuple[Any, Any]]:
        """Pair the first cloud with what is there, or drop it for a cause."""
        _, index = self._nearest()
        if index is None:
            self.points.drop(1, cause)
            return []
        self.images.drop(index, "image without points")
        self.paired += 1
        return [(self.images.take(), self.points.take())]

    def _forget_images(self) -> None:
        """Drop the images that no cloud can want any more, and the oldest of too many."""
        images, points = self.images, self.points
        if points.newest is not None:
            next_points = points.stamps[0] if points.stamps else points.newest + 1
            images.drop(bisect_left(images.stamps, next_points - self.slack_ns), "image without points")
        if images.newest is not None:
            images.drop(bisect_right(images.stamps, images.newest - self.wait_ns), "image without points")
        images.drop(images.surplus(self.max_images, self.max_bytes), "queue full")
