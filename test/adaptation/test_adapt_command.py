"""`depth-completion adapt`: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tiny_drive import HEIGHT, WIDTH, TinyDrive
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.completion.weights.folder import list_weights
from depth_completion_ros.data.bag.writer import write_bag


def run(*arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `depth-completion adapt` with these arguments."""
    result = CliRunner().invoke(app, ["adapt", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def make_bag(path: Path, numbers) -> Path:
    """Some frames of the tiny drive as a bag, ten a second."""
    pytest.importorskip("rosbags", reason="rosbags is not installed")
    frames = []
    for number in numbers:
        frame = TinyDrive().read(number)
        frame.stamp_image = frame.stamp_points = 10**9 + number * 10**8
        frames.append(frame)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bag(frames, path)
    return path


@pytest.fixture
def bag(tmp_path):
    """The tiny drive as a bag."""
    return make_bag(tmp_path / "bag", range(10))


@pytest.fixture
def bags(tmp_path):
    """A folder with a bag, one deeper, and one with too few frames."""
    make_bag(tmp_path / "bags" / "monday" / "noon", range(5, 15))
    make_bag(tmp_path / "bags" / "sunday", range(10))
    make_bag(tmp_path / "bags" / "stopped", range(3))
    return tmp_path / "bags"


def files(folder: Path) -> dict[str, bytes]:
    """Content of the files of a folder by their names."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.timeout(900)  # processes are started twice
def test_several_bags_give_one_network_by_workers_as_without(bags, too_far, tmp_path):
    command = (
        *(bags, "--name", "fleet", "--licence", "internal", "--weights", too_far, "-p", "share:30", "--json"),
        *("--part", "heads", "--steps", 4, "--rate", 0.01, "--device", "cpu"),
    )
    told = {}
    for name, how in (("alone", ()), ("two", ("--workers", 2))):
        code, said, warned = run(*command, "--out", tmp_path / name, *how)
        assert code == 0, warned
        assert "Drive 'stopped' is left out: There are 3 frames with an image and points;" in warned
        told[name] = json.loads(said)
    assert files(tmp_path / "alone") == files(tmp_path / "two")
    assert set(files(tmp_path / "two")) == {"fleet.safetensors", "fleet.onnx"}
    found = told["two"]
    assert found["frames"] == {"fit": 12, "tune": 4, "judge": 4}
    assert [each["drive"] for each in found["drives"]] == ["monday/noon", "sunday"]
    assert found["errors"] < 1 and all(each["errors"] < 1 for each in found["drives"])
    assert found["errors"] == pytest.approx(told["alone"]["errors"], rel=1e-3)
    rows = {row["frame"].rpartition("/")[0] for row in found["evaluation"]["rows"]}
    assert rows == {"monday/noon", "sunday"}


def test_a_table_tells_of_each_drive_and_the_weights_of_how_many(bags, too_far, weights_folder):
    code, said, _ = run(
        *(bags / "*", "--name", "fleet", "--licence", "internal", "--weights", too_far, "-p", "share:30"),
        *("--confidence-only", "--frames", 18, "--device", "cpu"),
    )
    assert code == 0 and "drives: stretches held out" in said
    assert re.search(r"^ *monday/noon +4 +1 +1 +\d\.\d{3} +\d\.\d{3} +\d\.\d{3} *$", said, re.MULTILINE)
    (weights,) = list_weights()
    assert weights.origin.endswith(" 0 steps on 8 frames of 2 drives")


def test_drives_of_which_none_is_of_use_or_too_few_frames_for_all_are_refused(bags, weights_folder):
    usual = "--name", "fleet", "--licence", "internal"
    code, _, warned = run(bags / "st*", *usual)
    assert code == 2 and warned.startswith("Error: There are 3 frames with an image and points; it takes 6")
    make_bag(bags / "stuck", range(2))
    code, _, warned = run(bags / "st*", *usual)
    assert code == 2 and warned.startswith("Error: No drive is of use; 'stopped': There are 3 frames with")
    code, _, warned = run(bags / "[ms]*", *usual, "--frames", 12)
    assert (code, " ".join(warned.split())) == (
        2,
        "Error: Frames to use are 12 of 4 drives; it takes 6 of each, so --frames must be 24 or more.",
    )


def test_a_bag_is_adapted_to_and_the_weights_are_stored(bag, too_far, weights_folder):
    code, said, warned = run(
        *(bag, "--name", "My Robot", "--licence", "internal", "--weights", too_far, "-p", "share:30"),
        *("--part", "heads", "--steps", 6, "--rate", 0.01, "--device", "cpu"),
    )
    assert code == 0, warned
    assert "Frames: 6 to fit, 2 to tune, 2 to judge." in said and "Best after 6 of 6 steps." in said
    assert "Stored as 'my_robot' in " in said
    assert {file.name for file in weights_folder.iterdir()} == {"my_robot.safetensors", "my_robot.onnx"}


def test_a_program_is_told_all_in_json_and_nothing_else_on_stdout(bag, too_far, weights_folder):
    code, said, warned = run(
        *(bag, "--name", "robot", "--licence", "internal", "--weights", too_far, "-p", "share:30", "--json"),
        *("--part", "heads", "--steps", 6, "--rate", 0.01, "--device", "cpu"),
    )
    assert code == 0, warned
    told = json.loads(said)
    assert told["stored"]["name"] == "robot"
    assert {Path(file) for file in told["stored"]["files"]} == set(weights_folder.iterdir())
    assert told["frames"] == {"fit": 6, "tune": 2, "judge": 2}
    assert told["steps"]["done"] == told["steps"]["best"] == 6 and told["steps"]["looks"][-1][0] == 6
    mae = {mean["completer"]: mean["metrics"]["mae_mm"] for mean in told["evaluation"]["means"]}
    assert told["errors"] < 1 and mae["after"] < mae["before"]
    assert 0.2 <= told["calibration"]["slope"] <= 5 and len(told["calibration_error"]) == 2


def test_a_program_is_told_why_nothing_is_stored(bag, weights_folder):
    """Confidence that is calibrated already does not become better a second time."""
    again = bag, "--licence", "internal", "--confidence-only", "-p", "share:30", "--device", "cpu", "--json"
    assert run(*again, "--name", "one")[0] == 0
    code, said, warned = run(*again, "--name", "two", "--weights", "one")
    told = json.loads(said)
    assert (code, told["stored"]) == (2, None) and not list(weights_folder.glob("two.*"))
    before, after = told["calibration_error"]
    assert warned.startswith("Error: No weights are written: on the stretches held out nothing is better")
    assert f"(errors {told['errors']:.3f} times those before, calibration error {before:.3f} before" in warned
    assert [mean["completer"] for mean in told["evaluation"]["means"]] == ["before", "after"]


def test_what_cannot_be_used_ends_in_one_sentence(tmp_path, weights_folder):
    scene = tmp_path / "scene"
    scene.mkdir()
    np.zeros((HEIGHT, WIDTH, 3), np.uint8).tofile(scene / "nothing")
    code, said, warned = run(scene, "--name", "robot", "--licence", "internal")
    assert code == 2 and not said and warned.startswith("Error: ") and warned.count("\n") == 1
    assert not weights_folder.exists()


def test_without_pytorch_it_says_what_to_install(without_torch):
    said = without_torch("""
from typer.testing import CliRunner
from depth_completion_ros.cli.app import app
result = CliRunner().invoke(app, ["adapt", ".", "--name", "a", "--licence", "b"])
print(result.exit_code, result.stderr)
""")
    assert said[0] == (
        "2 Error: Adapting needs the Python package 'torch', which is not installed: "
        "pip install 'depth_completion_ros[adapt]'."
    )
