"""Nodes in processes of their own, over real DDS: nothing is lost, and signals end them cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from robot import START, STEP, T_CAM_LIDAR, Robot, completion_node, frame, overrides
from sensor_msgs.msg import Image, PointCloud2

from depth_completion_ros.completion import create_completer
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.messages import stamp_ns
from depth_completion_ros.ros import qos
from depth_completion_ros.ros.process.run import spin
from depth_completion_ros.ros.transport import PROFILE, profile_environment, users_profile

EXTRINSICS = f"extrinsics:={T_CAM_LIDAR.ravel().tolist()}"


@contextmanager
def process(*command: str):
    """A Python process of this environment; killed if it is still there in the end."""
    child = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def node(name: str, *parameters: str) -> list[str]:
    """Command of a node with parameters `name:=value`."""
    options = [option for parameter in parameters for option in ("-p", parameter)]
    return ["-m", f"depth_completion_ros.ros.{name}_node", "--ros-args", *options]


SENSORS = """
import time, numpy as np, rclpy
from depth_completion_ros.ros import conversions, qos
from depth_completion_ros.ros.transport import use_large_message_profile
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
use_large_message_profile()
rclpy.init()
node = rclpy.create_node("sensors")
profile = qos.profile("best_effort", 5)
images = node.create_publisher(Image, "image", profile)
clouds = node.create_publisher(PointCloud2, "points", profile)
image = np.random.default_rng(0).integers(0, 255, (375, 1242, 3), np.uint8)
points = np.ones(120_000, [(name, "<f4") for name in ("x", "y", "z", "intensity")])
while not (images.get_subscription_count() and clouds.get_subscription_count()):
    time.sleep(0.01)
input()  # until the other side has found us, too
begin = time.monotonic()
for i in range(60):
    header = Header(frame_id="camera")
    header.stamp.sec = i + 1
    images.publish(conversions.rgb_message(image, header))
    if i % 3 == 0:
        clouds.publish(conversions.cloud_message(points, header))
    time.sleep(max(0, begin + (i + 1) / 30 - time.monotonic()))
time.sleep(1.0)
node.destroy_node()
rclpy.shutdown()
"""


def heard_from_sensors(ros) -> dict[str, list[int]]:
    """Stamps of the best effort images and clouds that arrive from a process of sensors."""
    listener = ros.node("listener")
    stamps = {"image": [], "points": []}
    matched = set()
    for topic, kind in (("image", Image), ("points", PointCloud2)):
        listener.create_subscription(
            kind,
            topic,
            lambda m, topic=topic: stamps[topic].append(m.header.stamp.sec),
            qos.profile("best_effort", 30),
            event_callbacks=SubscriptionEventCallbacks(matched=lambda _, topic=topic: matched.add(topic)),
        )
    with process("-c", SENSORS) as sensors:
        assert ros.spin_until(lambda: matched == {"image", "points"}), "the two processes did not meet"
        sensors.stdin.write("\n")
        sensors.stdin.flush()
        ros.spin_until(lambda: sensors.poll() is not None, 30)
        assert sensors.returncode == 0, sensors.stdout.read()
    ros.spin_until(lambda: len(stamps["image"]) == 60, 2)
    for subscription in list(listener.subscriptions):
        listener.destroy_subscription(subscription)
    return stamps


def test_best_effort_images_at_30_hz_and_clouds_at_10_hz_between_processes_are_all_received(ros):
    # A machine that stands still for a quarter of a second may cost best effort messages whatever the
    # transport; without the profile of large messages each try loses many.
    wanted = {"image": list(range(1, 61)), "points": list(range(1, 61, 3))}
    tries = []
    while len(tries) < 3 and wanted not in tries:
        tries.append(heard_from_sensors(ros))
    assert wanted in tries, [{topic: len(stamps) for topic, stamps in heard.items()} for heard in tries]


def test_the_profile_is_used_unless_the_user_has_chosen_something(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(profile_environment({}).values()) == [str(PROFILE)] and PROFILE.is_file()
    for variable, value in (
        ("FASTDDS_DEFAULT_PROFILES_FILE", "mine.xml"),
        ("FASTRTPS_DEFAULT_PROFILES_FILE", "mine.xml"),
        ("FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA"),
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp"),
    ):
        assert profile_environment({variable: value}) == {}
        assert users_profile({variable: value}) == f"{variable}={value}"
    (tmp_path / "DEFAULT_FASTDDS_PROFILES.xml").touch()
    assert profile_environment({}) == {}


def test_a_recorded_kitti_sequence_goes_through_live_as_it_does_offline(ros, real_frames, tmp_path):
    bag = tmp_path / "kitti"
    number = write_bag(open_reader(real_frames, select="kitti_seq_*"), bag)
    offline = {}
    completer = create_completer("linear")
    frames = list(open_reader(bag))
    for each in frames:
        offline[each.stamp_image] = completer(each).above(completer.least_confidence).depth
    assert len(offline) == number == 10
    robot = Robot(ros, outputs=("depth/image",))
    statuses = robot.statuses
    extrinsics = f"extrinsics:={frames[0].T_cam_lidar.ravel().tolist()}"
    options = "completer:=linear", "extrinsics_source:=parameter", extrinsics, "frame_queue:=20"
    completion = node("completion", *options)
    player = node("player", f"data:='{bag}'", "wait_for_subscribers:=20.0")
    with process(*completion) as live:
        assert ros.spin_until(lambda: robot.node.count_publishers("depth/image") == 1, 20)
        with process(*player) as playing:
            assert ros.spin_until(lambda: playing.poll() is not None, 40), "the player did not end"
            assert playing.returncode == 0, playing.stdout.read()
        ros.spin_until(lambda: len(robot.received["depth/image"]) == number, 10)
        ros.spin_until(lambda: statuses["completion: frames"][2]["completed"] == str(number), 3)
        assert live.poll() is None
    values = statuses["completion: frames"][2]
    assert values["completed"] == "10" and not [key for key in values if key.startswith(("dropped", "unp"))]
    assert [stamp_ns(m.header) for m in robot.received["depth/image"]] == sorted(offline)
    for message in robot.received["depth/image"]:
        depth = np.frombuffer(message.data, np.float32).reshape(message.height, message.width)
        np.testing.assert_array_equal(depth, offline[stamp_ns(message.header)])


SLOW = """
import sys, time
from depth_completion_ros.completion import registry
from depth_completion_ros.completion.classical.nearest import Nearest
from depth_completion_ros.ros.completion_node import main
class Slow(Nearest):
    name = "slow"
    def complete(self, image, sparse, camera=None, name=""):
        print("in mid-frame", flush=True)
        time.sleep(0.5)
        return super().complete(image, sparse, camera)
