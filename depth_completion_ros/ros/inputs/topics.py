"""Subscriptions of the completion node: images, CameraInfo and clouds in, pairs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from ...core.pairing import Pairing
from ...data.messages import stamp_ns
from .. import qos
from ..diagnostics import Stream
from ..wheels.packages import message_filters
from .backlog import message_bytes
from .more_points import MoreClouds
from .pairing_filter import PairingFilter
from .partners import Partners


class Inputs:
    """Subscribes to all inputs and pairs images with clouds.

    Args:
        node: owner of the subscriptions.
        settings: values of its parameters.
        on_info: called with each CameraInfo.
        on_pair: called with each image and cloud (or image of depth) that belong together; with None in place
            of what has failed, where `without_partner` is complete.
        on_time_jump: called when stamps have jumped back.
        on_unpaired: called with each image that will be in no pair, and why.
        topics: of further LiDARs, as of `further_topics`.

    Attributes:
        more: clouds of further LiDARs.
        streams: what is known of each input topic, by name.
        pairing: decides which messages belong together, and counts what found no partner.
    """

    def __init__(
        self,
        node,
        settings,
        on_info: Callable[[object], None],
        on_pair: Callable[[object, object], None],
        on_time_jump: Callable[[], None],
        on_unpaired: Callable[[object, str], None] = lambda image, cause: None,
        topics: Sequence[tuple[str, int]] = (),
    ):
        self._node, self._profile = node, qos.input_profile(settings)
        self.streams: dict[str, Stream] = {}
        if settings.image_transport == "compressed":
            image = self._subscribe("image", CompressedImage, "/compressed")
        else:
            image = self._subscribe("image", Image)
        measured = self._measured(settings.measured_input)
        self._subscriptions = [image.sub, measured.sub]
        if not settings.camera_info_file:
            info = self._subscribe("camera_info", CameraInfo)
            info.registerCallback(on_info)
            self._subscriptions.append(info.sub)
        self.more = MoreClouds(topics, round(settings.more_points_slack * 1e9), settings.sync_memory << 20)
        for topic, _ in topics:
            more = self._subscribe(topic, PointCloud2)
            more.registerCallback(partial(self.more.add, topic))
            self._subscriptions.append(more.sub)
        partners = Partners(settings.partner_timeout) if settings.without_partner == "complete" else None
        self.pairing = PairingFilter(
            image, measured, _policy(settings), node.get_logger(), on_time_jump, on_unpaired, partners
        )
        self.pairing.registerCallback(on_pair)
        self._timer = node.create_timer(0.2, self.pairing.flush_if_silent, clock=qos.steady_clock())

    @property
    def lost(self) -> int:
        """Messages of all inputs that did not arrive, by the stamps of those that did."""
        return sum(stream.lost for stream in self.streams.values())

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self.pairing.reset("deactivated")

    def _measured(self, source: str):
        """The subscription of what the range sensor measured."""
        if source == "depth":
            return self._subscribe("measured_depth", Image)
        if source == "compressed_depth":
            return self._subscribe("measured_depth", CompressedImage, "/compressedDepth")
        return self._subscribe("points", PointCloud2)

    def _subscribe(self, name: str, kind: type, transport: str = ""):
        stream = Stream(name, self._node.resolve_topic_name(name) + transport, kind)
        self.streams[name] = stream
        subscriber = message_filters.Subscriber(
            self._node,
            kind,
            stream.topic,
            qos_profile=self._profile,
            event_callbacks=qos.subscription_events(lambda policy: self._on_mismatch(stream, policy)),
        )
        subscriber.registerCallback(lambda message: stream.message(stamp_ns(message.header)))
        return subscriber

    def _on_mismatch(self, stream: Stream, policy: str) -> None:
        stream.mismatch = policy
        self._node.get_logger().warning(
            f"A publisher of {stream.topic} offers an incompatible QoS ({policy}); nothing arrives from it."
        )


def _policy(settings) -> Pairing:
    """How images and clouds are paired."""
    s = settings
    return Pairing(
        round(s.slack * 1e9),
        round(s.image_time_offset * 1e9),
        max_images=s.sync_queue,
        max_points=s.sync_queue,
        image_interval_ns=round(1e9 / s.image_rate) if s.image_rate else 0,
        max_bytes=s.sync_memory << 20,
        size_of=message_bytes,
    )
