"""Transforms over a real /tf, with the genuine tf2_ros where it is installed and the equivalent."""

from __future__ import annotations

import importlib
import threading
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import TransformStamped  # noqa: E402
from rclpy.time import Time  # noqa: E402

from depth_completion_ros.core import TransformError, invert, rigid  # noqa: E402
from depth_completion_ros.ros.diagnostics.status import WARN  # noqa: E402
from depth_completion_ros.ros.extrinsics import Extrinsics, TfExtrinsics  # noqa: E402
from depth_completion_ros.ros.wheels import generate_tf2_msgs, packages  # noqa: E402
from depth_completion_ros.ros.wheels.equivalents import tf_transformations  # noqa: E402

SECOND = 10**9
TF_SETTINGS = {
    "calibration_timeout": 0.0,
    "extrinsics_file": "",
    "extrinsics_source": "tf",
    "extrinsics": [0.0],
}
TURN = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
T_CAMERA_LIDAR = rigid(TURN, (0.1, -0.2, -0.3))


@pytest.fixture(params=["genuine", "equivalent"])
def tf2(request, monkeypatch):
    """One of the two implementations, which `TfExtrinsics` uses too."""
    if request.param == "genuine":
        if not packages.reason("tf2").startswith("genuine"):
            pytest.skip(f"no genuine tf2_ros: {packages.reason('tf2')}")
        return packages.tf2
    pytest.importorskip(
        "tf2_msgs", reason="no tf2_msgs; depth_completion_ros.ros.wheels.generate_tf2_msgs makes it"
    )
    module = importlib.import_module("depth_completion_ros.ros.wheels.equivalents.tf2")
    monkeypatch.setattr(packages, "tf2", module, raising=False)
    return module


def stamped(parent, child, T, stamp_ns=0):
    made = TransformStamped()
    made.header.frame_id, made.child_frame_id = parent, child
    made.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
    t, q = made.transform.translation, made.transform.rotation
    t.x, t.y, t.z = map(float, T[:3, 3])
    q.x, q.y, q.z, q.w = map(float, tf_transformations.quaternion_from_matrix(T))
    return made


def shifted(x):
    return rigid(np.eye(3), (x, 0, 0))


@pytest.fixture
def tf(ros, tf2):
    """Extrinsics of one node, and a function that publishes transforms from another."""
    talker = ros.node("talker")
    moving, static = tf2.TransformBroadcaster(talker), tf2.StaticTransformBroadcaster(talker)
    extrinsics = TfExtrinsics(ros.node("listener"))
    publishers = (moving.pub_tf, static.pub_tf)
    counts = (1, 2)  # tf2 hears both, and the watch those that are static
    assert ros.spin_until(lambda: tuple(p.get_subscription_count() for p in publishers) == counts)
    yield extrinsics, moving.sendTransform, static.sendTransform
    extrinsics.close()


def known(extrinsics, *question):
    def ask():
        try:
            return extrinsics.lookup(*question) is not None
        except TransformError:
            return False

    return ask


def test_a_static_transform_holds_at_all_times_and_both_ways(ros, tf):
    extrinsics, _, send_static = tf
    send_static(stamped("camera", "lidar", T_CAMERA_LIDAR))
    assert ros.spin_until(known(extrinsics, "camera", "lidar", 5 * SECOND))
    for stamp in (1, 5 * SECOND, 2**60):
        np.testing.assert_allclose(
            extrinsics.T_cam_lidar("camera", "lidar", stamp), T_CAMERA_LIDAR, atol=1e-12
        )
    T_lidar_camera = extrinsics.lookup("lidar", "camera", 5 * SECOND)
    np.testing.assert_allclose(T_lidar_camera, invert(T_CAMERA_LIDAR), atol=1e-12)


def test_static_transforms_reach_those_who_come_late_and_add_up(ros, tf2):
    broadcaster = tf2.StaticTransformBroadcaster(ros.node("talker"))
    broadcaster.sendTransform(stamped("base", "camera", shifted(1)))
    broadcaster.sendTransform([stamped("base", "lidar", shifted(3))])
    extrinsics = TfExtrinsics(ros.node("listener"))
    assert ros.spin_until(known(extrinsics, "camera", "lidar", SECOND))
    T_cam_lidar = extrinsics.T_cam_lidar("camera", "lidar", SECOND)
    np.testing.assert_allclose(T_cam_lidar, shifted(2), atol=1e-12)
    extrinsics.close()


