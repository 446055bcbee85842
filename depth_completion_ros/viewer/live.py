"""Live topics of completion nodes into a stream for Rerun; nothing is completed here."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32

from ..core import Camera, TransformError
from ..data.messages import (
    decode_camera_info,
    decode_compressed_image,
    decode_depth_image,
    decode_image,
    stamp_ns,
)
from ..doctor.graph import DISCOVERY_S, completion_nodes, subscribed
from ..ros import qos
from ..ros.extrinsics import TfExtrinsics
from ..ros.transport import use_large_message_profile
from .stream import RerunStream

IMAGES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
MEASURED = "measured_depth", "compressedDepth"
"""In names of topics of depth, which completion nodes may listen to as well."""
SCORES = "rmse_mm", "mae_mm"
WAITING_IMAGES = 30
"""Images that wait for their depth, to colour its cloud."""


@contextmanager
def viewer_node() -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    """A node of its own context, and what spins it; Ctrl-C is left to the caller."""
    use_large_message_profile()
    context = Context()
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node("depth_completion_view", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        yield node, executor
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)


def find_nodes(node: Node, executor, namespaces: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Name and namespace of the completion nodes on the graph, in the order asked for.

    Args:
        namespaces: of those that are wanted; all where there are none.

    Raises:
        ValueError: there is none, or not in a namespace that was asked for.
    """
    wanted = [f"/{namespace.strip('/')}" for namespace in namespaces]
    end, found = time.monotonic() + DISCOVERY_S, set()
    while time.monotonic() < end and not (wanted and found and set(wanted) <= {space for _, space in found}):
        executor.spin_once(timeout_sec=0.1)
        # Before discovery tells a namespace it is a placeholder.
        found = {each for each in completion_nodes(node) if each[1].startswith("/")}
    if not found:
        raise ValueError(
            "No completion node is active on this graph; start one, or check ROS_DOMAIN_ID "
            "(`depth-completion doctor` says what it sees)."
        )
    spaces = {space: (name, space) for name, space in sorted(found, reverse=True)}
    missing = [space for space in wanted if space not in spaces]
    if missing:
        raise ValueError(
            f"There is no completion node in namespace '{missing[0]}'; there is one in "
            f"{', '.join(sorted(spaces))}."
        )
    return [spaces[space] for space in wanted or sorted(spaces)]


def image_topic(node: Node, name: str, namespace: str) -> tuple[str, type] | None:
    """The image topic that a completion node listens to, and its type; None where it has none."""
    types = dict(node.get_topic_names_and_types())
    measured = "depth" if namespace == "/" else f"{namespace}/depth"
    for topic in subscribed(node, name, namespace, IMAGES):
        if not topic.startswith(measured) and not any(word in topic for word in MEASURED):
            return topic, IMAGES[types[topic][0]]
    return None


