"""The protocols of KITTI depth completion: validation on 256 or all 352 rows, and files for the server."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app

DRIVE = "2011_09_26_drive_0002_sync"
SHAPE = (352, 1216)
K = "7.215377e+02 0.0 5.960000e+02 0.0 7.215377e+02 1.498540e+02 0.0 0.0 1.0\n"
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]
TRUTH = np.where(ROW < 96, 20000, 5120 + 4 * ROW).astype(np.uint16)
SPARSE = np.where((ROW % 8 == 7) & (COLUMN % 6 == 0) & (ROW > 100), TRUTH, 0).astype(np.uint16)


def run(*arguments):
    """Exit code, stdout and stderr of `depth-completion` with these arguments."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write_png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def write_test(folder: Path, shape=SHAPE) -> Path:
    """The layout of the anonymous test: images called by ten digits, without truth."""
    for at in range(2):
        name = f"{at:010d}"
        write_png(folder / "image" / f"{name}.png", np.full((*shape, 3), 90, np.uint8))
        write_png(folder / "velodyne_raw" / f"{name}.png", SPARSE[-shape[0] :, : shape[1]])
        (folder / "intrinsics").mkdir(exist_ok=True)
        (folder / "intrinsics" / f"{name}.txt").write_text(K)
    return folder


def write_selection(folder: Path) -> Path:
    """The layout of the validation selection, one frame."""
    end = "0000000005_image_02"
    write_png(folder / "image" / f"{DRIVE}_image_{end}.png", np.full((*SHAPE, 3), 90, np.uint8))
    write_png(folder / "velodyne_raw" / f"{DRIVE}_velodyne_raw_{end}.png", SPARSE)
    write_png(folder / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_{end}.png", TRUTH)
    (folder / "intrinsics").mkdir()
    (folder / "intrinsics" / f"{DRIVE}_image_{end}.txt").write_text(K)
    return folder


def test_a_submission_has_a_file_of_each_frame_as_the_server_takes_it(tmp_path):
    root = write_test(tmp_path / "kitti" / "test_depth_completion_anonymous").parent
    for data, out in ((root, tmp_path / "a"), (root / "test_depth_completion_anonymous", tmp_path / "b")):
        code, text, error = run("submission", data, "-c", "nearest", "-o", out)
        assert code == 0 and "2 frames completed by nearest" in text and not error
        assert sorted(file.name for file in out.iterdir()) == ["0000000000.png", "0000000001.png"]
        pixels = cv2.imread(str(out / "0000000001.png"), cv2.IMREAD_UNCHANGED)
        assert pixels.dtype == np.uint16 and pixels.shape == SHAPE and pixels.all()
        np.testing.assert_array_equal(pixels[SPARSE > 0], SPARSE[SPARSE > 0])


def test_unknown_pixels_of_a_submission_are_told(tmp_path):
    folder = write_test(tmp_path / "test_depth_completion_anonymous")
    write_png(folder / "velodyne_raw" / "0000000000.png", np.zeros(SHAPE, np.uint16))
    code, _, error = run("submission", folder, "-c", "nearest", "-o", tmp_path / "out")
    assert code == 0 and error == f"{SHAPE[0] * SHAPE[1]} pixels of 2 frames are unknown, 0 in the files.\n"


def test_a_frame_that_is_missing_in_a_submission_is_told(tmp_path):
    folder = write_test(tmp_path / "test_depth_completion_anonymous")
    (folder / "image" / "0000000001.png").write_bytes(b"no image")
    code, text, error = run("submission", folder, "-c", "nearest", "-o", tmp_path / "out")
    assert code == 0 and "1 frames completed" in text
    assert error == "Left out by the reader: 1 x image not readable.\n"


def test_what_is_not_the_test_is_refused(tmp_path):
    folder = write_test(tmp_path / "small" / "test_depth_completion_anonymous", (320, 1216))
    code, _, error = run("submission", folder, "-c", "nearest", "-o", tmp_path / "out")
    assert code == 2 and "Frame 0000000000 is 1216 x 320; those of the test are 1216 x 352." in error
    folder = write_selection(tmp_path / "val_selection_cropped")
    code, _, error = run("submission", folder, "-c", "nearest", "-o", tmp_path / "out")
    assert code == 2 and "Option split is 'test_depth_completion_anonymous'" in error
    folder = write_test(tmp_path / "test_depth_completion_anonymous")
    for kind, ending in (("image", "png"), ("velodyne_raw", "png"), ("intrinsics", "txt")):
        (folder / kind / f"0000000000.{ending}").rename(folder / kind / f"0.{ending}")
    code, _, error = run("submission", folder, "-c", "nearest", "-o", tmp_path / "out")
    assert code == 2 and "Frame '0' is none of the test; those are called by ten digits." in error


@pytest.mark.parametrize(("options", "rows"), [((), 352), (("-O", "rows=256"), 256)])
def test_validation_is_on_all_rows_or_on_the_bottom_ones_and_the_report_says_which(tmp_path, options, rows):
    folder = write_selection(tmp_path / "val_selection_cropped")
    out = tmp_path / "out"
    code, *_ = run("evaluate", folder, "-p", "truth", "-c", "nearest", "-o", out, "--figures", 0, *options)
    assert code == 0
    content = json.loads((out / "metrics.json").read_text())
    report = (out / "report.md").read_text()
    assert f"Size of the frames: 1216 x {rows}." in report
    assert ("bottom 256 rows" in report) == ("bottom 256 rows" in content["name"]) == (rows == 256)
    mean = content["means"][0]["metrics"]
    assert mean["pixels"] == rows * 1216
    assert (mean["rmse_mm"] > 10_000) == (rows == 352)  # what is far lies in the top rows, above all points
