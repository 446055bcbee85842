"""The pairing of images and point clouds as a filter of message_filters."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable

from ...core.pairing import Pairing
from ...data.messages import stamp_ns
from ..wheels.packages import message_filters
from .partners import Partners


class PairingFilter(message_filters.SimpleFilter):
    """Calls back with the (image, points) messages that belong together.

    Callbacks are called one pair at a time and in order, by the thread whose message made the pair
    certain or by one that is calling back already, and never under a lock: a slow one holds up no
    other input. An exception in a callback is logged and counted, and stops nothing.

    Where `partners` watches the two, a message that comes alone is called back with at once, with None in
    place of its partner.

    Args:
        image_filter, points_filter: anything with `registerCallback`.
        pairing: the policy, with its slack, offset and sizes; a new one, used by nobody else.
        logger: has `error(str)`, as that of a node.
        on_time_jump: called when stamps have jumped back, before the pairs that follow.
        on_unpaired: called with each image message that will be in no pair, and why.
        partners: tells which messages come alone; None where all shall wait for their partner.
    """

    def __init__(
        self,
        image_filter,
        points_filter,
        pairing: Pairing,
        logger=None,
        on_time_jump: Callable[[], None] = lambda: None,
        on_unpaired: Callable[[object, str], None] = lambda message, cause: None,
        partners: Partners | None = None,
    ):
        super().__init__()
        self._pairing = pairing
        self._logger = logger or logging.getLogger(__name__)
        self._on_time_jump = on_time_jump
        self._on_unpaired = on_unpaired
        self._images: dict[int, object] = {}  # by identity, those that are in no pair yet
        self._partners = partners
        self._lock = threading.Lock()
        self._ready: deque[tuple] = deque()
        self._calling_back = False
        self._lost: Counter = Counter()
        self._lost_pairs = 0
        self._callback_errors = 0
        self._last_message = time.monotonic()
        self.connectInput((image_filter, points_filter))

    def connectInput(self, filters) -> None:
        """Listen to a filter of images and one of point clouds."""
        image_filter, points_filter = filters
        self.input_connections = [
            image_filter.registerCallback(self.add_image),
            points_filter.registerCallback(self.add_points),
        ]

    def add_image(self, msg) -> None:
        """Take an image message, which has a header."""
        self._take(
            lambda: self._pairing.add_image(stamp_ns(msg.header), msg) + self._alone("image", msg), msg
        )

    def add_points(self, msg) -> None:
        """Take a point cloud message, which has a header."""
        self._take(lambda: self._pairing.add_points(stamp_ns(msg.header), msg) + self._alone("points", msg))

    def flush(self) -> None:
        """Decide everything that waits with what is there, as at the end of a bag."""
        self._take(self._pairing.flush)

    def flush_if_silent(self, silence_s: float = 1.0) -> None:
        """The same where no message has come for some seconds; meant for a timer of the node."""
        if time.monotonic() - self._last_message >= silence_s and self.pending:
            self.flush()

    def reset(self, cause: str = "time jump") -> None:
        """Drop everything that waits, for a cause."""
        with self._lock:
            self._pairing.reset(cause)
            while self._ready:
                self._lose(self._ready.popleft(), cause)
            lost, self._images = list(self._images.values()), {}
        for image in lost:
            self._on_unpaired(image, cause)

    def signalMessage(self, *msg) -> None:
        """Hand a pair to all callbacks, each on its own."""
        for callback, args in list(self.callbacks.values()):
            try:
                callback(*msg, *args)
            except Exception:
                self._callback_errors += 1
                self._logger.error(f"A callback failed on a pair:\n{traceback.format_exc()}")

    @property
    def dropped(self) -> Counter:
        """Messages that ended in no callback, by cause: of `Pairing`, and "callback too slow"."""
        with self._lock:
            return self._pairing.dropped + self._lost

    @property
    def paired(self) -> int:
        """Pairs that were called back with, or are about to be."""
        with self._lock:
            return self._pairing.paired - self._lost_pairs

    @property
    def pending(self) -> int:
        """Messages that wait for a partner."""
        with self._lock:
            return self._pairing.pending

    @property
    def received(self) -> tuple[int, int]:
        """Images and point clouds taken."""
        with self._lock:
            return self._pairing.images.received, self._pairing.points.received

    @property
    def time_jumps(self) -> int:
        """How often time went back."""
        with self._lock:
            return self._pairing.time_jumps

    @property
    def callback_errors(self) -> int:
        """Exceptions that callbacks raised."""
        return self._callback_errors

    def _alone(self, stream: str, msg) -> list[tuple]:
        comes_alone = self._partners is not None and self._partners.comes_alone(stream)
        return self._pairing.take_alone(msg) if comes_alone else []

    def _lose(self, pair: tuple, cause: str) -> None:
        messages = sum(message is not None for message in pair)
        self._lost[cause] += messages
        self._lost_pairs += messages == 2

    def _take(self, decide: Callable[[], list[tuple]], image=None) -> None:
        with self._lock:
            self._last_message = time.monotonic()
            if image is not None:
                self._images[id(image)] = image
            jumps, dropped = self._pairing.time_jumps, Counter(self._pairing.images.dropped)
            pairs = decide()
            jumped = self._pairing.time_jumps > jumps
            self._ready += pairs
            lost = self._lost_images(pairs, dropped)
            while len(self._ready) > self._pairing.max_points:
                image, _ = pair = self._ready.popleft()
                self._lose(pair, "callback too slow")
                if image is not None:
                    lost.append((image, "callback too slow"))
        for image, cause in lost:
            self._on_unpaired(image, cause)
        if jumped:
            self._on_time_jump()
        self._call_back()

    def _lost_images(self, pairs: list[tuple], dropped_before: Counter) -> list[tuple[object, str]]:
        """Images that are neither paired nor waiting any more, with the cause."""
        for image, _ in pairs:
            self._images.pop(id(image), None)
        waiting = set(map(id, self._pairing.images.items))
        gone = [self._images.pop(key) for key in list(self._images) if key not in waiting]
        causes = Counter(self._pairing.images.dropped) - dropped_before
        return list(zip(gone, causes.elements(), strict=False))

    def _call_back(self) -> None:
        while True:
            with self._lock:
                if self._calling_back or not self._ready:
                    return
                self._calling_back = True
                pair = self._ready.popleft()
            try:
                self.signalMessage(*pair)
            finally:
                with self._lock:
                    self._calling_back = False
