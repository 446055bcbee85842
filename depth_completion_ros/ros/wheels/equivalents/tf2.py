"""Stand-in for tf2_ros on core's transform tree; needs the messages of tf2_msgs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.logging import get_logger
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from ....core.geometry import check_rigid, matrix_to_quaternion, quaternion_to_matrix, rigid
from ....core.transform_tree import TransformError, TransformTree

TransformException = TransformError


class Buffer:
    """Transforms received, for lookups from any thread."""

    def __init__(self):
        self._tree = TransformTree()
        self._lock = threading.Lock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Store a transform at its stamp."""
        self._set(transform, Time.from_msg(transform.header.stamp).nanoseconds, authority)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Store a transform for all time."""
        self._set(transform, None, authority)

    def lookup_transform(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        """T_target_source at a time, at once; TransformException where it cannot be had."""
        with self._lock:
            T = self._tree.lookup(target_frame, source_frame, time.nanoseconds)
        found = TransformStamped()
        found.header.stamp = time.to_msg()
        found.header.frame_id, found.child_frame_id = target_frame, source_frame
        translation, rotation = found.transform.translation, found.transform.rotation
        translation.x, translation.y, translation.z = T[:3, 3].tolist()
        rotation.x, rotation.y, rotation.z, rotation.w = matrix_to_quaternion(T).tolist()
        return found

    def clear(self) -> None:
        """Forget all transforms but the static ones."""
        with self._lock:
            self._tree.clear()

    def _set(self, message: TransformStamped, stamp_ns: int | None, authority: str) -> None:
        parent, child = message.header.frame_id, message.child_frame_id
        t, q = message.transform.translation, message.transform.rotation
        try:
            if not parent or not child or parent == child:
                raise ValueError("two different frames are needed.")
            T = check_rigid(rigid(quaternion_to_matrix((q.x, q.y, q.z, q.w)), (t.x, t.y, t.z)))
        except ValueError as error:
            get_logger("tf2").warning(
                f"Transform of '{child}' in '{parent}' from {authority} ignored: {error}",
                throttle_duration_sec=10.0,
            )
            return
        with self._lock:
            self._tree.set(parent, child, T, stamp_ns)


class TransformListener:
    """Fills a buffer from /tf and /tf_static."""

    def __init__(self, buffer: Buffer, node):
        self._buffer, self._node = buffer, node
        group = ReentrantCallbackGroup()
        self._subscriptions = [
            node.create_subscription(
                TFMessage, "/tf", self._dynamic, QoSProfile(depth=100), callback_group=group
            ),
            node.create_subscription(
                TFMessage, "/tf_static", self._static, _latched(100), callback_group=group
            ),
        ]

    def unregister(self) -> None:
        """Listen no more."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _dynamic(self, message: TFMessage) -> None:
        for transform in message.transforms:
            self._buffer.set_transform(transform, "/tf")

    def _static(self, message: TFMessage) -> None:
        for transform in message.transforms:
            self._buffer.set_transform_static(transform, "/tf_static")


class TransformBroadcaster:
    """Publishes transforms that change."""

    def __init__(self, node):
        self.pub_tf = node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Publish one transform or several."""
        self.pub_tf.publish(TFMessage(transforms=_listed(transform)))


class StaticTransformBroadcaster:
    """Publishes transforms that hold for all time; every message has all of them."""

    def __init__(self, node):
        self.pub_tf = node.create_publisher(TFMessage, "/tf_static", _latched(1))
        self._sent: dict[str, TransformStamped] = {}

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Add one transform or several and publish all sent so far."""
        self._sent.update((each.child_frame_id, each) for each in _listed(transform))
        self.pub_tf.publish(TFMessage(transforms=list(self._sent.values())))


def _latched(depth: int) -> QoSProfile:
    return QoSProfile(depth=depth, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def _listed(transform) -> list[TransformStamped]:
    return [transform] if isinstance(transform, TransformStamped) else list(transform)
