"""kitti.launch.py as a person sees it: lines, table, files, exit code, and what is left when it has ended."""

from __future__ import annotations

import json
import os
import re
import signal

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

from walk import has_genuine_launch, walk  # noqa: E402

from depth_completion_ros.data import open_reader  # noqa: E402
from depth_completion_ros.evaluation.protocols import Settings  # noqa: E402
from depth_completion_ros.evaluation.runner import evaluate  # noqa: E402

FRAMES = 6
genuine = pytest.mark.skipif(
    not has_genuine_launch(),
    reason="`ros2 launch` is not installed, or depth_completion_ros is not built by colcon and sourced",
)


def row(output: str, name: str) -> str:
    """The value of a row of the table at the end."""
    found = re.search(rf"^{name}\s{{2,}}(.+)$", output, re.MULTILINE)
    assert found, f"no row '{name}' in\n{output}"
    return found[1]


def test_a_person_sees_how_it_goes_and_in_the_end_a_table_and_files(drive, tmp_path):
    arguments = ("completer:=nearest", "rate:=0.2", f"out:={tmp_path / 'out'}")
    with walk(tmp_path, f"data:={drive}", *arguments) as it:
        code = it.wait()
        assert it.wait_until_nothing_is_left()
    output = it.output
    assert code == 0, output
    assert "Traceback" not in output and "rror" not in output.replace("Caught", ""), output
    assert re.search(
        r"\d of 6 frames completed \| +[\d.]+ a second \| latency p50 \d+ ms \| dropped 0", output
    )
    assert re.search(r"Warmed 'nearest' up at 414 x 125 in \d+\.\d s", output)
    assert row(output, "frames in") == row(output, "completed") == str(FRAMES)
    assert row(output, "dropped") == "none"
    assert re.fullmatch(r"p50 \d+ ms, p95 \d+ ms, p99 \d+ ms", row(output, "latency"))
    assert re.fullmatch(r"\d+ mm, \d+ mm over 6 frames", row(output, "RMSE, MAE"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["played"] == report["completed"] == report["frames"] == FRAMES
    assert [frame["outcome"] for frame in report["per_frame"]] == FRAMES * ["completed"]
    page = (tmp_path / "out" / "index.html").read_text()
    shown = sorted((tmp_path / "out" / "images").iterdir())
    assert len(shown) == FRAMES and all(f"images/{file.name}" in page for file in shown)
    assert cv2.imread(str(shown[0])).shape == (2 * 125, 2 * 414, 3)


@pytest.mark.parametrize(
    ("arguments", "protocol", "settings"),
    [
        ({}, "truth", {"max_depth": 80.0}),
        ({"max_depth": "inf"}, "truth", {}),
        ({"protocol": "hide:2", "max_depth": "40", "region": "10,60,310,110"}, "hide:2", {"max_depth": 40.0}),
        (
            {"protocol": "truth:lines=16", "max_range": "30", "filters": "all"},
            "truth:lines=16",
            {"max_depth": 80.0},
        ),
    ],
    ids=["as it is", "all of the truth", "hidden rings in a window", "fewer lines, near, both filters"],
)
def test_live_scores_are_those_of_the_offline_evaluation(drive, tmp_path, arguments, protocol, settings):
    out = tmp_path / "out"
    words = {"data": drive, "completer": "linear", "evaluate": "true", "out": out, **arguments}
    with walk(tmp_path, *(f"{name}:={value}" for name, value in words.items())) as it:
        assert it.wait() == 0, it.output
    report = json.loads((out / "report.json").read_text())
    region = re.search(r"region ([\d,]+)", report["scored_on"])[1]
    offline = Settings(
        region=tuple(map(int, region.split(","))),
        see_through=True,
        isolated=arguments.get("filters") == "all",
        max_range=float(arguments.get("max_range", "inf")),
        **settings,
    )
    rows = evaluate(open_reader(drive), ["linear"], [protocol], offline).rows
    assert [frame["name"] for frame in report["per_frame"]] == [row.frame for row in rows]
    for live, row in zip(report["per_frame"], rows, strict=True):
        assert live["rmse_mm"] == pytest.approx(row.metrics.rmse_mm, rel=1e-6)
        assert live["mae_mm"] == pytest.approx(row.metrics.mae_mm, rel=1e-6)
        assert live["pixels"] == row.metrics.pixels


def test_a_completer_that_cannot_be_made_ends_it_with_its_sentence(drive, tmp_path):
    (tmp_path / "text.pt").write_text("This is no checkpoint.")
    arguments = ("completer:=mspn_lite", f"weights:={tmp_path / 'text.pt'}", f"out:={tmp_path / 'out'}")
    with walk(tmp_path, f"data:={drive}", *arguments) as it:
        assert it.wait() == 1
        assert it.wait_until_nothing_is_left()
    assert "The node cannot be configured: " in it.output and "text.pt' is no checkpoint" in it.output
    assert "Traceback" not in it.output and "frames completed" not in it.output


@genuine
@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("completr:=linear", "Argument 'completr' is unknown; did you mean 'completer'?"),
        ("completer:=lineer", "Completer 'lineer' is unknown; did you mean 'linear'?"),
        ("rviz:=true", "rviz:=true needs the package rviz2, which is not installed"),
        ("report:=/no/such/folder/report.json", "'/no/such/folder/report.json' has no folder"),
        ("params:=/no/such/file.yaml", "There is no parameter file at '/no/such/file.yaml'."),
        ("weights:=/no/such/file.pt", "There is no checkpoint '/no/such/file.pt'."),
        ("data:=/no/such/drive", "There is nothing to play at '/no/such/drive'."),
        ("protocol:=points:500", "Protocol 'points:500' draws pixels"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_before_anything_starts(tmp_path, argument, words):
    if argument == "rviz:=true":
        from ament_index_python.packages import get_packages_with_prefixes

        if "rviz2" in get_packages_with_prefixes():
            pytest.skip("RViz is here")
    with walk(tmp_path, argument) as it:
        assert it.wait() == 1
    assert words in it.output and "process started" not in it.output and "Traceback" not in it.output


STOPS = {
    "Ctrl-C": lambda it: os.killpg(it.process.pid, signal.SIGINT),
    "Ctrl-C twice": lambda it: [os.killpg(it.process.pid, signal.SIGINT) for _ in range(2)],
    "SIGINT to the launch alone": lambda it: it.process.send_signal(signal.SIGINT),
    "SIGTERM to the launch alone": lambda it: it.process.send_signal(signal.SIGTERM),
    "SIGKILL to the launch alone": lambda it: it.process.send_signal(signal.SIGKILL),
}


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("moment", ["Playing", "of 6 frames completed"])
def test_stopped_at_any_moment_it_leaves_no_process_and_no_traceback(drive, tmp_path, stop, moment):
    if not has_genuine_launch() and stop.startswith("SIGINT"):
        pytest.skip("a plain parent of the nodes does as `ros2 launch` does only with a signal to the group")
    arguments = ("completer:=linear", "rate:=0.2", f"out:={tmp_path / 'out'}")
    with walk(tmp_path, f"data:={drive}", *arguments) as it:
        it.wait_for(moment)
        STOPS[stop](it)
        assert it.wait_until_nothing_is_left(), it.output
        code = it.wait()
    assert code != 0
    # That of a Python program in between, which is none of ours, does not count.
    assert "Traceback" not in it.output or not has_genuine_launch(), it.output
    assert "Timeout (" not in it.output and "escalating" not in it.output, it.output


@genuine
def test_stopped_while_the_demo_drive_is_made_it_ends_and_makes_it_anew_the_next_time(open3d, tmp_path):
    with walk(tmp_path, "completer:=nearest") as it:
        it.wait_for("Making the demo drive: 1 of 30 frames")
        os.killpg(it.process.pid, signal.SIGINT)
        assert it.wait_until_nothing_is_left(), it.output
        assert it.wait() == 1
    assert "Traceback" not in it.output and "completion_node" not in it.output
    assert not list((tmp_path / "cache").rglob("demo_drive.json"))