registry.COMPLETERS["slow"] = Slow
sys.exit(main())
"""


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_in_mid_frame_finishes_the_frame_and_exits_cleanly(ros, number, times):
    robot = Robot(ros)
    parameters = ("completer:=slow", "extrinsics_source:=parameter", EXTRINSICS)
    command = ["-c", SLOW, *node("completion", *parameters)[2:]]
    with process(*command) as child:
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(child.stdout))
        reader.start()
        robot.connect()
        robot.node.create_timer(0.1, lambda: robot.send(robot.node.get_clock().now().nanoseconds))
        assert ros.spin_until(lambda: "in mid-frame\n" in lines), lines
        for _ in range(times):
            os.kill(child.pid, number)
        assert ros.spin_until(lambda: child.poll() is not None), "it did not end"
        reader.join()
    output = "".join(lines)
    assert child.returncode == 0, output
    assert "Traceback" not in output and "rror" not in output, output
    robot.wait_for_outputs(1)


HALF_MADE = """
import sys, time
from rclpy.node import Node
from depth_completion_ros.ros.process.run import run
nodes = []
class Slow(Node):
    def __init__(self):
        super().__init__("slow")
        nodes.append(self)
        print("half made", flush=True)
        time.sleep(60)
        self.part = 1
    def destroy_node(self):
        del self.part
        super().destroy_node()
sys.exit(run(Slow, interrupted_code=5))
"""


def test_a_signal_while_a_node_is_made_ends_it_without_a_traceback():
    with process("-c", HALF_MADE) as child:
        assert child.stdout.readline() == "half made\n"
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=20)
    assert (child.returncode, output) == (5, "")


@pytest.mark.parametrize("name", ["completion", "evaluation"])
def test_an_idle_node_ends_on_sigint_and_a_bad_parameter_ends_it_at_start(ros, name):
    watcher = ros.node("watcher")
    parameters = ["extrinsics_source:=parameter", EXTRINSICS]
    # A name of its own, as a node killed by another test stays in the graph for a while.
    with process(*node(name, *parameters), "-r", f"__node:=idle_{name}") as child:
        assert ros.spin_until(lambda: f"idle_{name}" in watcher.get_node_names())
        ros.spin_until(lambda: False, 0.2)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=10)
        assert child.returncode == 0 and "Traceback" not in output, output
    with process(*node(name, "slack:=-1.0")) as child:
        output, _ = child.communicate(timeout=10)
        assert child.returncode == 1
        assert output == "Parameter 'slack' is -1.0; it must be a number from 0 to 10 s.\n"


def test_a_wrong_value_of_a_parameter_of_ros_itself_ends_the_node_with_a_sentence():
    with process(*node("completion", "use_sim_time:=5")) as child:
        output, _ = child.communicate(timeout=10)
    assert child.returncode == 1 and "'use_sim_time' to '5'" in output and "Traceback" not in output, output


def test_a_parameter_file_that_is_not_there_ends_the_node_with_a_sentence():
    command = [*node("completion"), "--params-file", "/no/such/file.yaml"]
    with process(*command) as child:
        output, _ = child.communicate(timeout=10)
    assert child.returncode == 1 and "/no/such/file.yaml" in output and "Traceback" not in output, output


def test_several_nodes_share_one_executor_in_one_process(ros, tmp_path):
    from depth_completion_ros.ros.player_node import PlayerNode

    frames = []
    for i in range(3):
        one = frame()
        one.stamp_image = one.stamp_points = START + i * STEP
        frames.append(one)
    write_bag(frames, tmp_path / "bag")
    completion = completion_node(ros)
    given = overrides(data=str(tmp_path / "bag"), wait_for_subscribers=10.0)
    player = PlayerNode(context=ros.context, parameter_overrides=given)
    robot = Robot(ros)
    for each in (completion, robot.node):
        ros.executor.remove_node(each)
    spin([player, completion, robot.node], threading.Event())
    assert player.finished and len(robot.received["depth/image"]) == 3
    player.destroy_node()
