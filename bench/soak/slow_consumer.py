"""A subscriber of depth images and clouds that takes half a second for each, and is waited for."""

from __future__ import annotations

from depth_completion_ros.ros.process.stopping import stop

stop.take_signals()  # before anything slow is imported

import time  # noqa: E402


def make_node():
    """The node, which sleeps in its callbacks."""
    from rclpy.node import Node
    from sensor_msgs.msg import Image, PointCloud2

    from depth_completion_ros.ros import qos

    node = Node("slow_consumer")
    for kind, topic in ((Image, "depth/image"), (PointCloud2, "depth/points")):
        node.create_subscription(kind, topic, lambda message: time.sleep(0.5), qos.profile("reliable", 1))
    return node


if __name__ == "__main__":
    from depth_completion_ros.ros.process.run import run

    run(make_node, args=[])
