"""What is started for the launch and the demo, and what is refused before."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.demo.plan import Plan
from depth_completion_ros.ros.process.launching import (
    refuse_unknown_arguments,
    require_parameter_file,
)

LAUNCH = "/share/launch/kitti.launch.py"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"completer": "lineer"}, "Completer 'lineer' is unknown; did you mean 'linear'?"),
        (
            {"completer": "linear", "variant": "deep"},
            "Variant 'deep' of 'linear' is unknown; it must be one of",
        ),
        ({"data": "/no/such/drive"}, "There is nothing to play at '/no/such/drive'."),
        ({"report": "/no/such/folder/report.json"}, "has no folder; make the folder first."),
        ({"params": "/no/such/file.yaml"}, "There is no parameter file at '/no/such/file.yaml'."),
        ({"rate": 0.0}, "Rate is 0; it must be above 0."),
        ({"filters": "some"}, "Filters are 'some'; they must be one of see-through"),
        ({"max_depth": "-1"}, "Argument max_depth is '-1'; it must be metres above 0, or inf."),
        ({"max_range": "far"}, "Argument max_range is 'far'"),
        ({"region": "1,2,3"}, "Region is '1,2,3'; it must be left,top,right,bottom"),
        ({"protocol": "share:50"}, "Protocol 'share:50' draws pixels"),
    ],
)
def test_what_could_only_fail_later_is_refused_in_a_sentence(given, words):
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        Plan(**given).check()
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_the_usual_plan_is_fine():
    Plan().check()


def test_a_parameter_file_that_the_node_would_refuse_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**:\n  ros__parameters:\n    slack: -1.0\n")
    with pytest.raises(ValueError, match=r"'slack' is -1.0; it must be"):
        require_parameter_file(str(file), "completion")
    file.write_text("/**:\n  ros__parameters:\n    slack: 0.1\n")
    require_parameter_file(str(file), "completion")


def test_an_argument_that_is_not_declared_is_refused_where_the_file_is_the_one_that_was_started():
    line = ["ros2", "launch", "depth_completion_ros", "kitti.launch.py", "completr:=linear"]
    with pytest.raises(ValueError, match="'completr' is unknown; did you mean 'completer'?"):
        refuse_unknown_arguments(["completer", "data"], LAUNCH, line)
    refuse_unknown_arguments(["completer"], LAUNCH, [*line[:4], "completer:=linear"])
    # Another launch file that includes this one has arguments of its own.
    refuse_unknown_arguments(
        ["completer"], LAUNCH, ["ros2", "launch", "robot", "robot.launch.py", "arm:=left"]
    )


# Parameters --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A frame folder with a LiDAR scan and no truth, and one with a truth."""
    from depth_completion_ros.data.bag.writer import write_bag

    camera = Camera(80, 60, [[50, 0, 39.5], [0, 50, 29.5], [0, 0, 1]])
    y, z = np.meshgrid(np.linspace(-6, 6, 60), np.linspace(-4, 4, 32))
    points = np.stack([np.full(y.size, 10.0), y.ravel(), z.ravel()], axis=1).astype(np.float32)
    T = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    common = {"camera": camera, "image": np.zeros((60, 80, 3), np.uint8), "points": points, "T_cam_lidar": T}
    common |= {"stamp_image": 10**9, "stamp_points": 10**9, "rings": np.repeat(np.arange(32), 60)}
    write_bag([Frame(**common)], tmp_path / "bare")
    write_bag([Frame(**common, ground_truth=np.full((60, 80), 10, np.float32))], tmp_path / "true")
    return tmp_path


def test_the_protocol_is_truth_where_there_is_one_and_else_hidden_rings_for_those_who_ask(folder):
    assert Plan(data=str(folder / "true")).prepared().plan.protocol == "truth"
    assert Plan(data=str(folder / "bare")).prepared().plan.protocol == ""
    assert Plan(data=str(folder / "bare"), evaluate=True).prepared().plan.protocol == "hide:2"
    with pytest.raises(ValueError, match=r"cannot be scored by protocol 'truth': it has no ground truth\."):
        Plan(data=str(folder / "bare"), protocol="truth").prepared()


def test_defaults_are_those_of_the_offline_evaluation(folder):
    parameters = Plan(data=str(folder / "true")).prepared().session_parameters()
    assert parameters["max_range"] == parameters["max_depth"] == 0.0 and parameters["region"] == [0, 0, 0, 0]
    assert parameters["see_through"] and not parameters["isolated"] and not parameters["realtime"]
    assert parameters["again"] == f"depth-completion evaluate {folder / 'true'} -c default -p truth"
    assert parameters["out"] == str(folder / "true_completed" / "default")


def test_what_is_fed_is_limited_in_the_completion_node_and_what_is_scored_in_the_session(folder):
    plan = Plan(
        data=str(folder / "true"),
        completer="linear",
        max_range="30",
        max_depth="20",
        region="1,2,30,40",
        filters="isolated",
    )
    prepared = plan.prepared()
    node, session = prepared.completion_parameters(), prepared.session_parameters()
    assert node["max_range"] == 30.0 and session["max_depth"] == 20.0 and session["region"] == [1, 2, 30, 40]
    assert node["filter_isolated"] and not node["filter_see_through"]
    assert node["warm_up_size"] == [80, 60]
    assert prepared.offline_command().endswith(
        "-c linear -p truth --max-range 30 --max-depth 20 --region 1,2,30,40 --filters isolated"
    )


def test_on_the_demo_drive_truth_counts_up_to_80_m_below_the_topmost_scan_line(open3d, tmp_path):
    from depth_completion_ros.demo.drive import make_demo_drive

    drive = make_demo_drive(tmp_path, frames=2, width=414, height=125)
    parameters = Plan(data=str(drive)).prepared().session_parameters()
    left, top, right, bottom = parameters["region"]
    assert parameters["max_depth"] == 80.0 and (left, right) == (0, 414)
    assert 30 < top < 70 and bottom == 125
    assert Plan(data=str(drive), max_depth="inf").prepared().session_parameters()["max_depth"] == 0.0
