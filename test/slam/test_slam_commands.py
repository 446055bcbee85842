"""`depth-completion slam` and `map` from end to end, on a small demo drive, and what they refuse."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import islice

import numpy as np
import pytest
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo import run as demo
from depth_completion_ros.demo.drive import make_demo_drive
from depth_completion_ros.demo.drive.surface import surface_of
from depth_completion_ros.slam.mapping.occupancy import Box, world_points
from depth_completion_ros.slam.mapping.truth import MapTruth

FRAMES = 6


def run(*arguments):
    """Exit code, stdout and stderr of `depth-completion` with these arguments."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def drive(open3d, tmp_path_factory):
    return make_demo_drive(tmp_path_factory.mktemp("demo"), frames=FRAMES, width=828, height=250)


@pytest.fixture
def installed():
    for package in ("orbslam3", "evo"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra slam)")


# SLAM --------------------------------------------------------------------------------------------


def test_slam_scores_each_depth_and_writes_what_evo_and_people_read(installed, drive, tmp_path):
    out = tmp_path / "out"
    depths = ["-d", "linear", "-d", "truth"]
    code, text, said = run("slam", drive, *depths, "--gates", "0,0.3,0.5", "--repeats", 2, "-o", out)
    assert code == 0 and "reference: poses of the data" in text
    assert "truth, run 2: 6 of 6 frames tracked" in said
    content = json.loads((out / "slam.json").read_text())
    assert content["frames"] == FRAMES and content["length_m"] == pytest.approx(4.5, abs=0.2)
    assert [(d["depth"], d["min_confidence"]) for d in content["depths"]] == [
        ("linear", 0), ("linear", 0.3), ("linear", 0.5), ("truth", 0)
    ]  # fmt: skip
    for depth in content["depths"]:
        for each in depth["runs"]:
            assert each["states"] == ["OK"] * FRAMES and each["score"]["pairs"] == FRAMES
            assert each["score"]["ate_m"] < 0.2 and each["score"]["scale"] == pytest.approx(1, abs=0.1)
    for file in (
        "reference.tum",
        "linear_from_0/run_2/trajectory.tum",
        "linear_from_0.3/run_1/trajectory.tum",
    ):
        assert len(np.loadtxt(out / file)) == FRAMES
    assert "| truth | 2 | 6 / 6 | 0 | 1 |" in (out / "report.md").read_text()
    page = (out / "report.html").read_text()
    assert "every frame was tracked in every run" in page and "<td>linear &gt;= 0.3</td>" in page
    for file in ("trajectories.png", "gates.png"):
        assert (out / file).stat().st_size > 10_000


def test_slam_takes_one_frame_in_so_many(installed, drive, tmp_path):
    options = ["-d", "inverse_dilation", "--repeats", 1, "--every", 2, "-o", tmp_path / "out"]
    code, _, _ = run("slam", drive, *options)
    content = json.loads((tmp_path / "out" / "slam.json").read_text())
    assert code == 0 and content["frames"] == FRAMES / 2 and content["fed"].endswith("one frame in 2")
    stamps = np.loadtxt(tmp_path / "out" / "reference.tum")[:, 0]
    assert np.diff(stamps) == pytest.approx(0.2, abs=0.02)


def test_slam_prints_json_and_nothing_else(installed, drive, tmp_path):
    options = ["-d", "truth", "--repeats", 1, "--limit", 4, "--json", "-o", tmp_path / "out"]
    code, text, said = run("slam", drive, *options)
    assert code == 0 and "truth, run 1: 4 of 4 frames tracked" in said and "Report: " in said
    assert "cut off" not in said
    assert text == (tmp_path / "out" / "slam.json").read_text()
    assert [depth["depth"] for depth in json.loads(text)["depths"]] == ["truth"]


def test_slam_says_where_mapping_was_cut_off(installed, drive, tmp_path, program):
    """A Python by which no time is waited for the mapping."""
    python = program(
        "import sys; from pathlib import Path; sys.argv = sys.argv[1:]\n"
        "text = Path(sys.argv[0]).read_text().replace('LONGEST_S = 0.6, 30.0', 'LONGEST_S = 0.6, 0.0')\n"
        "exec(compile(text, sys.argv[0], 'exec'), {'__name__': '__main__'})"
    )
    options = ["-d", "truth", "--repeats", 1, "--limit", 4, "--python", python, "-o", tmp_path / "out"]
    code, _, said = run("slam", drive, *options)
    sentence = "Mapping was cut off after 4 of 4 frames."
    assert code == 0 and sentence in said.splitlines()
    for page in ("report.md", "report.html"):
        assert sentence in (tmp_path / "out" / page).read_text()


def test_slam_on_frames_without_poses_is_compared_with_kiss_icp(installed, real_frames, tmp_path):
    if find_spec("kiss_icp") is None:
        pytest.skip("kiss_icp is not installed (extra slam)")
    options = [
        "-O",
        "select=kitti_seq_000[0-3]",
        "-d",
        "inverse_dilation",
        "--repeats",
        1,
        "-o",
        tmp_path / "out",
    ]
    code, text, _ = run("slam", real_frames, *options)
    assert code == 0 and "KISS-ICP" in text
    assert "KISS-ICP on the LiDAR, no ground truth" in (tmp_path / "out" / "report.md").read_text()


