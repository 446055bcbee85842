"""The outputs of the completion node; nothing is made that nobody subscribes to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rclpy.duration import Duration
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from ..completion.interface import Completion
from ..core import Frame, SparseDepth, depth_to_cloud
from ..core.visual import overlay_sparse
from . import conversions, qos

DENSE = {
    "depth/image": Image,
    "depth/camera_info": CameraInfo,
    "depth/image_mm": Image,
    "depth/points": PointCloud2,
    "depth/confidence": Image,
    "depth/source": Image,
}
"""Topics that need the completer."""
SPARSE = {"sparse_depth/image": Image, "overlay": Image}
"""Topics that need the points in the image only."""


LAST_FRAME = Duration(seconds=0.5)
"""How long reliable subscribers may take to acknowledge what was published last."""


class Outputs:
    """Publishers of all outputs.

    Args:
        node: owner of the publishers.
        profile: QoS of all of them.
        on_mismatch: called with topic and policy when a subscriber asks for more than is offered.
    """

    def __init__(self, node, profile, on_mismatch: Callable[[str, str], None]):
        self._node = node
        self._publishers = {}
        for topic, kind in {**DENSE, **SPARSE}.items():
            events = qos.publisher_events(lambda policy, topic=topic: on_mismatch(topic, policy))
            self._publishers[topic] = node.create_publisher(kind, topic, profile, event_callbacks=events)

    def wanted(self, topic: str) -> bool:
        """Whether anybody subscribes to a topic."""
        return self._publishers[topic].get_subscription_count() > 0

    @property
    def subscribers(self) -> dict[str, int]:
        """How many subscribers each topic reaches."""
        return {topic: p.get_subscription_count() for topic, p in self._publishers.items()}

    @property
    def any_wanted(self) -> bool:
        """Whether anybody subscribes to anything."""
        return any(map(self.wanted, self._publishers))

    @property
    def dense_wanted(self) -> bool:
        """Whether anybody subscribes to something that needs the completer."""
        return any(map(self.wanted, DENSE))

    def publish(
        self, header, info, frame: Frame, sparse: SparseDepth, completion: Completion | None, stride: int
    ) -> None:
        """Publish what is wanted of a frame, depth first, all with the header of the image.

        Args:
            header, info: header of the image and its CameraInfo.
            completion: None where `dense_wanted` was False.
            stride: of the cloud, in pixels.
        """
        if completion is not None:
            self._send("depth/image", lambda: conversions.depth_message(completion.depth, header))
            self._send("depth/camera_info", lambda: conversions.copy_camera_info(info, header))
            self._send("depth/points", lambda: _cloud(completion.depth, frame, stride, header))
            self._send("depth/image_mm", lambda: conversions.depth_mm_message(completion.depth, header))
            self._send(
                "depth/confidence",
                lambda: conversions.confidence_message(completion.confidence, header),
            )
            self._send("depth/source", lambda: conversions.source_message(completion.source, header))
        self._send("sparse_depth/image", lambda: conversions.depth_message(sparse.depth, header))
        self._send("overlay", lambda: _overlay(frame, sparse.depth, header))

    def _send(self, topic: str, make: Callable[[], object]) -> None:
        if self.wanted(topic):
            self._publishers[topic].publish(make())

    def close(self) -> None:
        """Destroy the publishers, once the last frame has reached its subscribers."""
        for publisher in self._publishers.values():
            if publisher.get_subscription_count():
                publisher.wait_for_all_acked(LAST_FRAME)
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()


def _cloud(depth: np.ndarray, frame: Frame, stride: int, header):
    return conversions.cloud_message(depth_to_cloud(depth, frame.camera, frame.image, stride), header)


def _overlay(frame: Frame, sparse_depth: np.ndarray, header):
    return conversions.rgb_message(overlay_sparse(frame.image, sparse_depth), header)
