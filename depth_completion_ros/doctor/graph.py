"""Observes the live graph for the doctor: topics, QoS, transforms and diagnostics."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import QoSCompatibility, qos_check_compatible
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from ..core import TransformTree
from ..data.bag.topics import KINDS, TRANSFORMS, TopicError, Topics, is_static
from ..ros import qos
from ..ros.diagnostics import ERROR, OK, STALE, WARN
from ..ros.publishers import OUTPUTS
from ..ros.transport import use_large_message_profile
from ..ros.wheels import packages
from .finding import Finding, error, ok, warning
from .options import Options
from .recording import Recording, Stream
from .samples import Sampler
from .transforms import Transforms

_SENSORS = {
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CompressedImage": CompressedImage,
    "sensor_msgs/msg/CameraInfo": CameraInfo,
    "sensor_msgs/msg/PointCloud2": PointCloud2,
}
# Participants that miss each other's first announcements meet at the next, 3 s later.
DISCOVERY_S = 4.0
# An output that only a completion node has.
_SIGN = "depth/source"
# The status of it that is always there.
_LIFE_CYCLE = "life cycle"


def record_graph(seconds: float, options: Options) -> Recording:
    """Listen to every camera and LiDAR on the graph, or only to those that a completion node uses.

    Args:
        seconds: how long, from the first message on; there is none on a graph silent for 4 s.
        options: of these, which topics are meant, and how images and clouds are paired.
    """
    use_large_message_profile()
    context = Context()
    rclpy.init(args=[], context=context)
    node = Node("depth_completion_doctor", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    graph = _Graph(node, options)
    try:
        end, look, heard = time.monotonic() + DISCOVERY_S, 0.0, False
        limit = end + seconds
        while (now := time.monotonic()) < end or (now < limit and graph.incomplete):
            if now > look:
                graph.look()
                look = now + 0.3
            executor.spin_once(timeout_sec=0.05)
            if not heard and graph.heard:
                heard, end = True, now + seconds
        return graph.recording()
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)


class _Graph:
    """What a node sees of the others."""

    def __init__(self, node: Node, options: Options):
        self._node, self._options = node, options
        self._streams: dict[str, Stream] = {}
        self._tf: dict[str, list] = {}
        self._sampler: Sampler | None = None
        self._seen: set[str] = set()
        self._statuses: dict[str, DiagnosticStatus] = {}
        self._findings: list[Finding] = []
        node.create_subscription(DiagnosticArray, "/diagnostics", self._take_diagnostics, 10)
        if packages.tf2 is None:
            self._findings.append(warning("/tf", f"TF cannot be heard here, {packages.reason('tf2')}."))

    @property
    def heard(self) -> bool:
        """Whether a message of a camera or LiDAR has come."""
        return any(map(len, self._streams.values()))

    @property
    def incomplete(self) -> bool:
        """Whether there is a completion node of which not all is known yet."""
        return any(not self._inputs_of(*node) for node in self._completion_nodes())

    def look(self) -> None:
        """Subscribe to what has appeared and was there at the last look already."""
        nodes = self._completion_nodes()
        names = self._node.get_topic_names_and_types()
        outputs = {topic for node in nodes for topic in self._published_by(*node)}
        # Discovery tells topics one by one, and before the node that they belong to.
        for topic, _ in names:
            if topic.endswith(_SIGN):
                outputs.update(topic.removesuffix(_SIGN) + output.topic for output in OUTPUTS)
        before, self._seen = self._seen, {topic for topic, _ in names}
        for topic, types in names:
            if topic in before and self._node.get_publishers_info_by_topic(topic):
                # An output of the completion node is computed only for its subscribers: do not be one.
                if types[0] in _SENSORS and topic not in outputs and topic not in self._streams:
                    self._hear_sensor(topic, types[0])
                elif types[0] == TRANSFORMS and topic not in self._tf and packages.tf2 is not None:
                    self._hear_transforms(topic)
        self._choose_pair()

    def _hear_sensor(self, topic: str, message_type: str) -> None:
        stream = self._streams[topic] = Stream(topic, message_type, self._options.rectified)

        def take(message) -> None:
            stream.add(message, time.time_ns())
            if self._sampler:
                self._sampler.add(topic, message)

        profile = qos.profile("best_effort", 30)
        self._node.create_subscription(_SENSORS[message_type], topic, take, profile)

    def _hear_transforms(self, topic: str) -> None:
        from tf2_msgs.msg import TFMessage

        messages = self._tf[topic] = []
        profile = qos.latched() if is_static(topic) else qos.profile("best_effort", 100)
        profile.depth = 100  # there may be as many broadcasters
        self._node.create_subscription(TFMessage, topic, messages.append, profile)

    def _choose_pair(self) -> None:
        """Sample pairs of the topics that will be judged, as far as that can be seen yet."""
        pair = self._options.pair(Recording("live graph", self._heard_streams(), None).topics)
        if pair and (self._sampler is None or pair != (self._sampler.image, self._sampler.points)):
            self._sampler = Sampler(*pair, self._options.slack_ns, self._options.offset_ns)

    def _heard_streams(self) -> dict[str, Stream]:
        """The streams that completion nodes use, or all if there is none."""
        used = {topic for name in self._completion_nodes() for topic in self._inputs_of(*name)}
        heard = {topic: stream for topic, stream in self._streams.items() if topic in used}
        return heard or self._streams

    def recording(self) -> Recording:
        """All that was seen."""
        names = dict(self._node.get_topic_names_and_types())
        nodes = sorted(node for node in self._completion_nodes() if node[1].startswith("/"))
        self._findings += [*self._nodes(nodes, names), *self._mismatches(names), *self._reported()]
        transforms = self._transforms(nodes)
        return Recording(
            "live graph",
            self._heard_streams(),
            transforms.tree.lookup,
            {topic: types[0] for topic, types in names.items() if topic not in self._streams},
            wall_clock=not self._node.get_publishers_info_by_topic("/clock"),
            findings=[*self._findings, *transforms.findings()],
            sampler=self._sampler,
        )

    def _transforms(self, nodes: list[tuple[str, str]]) -> Transforms:
        """TF as the completion nodes hear it, or as they would once its topics are given to them."""
        transforms = Transforms(TransformTree(history_s=1e9))
        # By process: whose a subscription is may be told late, and two nodes may share a name.
        listened = {topic for node in nodes for topic in self._inputs_of_process(*node, self._tf)}
        near = (self._sampler.image, self._sampler.points) if self._sampler else ()
        topics = Topics(dict.fromkeys(self._tf, TRANSFORMS), name="The live graph")
        try:
            chosen = topics.transforms(near, self._options.tf_topics or sorted(listened))
        except TopicError as unclear:
            self._findings.append(error("/tf", str(unclear)))
            return transforms
        for topic in chosen:
            for message in self._tf[topic]:
                transforms.add(topic, message)
        unheard = [t for t in chosen if t not in ("/tf", "/tf_static")]
        if unheard and not listened:
            remap = " ".join(f"-r /{topic.rpartition('/')[2]}:={topic}" for topic in unheard)
            level = error if nodes else warning
            sentence = f"TF is on {', '.join(unheard)}, where no node looks for it; start nodes with {remap}."
            self._findings.append(level("/tf", sentence))
        return transforms

    def _completion_nodes(self) -> set[tuple[str, str]]:
        return completion_nodes(self._node)

    def _published_by(self, name: str, namespace: str) -> list[str]:
        if not namespace.startswith("/"):
            return []  # not told yet
        try:
            outputs = self._node.get_publisher_names_and_types_by_node(name, namespace)
        except NodeNameNonExistentError:  # it has just gone
            return []
        return [topic for topic, _ in outputs]

    def _inputs_of(self, name: str, namespace: str) -> list[str]:
        if not namespace.startswith("/"):
            return []
        told = subscribed(self._node, name, namespace, _SENSORS)
        if told:
            return told
        topics = [t for t, types in self._node.get_topic_names_and_types() if types[0] in _SENSORS]
        return self._inputs_of_process(name, namespace, topics)

    def _inputs_of_process(self, name: str, namespace: str, topics: Iterable[str]) -> list[str]:
        """Topics that the process of a node subscribes to: known before it is told whose they are."""
        process = {
            _participant(end)
            for topic, _ in self._node.get_topic_names_and_types()
            for end in self._node.get_publishers_info_by_topic(topic)
            if (end.node_name, end.node_namespace) == (name, namespace)
        }
        return [
            topic
            for topic in topics
            if any(_participant(end) in process for end in self._node.get_subscriptions_info_by_topic(topic))
        ]

    def _nodes(self, nodes: list[tuple[str, str]], names: dict[str, list[str]]) -> list[Finding]:
        """Completion nodes, and inputs of theirs that nobody publishes."""
        findings = []
        for name, namespace in nodes:
            subject = f"{namespace.rstrip('/')}/{name}"
            inputs = self._inputs_of(name, namespace)
            findings.append(ok(subject, f"Subscribes to {', '.join(sorted(inputs)) or 'nothing yet'}."))
            for topic in sorted(inputs):
                if self._node.get_publishers_info_by_topic(topic):
                    continue
                same = [t for t in sorted(self._streams) if names.get(t) == names.get(topic)]
                advice = f"there is {', '.join(same)}: remap it" if same else "start the driver"
                findings.append(error(subject, f"Nobody publishes {topic}; {advice}."))
        if not findings:
            findings.append(warning("graph", "No completion node is active."))
        return findings

    def _mismatches(self, names: dict[str, list[str]]) -> list[Finding]:
        """Pairs of publisher and subscription between which nothing flows."""
        findings = []
        for topic, types in sorted(names.items()):
            if types[0] not in KINDS:
                continue
            for publisher in self._node.get_publishers_info_by_topic(topic):
                for subscription in self._node.get_subscriptions_info_by_topic(topic):
                    offered, asked = publisher.qos_profile, subscription.qos_profile
                    verdict, reason = qos_check_compatible(offered, asked)
                    if verdict == QoSCompatibility.ERROR:
                        sentence = (
                            f"{publisher.node_name} offers what {subscription.node_name} does not "
                            f"accept, so nothing flows: {reason.strip().rstrip(';')}."
                        )
                        findings.append(error(topic, sentence))
        return findings

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        self._statuses.update({status.name: status for status in message.status})

    def _reported(self) -> list[Finding]:
        """What nodes of this package say of themselves, those that could not be configured too."""
        levels = {WARN: warning, ERROR: error, STALE: error}
        named = {name: name.split(": ")[0] for name in self._statuses}
        ours = {node for name, node in named.items() if name == f"{node}: {_LIFE_CYCLE}"}
        findings = []
        for name, status in self._statuses.items():
            level = int.from_bytes(status.level, "little")
            if named[name] in ours and level != OK:
                findings.append(levels[level](name, status.message))
        return findings


def completion_nodes(node: Node) -> set[tuple[str, str]]:
    """Name and namespace of every completion node that `node` sees."""
    return {
        (end.node_name, end.node_namespace)
        for topic, _ in node.get_topic_names_and_types()
        if topic.endswith(_SIGN)
        for end in node.get_publishers_info_by_topic(topic)
    }


def subscribed(node: Node, name: str, namespace: str, message_types: Collection[str]) -> list[str]:
    """Topics of some types that another node subscribes to."""
    try:
        inputs = node.get_subscriber_names_and_types_by_node(name, namespace)
    except NodeNameNonExistentError:
        return []
    return [topic for topic, types in inputs if types[0] in message_types]


def _participant(end) -> bytes:
    """What the endpoints of one process have in common: the first 12 bytes of their DDS GUID."""
    return bytes(end.endpoint_gid)[:12]