def test_slam_without_orbslam3_is_one_sentence_with_the_pip_command(drive, tmp_path, bare_python):
    code, _, said = run("slam", drive, "-d", "sparse", "--python", bare_python, "-o", tmp_path / "out")
    last = said.strip().splitlines()[-1]
    assert code == 2 and last.startswith("Error: orbslam3-python cannot be imported by")
    assert 'pip install "depth-completion-ros[slam]"' in last


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["-d", "no_such"], "Completer 'no_such' is unknown"),
        (["--vocabulary", "/no/such.txt"], "Vocabulary '/no/such.txt' is missing"),
        (["-d", "linear", "--gates", "0,2"], "it must be a number from 0 to 1"),
        (["-d", "sparse", "--lines", 100], "cannot be fed with 100 lines: its scan has 64 rings"),
    ],
)
def test_slam_refuses_what_cannot_be_meant(drive, tmp_path, options, sentence):
    code, _, said = run("slam", drive, *options, "-o", tmp_path / "out")
    assert code == 2 and sentence in said and "Traceback" not in said


def test_the_demo_ends_with_trajectories(installed, drive, tmp_path, capsys):
    demo._run_slam(drive, tmp_path / "slam", "linear")
    printed = capsys.readouterr().out
    assert "| truth | 1 | 6 / 6 |" in printed and "| linear >= 0.3 | 1 | 6 / 6 |" in printed
    assert (tmp_path / "slam" / "trajectories.png").stat().st_size > 10_000


def test_the_demo_says_what_it_would_end_with_where_the_extra_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    demo._run_slam(tmp_path, tmp_path / "slam", "linear")
    assert 'pip install "depth-completion-ros[slam]"' in capsys.readouterr().out


# Maps --------------------------------------------------------------------------------------------


def test_the_exact_surface_of_the_demo_drive_is_where_its_true_depth_is(drive):
    """All but what moves, of which there are few pixels."""
    surface = surface_of(drive)
    reader = open_reader(drive)
    for frame in islice(reader, 0, FRAMES, 2):
        pose = frame.T_world_cam
        points = world_points(frame.ground_truth, frame.camera, pose, 20.0)[::50]
        box = Box((0.0, 0.0, 0.0), (1, 1, 1), 1.0)
        distance = MapTruth(frame.camera, box, 20.0, surface).to_surface(points)
        assert len(points) > 1000 and np.quantile(distance, 0.95) < 0.01


def test_another_drive_has_no_exact_surface(tmp_path):
    assert surface_of(tmp_path) is None


def test_map_scores_each_depth_and_draws_the_gates(drive, tmp_path):
    out = tmp_path / "out"
    size = ["--map-range", 15, "--voxel", 0.1]
    code, text, _ = run(
        "map", drive, "-d", "sparse", "-d", "linear", "-d", "truth", "--gates", "0,0.3,0.8", *size, "-o", out
    )
    assert code == 0 and "poses of the data" in text
    content = json.loads((out / "map.json").read_text())
    assert content["exact_surface"] and content["protocol"] == "truth"
    maps = {(each["depth"], each["min_confidence"]): each for each in content["maps"]}
    assert list(maps) == [("sparse", 0), ("linear", 0), ("linear", 0.3), ("linear", 0.8), ("truth", 0)]
    truth, every, sure = maps["truth", 0], maps["linear", 0], maps["linear", 0.8]
    assert truth["wide"]["accuracy"] > 0.97 and truth["phantom"] < 0.01 and truth["told_free"] < 0.01
    assert truth["wide_f"] > every["wide_f"] > maps["sparse", 0]["wide_f"]
    assert every["phantom"] > sure["phantom"] and every["not_known"] < sure["not_known"]
    for file in ("maps.png", "gates.png", "truth.ply", "linear_from_0.3.ply"):
        assert (out / file).stat().st_size > 5_000
    assert "Truth: the exact surface." in (out / "report.md").read_text()


def test_map_prints_json_and_nothing_else(drive, tmp_path):
    options = ["--limit", 3, "--map-range", 15, "--voxel", 0.1, "--json", "-o", tmp_path / "out"]
    code, text, said = run("map", drive, "-d", "truth", *options)
    assert code == 0 and "Mapped with truth" in said and "Report: " in said
    assert text == (tmp_path / "out" / "map.json").read_text()
    (score,) = json.loads(text)["maps"]
    assert score["depth"] == "truth" and score["wide"]["accuracy"] > 0.9


def test_a_map_of_real_frames_is_compared_with_lines_that_were_held_back(open3d, real_frames, tmp_path):
    if find_spec("kiss_icp") is None:
        pytest.skip("kiss_icp is not installed (extra slam)")
    options = ["-O", "select=kitti_seq_000[0-3]", "-d", "linear", "--map-range", 15, "-o", tmp_path / "out"]
    code, _, _ = run("map", real_frames, *options)
    content = json.loads((tmp_path / "out" / "map.json").read_text())
    assert code == 0 and content["protocol"] == "hide:2" and not content["exact_surface"]
    (score,) = content["maps"]
    assert score["wide"]["accuracy"] is None and score["wide"]["completeness"] > 0.3
    assert 0 <= score["phantom"] < 0.5 and score["told_free"] < 0.1


@pytest.mark.parametrize(
    "options, sentence",
    [
        (["--voxel", 0], "Map voxel is 0; it must be positive and finite"),
        (["-p", "hide"], "Protocol 'hide' is unknown"),
        (
            ["-p", "truth:lines=100"],
            "cannot serve protocol truth:lines=100: its scan has 64 rings, fewer than 100",
        ),
    ],
)
def test_map_refuses_what_cannot_be_meant(drive, tmp_path, options, sentence):
    code, _, said = run("map", drive, "-d", "sparse", *options, "-o", tmp_path / "out")
    assert code == 2 and sentence in said and "Traceback" not in said
