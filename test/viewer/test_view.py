"""Files of `depth-completion view`, read back with Rerun's own reader."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("rerun", reason="Rerun is not installed (extra `view`)")
from rerun.chunk import RrdReader
from walls import CAMERA, DISTANCE, frame

from depth_completion_ros.cli.app import app
from depth_completion_ros.completion import create_completer
from depth_completion_ros.core import Frame
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.evaluation.protocols import parse_protocol
from depth_completion_ros.viewer.blueprint import make_blueprint
from depth_completion_ros.viewer.destination import to_file
from depth_completion_ros.viewer.frames import FrameViewer
from depth_completion_ros.viewer.stream import RerunStream


def written(path, frames, completers=("nearest", "linear"), protocol="truth"):
    """What is in the file of these frames: rows by entity, in order of time."""
    stream = RerunStream("walls", stride=4)
    made = {name: create_completer(name.partition(":")[0]) for name in completers}
    viewer = FrameViewer(stream, made, parse_protocol(protocol) if protocol else None)
    with to_file(stream, make_blueprint(list(made), scored=protocol is not None), path):
        viewer.run(frames)
    return content(path), viewer


def content(path) -> dict[str, list[dict]]:
    """Rows by entity; a row is component to its values, with the time lines beside."""
    rows: dict[str, list[dict]] = {}
    for chunk in RrdReader(path).stream():
        for row in chunk.to_record_batch().to_pylist():
            rows.setdefault(chunk.entity_path, []).append(row)
    for entries in rows.values():
        entries.sort(key=lambda row: row.get("frame") or 0)
    return rows


def value(row: dict, component: str):
    """The values of a component, whose column is called Archetype:component."""
    (name,) = [name for name in row if name.endswith(f":{component}")]
    return row[name]


def test_each_frame_is_one_row_of_every_entity(tmp_path):
    rows, viewer = written(tmp_path / "walls.rrd", [frame(number) for number in range(3)])
    assert viewer.count == 3 and not viewer.unscored
    of_each_frame = {
        "/world/camera",
        "/world/camera/image/measured",
        "/world/camera/measured",
        "/world/trajectory",
        "/truth",
        "/truth/metres",
        *(f"/world/camera/clouds/{name}" for name in ("nearest", "linear")),
        *(
            f"/completers/{name}/{plane}"
            for name in ("nearest", "linear")
            for plane in ("depth", "depth/metres", "confidence", "source", "error")
        ),
        *(
            f"/plots/{what}/{name}"
            for what in ("rmse_mm", "mae_mm", "known", "time_ms")
            for name in ("nearest", "linear")
        ),
    }
    assert {path: len(found) for path, found in rows.items() if path in of_each_frame} == dict.fromkeys(
        of_each_frame, 3
    )
    # The image and its pinhole are two rows of one entity.
    assert len(rows["/world/camera/image"]) == 6
    static = {"/world", "/completers/nearest", "/completers/linear"}
    assert set(rows) - of_each_frame - {"/world/camera/image"} - static <= {
        "/__properties",
        "/__properties/recording",
    }
    for path in of_each_frame:
        assert [row["frame"] for row in rows[path]] == [0, 1, 2]
        assert len({row["stamp"] for row in rows[path]}) == 3


def test_depth_confidence_source_and_error_are_those_of_the_completion(tmp_path):
    corner = frame(0)
    rows, _ = written(tmp_path / "walls.rrd", [corner], ["linear"])
    completion = create_completer("linear")(corner).above(0.3)
    (row,) = rows["/completers/linear/depth/metres"]
    units = decoded(value(row, "blob"))
    assert value(row, "meter") == [256.0]
    np.testing.assert_array_equal(units, np.rint(np.nan_to_num(completion.depth) * 256).astype(np.uint16))
    colours = decoded(value(rows["/completers/linear/depth"][0], "blob"))
    known = colours[np.isfinite(completion.depth)].sum(axis=1)
    assert known.min() > 60 and (colours[np.isnan(completion.depth)] < 30).all()  # as far as JPEG goes
    confidence = decoded(value(rows["/completers/linear/confidence"][0], "blob"))
    np.testing.assert_allclose(
        confidence / 255, create_completer("linear")(corner).confidence, atol=0.5 / 255
    )
    (row,) = rows["/completers/linear/source"]
    np.testing.assert_array_equal(np.reshape(value(row, "buffer")[0], (40, 80)), completion.source)
    labels = [
        entry["class_description"]["info"]["label"]
        for entry in value(rows["/completers/linear"][0], "context")[0]
    ]
    assert labels == ["unknown", "measured", "propagated", "prior"]
    # Half a metre too near everywhere, which is the largest error and so red.
    error = decoded(value(rows["/completers/linear/error"][0], "blob"))
    assert error.shape == (40, 80, 3) and (error[..., 2] > 100).all() and (error[..., 0] < 60).all()
    assert value(rows["/plots/mae_mm/linear"][0], "scalars") == pytest.approx([500.0], rel=1e-3)
    assert value(rows["/plots/rmse_mm/linear"][0], "scalars") == pytest.approx([500.0], rel=1e-3)
    assert value(rows["/plots/known/linear"][0], "scalars") == [np.isfinite(completion.depth).mean()]
    assert value(rows["/plots/time_ms/linear"][0], "scalars")[0] > 0


def test_clouds_points_and_path_lie_where_they_were(tmp_path):
    rows, _ = written(tmp_path / "walls.rrd", [frame(number) for number in range(3)], ["nearest"])
    for number, row in enumerate(rows["/world/camera"]):
        # The camera looks along x of the world and stands 2 m further to the left each time.
        assert value(row, "translation") == [[0.0, 2.0 * number, 0.0]]
        R = np.reshape(value(row, "mat3x3")[0], (3, 3)).T  # Rerun stores columns
        np.testing.assert_allclose(R @ [0, 0, 1], [1, 0, 0], atol=1e-6)
    assert value(rows["/world/trajectory"][2], "strips") == [[[0, 0, 0], [0, 2, 0], [0, 4, 0]]]
    (cloud, *_), (measured, *_) = rows["/world/camera/clouds/nearest"], rows["/world/camera/measured"]
    points = np.array(value(cloud, "positions"))
    assert len(points) == 10 * 20 and (points[:, 2] == DISTANCE).all()  # every fourth row and column
    assert len(value(measured, "positions")) == 8 * 16
    assert {colour >> 8 for colour in value(cloud, "colors")} == {200 << 16 | 120 << 8 | 40}
    pixels = np.array(value(rows["/world/camera/image/measured"][0], "positions"))
    assert pixels.min() == 2.5 and len(pixels) == 8 * 16
    K = np.reshape(
        value(next(row for row in rows["/world/camera/image"] if pinhole(row)), "image_from_camera"), (3, 3)
    )
    np.testing.assert_allclose(K.T, CAMERA.K)


def test_without_truth_there_is_no_error(tmp_path):
    rows, viewer = written(tmp_path / "walls.rrd", [frame(0, ground_truth=None)], ["nearest"], protocol=None)
    assert "/completers/nearest/depth" in rows and "/plots/known/nearest" in rows
    assert not any("error" in path or "mm" in path or "truth" in path for path in rows)
    assert not viewer.unscored


def test_a_frame_that_cannot_serve_the_protocol_is_shown_and_counted(tmp_path):
    frames = [frame(0), frame(1, ground_truth=None)]
    rows, viewer = written(tmp_path / "walls.rrd", frames, ["nearest"])
    assert [row["frame"] for row in rows["/completers/nearest/depth"]] == [0, 1]
    assert [row["frame"] for row in rows["/completers/nearest/error"]] == [0]
    assert viewer.unscored == {"it has no ground truth": 1}


def test_a_camera_without_poses_and_stamps_stands_in_the_frame_of_the_lidar(tmp_path):
    alone = {"T_world_lidar": None, "stamp_image": None, "stamp_points": None}
    rows, _ = written(tmp_path / "walls.rrd", [frame(0, **alone), frame(1, **alone)], ["nearest"])
    assert "/world/trajectory" not in rows
    assert {str(value(row, "translation")) for row in rows["/world/camera"]} == {"[[0.0, 0.0, 0.0]]"}
    assert "stamp" not in rows["/completers/nearest/depth"][0]


def test_an_image_with_sparse_depth_alone_has_no_cloud(tmp_path):
    sparse = np.zeros((40, 80), np.float32)
    sparse[::5, ::5] = DISTANCE
    alone = Frame(camera=None, image=np.zeros((40, 80, 3), np.uint8), sparse_depth=sparse)
    rows, _ = written(tmp_path / "walls.rrd", [alone], ["nearest"], protocol=None)
    assert "/completers/nearest/depth" in rows and not any("cloud" in path for path in rows)


def test_names_of_completers_with_colons_stay_one_entity(tmp_path):
    rows, _ = written(tmp_path / "walls.rrd", [frame(0)], ["nearest:x,y=1"])
    assert [path for path in rows if path.endswith("/depth")] == [r"/completers/nearest\:x\,y\=1/depth"]


def test_the_file_holds_the_blueprint(tmp_path):
    written(tmp_path / "walls.rrd", [frame(0)])
    reader = RrdReader(tmp_path / "walls.rrd")
    assert len(reader.recordings()) == 1
    (blueprint,) = reader.blueprints()
    names = [
        name
        for chunk in reader.stream(store=blueprint)
        if "ViewBlueprint:display_name" in (batch := chunk.to_record_batch()).schema.names
        for (name,) in batch.column("ViewBlueprint:display_name").to_pylist()
    ]
    assert {"image and what was fed", "space: linear", "nearest: depth", "linear: error", "RMSE, mm"} <= set(
        names
    )
    assert Counter(names).most_common(1)[0][1] == 1


def decoded(blob) -> np.ndarray:
    """Pixels of an encoded image as they are stored."""
    return cv2.imdecode(np.array(blob[0], np.uint8), cv2.IMREAD_UNCHANGED)


def pinhole(row: dict) -> bool:
    return any(name.startswith("Pinhole:") and entry is not None for name, entry in row.items())


# The command ---------------------------------------------------------------------------------------


@pytest.fixture
def bag(tmp_path):
    """A bag of three frames."""
    path = tmp_path / "bag"
    write_bag([replace(frame(number), ground_truth=None) for number in range(3)], path)
    return path


def run(*arguments):
    """Exit code, stdout and stderr of `depth-completion view`."""
    result = CliRunner().invoke(app, ["view", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_bag_is_written_to_a_file(bag, tmp_path):
    file = tmp_path / "bag.rrd"
    code, out, _ = run(bag, "-c", "nearest", "-c", "linear", "--save", file, "--limit", 2)
    assert code == 0 and out == "2 frames completed by nearest, linear.\n"
    rows = content(file)
    assert [row["frame"] for row in rows["/completers/linear/depth"]] == [0, 1]
    stamps = [row["stamp"].timestamp() for row in rows["/completers/linear/depth"]]
    assert stamps[1] - stamps[0] == pytest.approx(0.1)
    assert not list(tmp_path.glob(".*unfinished*"))


@pytest.mark.parametrize(("signal", "expected"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_what_was_shown_before_a_signal_is_in_the_file(bag, signal, expected):
    program = (
        "import itertools, os, signal, sys\n"
        "from depth_completion_ros.cli import main, view\n"
        "def endless(reader, *_):\n"
        "    yield from reader\n"
        f"    os.kill(os.getpid(), signal.{signal})\n"
        "    yield from itertools.cycle(reader)\n"
        "view.frames_with_progress = endless\n"
        f"sys.argv = ['depth-completion', 'view', {str(bag)!r}, '-c', 'nearest', '--save', 'x.rrd']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=bag.parent, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == expected and "Traceback" not in done.stderr
    frames = [row["frame"] for row in content(bag.parent / "x.rrd")["/completers/nearest/depth"]]
    assert len(frames) >= 3 and frames == list(range(len(frames)))
