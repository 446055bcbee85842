"""`depth-completion init` writes what a robot needs, and a node that is started with it completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.core import Camera, Frame, rigid
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.calibration.extrinsics_file import read_extrinsics
from depth_completion_ros.doctor.options import Options
from depth_completion_ros.doctor.recording import Recording, Stream
from depth_completion_ros.doctor.robot.files import write_robot
from depth_completion_ros.doctor.robot.found import Robot, robot_of

BEGIN, STEP = 1_700_000_000_000_000_000, 100_000_000
CAMERA = Camera(160, 120, [[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.0, -0.08, -0.3])


def frames(moving: bool = False):
    random = np.random.default_rng(0)
    for i in range(12):
        points = np.column_stack([random.uniform(5, 20, 500), random.uniform(-6, 6, (500, 2))])
        pose = rigid(np.eye(3), [0.5 * i, 0, 0]) if moving else None
        yield Frame(
            image=random.integers(0, 255, (120, 160, 3), dtype=np.uint8),
            points=points.astype(np.float32),
            camera=CAMERA,
            T_cam_lidar=T_CAM_LIDAR,
            T_world_lidar=pose,
            stamp_image=BEGIN + i * STEP,
            stamp_points=BEGIN + i * STEP,
        )


def init(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["init", *map(str, arguments)])
    return result.exit_code, result.output


def parameters_of(folder) -> dict:
    return yaml.safe_load((folder / "completion.yaml").read_text())["/**"]["ros__parameters"]


def start_of(folder) -> str:
    return " ".join((folder / "start.sh").read_text().replace("\\\n", "").split())


def test_a_robot_that_says_all_needs_nothing_filled_in(tmp_path):
    write_bag(frames(moving=True), tmp_path / "bag")
    out = tmp_path / "robot"
    code, text = init(tmp_path / "bag", "--out", out)
    assert code == 0, text
    assert parameters_of(out) == {"image_rate": 10.0, "fixed_frame": "odom"}
    start = start_of(out).partition("exec ros2 ")[2]
    assert "camera_lidar.launch.py image:=/camera/image_raw points:=/lidar/points" in start
    assert 'params:="$here"/completion.yaml' in start and "camera_info:=" not in start
    assert not (out / "extrinsics.yaml").exists() and (out / "start.sh").stat().st_mode & 0o100
    (tmp_path / "ros2").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "ros2").chmod(0o755)
    told = subprocess.run(
        [out / "start.sh", "rviz:=true"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert told[-2:] == [f"params:={out / 'completion.yaml'}", "rviz:=true"]


def test_without_ros2_the_node_itself_is_started(tmp_path):
    write_bag(frames(), tmp_path / "bag", image_format="png")
    out, here = tmp_path / "my robot", {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    code, text = init(tmp_path / "bag", "--out", out)
    assert code == 0 and "Images /camera/image_raw/compressed, points /lidar/points" in text
    done = subprocess.run([out / "start.sh"], env=here, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("Neither ros2 nor completion_node is found")
    (tmp_path / "completion_node").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "completion_node").chmod(0o755)
    command = [out / "start.sh", "-p", "use_sim_time:=true"]
    told = subprocess.run(command, env=here, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[:3] == ["--ros-args", "--params-file", str(out / "completion.yaml")]
    assert told[3::2] == ["-r", "-r", "-r", "-p", "-p"] and told[4::2] == [
        "image:=/camera/image_raw",
        "camera_info:=/camera/camera_info",
        "points:=/lidar/points",
        "image_transport:=compressed",
        "use_sim_time:=true",
    ]


def test_compressed_images_are_subscribed_as_such(tmp_path):
    write_bag(frames(), tmp_path / "bag", image_format="png")
    out = tmp_path / "robot"
    code, text = init(tmp_path / "bag", "--out", out)
    assert code == 0, text
    assert "image:=/camera/image_raw image_transport:=compressed" in start_of(out)


def test_without_tf_a_calibration_file_is_left_to_fill_in_and_is_refused_until_it_is(tmp_path):
    recording = Recording("bag drive", {}, _nowhere)
    for topic, kind, frame in (
        ("/left/image_rect", "sensor_msgs/msg/Image", "left_optical"),
        ("/lidar", "sensor_msgs/msg/PointCloud2", "os_lidar"),
    ):
        stream = Stream(topic, kind, content="rgb8" if "Image" in kind else None, frame_ids={frame})
        stream.stamps = [BEGIN + i * STEP for i in range(20)]
        stream.received = [stamp + 5_000_000 + 37 * 10**9 * (kind[-5:] == "Image") for stamp in stream.stamps]
        recording.streams[topic] = stream
    robot = robot_of(recording, Options())
    assert robot.parameters["rectified"][0] is True
    seconds, why = robot.parameters["image_time_offset"]
    assert seconds == 37.0 and "TAI" in why
    missing = write_robot(robot, [], tmp_path)
    assert [sentence.partition(":")[0] for sentence in missing] == ["camera.yaml", "extrinsics.yaml"]
    assert 'extrinsics:="$here"/extrinsics.yaml' in start_of(tmp_path)
    with pytest.raises(ValueError, match="extrinsics.yaml"):
        read_extrinsics(tmp_path / "extrinsics.yaml", "left_optical", "os_lidar")
    stub = (tmp_path / "extrinsics.yaml").read_text()
    filled = stub.replace("[x, y, z]", "[0.1, 0, 0]").replace("[x, y, z, w]", "[0, 0, 0, 1]")
    (tmp_path / "extrinsics.yaml").write_text(filled)
    T = read_extrinsics(tmp_path / "extrinsics.yaml", "left_optical", "os_lidar")
    np.testing.assert_allclose(T, rigid(np.eye(3), [0.1, 0, 0]))


def _nowhere(target: str, source: str, stamp: int):
    from depth_completion_ros.core import TransformError

    raise TransformError(f"'{source}' is not known in '{target}'.")


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "completion.yaml").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        write_robot(Robot("/image", "/points"), [], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["completion.yaml"]


def test_a_bag_without_points_is_refused_in_a_sentence(tmp_path):
    recording = Recording("bag drive", {"/image": Stream("/image", "sensor_msgs/msg/Image")}, _nowhere)
    words = "must have a topic of images and one of points; its topics are /image"
    with pytest.raises(ValueError, match=words):
        robot_of(recording, Options())


def test_what_it_writes_starts_the_node_on_the_topics_of_the_robot(tmp_path):
    """The script as it is, with the node of this environment."""
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    write_bag(frames(), tmp_path / "bag")
    code, text = init(tmp_path / "bag", "--out", tmp_path / "robot")
    assert code == 0, text
    node = tmp_path / "completion_node"
    start = "from depth_completion_ros.ros.process.start import completion_node; completion_node()"
    node.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n')
    node.chmod(0o755)
    domain = {"ROS_DOMAIN_ID": "97", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [tmp_path / "robot" / "start.sh"],
        env=os.environ | domain | path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            for line in started.stdout:
                if "Completing with" in line:
                    break
            else:
                pytest.fail("the node ended")
            assert "/camera/image_raw + /lidar/points -> /depth/image" in line
        finally:
            os.killpg(started.pid, signal.SIGINT)


def test_a_node_takes_the_parameters_as_they_are(tmp_path):
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    from depth_completion_ros.ros.parameters.__main__ import main as check

    write_bag(frames(moving=True), tmp_path / "bag")
    init(tmp_path / "bag", "--out", tmp_path / "robot")
    assert check(["--check", str(tmp_path / "robot" / "completion.yaml")]) == 0
