"""Two cameras on one LiDAR: a process for each completion node against both nodes in one, in CPU and memory.

    python bench/cameras.py [--completer linear] [--seconds 20]

In: two images of 1242 x 375 and one cloud of 120,000 points with times, a few times a second over DDS. Each
node publishes depth to one subscriber. CPU and memory are those of the processes of the nodes, without the
time to start. Then what a cloud costs before anything of a camera comes in (bytes to message, message to
arrays, deskew): all that nodes in one process could share of it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "98")

import numpy as np
import projection
import psutil
import rclpy
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

from depth_completion_ros.core import rigid
from depth_completion_ros.core.deskew import deskew
from depth_completion_ros.data.bag.message_fields import points_array
from depth_completion_ros.data.messages import decode_points, decode_times
from depth_completion_ros.ros import conversions, qos, transport

CAMERAS = ("front", "rear")
PERIOD_S = 0.5  # slow enough for every frame to be completed on a busy machine
NODES = """
import sys
from depth_completion_ros.ros.completion_node import CompletionNode
from depth_completion_ros.ros.process.run import run
names = sys.argv[1].split(",")
sys.exit(run(*(lambda name=name: CompletionNode(namespace=name) for name in names), args=sys.argv[2:]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--completer", default="linear")
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    transport.use_large_message_profile()
    rclpy.init()
    rig = Rig()
    print("| nodes | CPU ms a frame | memory MB | frames |\n|---|---|---|---|")
    ways = {"a process each": CAMERAS, "both in one process": (",".join(CAMERAS),)}
    for name, processes in ways.items():
        cpu_s, memory, frames = rig.measure(processes, arguments.completer, arguments.seconds)
        print(
            f"| {name} | {1e3 * cpu_s / max(frames, 1):.1f} | {memory / 2**20:.0f} | {frames} |", flush=True
        )
    print(f"\nOne cloud, before anything of a camera: {cloud_ms(rig.cloud):.1f} ms of CPU")
    rig.node.destroy_node()
    rclpy.shutdown()


class Rig:
    """Publishes images and clouds, and counts depth."""

    def __init__(self):
        self.node = node = Node("rig")
        profile = qos.profile("best_effort", 10)
        pixels = np.random.default_rng(0).integers(0, 256, (375, 1242, 3), dtype=np.uint8)
        self.image = conversions.rgb_message(pixels, Header(frame_id="camera"))
        self.info = conversions.camera_info_message(projection.CAMERA, Header(frame_id="camera"))
        points = projection.scan()
        times = np.linspace(0, 0.1, len(points), dtype=np.float32)
        self.cloud = conversions.cloud_message(points_array(points, None, times), Header(frame_id="lidar"))
        self.publishers = {name: {
            "image": node.create_publisher(Image, f"/{name}/image", profile),
            "camera_info": node.create_publisher(CameraInfo, f"/{name}/camera_info", profile),
        } for name in CAMERAS}  # fmt: skip
        self.points = node.create_publisher(PointCloud2, "/lidar_points", profile)
        self.frames = 0
        for name in CAMERAS:
            node.create_subscription(Image, f"/{name}/depth/image", self._count, qos.profile("reliable", 10))

    def _count(self, _) -> None:
        self.frames += 1

    def send(self) -> None:
        stamp = self.node.get_clock().now().to_msg()
        for message in (self.image, self.info, self.cloud):
            message.header.stamp = stamp
        for publishers in self.publishers.values():
            publishers["camera_info"].publish(self.info)
            publishers["image"].publish(self.image)
        self.points.publish(self.cloud)

    def measure(self, processes, completer: str, seconds: float) -> tuple[float, float, int]:
        """CPU seconds, memory in bytes, and frames, once all nodes have completed a few."""
        extrinsics = ",".join(f"{v:.6f}" for v in projection.T_CAM_LIDAR.ravel())
        parameters = {
            "completer": completer,
            "extrinsics_source": "parameter",
            "extrinsics": f"[{extrinsics}]",
            "warm_up_size": "[1242, 375]",
            "calibration_check_period": 0.0,
        }
        given = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
        remap = ["--ros-args", "-r", "points:=/lidar_points", "--log-level", "error", *given]
        started = [psutil.Process(subprocess.Popen([sys.executable, "-c", NODES, names, *remap]).pid)
                   for names in processes]  # fmt: skip
        try:
            self._play(until=lambda: self.frames >= 20, limit_s=120)
            before, self.frames = sum(map(_cpu, started)), 0
            end = time.monotonic() + seconds
            self._play(until=lambda: time.monotonic() > end, limit_s=seconds + 1)
            return sum(map(_cpu, started)) - before, sum(p.memory_info().rss for p in started), self.frames
        finally:
            for process in started:
                process.terminate()
            psutil.wait_procs(started, 10)
            self.frames = 0

    def _play(self, until, limit_s: float) -> None:
        deadline = following = time.monotonic()
        deadline += limit_s
        while not until():
            if time.monotonic() > deadline:
                raise SystemExit(f"Only {self.frames} frames came within {limit_s:g} s.")
            if time.monotonic() >= following:
                self.send()
                following += PERIOD_S
            rclpy.spin_once(self.node, timeout_sec=0.005)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def cloud_ms(cloud: PointCloud2) -> float:
    """CPU of bytes to message, message to points and times, and deskewing."""
    raw = serialize_message(cloud)

    def work() -> None:
        message = deserialize_message(raw, PointCloud2)
        points = decode_points(message).points
        deskew(points, decode_times(message, points), lambda t: rigid(np.eye(3), (9.0 * t, 0, 0)))

    taken = []
    for _ in range(30):
        begin = time.thread_time()
        work()
        taken.append(time.thread_time() - begin)
    return 1e3 * statistics.median(taken)


if __name__ == "__main__":
    main()
