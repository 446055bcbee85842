"""A subscriber of depth images and clouds that takes half a second for each, and is waited for."""

from __future__ import annotations

import time
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, PointCloud2

from depth_completion_ros.ros import qos
from depth_completion_ros.ros.transport import use_large_message_profile

if __name__ == "__main__":
    use_large_message_profile()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # it is ended as it is
    node = rclpy.create_node("slow_consumer")
    for kind, topic in ((Image, "depth/image"), (PointCloud2, "depth/points")):
        node.create_subscription(kind, topic, lambda message: time.sleep(0.5), qos.profile("reliable", 1))
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)
