"""Bad stamps, transforms and topics: each is told, or drops its frame under one cause; the node lives on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rclpy
from rig import USUAL, Rig, needs_tf, transform
from robot import (
    SECOND,
    START,
    STEP,
    T_CAM_LIDAR,
    Robot,
    completion_node,
    frame,
    image_message,
    info_message,
    points_message,
)

from depth_completion_ros.completion import create_completer
from depth_completion_ros.core import invert
from depth_completion_ros.ros.inputs import silence
from depth_completion_ros.ros.wheels import packages

# Stamps ------------------------------------------------------------------------------------------


def test_zero_and_repeated_stamps_are_counted(rig):
    rig.robot.send(0, image=image_message(0), points=points_message(0))
    rig.robot.send(START)
    rig.robot.send(START)
    pairing = rig.node._inputs.pairing
    expected = {"stamp is zero": 2, "repeated stamp": 2}
    assert rig.ros.spin_until(lambda: dict(pairing.dropped) == expected), pairing.dropped
    rig.robot.wait_for_status("completion: frames", "WARN", "stamp is zero (2)")
    assert len(rig.robot.received["depth/image"]) == 1
    rig.recovers()


def test_stamps_that_jump_back_as_in_a_looping_bag_go_on(rig):
    for round_ in range(3):
        for i in range(3):
            rig.robot.send(START + i * STEP)
            rig.robot.wait_for_outputs(3 * round_ + i + 1)
    assert rig.node.counters.snapshot().completed == 9


def test_stamps_in_the_future_are_completed_with_a_warning(rig):
    now = rig.node.get_clock().now().nanoseconds
    rig.robot.send(now + 100 * SECOND)
    rig.depth()
    rig.robot.wait_for_status("completion: stamps", "WARN", "ahead of this node's clock")
    rig.recovers(now)
    rig.robot.wait_for_status("completion: stamps", "OK")


def test_a_clock_that_jumps_back_empties_what_waits(ros):
    from rosgraph_msgs.msg import Clock

    robot = Robot(ros)
    node = completion_node(ros, use_sim_time=True)
    clock = robot.node.create_publisher(Clock, "/clock", 10)
    robot.connect()

    def tell(seconds: int) -> None:
        message = Clock()
        message.clock.sec = seconds
        assert ros.spin_until(clock.get_subscription_count)
        clock.publish(message)
        assert ros.spin_until(lambda: node.get_clock().now().nanoseconds == seconds * SECOND)

    tell(1010)
    robot.publishers["image"].publish(image_message(START + 10 * SECOND))
    assert ros.spin_until(lambda: node._inputs.pairing.pending == 1)
    tell(1000)
    assert ros.spin_until(lambda: node._inputs.pairing.dropped["time jump"] == 1)
    robot.send(START)
    robot.wait_for_outputs(1)


# Extrinsics --------------------------------------------------------------------------------------


def test_inverted_extrinsics_are_suspected(ros, capfd):
    inverse = invert(T_CAM_LIDAR).ravel().tolist()
    rig = Rig(ros, extrinsics=inverse)
    rig.robot.send(START)
    rig.depth()
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "looks inverted")
    assert "looks inverted" in capfd.readouterr().err


def test_extrinsics_to_the_body_of_the_camera_are_suspected(ros):
    rig = Rig(ros, extrinsics=np.eye(4).ravel().tolist())
    rig.robot.send(START)
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "looks like one to the body of the camera")


@pytest.mark.parametrize("frames", [("camera", "lidar"), ("lidar", "camera")], ids=["as meant", "swapped"])
def test_a_calibration_file_is_used_in_the_direction_of_its_frames(ros, tmp_path, frames):
    T = T_CAM_LIDAR if frames[0] == "camera" else invert(T_CAM_LIDAR)
    rig = Rig(ros, extrinsics_source="file", extrinsics_file=calibration_file(tmp_path, *frames, T))
    rig.robot.send(START)
    np.testing.assert_array_equal(rig.depth(), USUAL)


def test_a_calibration_file_of_other_frames_is_never_used(ros, tmp_path):
    path = calibration_file(tmp_path, "camera", "radar", T_CAM_LIDAR)
    rig = Rig(ros, extrinsics_source="file", extrinsics_file=path)
    rig.robot.send(START)
    rig.wait_for_drop("extrinsics cannot be used")
    words = "is of 'radar' in 'camera', but the camera is 'camera' and the LiDAR 'lidar'."
    rig.robot.wait_for_status("completion: extrinsics", "WARN", words)


@pytest.mark.parametrize("source", ["parameter", "file"])
def test_extrinsics_without_frames_are_those_of_the_first_lidar_alone(ros, tmp_path, source):
    (tmp_path / "calib.json").write_text(json.dumps({"T_cam_lidar": T_CAM_LIDAR.tolist()}))
    rig = Rig(ros, extrinsics_source=source, extrinsics_file=str(tmp_path / "calib.json"))
    rig.robot.send(START)
    rig.robot.wait_for_outputs(1)
    other = points_message(START + STEP)
    other.header.frame_id = "other"
    rig.robot.send(START + STEP, points=other)
    counts = rig.node.counters
    assert ros.spin_until(lambda: counts.snapshot().dropped == {"extrinsics cannot be used": 1})
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "says nothing of those of 'other'")
    rig.recovers(START + 2 * STEP)


def calibration_file(folder, parent: str, child: str, T: np.ndarray) -> str:
    path = folder / "calibration.json"
    path.write_text(json.dumps({"parent": parent, "child": child, "matrix": T.tolist()}))
    return str(path)


@needs_tf
def test_missing_tf_is_counted_and_never_taken_for_identity_until_it_comes(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=0.0)
    rig.robot.send(START)
    rig.wait_for_drop("no transform")
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "'lidar'")
    broadcaster = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    broadcaster.sendTransform(transform(T_CAM_LIDAR))
    known = rig.node._extrinsics.tf
    assert ros.spin_until(lambda: can_look_up(known, START))
    rig.robot.send(START + STEP)
    np.testing.assert_allclose(rig.depth(), USUAL, rtol=1e-5)
    rig.robot.wait_for_status("completion: extrinsics", "OK")


@needs_tf
def test_tf_that_is_a_little_late_is_waited_for(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=5.0)
    broadcaster = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    rig.robot.send(START)
    assert ros.spin_until(lambda: rig.node.counters.snapshot().begun == 1)
    broadcaster.sendTransform(transform(T_CAM_LIDAR))
    np.testing.assert_allclose(rig.depth(), USUAL, rtol=1e-5)


@needs_tf
def test_motion_between_cloud_and_image_is_undone_through_a_fixed_frame(ros):
    rig = Rig(ros, extrinsics_source="tf", fixed_frame="odom", calibration_timeout=5.0)
    static = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    static.sendTransform(transform(invert(T_CAM_LIDAR), "lidar", "camera"))
    moving = packages.tf2.TransformBroadcaster(rig.robot.node)
    assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
    # 1 m towards the wall each 0.1 s; the cloud is 40 ms older than the image.
    for i in range(-1, 3):
        forward = np.eye(4)
        forward[0, 3] = i
        moving.sendTransform(transform(forward, "odom", "lidar", START + i * STEP))
    rig.robot.send(START, points=points_message(START - 40_000_000))
    rig.robot.publishers["image"].publish(image_message(START + STEP))
    back = np.eye(4)
    back[0, 3] = -0.4
    expected = create_completer("nearest")(frame(T_image_points=back)).depth
    assert np.mean(np.isclose(rig.depth(), expected, rtol=1e-4)) > 0.99


@needs_tf
def test_a_moving_transform_is_forgotten_when_stamps_jump_back_without_a_clock(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=5.0)
    moving = packages.tf2.TransformBroadcaster(rig.robot.node)
    assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
    end = START + 100 * SECOND
    moving.sendTransform(transform(T_CAM_LIDAR, stamp=end))
    rig.robot.send(end)
    np.testing.assert_allclose(rig.depth(0), USUAL, rtol=1e-5)
    rig.robot.send(START)
    assert ros.spin_until(lambda: rig.node._inputs.pairing.time_jumps == 1)
    moving.sendTransform(transform(T_CAM_LIDAR, stamp=START))
    np.testing.assert_allclose(rig.depth(1), USUAL, rtol=1e-5)


def can_look_up(tf, stamp: int) -> bool:
    from depth_completion_ros.core import TransformError

    try:
        return tf.T_cam_lidar("camera", "lidar", stamp) is not None
    except TransformError:
        return False


# Topics ------------------------------------------------------------------------------------------


def test_a_stream_that_falls_silent_is_reported_and_so_is_its_return(ros):
    rig = Rig(ros, stale_after=0.6)
    rig.robot.send(START)
    rig.depth()
    topics = {"image", "camera_info"}
    stamps = iter(range(START + STEP, START + 1000 * STEP, STEP))

    def publish():
        make = {"image": image_message, "camera_info": info_message, "points": points_message}
        stamp = next(stamps)
        for topic in topics:
            rig.robot.publishers[topic].publish(make[topic](stamp))

    rig.robot.node.create_timer(0.1, publish)
    message = rig.robot.wait_for_status("completion: input points", "ERROR")
    assert message.startswith("Nothing received on /points for ")
    assert rig.robot.statuses["completion: input image"][0] == "OK"
    topics.clear()
    rig.robot.wait_for_status("completion: input image", "STALE")
    topics |= {"image", "camera_info", "points"}
    for name in ("input points", "input image", "frames"):
        rig.robot.wait_for_status(f"completion: {name}", "OK")
    assert ros.spin_until(lambda: len(rig.robot.received["depth/image"]) > 1)


def test_a_topic_of_another_type_is_named(ros, capfd, monkeypatch):
    """A remapping to the compressed topic of a camera: DDS would just bring nothing."""
    from sensor_msgs.msg import CompressedImage

    monkeypatch.setattr(silence, "FIRST_MESSAGE_S", 0.5)
    own = rclpy.Context()  # a participant has one type for a topic
    rclpy.init(context=own, domain_id=ros.context.get_domain_id())
    camera = rclpy.create_node("camera", context=own)
    camera.create_publisher(CompressedImage, "image", 10)
    completion_node(ros, stale_after=0.5)
    robot = Robot(ros, compressed=True)
    words = "/image is published as sensor_msgs/msg/CompressedImage, but sensor_msgs/msg/Image is wanted"
    try:
        robot.wait_for_status("completion: input image", "ERROR", words)
        said: list[str] = []
        assert ros.spin_until(lambda: said.append(capfd.readouterr().err) or words in "".join(said))
    finally:
        camera.destroy_node()
        own.shutdown()


def test_a_publisher_with_an_incompatible_qos_is_named(ros, capfd):
    robot = Robot(ros, outputs=())
    completion_node(ros, qos_input_reliability="reliable", stale_after=0.5)
    words = "A publisher of /points offers an incompatible QoS (reliability)"
    robot.wait_for_status("completion: input points", "ERROR", words)
    assert words in capfd.readouterr().err


def test_a_subscriber_with_an_incompatible_qos_is_named(ros):
    robot = Robot(ros)
    completion_node(ros, qos_output_reliability="best_effort")
    robot.wait_for_status("completion: output depth/image", "WARN", "incompatible QoS (reliability)")


def test_an_unknown_parameter_is_told_with_the_nearest_name(ros, capfd):
    completion_node(ros, complter="nearest")
    assert "Parameter 'complter' is unknown and has no effect; did you mean 'completer'?" in (
        capfd.readouterr().err
    )
