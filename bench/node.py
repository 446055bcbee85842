"""A frame through the node without its network, against the straightforward way.

    python bench/node.py [--completer default]

In: a bgr8 image of 1242 x 375 and a cloud of 120,000 points as ROS messages. Out, published over DDS
to a subscriber: depth image, CameraInfo, coloured cloud of all pixels. The completer is replaced by
one that returns a ready depth, so what is timed is everything around it: decoding, projection,
filters, packing, publishing. The straightforward version does the same without filters, as numpy and
cv_bridge tutorials do: float64 homogeneous points, pixel grid made anew, fields filled one by one.
--completer adds the node with a completer that does complete.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from array import array

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "97")

import numpy as np
import projection
import rclpy
from measure import in_turn
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from depth_completion_ros.completion import Completer, Completion
from depth_completion_ros.data.messages import decode_points
from depth_completion_ros.ros import conversions, transport
from depth_completion_ros.ros.completion_node import CompletionNode
from depth_completion_ros.ros.inputs.frames import Pair
from depth_completion_ros.ros.live import LiveCompleter
from depth_completion_ros.ros.process.run import keep_freed_memory

CAMERA = projection.CAMERA
DEPTH = np.full((CAMERA.height, CAMERA.width), 12.5, np.float32)


class Ready(Completer):
    """Takes no time."""

    name = "ready"

    def __init__(self):
        self.completion = Completion(DEPTH, np.ones_like(DEPTH), np.ones(DEPTH.shape, np.uint8))

    def complete(self, image, sparse, camera=None, name=""):
        return self.completion


def completion_node(namespace: str, info: CameraInfo, stride: int, completer: str | None) -> CompletionNode:
    """A node that knows camera and extrinsics; its completer takes no time where none is named."""
    parameters = {
        "completer": completer or "nearest",
        "cloud_stride": stride,
        "warm_up_size": [CAMERA.width, CAMERA.height],
        "extrinsics_source": "parameter",
        "extrinsics": projection.T_CAM_LIDAR.ravel().tolist(),
    }
    given = [Parameter(name, value=value) for name, value in parameters.items()]
    node = CompletionNode(namespace=namespace, parameter_overrides=given)
    if completer is None:
        node._live = LiveCompleter(node.settings, Ready())
    node._cameras.add(info)
    return node


def messages() -> tuple[Image, PointCloud2, CameraInfo]:
    image = Image(height=CAMERA.height, width=CAMERA.width, encoding="bgr8", step=3 * CAMERA.width)
    pixels = np.random.default_rng(0).integers(0, 256, (CAMERA.height, CAMERA.width, 3), dtype=np.uint8)
    image.data = array("B", pixels.tobytes())
    image.header.frame_id = "camera"
    points = projection.scan()
    cloud = PointCloud2(height=1, width=len(points), point_step=16, row_step=16 * len(points))
    cloud.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(("x", "y", "z", "intensity"))
    ]
    cloud.data = array("B", points.tobytes())
    info = conversions.camera_info_message(CAMERA, image.header)
    return image, cloud, info


class Straightforward:
    def __init__(self, node: Node):
        self.depth = node.create_publisher(Image, "plain/depth", 1)
        self.info = node.create_publisher(CameraInfo, "plain/camera_info", 1)
        self.cloud = node.create_publisher(PointCloud2, "plain/cloud", 1)

    def __call__(self, image: Image, cloud: PointCloud2, info: CameraInfo) -> None:
        bgr = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        projection.straightforward(decode_points(cloud).points)
        out = Image(header=image.header, height=image.height, width=image.width, encoding="32FC1")
        out.step = 4 * image.width
        out.data = DEPTH.tobytes()
        self.depth.publish(out)
        self.info.publish(info)
        v, u = np.mgrid[: image.height, : image.width]
        K = CAMERA.K
        points = np.zeros(DEPTH.size, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("rgb", "f4")])
        points["x"] = ((u - K[0, 2]) / K[0, 0] * DEPTH).ravel()
        points["y"] = ((v - K[1, 2]) / K[1, 1] * DEPTH).ravel()
        points["z"] = DEPTH.ravel()
        b, g, r = (bgr[..., i].astype(np.uint32) for i in range(3))
        points["rgb"] = (r << 16 | g << 8 | b).ravel().view(np.float32)
        dense = PointCloud2(header=image.header, height=1, width=len(points), point_step=16)
        dense.row_step = 16 * len(points)
        dense.fields = [
            PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
            for i, name in enumerate(("x", "y", "z", "rgb"))
        ]
        dense.data = points.tobytes()
        self.cloud.publish(dense)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--completer", help="time the node with this one too, as `default`")
    completer = parser.parse_args().completer
    transport.use_large_message_profile()
    keep_freed_memory()  # as the node's process does
    rclpy.init()
    image, cloud, info = messages()
    nodes = [completion_node("ours", info, 2, None), completion_node("ours_all", info, 1, None)]
    if completer:
        nodes.append(completion_node("completed", info, 2, completer))
    node, listener = Node("bench_node"), Node("bench_listener")
    plain = Straightforward(node)
    kinds = {"depth/image": Image, "depth/camera_info": CameraInfo, "depth/points": PointCloud2}
    plain_topics = ("plain/depth", "plain/camera_info", "plain/cloud")
    for names in (*([f"{n.get_namespace()}/{topic}" for topic in kinds] for n in nodes), plain_topics):
        for topic, kind in zip(names, kinds.values(), strict=True):
            listener.create_subscription(kind, topic, lambda _: None, 1)
    deadline = time.monotonic() + 10
    while not (
        all(n._outputs.wanted("depth/points") for n in nodes) and plain.cloud.get_subscription_count()
    ):
        if time.monotonic() > deadline:
            raise SystemExit("The subscriber was not found within 10 s.")
        time.sleep(0.05)
    names = {
        "the node as it comes | every 2nd pixel each way": nodes[0],
        "the node, see-through filter | all pixels": nodes[1],
    }
    if completer:
        names[f"the node with {completer} | every 2nd pixel each way"] = nodes[2]
    ways = {"straightforward | all pixels": lambda: plain(image, cloud, info)}
    for name, each in names.items():
        ways[name] = lambda each=each: each._work(Pair(image, cloud, time.monotonic()))
    medians = {name: 1e3 * statistics.median(taken) for name, taken in in_turn(ways, 50).items()}
    print("| version | points in the cloud | ms a frame | ratio |\n|---|---|---|---|")
    first = next(iter(medians.values()))
    for name, ms in medians.items():
        print(f"| {name} | {ms:.1f} | {first / ms:.1f} |")
    for each in (*nodes, node, listener):
        each.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
