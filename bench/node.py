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
import time
from array import array
from types import SimpleNamespace

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "97")

import numpy as np
import projection
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from depth_completion_ros.completion import Completer, Completion, create_completer
from depth_completion_ros.data.messages import decode_points
from depth_completion_ros.ros import conversions, qos, transport
from depth_completion_ros.ros.inputs.calibration import Cameras
from depth_completion_ros.ros.live import LiveCompletion, Pair
from depth_completion_ros.ros.parameters.node import NodeParameters
from depth_completion_ros.ros.process.run import keep_freed_memory
from depth_completion_ros.ros.publishers import Outputs

CAMERA = projection.CAMERA
DEPTH = np.full((CAMERA.height, CAMERA.width), 12.5, np.float32)


class Ready(Completer):
    """Takes no time."""

    name = "ready"

    def __init__(self):
        self.completion = Completion(DEPTH, np.ones_like(DEPTH), np.ones(DEPTH.shape, np.uint8))

    def complete(self, image, sparse, camera=None, name=""):
        return self.completion


class Known:
    """Extrinsics that are at hand."""

    def of_frame(self, *_):
        return projection.T_CAM_LIDAR, None


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
        self.cloud = node.create_publisher(PointCloud2, "plain/points", 1)

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
    node, listener = Node("bench_node"), Node("bench_listener")
    settings = NodeParameters(node, "completion").values
    outputs = Outputs(node, qos.output_profile(settings), lambda *_: None)
    cameras = Cameras(rectified=False)
    image, cloud, info = messages()
    cameras.add(info)
    live = LiveCompletion(settings, cameras, Known(), Ready(), outputs, lambda: 0)
    plain = Straightforward(node)
    kinds = {"depth": Image, "info": CameraInfo, "cloud": PointCloud2}
    topics = {"depth": "depth/image", "info": "depth/camera_info", "cloud": "depth/points"}
    plain_topics = {"depth": "plain/depth", "info": "plain/camera_info", "cloud": "plain/points"}
    for of in (topics, plain_topics):
        for name, topic in of.items():
            listener.create_subscription(kinds[name], topic, lambda _: None, 1)
    deadline = time.monotonic() + 10
    while not (outputs.wanted("depth/points") and plain.cloud.get_subscription_count()):
        if time.monotonic() > deadline:
            raise SystemExit("The subscriber was not found within 10 s.")
        time.sleep(0.05)
    every = SimpleNamespace(**vars(settings) | {"cloud_stride": 1})
    live_all = LiveCompletion(every, cameras, Known(), Ready(), outputs, lambda: 0)
    ways = [
        lambda: live(Pair(image, cloud, time.monotonic())),
        lambda: live_all(Pair(image, cloud, time.monotonic())),
        lambda: plain(image, cloud, info),
    ]
    if completer:
        complete = LiveCompletion(settings, cameras, Known(), create_completer(completer), outputs, lambda: 0)
        complete.warm_up(CAMERA.height, CAMERA.width)
        ways.append(lambda: complete(Pair(image, cloud, time.monotonic())))
    ours, ours_all, theirs, *completed = projection.milliseconds(*ways)
    print("| version | points in the cloud | ms a frame | ratio |\n|---|---|---|---|")
    print(f"| straightforward | all pixels | {theirs:.1f} | 1.0 |")
    print(f"| the node, see-through filter | all pixels | {ours_all:.1f} | {theirs / ours_all:.1f} |")
    print(f"| the node as it comes | every 2nd pixel each way | {ours:.1f} | {theirs / ours:.1f} |")
    for ms in completed:
        print(f"| the node with {completer} | every 2nd pixel each way | {ms:.1f} | {theirs / ms:.1f} |")
    for each in (node, listener):
        each.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
