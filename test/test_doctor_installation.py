"""The doctor describes what is installed, and judges the transport of Fast DDS."""

from __future__ import annotations

import importlib.util

import pytest

from depth_completion_ros.doctor import diagnose


def test_the_installation_is_described_whatever_is_missing():
    findings = diagnose()
    subjects = {f.subject for f in findings}
    assert {"Python", "ROS", "GPU", "completers"} <= subjects
    assert not [f for f in findings if f.level == "error"]
    (python,) = [f for f in findings if f.subject == "Python"]
    for module in ("numpy", "cv2", "scipy", "rosbags", "open3d"):
        is_there = importlib.util.find_spec(module) is not None
        assert (f"{module} missing" in python.sentence) != is_there
    (networks,) = [f for f in findings if f.subject == "networks"]
    for module in ("torch", "triton", "safetensors", "transformers", "onnxruntime"):
        is_there = importlib.util.find_spec(module) is not None
        assert (f"{module} missing" in networks.sentence) != is_there
    assert ("CPU kernels" in subjects) == (importlib.util.find_spec("torch") is not None)


@pytest.fixture
def transport(monkeypatch, tmp_path):
    """The finding on Fast DDS's transport for an environment."""
    from depth_completion_ros.doctor.installation import _transport
    from depth_completion_ros.ros.transport import VARIABLES

    monkeypatch.chdir(tmp_path)
    for name in (*VARIABLES, "FASTDDS_BUILTIN_TRANSPORTS", "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)

    def look(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        return _transport()

    return look


@pytest.mark.parametrize(("rclpy", "variable"), [(7, "FASTRTPS"), (9, "FASTDDS")])
def test_without_a_profile_of_the_user_the_drivers_are_told_of_ours(transport, monkeypatch, rclpy, variable):
    """By the variable that this distribution reads: Jazzy has rclpy 7, Kilted 9."""
    monkeypatch.setattr("depth_completion_ros.ros.transport._rclpy_major", lambda: rclpy)
    finding = transport()
    assert finding.level == "ok" and f"export {variable}_DEFAULT_PROFILES_FILE=" in finding.sentence


def test_a_profile_that_is_not_there_is_an_error(transport, tmp_path):
    finding = transport(FASTDDS_DEFAULT_PROFILES_FILE=tmp_path / "none.xml")
    assert finding.level == "error" and "there is no such file" in finding.sentence


def test_a_profile_without_a_large_segment_is_a_warning(transport, tmp_path):
    (tmp_path / "small.xml").write_text("<profiles><segment_size>524288</segment_size></profiles>")
    finding = transport(FASTDDS_DEFAULT_PROFILES_FILE=tmp_path / "small.xml")
    assert finding.level == "warning" and "mostly lost" in finding.sentence


def test_the_shipped_profile_is_large_enough(transport):
    from depth_completion_ros.ros.transport import PROFILE

    finding = transport(FASTDDS_DEFAULT_PROFILES_FILE=PROFILE)
    assert finding.level == "ok" and "16777216 bytes" in finding.sentence


def test_udp_alone_is_a_warning(transport):
    assert transport(FASTDDS_BUILTIN_TRANSPORTS="UDPv4").level == "warning"
