from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import depth_completion_ros
from depth_completion_ros.cli.app import app
from depth_completion_ros.core import Camera
from depth_completion_ros.data.reader import FORMATS, open_reader, reader_class


def run(*arguments):
    """Exit code, stdout and stderr of `depth-completion` with these arguments."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Default output folders land here."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def frames(tmp_path):
    """A folder of two frame folders: a plane that leans away, seen by a LiDAR with 8 rings."""
    folder = tmp_path / "frames"
    for name in ("one", "two"):
        write_frame(folder / name, 6.0 if name == "one" else 9.0)
    return folder


def write_frame(folder, distance):
    folder.mkdir(parents=True)
    K = [[100.0, 0, 79.5], [0, 100.0, 39.5], [0, 0, 1]]
    v, u = np.mgrid[:80, :160]
    truth = distance / (1 + 0.002 * (u - 80) - 0.003 * (v - 40))
    rows = np.arange(8) * 10 + 4
    z = truth[rows][:, ::2]
    x, y = (u[rows][:, ::2] - 79.5) / 100 * z, (v[rows][:, ::2] - 39.5) / 100 * z
    points = np.stack([z, -x, -y, np.ones_like(z)], axis=-1).reshape(-1, 4)
    points.astype("<f4").tofile(folder / "points.bin")
    np.save(folder / "rings.npy", np.repeat(np.arange(8), 80).astype(np.uint8))
    cv2.imwrite(str(folder / "image.png"), np.full((80, 160, 3), (200, 120, 40), np.uint8))
    cv2.imwrite(str(folder / "gt_depth.png"), np.rint(truth * 256).astype(np.uint16))
    calibration = {
        "kind": "lidar",
        "K": K,
        "width": 160,
        "height": 80,
        "image": "image.png",
        "points": "points.bin",
        "rings": "rings.npy",
        "T_cam_lidar": [[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
        "gt_depth": {"file": "gt_depth.png", "units_per_metre": 256},
    }
    (folder / "calib.json").write_text(json.dumps(calibration))


def test_help_teaches_with_examples_for_every_command():
    code, text, _ = run("--help")
    assert code == 0
    for command in (
        "demo",
        "complete",
        "benchmark",
        "evaluate",
        "submission",
        "replay",
        "convert",
        "completers",
        "doctor",
    ):
        assert command in text
        code, own, _ = run(command, "--help")
        assert code == 0 and f"depth-completion {command}" in own and "Example" in own


@pytest.mark.parametrize("command", ["complete", "evaluate", "replay", "convert"])
def test_help_lists_the_reader_options_of_every_format(command):
    _, text, _ = run(command, "--help")
    listed = " ".join(text.partition("Names for -O")[2].split())
    for name in FORMATS:
        assert f"{name}: {', '.join(reader_class(name).options())}" in listed


def test_help_needs_none_of_the_slow_imports():
    heavy = {"scipy", "rosbags", "matplotlib", "open3d", "rclpy", "torch", "rich.progress"}
    program = (
        "import sys; from depth_completion_ros.cli.app import app\n"
        "for command in ([], ['evaluate']):\n"
        "    try: app([*command, '--help'])\n"
        "    except SystemExit: pass\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    root = Path(depth_completion_ros.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr


def test_complete_writes_depth_preview_array_and_cloud_of_every_frame(frames, tmp_path):
    out = tmp_path / "out"
    code, text, _ = run(
        "complete", frames, "--out", out, "-c", "linear", "--npy", "--cloud", "--min-confidence", 0
    )
    assert code == 0 and "2 frames completed" in text
    names = {file.name for file in out.iterdir()}
    assert names == {
        f"{kind}_{name}.{suffix}"
        for kind, suffix in (("depth", "png"), ("depth", "npy"), ("preview", "png"), ("cloud", "ply"))
        for name in ("one", "two")
    }
    depth = cv2.imread(str(out / "depth_one.png"), cv2.IMREAD_UNCHANGED)
    truth = cv2.imread(str(frames / "one" / "gt_depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    inside = np.s_[10:70, 10:150]
    assert np.abs(depth[inside].astype(int) - truth[inside]).max() <= 2
    array = np.load(out / "depth_one.npy")
    np.testing.assert_array_equal(np.rint(array * 256), depth)


def test_a_cloud_file_holds_the_points_and_colours_of_the_image(frames, tmp_path):
    code, *_ = run(
        "complete", frames / "one", "-o", tmp_path / "out", "--cloud", "--no-preview", "--min-confidence", 0
    )
    assert code == 0
    data = (tmp_path / "out" / "cloud_one.ply").read_bytes()
    header, _, body = data.partition(b"end_header\n")
    assert b"element vertex 12800" in header
    layout = [("xyz", "<f4", 3), ("rgb", "u1", 3)]
    points = np.frombuffer(body, layout)
    assert len(points) == 12800 and (points["rgb"] == (40, 120, 200)).all()
    camera = Camera(160, 80, np.array([[100.0, 0, 79.5], [0, 100.0, 39.5], [0, 0, 1]]))
    pixels, seen = camera.project(points["xyz"])
    assert seen.all()
    np.testing.assert_allclose(pixels[161], (1, 1), atol=1e-3)


def test_complete_takes_one_image_with_its_sparse_depth(frames, tmp_path):
    sparse = np.zeros((80, 160), np.uint16)
    sparse[::8, ::8] = 5 * 256
    cv2.imwrite(str(tmp_path / "sparse.png"), sparse)
    image_file = frames / "one" / "image.png"
    out = tmp_path / "out"
    one = "complete", image_file, "--sparse", tmp_path / "sparse.png", "-c", "linear", "-o", out
    code, *_ = run(*one, "--min-confidence", 0)
    assert code == 0
    depth = cv2.imread(str(out / "depth_image.png"), cv2.IMREAD_UNCHANGED)
    assert (depth == 5 * 256).all()
    cv2.imwrite(str(tmp_path / "small.png"), sparse[:40])
    code, _, error = run("complete", image_file, "--sparse", tmp_path / "small.png", "-o", out)
    assert code == 2 and "must be of one size" in error


def test_complete_tells_no_guess_unless_it_is_asked_to(frames, tmp_path):
    sparse = np.zeros((80, 160), np.uint16)
    sparse[40:, ::8] = 5 * 256  # nothing above
    cv2.imwrite(str(tmp_path / "sparse.png"), sparse)
    one = "complete", frames / "one" / "image.png", "--sparse", tmp_path / "sparse.png", "-c", "nearest"
    for name, options in (
        ("told", ()),
        ("all", ("--min-confidence", 0)),
        ("sure", ("--min-confidence", 0.9)),
    ):
        code, *_ = run(*one, "-o", tmp_path / name, "--npy", *options)
        assert code == 0
    told, every, sure = (np.load(tmp_path / name / "depth_image.npy") for name in ("told", "all", "sure"))
    assert np.isfinite(every).all()
    assert np.isnan(told[:20]).all() and np.isfinite(told[40:, :153]).all()
    assert np.isfinite(sure).sum() < np.isfinite(told).sum()


def write_steady_frames(folder, poses: bool) -> None:
    """Two frames of a wall that goes 20 cm away from a LiDAR that stands, or of which no pose is known."""
    for name, distance in (("one", 6.0), ("two", 6.2)):
        write_frame(folder / name, distance)
        file = folder / name / "calib.json"
        more = {"T_world_lidar": np.eye(4).tolist()} if poses else {}
        file.write_text(json.dumps(json.loads(file.read_text()) | more))


@pytest.mark.parametrize("poses", [True, False])
def test_frames_are_blended_over_time_where_poses_are_known(tmp_path, poses):
    write_steady_frames(tmp_path / "steady", poses)
    depth = {}
    for way in ("off", "blend"):
        done = run(
            "complete", "steady", "-c", "linear", "-o", way, "--npy", "--no-preview", "--temporal", way
        )
        depth[way] = np.load(tmp_path / way / "depth_two.npy")
    outcome = "1 not blended, first frame, 1 blended." if poses else "2 not blended, motion not known."
    assert done[0] == 0 and f"Over time: {outcome}" in done[2]
    assert (np.nanmax(depth["off"] - depth["blend"]) > 0.05) == poses
    assert run("replay", "steady", "bag", "-c", "linear", "--temporal", "blend")[2].count("Over time:") == 1
    assert (
        "Option --temporal is 'on'; it must be off or blend."
        in run("complete", "steady", "--temporal", "on")[2]
    )


@pytest.mark.parametrize("poses", [True, False])
def test_what_evaluate_scores_is_blended_each_way_by_itself(tmp_path, poses):
    """Two ways to feed, two completers and two draws: whatever is blended is blended with its own past."""
    write_steady_frames(tmp_path / "steady", poses)
    asked = (
        "evaluate",
        "steady",
        "-c",
        "linear",
        "-c",
        "nearest",
        "-p",
        "truth",
        "-p",
        "points:40",
        "--seeds",
        2,
    )
    errors = {}
    for way in ("off", "blend"):
        code, _, said = run(*asked, "--figures", 0, "-o", way, "--temporal", way)
        content = json.loads((tmp_path / way / "metrics.json").read_text())
        errors[way] = {(r["frame"], r["protocol"], r["completer"]): r["metrics"] for r in content["rows"]}
        assert code == 0 and ("Over time:" in said) == ("over_time" in content) == (way == "blend")
    blended = (
        {"not blended, first frame": 6, "blended": 6} if poses else {"not blended, motion not known": 12}
    )
    assert content["over_time"] == blended  # two draws of one way and one of the other, by two completers
    assert (
        "completions blended with those of the frames before: " in (tmp_path / "blend/report.md").read_text()
    )
    changed = {key for key, metrics in errors["off"].items() if metrics != errors["blend"][key]}
    assert changed == ({key for key in errors["off"] if key[0] == "two"} if poses else set())


@pytest.mark.parametrize("command", ["complete", "evaluate"])
def test_workers_do_stretches_of_a_drive_which_cannot_be_blended(frames, command):
    code, _, said = run(command, frames, "-c", "linear", "--temporal", "blend", "--workers", 1)
    assert code == 2 and said == (
        "Error: Option --temporal needs frames one after the other; with --workers or --ray it must be off.\n"
    )


def test_complete_says_how_many_pixels_are_too_far_for_its_files(frames, tmp_path):
    write_frame(tmp_path / "frames" / "wide", 230.0)
    out = tmp_path / "out"
    code, _, error = run("complete", frames, "-c", "linear", "-o", out, "--npy")
    far = np.count_nonzero(np.load(out / "depth_wide.npy") > 256)
    assert code == 0 and far > 100
    assert error.startswith(f"{far} pixels of 3 frames are 256 m or more away") and error.count("\n") == 1


def test_the_range_limits_what_is_fed_and_the_depth_what_is_scored(frames, tmp_path):
    code, *_ = run("complete", frames, "-c", "linear", "-o", tmp_path / "near", "--npy", "--max-range", 7.5)
    assert code == 0 and np.nanmax(np.load(tmp_path / "near" / "depth_two.npy")) <= 7.5
    code, text, _ = run("replay", frames, tmp_path / "bag", "-c", "linear", "--max-range", 0.5)
    assert code == 0 and " 0.0% of the pixels known" in text
    means = {}
    for option in ("--max-range", "--max-depth"):
        arguments = ("evaluate", frames, "-c", "nearest", "-p", "truth", "-p", "points:50", option, 8)
        code, *_ = run(*arguments, "-o", tmp_path / option)
        assert code == 0
        means[option] = json.loads((tmp_path / option / "metrics.json").read_text())["means"]
    for ranged, scored in zip(means["--max-range"], means["--max-depth"], strict=True):
        assert ranged["metrics"]["pixels"] > scored["metrics"]["pixels"]
    assert means["--max-range"][0]["points_fed"] < means["--max-depth"][0]["points_fed"]
    assert means["--max-range"][1]["points_fed"] == 50


def test_evaluate_prints_a_table_and_writes_the_same_metrics_every_time(frames, tmp_path):
    for name in ("a", "b"):
        code, text, error = run(
            "evaluate", frames, "-c", "linear", "-c", "nearest", "-p", "truth", "-p", "lines:4", "-p",
            "points:100", "-p", "lines:16", "--seeds", 2, "--out", tmp_path / name, "--figures", 1,
        )  # fmt: skip
        assert code == 0 and "RMSE mm" in text and "points:100" in text
        assert "2 of 2 frames cannot serve lines:16" in error
    for file in ("metrics.json", "metrics.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert len(list((tmp_path / "a" / "figures").glob("one-*.png"))) == 3
    page = (tmp_path / "a" / "report.html").read_text()
    assert f"Report: {tmp_path / 'b' / 'report.html'} and report.md" in text.replace("\n", "")
    assert page.count('<div class="shown">') == 3 and "its scan has 8 rings, fewer than 16" in page
    means = json.loads((tmp_path / "a" / "metrics.json").read_text())["means"]
    assert means[0]["completer"] == "linear" and means[0]["metrics"]["mae_mm"] < 20


def test_a_bag_is_converted_replayed_and_evaluated_and_twice_gives_the_same_bytes(frames, tmp_path):
    code, text, _ = run("convert", frames, tmp_path / "bag")
    assert code == 0 and "2 frames" in text
    assert len(list(open_reader(tmp_path / "bag"))) == 2
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        code, text, _ = run("replay", tmp_path / "bag", tmp_path / name / "dense", "-c", "nearest")
        assert code == 0 and "2 pairs completed by nearest" in text
        files = sorted((tmp_path / name / "dense").iterdir())
        digests.append([(f.name, hashlib.sha256(f.read_bytes()).hexdigest()) for f in files])
    assert digests[0] == digests[1]
    code, *_ = run("evaluate", tmp_path / "bag", "-p", "truth", "-c", "nearest", "-o", tmp_path / "report")
    assert code == 0


@pytest.mark.parametrize("name", ["bag", "frames"])
def test_what_was_scored_before_data_breaks_off_is_reported(frames, tmp_path, name):
    if name == "bag":
        write_frame(frames / "three", 7.0)
        run("convert", frames, tmp_path / "bag", "--storage", "sqlite3")
        (file,) = (tmp_path / "bag").glob("*.db3")
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        (frames / "two" / "points.bin").write_bytes(b"123")
    code, text, error = run("evaluate", tmp_path / name, "-c", "nearest", "-p", "truth", "-o", tmp_path / "r")
    assert code == 2 and error.startswith("Error: ") and error.count("\n") == 1
    assert "truth" in text and json.loads((tmp_path / "r" / "metrics.json").read_text())["frames"] == 1
    told = error.removeprefix("Error: ").strip()
    assert f"**These are not all frames of the data: {told}**" in (tmp_path / "r" / "report.md").read_text()


def test_the_limit_stops_after_so_many_frames(frames, tmp_path):
    code, text, _ = run("complete", frames, "-o", tmp_path / "out", "--limit", 1, "--no-preview")
    assert code == 0 and "1 frames completed" in text
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["depth_one.png"]


def test_reader_options_reach_the_reader(frames, tmp_path):
    code, *_ = run("complete", frames, "-o", tmp_path / "out", "-O", "select=tw*", "--no-preview")
    assert code == 0 and [file.name for file in (tmp_path / "out").iterdir()] == ["depth_two.png"]


def test_the_list_of_completers_names_each_with_a_description():
    code, text, _ = run("completers")
    assert code == 0
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert {"default", "nearest", "linear", "morphological", "mspn_lite"} <= set(lines)
    assert "linear:depth" in lines["linear"]


def test_the_doctor_examines_a_bag_and_says_so_in_its_exit_code(frames, tmp_path):
    run("convert", frames, tmp_path / "bag")
    code, text, _ = run("doctor", tmp_path / "bag")
    assert "numpy" in text and code == int("error " in text)
    code, text, _ = run("doctor", tmp_path / "bag", "--json")
    found = json.loads(text)
    assert {finding["level"] for finding in found} <= {"ok", "warning", "error"}
    assert any("messages at 10.0 Hz" in f["sentence"] for f in found if f["subject"] == "/lidar/points")
    code, text, _ = run("doctor", tmp_path / "nowhere")
    assert code == 1 and "error " in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["complete", "DATA/nowhere"], "There is nothing at"),
        (["complete", "DATA/one/image.png"], "holds none of the formats"),
        (["complete", "DATA", "-c", "best"], "Completer 'best' is unknown"),
        (["complete", "DATA", "--filters", "some"], "Filters are 'some'"),
        (["complete", "DATA", "-O", "select"], "not of the form NAME=VALUE"),
        (["complete", "DATA", "-O", "colour=1"], "Option 'colour' is unknown"),
        (["complete", "DATA", "-o", "DATA/one/calib.json"], "File exists"),
        (["evaluate", "DATA", "-c", "linear", "-c", "linear"], "each may be given once"),
        (["evaluate", "DATA", "-p", "lines"], "Protocol 'lines' is unknown"),
        (["evaluate", "DATA", "-p", "lines:16"], "fewer than 16"),
        (["evaluate", "DATA", "--region", "1,2,3"], "Region is '1,2,3'; it must be left,top,right,bottom"),
        (["evaluate", "DATA", "--region", "9,2,9,4"], "Region is 9,2,9,4; it must be left,top,right,bottom"),
        (["evaluate", "DATA", "--crop", "1,2,3"], "Crop is '1,2,3'"),
        (["evaluate", "DATA", "--crop", "1,2,3,4", "--region", "1,2,4,6"], "are both given"),
        (["evaluate", "DATA", "--max-depth", "-1"], "Maximum depth is -1"),
        (["evaluate", "DATA", "--max-range", "0"], "Maximum range is 0; it must be positive"),
        (["complete", "DATA", "--max-range", "nan"], "Maximum range is nan"),
        (["replay", "DATA", "DATA/bag", "--max-range", "-3"], "Maximum range is -3"),
        (["replay", "DATA", "DATA"], "exists already"),
        (["replay", "DATA", "DATA/bag", "--output", "colour"], "Output 'colour' is unknown"),
        (["convert", "DATA", "DATA/bag", "--storage", "tar"], "Bag storage is 'tar'"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_2(frames, arguments, sentence):
    code, _, error = run(*(argument.replace("DATA", str(frames)) for argument in arguments))
    assert code == 2
    assert error.startswith("Error: ") and sentence in error
    assert error.count("\n") == 1 and "Traceback" not in error


def test_the_former_option_crop_is_taken_as_a_region_and_a_warning_says_which(frames, tmp_path):
    found = {}
    for name, option in (("new", ("--region", "8,30,60,70")), ("old", ("--crop", "8,30,52,40"))):
        out = tmp_path / name
        code, _, error = run("evaluate", frames, "-c", "nearest", "-p", "truth", "-o", out, *option)
        assert code == 0 and (not error if name == "new" else "--region 8,30,60,70. The old one" in error)
        found[name] = json.loads((out / "metrics.json").read_text())
    assert found["new"]["settings"]["region"] == found["old"]["settings"]["region"] == [8, 30, 60, 70]
    assert found["new"]["means"][0]["metrics"] == found["old"]["means"][0]["metrics"]
    assert found["new"]["means"][0]["metrics"]["pixels"] == 2 * 52 * 40  # of two frames


def test_frames_without_a_point_in_view_are_told(frames, tmp_path):
    (frames / "two" / "points.bin").write_bytes(b"")
    np.save(frames / "two" / "rings.npy", np.zeros(0, np.uint8))
    code, _, error = run("complete", frames, "-o", tmp_path / "out")
    assert code == 0 and error == "1 of 2 frames have no point in view: their depth is unknown or a guess.\n"


@pytest.mark.parametrize(("name", "expected"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_replay_that_is_stopped_leaves_a_bag_that_opens(frames, tmp_path, name, expected):
    # One frame after the other for ever, and the signal after the first of them.
    program = (
        "import itertools, os, signal, sys\n"
        "from depth_completion_ros.cli import bags, main\n"
        "def endless(reader, *_):\n"
        "    yield from reader\n"
        f"    os.kill(os.getpid(), signal.{name})\n"
        "    yield from itertools.cycle(reader)\n"
        "bags.frames_with_progress = endless\n"
        "sys.argv = ['depth-completion', 'replay', *sys.argv[1:]]\n"
        "main()"
    )
    bag = tmp_path / "bag"
    arguments = [sys.executable, "-c", program, str(frames), str(bag)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == expected and "Traceback" not in done.stderr
    from rosbags.rosbag2 import Reader

    with Reader(bag) as reader:
        assert reader.message_count >= 2 * 5


def test_debug_shows_the_traceback(frames):
    with pytest.raises(ValueError, match="is unknown"):
        run("--debug", "complete", frames, "-c", "best")


def test_a_broken_file_in_the_data_is_named(frames):
    (frames / "two" / "points.bin").write_bytes(b"123")
    code, _, error = run("evaluate", frames, "-p", "lines:4")
    assert code == 2 and "points.bin" in error and error.count("\n") == 1


def test_ctrl_c_while_the_command_imports_is_quiet(tmp_path):
    (tmp_path / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    text = "from depth_completion_ros.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([sys.executable, "-c", text], env=environment, **pipes) as child:
        assert child.stdout.readline() == "importing\n"
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60)[0] == ""
    assert child.returncode == 130
