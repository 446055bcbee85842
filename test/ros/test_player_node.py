"""The player: any data as live topics, at its own times and with its own stamps."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from robot import CAMERA, SECOND, START, STEP, T_CAM_LIDAR, camera_image, frame, overrides, wall
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.messages import (
    decode_camera_info,
    decode_depth_image,
    decode_image,
    decode_points,
    stamp_ns,
)
from depth_completion_ros.ros import qos
from depth_completion_ros.ros.player_node import PlayerNode
from depth_completion_ros.ros.wheels import packages

TOPICS = {"image": Image, "camera_info": CameraInfo, "points": PointCloud2, "ground_truth": Image}


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """Five frames; clouds are 20 ms later than images, and there is a truth."""
    frames = []
    for i in range(5):
        one = frame(wall(10.0 + i))
        one.stamp_image, one.stamp_points = START + i * STEP, START + i * STEP + STEP // 5
        one.ground_truth = np.full((CAMERA.height, CAMERA.width), 10.0 + i, np.float32)
        one.rings = np.repeat(np.arange(24), 90)
        frames.append(one)
    path = tmp_path_factory.mktemp("player") / "bag"
    write_bag(frames, path)
    return path


class Audience:
    """Collects what is played, with the time of arrival."""

    def __init__(self, ros):
        self.node = ros.node("audience")
        self.heard = {topic: [] for topic in TOPICS}
        self.clock = []
        for topic, kind in TOPICS.items():

            def take(message, topic=topic):
                self.heard[topic].append((time.monotonic(), message))

            self.node.create_subscription(kind, topic, take, qos.profile("best_effort", 50))
        self.node.create_subscription(Clock, "/clock", self._on_clock, 100)

    def _on_clock(self, message):
        self.clock.append(message.clock.sec * SECOND + message.clock.nanosec)

    def stamps(self, topic: str) -> list[int]:
        return [stamp_ns(message.header) for _, message in self.heard[topic]]


def play(ros, path, **parameters) -> PlayerNode:
    given = {"data": str(path), "wait_for_subscribers": 10.0, **parameters}
    return ros.add(PlayerNode(context=ros.context, parameter_overrides=overrides(**given)))


def test_all_messages_come_at_their_own_times_with_their_own_stamps_and_content(ros, bag):
    audience = Audience(ros)
    player = play(ros, bag)
    assert ros.spin_until(lambda: player.finished, 15)
    images = [START + i * STEP for i in range(5)]
    assert audience.stamps("image") == audience.stamps("camera_info") == images
    assert audience.stamps("ground_truth") == images
    assert audience.stamps("points") == [t + STEP // 5 for t in images]
    arrivals = np.array([arrival for arrival, _ in audience.heard["image"]])
    assert np.median(np.diff(arrivals)) == pytest.approx(0.1, abs=0.03)
    delay = audience.heard["points"][2][0] - audience.heard["image"][2][0]
    assert delay == pytest.approx(0.02, abs=0.03)
    for i in range(5):
        message = {topic: heard[i][1] for topic, heard in audience.heard.items()}
        np.testing.assert_array_equal(decode_image(message["image"]), camera_image())
        assert decode_camera_info(message["camera_info"]) == CAMERA
        cloud = decode_points(message["points"])
        np.testing.assert_array_equal(cloud.points, wall(10.0 + i))
        np.testing.assert_allclose(decode_depth_image(message["ground_truth"]), 10.0 + i, rtol=1e-3)
    assert audience.clock == sorted(audience.clock)
    assert audience.clock[0] <= START + 20_000_000
    assert audience.clock[-1] >= images[-1] + SECOND, "the clock goes on so that listeners finish"


def test_it_plays_faster_where_asked_to_and_stops_after_so_many_frames(ros, bag):
    audience = Audience(ros)
    player = play(ros, bag, rate=4.0, max_frames=3)
    assert ros.spin_until(lambda: len(audience.heard["points"]) == 3)
    arrivals = [arrival for arrival, _ in audience.heard["image"]]
    assert arrivals[-1] - arrivals[0] == pytest.approx(2 * 0.1 / 4, abs=0.04)
    assert ros.spin_until(lambda: player.finished)
    assert player.played == 3


def test_with_realtime_false_a_frame_waits_until_the_one_before_has_ended(ros, bag):
    from depth_completion_ros.ros.outcomes import OutcomePublisher

    audience = Audience(ros)
    teller = OutcomePublisher(audience.node)
    player = play(ros, bag, realtime=False, rate=10.0)
    for i in range(5):
        assert ros.spin_until(lambda i=i: len(audience.heard["points"]) == i + 1)
        ros.spin_until(lambda: False, 0.3)
        assert len(audience.heard["image"]) == i + 1 and not player.finished
        assert i == 4 or audience.clock[-1] < START + (i + 1) * STEP, (
            "time stands still before the next frame"
        )
        header = audience.heard["image"][i][1].header
        if i % 2:
            teller.completed(header, 0.1)
        else:
            teller.dropped(header, "no transform")
    assert ros.spin_until(lambda: player.finished)
    assert player.played == 5
    assert audience.clock == sorted(audience.clock)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"wait_for_subscribers": 0.5, "wait_topics": ["ground_truth"]}, "Nobody subscribed to ground_truth"),
        ({"realtime": False, "frame_timeout": 0.5}, "told nothing of frame 1 within 0.5 s"),
    ],
    ids=["nobody subscribes", "nothing is told"],
)
def test_a_wait_that_is_in_vain_ends_it_with_a_sentence_and_exit_code_1(ros, bag, parameters, words, capfd):
    audience = Audience(ros)
    if "wait_topics" in parameters:
        for subscription in list(audience.node.subscriptions):
            audience.node.destroy_subscription(subscription)
    player = play(ros, bag, **parameters)
    assert ros.spin_until(lambda: player.finished)
    assert player.exit_code == 1 and words in player.trouble
    assert words in capfd.readouterr().err


def test_a_loop_begins_again_with_the_same_stamps(ros, bag):
    audience = Audience(ros)
    play(ros, bag, loop=True, rate=5.0, max_frames=2)
    assert ros.spin_until(lambda: len(audience.heard["image"]) >= 6)
    assert audience.stamps("image")[:6] == 3 * [START, START + STEP]
    assert ros.spin_until(lambda: min(np.diff(audience.clock)) < 0)


def test_a_single_frame_in_a_loop_gets_later_stamps(ros, bag):
    audience = Audience(ros)
    play(ros, bag, loop=True, rate=5.0, max_frames=1)
    assert ros.spin_until(lambda: len(audience.heard["image"]) >= 3)
    assert audience.stamps("image")[:3] == [START, START + STEP, START + 2 * STEP]


def test_a_loop_over_data_that_is_taken_away_ends_with_one_sentence(ros, bag, tmp_path, capfd):
    audience = Audience(ros)
    shutil.copytree(bag, tmp_path / "bag")
    player = play(ros, tmp_path / "bag", loop=True, max_frames=2)
    shutil.rmtree(tmp_path / "bag")
    assert ros.spin_until(lambda: player.finished)
    assert audience.stamps("image") == [START, START + STEP]
    assert capfd.readouterr().err.count("Reading stops after 0 frames") == 1


@pytest.mark.skipif(packages.tf2 is None, reason=f"tf2 is {packages.reason('tf2')}")
def test_the_extrinsics_go_out_as_a_static_transform(ros, bag):
    from depth_completion_ros.ros.extrinsics import TfExtrinsics

    audience = Audience(ros)
    tf = TfExtrinsics(audience.node)
    play(ros, bag)
    assert ros.spin_until(lambda: len(audience.heard["points"]) >= 2)
    frames = [audience.heard[topic][0][1].header.frame_id for topic in ("image", "points")]
    np.testing.assert_allclose(tf.T_cam_lidar(*frames, START), T_CAM_LIDAR, atol=1e-9)


@pytest.mark.skipif(packages.tf2 is None, reason=f"tf2 is {packages.reason('tf2')}")
def test_the_motion_of_the_lidar_goes_out_as_a_transform_in_odom(ros, tmp_path):
    from depth_completion_ros.ros.extrinsics import TfExtrinsics

    moved = frame(wall(10.0))
    moved.stamp_image, moved.stamp_points = START, START + STEP // 5
    moved.T_world_lidar, moved.T_image_points = np.eye(4), np.eye(4)
    moved.T_world_lidar[:3, 3], moved.T_image_points[:3, 3] = (3, 2, 1), (0.2, 0, 0.01)
    write_bag([moved], tmp_path / "bag")
    audience = Audience(ros)
    tf = TfExtrinsics(audience.node)
    player = play(ros, tmp_path / "bag", fixed_frame="odom")
    assert ros.spin_until(lambda: player.finished)
    motion = tf.ego_motion("odom", "lidar", moved.stamp_points, moved.stamp_image, 1.0)
    np.testing.assert_allclose(motion, moved.T_image_points, atol=1e-9)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "Parameter 'data' is empty"),
        ("/no/such/drive", "'/no/such/drive'"),
        (None, "none of the formats"),
    ],
    ids=["no folder", "folder that is not there", "folder of something else"],
)
def test_a_wrong_folder_ends_the_player_with_one_sentence(data, words, tmp_path):
    command = [sys.executable, "-m", "depth_completion_ros.ros.player_node", "--ros-args"]
    command += ["-p", f"data:='{tmp_path if data is None else data}'"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
