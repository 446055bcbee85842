"""One contract for the ROS packages without wheels, for the genuine ones and the equivalents."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("std_msgs", reason="the ROS message packages are not installed")

from std_msgs.msg import Header  # noqa: E402

from depth_completion_ros.ros.wheels import packages  # noqa: E402

GENUINE = {
    "message_filters": "message_filters",
    "tf_transformations": "tf_transformations",
}


@pytest.fixture(params=["genuine", "equivalent"])
def package(request):
    """A function that gives a package by name, of one of the two kinds."""

    def find(name):
        if request.param == "equivalent":
            return importlib.import_module(f"depth_completion_ros.ros.wheels.equivalents.{name}")
        if not packages.reason(name).startswith("genuine"):
            pytest.skip(f"no genuine {name}: {packages.reason(name)}")
        return importlib.import_module(GENUINE[name])

    return find


def header():
    made = Header(frame_id="camera")
    made.stamp.sec = 7
    return made


def test_filters_call_back_in_order_with_their_arguments(package):
    chain, seen = package("message_filters").SimpleFilter(), []
    for name in ("first", "second"):
        chain.registerCallback(lambda *output: seen.append(output), name)
    chain.signalMessage("image", "points")
    assert seen == [("image", "points", "first"), ("image", "points", "second")]


def test_subscriber_hands_on_messages_with_the_qos_it_was_given(package, ros):
    from rclpy.qos import DurabilityPolicy, QoSProfile

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node, seen = ros.node("listener"), []
    ros.node("talker").create_publisher(Header, "header", latched).publish(header())
    head = package("message_filters").Subscriber(node, Header, "header", qos_profile=latched)
    head.registerCallback(seen.append)
    assert ros.spin_until(lambda: seen), "the message sent before must arrive"
    assert seen[0].frame_id == "camera"
    assert head.getTopic() == "header"
    assert node.destroy_subscription(head.sub)


def test_quaternions_are_x_y_z_w_and_go_round(package):
    transformations = package("tf_transformations")
    quarter_turn_about_z = (0, 0, np.sqrt(0.5), np.sqrt(0.5))
    T = transformations.quaternion_matrix(quarter_turn_about_z)
    np.testing.assert_allclose(T @ (1, 0, 0, 1), (0, 1, 0, 1), atol=1e-12)
    back = np.array(transformations.quaternion_from_matrix(T))
    np.testing.assert_allclose(back * np.sign(back[3]), quarter_turn_about_z, atol=1e-12)


def test_report_tells_of_each_package_what_is_used():
    report = packages.report()
    assert set(report) == {
        "message_filters",
        "tf_transformations",
        "tf2_ros",
    }
    for said in report.values():
        assert said.split(":")[0].split()[0] in ("genuine", "equivalent", "absent")
    with pytest.raises(AttributeError):
        packages.no_such_package  # noqa: B018 (the access is the test)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("raise AttributeError('_ARRAY_API not found')", "_ARRAY_API not found"),
        ("import rospy_of_ros_1", "rospy_of_ros_1"),
        ("def quaternion_from_matrix(T): raise TypeError('no C++ half')", "C++ half"),
    ],
)
def test_a_broken_genuine_package_counts_as_absent_with_its_reason(tmp_path, content, reason):
    (tmp_path / "tf_transformations.py").write_text(content)
    script = f"""
        import sys
        sys.path[:0] = [{str(tmp_path)!r}, {str(Path(packages.__file__).parents[3])!r}]
        from depth_completion_ros.ros.wheels import packages
        print(packages.tf_transformations.__name__)
        print(packages.report()["tf_transformations"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    name, report = done.stdout.splitlines()
    assert name == "depth_completion_ros.ros.wheels.equivalents.tf_transformations"
    assert report.startswith("equivalent: ") and reason in report