def test_a_moving_transform_is_interpolated_at_the_stamp_of_the_cloud(ros, tf):
    extrinsics, send, send_static = tf
    send_static(stamped("head", "camera", rigid(TURN.T, np.zeros(3))))
    send(stamped("lidar", "head", shifted(1.0), 10 * SECOND))
    send(stamped("lidar", "head", shifted(2.0), 11 * SECOND))
    assert ros.spin_until(known(extrinsics, "camera", "lidar", 11 * SECOND))
    T_lidar_cam = invert(extrinsics.T_cam_lidar("camera", "lidar", 10 * SECOND + SECOND // 4))
    np.testing.assert_allclose(T_lidar_cam, rigid(TURN.T, (1.25, 0, 0)), atol=1e-9)


def test_ego_motion_takes_points_to_the_time_of_the_image(ros, tf):
    extrinsics, send, _ = tf
    send([stamped("odom", "lidar", shifted(0.0), SECOND)])
    send([stamped("odom", "lidar", shifted(10.0), 2 * SECOND)])
    assert ros.spin_until(known(extrinsics, "odom", "lidar", 2 * SECOND))
    T_image_points = extrinsics.ego_motion("odom", "lidar", SECOND, SECOND + SECOND // 10)
    np.testing.assert_allclose(T_image_points, shifted(-1.0), atol=1e-9)


@pytest.mark.parametrize(
    ("target", "source", "stamp", "said"),
    [
        ("camera", "radar", SECOND, "radar"),
        ("camera", "lidar", SECOND, "lidar"),
        ("odom", "base", SECOND // 2, "base"),
        ("odom", "base", 3 * SECOND, "base"),
        ("camera", "", SECOND, "empty frame_id"),
        ("", "lidar", SECOND, "empty frame_id"),
    ],
    ids=["unknown", "not connected", "too early", "too late", "no source", "no target"],
)
def test_what_cannot_be_looked_up_is_an_error_and_never_the_identity(ros, tf, target, source, stamp, said):
    extrinsics, send, send_static = tf
    send_static([stamped("mast", "camera", shifted(1)), stamped("rack", "lidar", shifted(1))])
    send(stamped("odom", "base", shifted(1), SECOND))
    send(stamped("odom", "base", shifted(2), 2 * SECOND))
    assert ros.spin_until(known(extrinsics, "odom", "base", 2 * SECOND))
    assert ros.spin_until(known(extrinsics, "rack", "lidar", SECOND))
    with pytest.raises(TransformError, match=said) as refused:
        extrinsics.lookup(target, source, stamp)
    assert str(refused.value).startswith(("No transform from", "Transform of"))
    assert "\n" not in str(refused.value)


def test_a_worker_may_wait_for_a_transform_that_is_late(ros, tf):
    extrinsics, _, send_static = tf
    found, started = [], threading.Event()

    def work():
        started.set()
        found.append(extrinsics.T_cam_lidar("camera", "lidar", SECOND, wait_s=10.0))

    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(10)
    send_static(stamped("camera", "lidar", T_CAMERA_LIDAR))
    assert ros.spin_until(lambda: not worker.is_alive())
    worker.join()
    np.testing.assert_allclose(found[0], T_CAMERA_LIDAR, atol=1e-12)


def test_transforms_that_are_none_are_ignored_and_stop_nothing(ros, tf):
    extrinsics, _, send_static = tf
    zero = stamped("camera", "lidar", shifted(7))
    zero.transform.rotation.w = 0.0
    lost = stamped("camera", "other lidar", shifted(7))
    lost.transform.translation.x = float("nan")
    itself = stamped("camera", "camera", shifted(7))
    send_static([zero, stamped("camera", "imu", shifted(1))])
    assert ros.spin_until(known(extrinsics, "camera", "imu", SECOND))
    send_static([itself, lost, stamped("camera", "gps", shifted(2))])
    assert ros.spin_until(known(extrinsics, "camera", "gps", SECOND))
    np.testing.assert_allclose(extrinsics.lookup("camera", "gps", SECOND), shifted(2))
    for lidar in ("lidar", "other lidar"):
        with pytest.raises(TransformError, match=lidar):
            extrinsics.lookup("camera", lidar, SECOND)


def test_two_publishers_of_one_static_transform_are_told_once(ros, tf2, capfd):
    extrinsics = Extrinsics(ros.node("listener"), SimpleNamespace(**TF_SETTINGS))
    one, other = (tf2.StaticTransformBroadcaster(ros.node(name)) for name in ("driver", "urdf"))
    one.sendTransform(stamped("camera", "lidar", shifted(1)))
    assert ros.spin_until(known(extrinsics.tf, "camera", "lidar", SECOND))
    one.sendTransform([stamped("camera", "lidar", shifted(1)), stamped("camera", "imu", shifted(1))])
    assert ros.spin_until(known(extrinsics.tf, "camera", "imu", SECOND))
    assert extrinsics.statuses == []
    other.sendTransform(stamped("camera", "lidar", shifted(1.25)))
    assert ros.spin_until(lambda: extrinsics.statuses)
    one.sendTransform(stamped("camera", "gps", shifted(3)))  # which tells the first value again
    assert ros.spin_until(known(extrinsics.tf, "camera", "gps", SECOND))
    (status,) = extrinsics.statuses
    words = "of 'lidar' in 'camera' is told with two values, 0.250 m and 0.00 degrees apart"
    assert status.level == WARN and words in status.message
    assert capfd.readouterr().err.count(words) == 1
    extrinsics.close()


def test_a_quaternion_that_is_not_of_length_one_is_told_once(ros, tf, capfd):
    extrinsics, _, send_static = tf
    long = stamped("camera", "lidar", shifted(1))
    long.transform.rotation.w = 2.0
    send_static([long, stamped("camera", "imu", shifted(1))])
    assert ros.spin_until(known(extrinsics, "camera", "imu", SECOND))
    send_static(stamped("camera", "gps", shifted(1)))
    assert ros.spin_until(known(extrinsics, "camera", "gps", SECOND))
    ros.spin_until(lambda: False, 0.3)
    assert capfd.readouterr().err.count("the length of its quaternion is 2 and must be 1") == 1


def test_after_a_jump_back_the_moving_transforms_are_forgotten_and_the_static_kept(ros, tf):
    extrinsics, send, send_static = tf
    send_static(stamped("base", "camera", shifted(1)))
    send(stamped("odom", "base", shifted(5), 100 * SECOND))
    assert ros.spin_until(known(extrinsics, "odom", "base", 100 * SECOND))
    assert ros.spin_until(known(extrinsics, "base", "camera", SECOND))
    extrinsics.clear()
    send(stamped("odom", "base", shifted(2), 3 * SECOND))
    assert ros.spin_until(known(extrinsics, "odom", "camera", 3 * SECOND))
    np.testing.assert_allclose(extrinsics.lookup("odom", "camera", 3 * SECOND), shifted(3))
    with pytest.raises(TransformError):
        extrinsics.lookup("odom", "camera", 100 * SECOND)


def test_where_tf_is_absent_the_extrinsics_say_why(monkeypatch):
    monkeypatch.setattr(packages, "tf2", None, raising=False)
    with pytest.raises(ValueError, match="TF cannot be used here.*generate_tf2_msgs"):
        TfExtrinsics(node=None)


def test_the_message_that_was_made_has_the_official_type_hash():
    pytest.importorskip(
        "tf2_msgs", reason="no tf2_msgs; depth_completion_ros.ros.wheels.generate_tf2_msgs makes it"
    )
    from tf2_msgs.msg import TFMessage

    type_hash = getattr(TFMessage, "_TYPE_HASH", None) or _type_hash_on_disk()
    assert "e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087" in str(type_hash)


def _type_hash_on_disk():
    from ament_index_python.packages import get_package_share_path

    return (get_package_share_path("tf2_msgs") / "msg" / "TFMessage.json").read_text()


def test_making_the_message_is_skipped_in_one_sentence_where_tools_are_missing(monkeypatch, capsys):
    monkeypatch.setattr(generate_tf2_msgs, "is_there", lambda: False)
    monkeypatch.setenv("PATH", "")
    assert generate_tf2_msgs.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("tf2_msgs skipped") and "cmake" in said and said.count("\n") == 1