class LiveViewer:
    """Tells a stream what completion nodes publish.

    Args:
        nodes: name and namespace of each.
        fixed_frame: in which the camera moves, such as odom; empty for a camera that stands in its world.
        say: told once of each thing that cannot be shown.

    Attributes:
        names: under which the nodes are shown: their namespaces, or their names at the root.
        scored: whether an evaluation node tells errors.
        count: depth images of the first node so far.

    Raises:
        ValueError: TF is needed and cannot be had.
    """

    def __init__(
        self,
        node: Node,
        stream: RerunStream,
        nodes: Sequence[tuple[str, str]],
        fixed_frame: str = "",
        say: Callable[[str], None] = lambda sentence: None,
    ):
        self.names = [space.strip("/") or name for name, space in nodes]
        self.count = 0
        self.scored = any(node.count_publishers(_topic(space, "metrics/rmse_mm")) for _, space in nodes)
        self._node, self._stream, self._say = node, stream, say
        self._said: set[str] = set()
        self._fixed_frame = fixed_frame
        self._tf = TfExtrinsics(node) if fixed_frame else None
        self._cameras: dict[str, Camera] = {}
        self._images: OrderedDict[int, np.ndarray] = OrderedDict()
        self._last_stamp: dict[str, int] = {}
        self._position: np.ndarray | None = None
        stream.world(up_is_z=bool(fixed_frame))
        for (_, space), name in zip(nodes, self.names, strict=True):
            self._hear(Image, _topic(space, "depth/image"), partial(self._on_depth, name))
            self._hear(Image, _topic(space, "depth/confidence"), partial(self._on_confidence, name))
            self._hear(Image, _topic(space, "depth/source"), partial(self._on_source, name))
            self._hear(CameraInfo, _topic(space, "depth/camera_info"), partial(self._on_camera, name))
            for score in SCORES:
                topic = _topic(space, f"metrics/{score}")
                node.create_subscription(Float32, topic, partial(self._on_score, score, name), 10)
        self._hear(Image, _topic(nodes[0][1], "sparse_depth/image"), self._on_sparse)
        image = image_topic(node, *nodes[0])
        if image is not None:
            self._hear(image[1], image[0], self._on_image)

    def _hear(self, kind: type, topic: str, take: Callable) -> None:
        def on_message(message) -> None:
            try:
                self._stream.at(stamp_ns(message.header))
                take(message)
            except ValueError as error:
                self._say_once(f"{topic}: {error}")

        self._node.create_subscription(kind, topic, on_message, qos.profile("best_effort", 5))

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < 100:
            self._said.add(sentence)
            self._say(sentence)

    def _on_image(self, message) -> None:
        decode = decode_compressed_image if isinstance(message, CompressedImage) else decode_image
        image = self._images[stamp_ns(message.header)] = decode(message)
        while len(self._images) > WAITING_IMAGES:
            self._images.popitem(last=False)
        self._stream.image(image)

    def _on_camera(self, name: str, message) -> None:
        self._cameras[name] = decode_camera_info(message)

    def _on_sparse(self, message) -> None:
        sparse = np.nan_to_num(decode_depth_image(message))
        self._stream.measured(sparse, self._camera_of(next(iter(self.names)), sparse))

    def _on_depth(self, name: str, message) -> None:
        depth, stamp = decode_depth_image(message), stamp_ns(message.header)
        self._last_stamp[name] = stamp
        self._stream.depth(name, depth)
        self._stream.plot("known", name, float(np.mean(np.isfinite(depth) & (depth > 0))))
        camera = self._camera_of(name, depth)
        if camera is not None:
            self._place(camera, message.header.frame_id, stamp)
            self._stream.cloud(name, depth, camera, self._images.get(stamp))
        self.count += name == self.names[0]

    def _camera_of(self, name: str, plane: np.ndarray) -> Camera | None:
        """The camera of a node, where it is known and of the size of a plane."""
        camera = self._cameras.get(name)
        return camera if camera is not None and plane.shape == (camera.height, camera.width) else None

    def _place(self, camera: Camera, frame_id: str, stamp: int) -> None:
        if self._tf is None:
            self._stream.camera(camera, np.eye(4))
            return
        try:
            T = self._tf.lookup(self._fixed_frame, frame_id, stamp)
        except TransformError as error:
            self._say_once(str(error).split(":")[0] + ".")
            return
        self._stream.camera(camera, T)
        if self._position is None or np.linalg.norm(T[:3, 3] - self._position) > 0.02:
            self._position = T[:3, 3]
            self._stream.trajectory(self._position)

    def _on_confidence(self, name: str, message) -> None:
        self._stream.confidence(name, decode_depth_image(message))

    def _on_source(self, name: str, message) -> None:
        plane = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        self._stream.source(name, plane[:, : message.width])

    def _on_score(self, score: str, name: str, message) -> None:
        stamp = self._last_stamp.get(name)
        if stamp is not None:
            self._stream.at(stamp)
            self._stream.plot(score, name, message.data)


def _topic(namespace: str, name: str) -> str:
    return f"{namespace.rstrip('/')}/{name}"
