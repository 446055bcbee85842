"""The session: what it counts, says and shows of the frames that it plays."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from robot import CAMERA, START, STEP, T_CAM_LIDAR, frame, overrides, wall
from sensor_msgs.msg import Image

from depth_completion_ros.core import Metrics, compute_metrics
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.ros.outcomes import Outcome
from depth_completion_ros.ros.session import console
from depth_completion_ros.ros.session.ledger import BY_DESIGN, COMPLETED, Ledger
from depth_completion_ros.ros.session.node import SessionNode
from depth_completion_ros.ros.session.page import Page

FRAMES = 5


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """Five frames with a truth."""
    frames = []
    for i in range(FRAMES):
        one = frame(wall(10.0 + i))
        one.stamp_image, one.stamp_points = START + i * STEP, START + i * STEP + STEP // 20
        one.ground_truth = np.full((CAMERA.height, CAMERA.width), 11.0 + i, np.float32)
        frames.append(one)
    path = tmp_path_factory.mktemp("session") / "bag"
    write_bag(frames, path)
    return path


def metrics(error: float) -> Metrics:
    truth = np.full((4, 4), 10.0, np.float32)
    return compute_metrics(truth + np.float32(error), truth)


def ledger_of(*outcomes: str | None) -> Ledger:
    ledger = Ledger()
    for i, outcome in enumerate(outcomes):
        ledger.play(i, f"frame {i}")
        if outcome is not None:
            ledger.end(i, outcome, 10.0 * (i + 1) if outcome == COMPLETED else None)
    return ledger


# Ledger ------------------------------------------------------------------------------------------


def test_every_frame_is_completed_dropped_for_a_cause_or_under_way():
    ledger = ledger_of(COMPLETED, BY_DESIGN, None, "no transform", COMPLETED)
    ledger.end(0, "no transform")  # the first word counts
    ledger.end(99, COMPLETED)  # and frames of others do not
    report = ledger.report()
    assert report["played"] == 5 and report["completed"] == 2
    assert report["dropped"] == {BY_DESIGN: 1, "no transform": 1}
    assert ledger.count(None) == 1
    ledger.end_the_rest("nothing was told of it")
    assert sum(ledger.dropped.values()) + ledger.count(COMPLETED) == 5
    assert report["latency_ms"]["p50"] == 30.0
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("outcomes", "realtime", "fault"),
    [
        ((COMPLETED, COMPLETED), False, ""),
        ((COMPLETED, BY_DESIGN), True, ""),
        ((COMPLETED, BY_DESIGN), False, "1 of 2 frames were not completed."),
        ((COMPLETED, "no transform"), True, "1 of 2 frames were not completed."),
        ((COMPLETED, None), False, "1 of 2 frames were not completed."),
        ((BY_DESIGN,), True, "Not one frame was completed."),
        ((), False, "Not one frame was played."),
    ],
)
def test_only_what_a_slow_completer_leaves_out_in_real_time_is_no_fault(outcomes, realtime, fault):
    assert ledger_of(*outcomes).fault(realtime) == fault


# Console -----------------------------------------------------------------------------------------


def test_lines_and_table_say_what_is_counted():
    ledger = ledger_of(COMPLETED, BY_DESIGN, BY_DESIGN, "no transform", COMPLETED)
    ledger.entries[0].metrics = metrics(0.5)
    ledger.entries[4].unscored = "it has no ground truth"
    line = console.progress_line(ledger, 7, 2.5)
    assert line == (
        "   2 of 7 frames completed |  2.5 a second | latency p50 30 ms | "
        f"dropped 3 (2 {BY_DESIGN}, 1 no transform)"
    )
    rows = dict(
        row.split("  ", 1)
        for row in console.table(ledger, "linear", "truth", {"page": "/x"}).splitlines()[1:-1]
    )
    rows = {name: value.strip() for name, value in rows.items()}
    assert rows == {
        "completer": "linear",
        "frames in": "5",
        "completed": "2",
        "dropped": f"2 {BY_DESIGN}, 1 no transform",
        "latency": "p50 30 ms, p95 48 ms, p99 50 ms",
        "RMSE, MAE": "500 mm, 500 mm over 1 frames",
        "scored on": "truth",
        "not scored": "1 it has no ground truth",
        "page": "/x",
    }


# Page --------------------------------------------------------------------------------------------


def test_the_page_shows_image_points_depth_and_error(tmp_path):
    page = Page(tmp_path / "page")
    one = frame()
    truth = np.full(one.size, 10.0, np.float32)
    truth[80:] = 0  # not scored
    depth = np.full(one.size, 10.0, np.float32)
    depth[:, : CAMERA.width // 2] = 12.5
    depth[:10] = np.nan
    page.add(one, one, depth, truth, "first <frame>")
    text = page.write("Depth & more", "a < b").read_text()
    assert "<title>Depth &amp; more</title>" in text and "a &lt; b" in text and "images/0000.jpg" in text
    drawn = cv2.imread(str(tmp_path / "page" / "images" / "0000.jpg"))[..., ::-1].astype(int)
    height, width = one.size
    assert drawn.shape == (2 * height, 2 * width, 3)
    error = drawn[height:, width:]
    wrong, right = error[70, 20], error[70, width - 20]
    assert wrong[0] > 2 * wrong[2], "red where it is wrong"
    assert right[2] > right[0] > right[1], "blue where it is right"
    assert error[90:].mean() < 5 < error[60:70].mean(), "black where nothing is scored"
    assert np.abs(drawn[50, 100] - one.image[50, 100]).max() < 40


def test_large_images_are_shown_smaller_and_old_ones_go(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0007.jpg").touch()
    page = Page(tmp_path)
    assert not list((tmp_path / "images").iterdir())
    one = frame()
    one.image = cv2.resize(one.image, None, fx=10, fy=10)
    one.camera = one.camera.resized(1600, 960)
    page.add(one, one, np.full((960, 1600), 10.0, np.float32), None, "")
    assert cv2.imread(str(tmp_path / "images" / "0000.jpg")).shape[1] <= 2 * 760


# With a completion node --------------------------------------------------------------------------


def session(ros, data, **parameters):
    """A session and its player in the test's executor."""
    node = ros.add(
        SessionNode(context=ros.context, parameter_overrides=overrides(data=str(data), **parameters))
    )
    ros.add(node.make_player())
    return node


def completion(ros, **parameters):
    from depth_completion_ros.ros.completion_node import CompletionNode

    usual = {
        "completer": "nearest",
        "extrinsics_source": "parameter",
        "extrinsics": T_CAM_LIDAR.ravel().tolist(),
        "image_rate": 10.0,
        "qos_input_reliability": "reliable",
    }
    given = overrides(**{**usual, **parameters})
    return ros.add(CompletionNode(context=ros.context, parameter_overrides=given))


def test_it_plays_each_frame_when_the_one_before_is_scored(ros, bag, tmp_path, capsys):
    completion(ros)
    node = session(ros, bag, protocol="truth", out=str(tmp_path), rate=100.0)
    assert ros.spin_until(lambda: node.finished, 30), capsys.readouterr().out
    assert node.exit_code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["completed"] == report["frames"] == FRAMES and report["dropped"] == {}
    assert report["completer"] == "nearest" and report["per_frame"][2]["stamp"] == START + 2 * STEP
    assert len(list((tmp_path / "images").iterdir())) == FRAMES
    assert "RMSE, MAE" in capsys.readouterr().out


@pytest.mark.parametrize(("frames_kept", "early"), [(100, False), (3, True)])
def test_in_real_time_it_scores_once_all_is_played_unless_memory_fills(
    ros, bag, monkeypatch, frames_kept, early
):
    from depth_completion_ros.ros.session import node as module

    size = module._bytes(next(iter(open_reader(bag))))
    monkeypatch.setattr(module, "MEMORY_BYTES", frames_kept * size)
    completion(ros, qos_input_reliability="best_effort")
    node = session(ros, bag, protocol="truth", rate=2.0, realtime=True)
    scored_while_played = 0

    def is_over() -> bool:
        nonlocal scored_while_played
        if not node.player.ended:
            scored_while_played = len(node.ledger.scored)
        return node.finished

    assert ros.spin_until(is_over, 30)
    assert (scored_while_played > 0) == early
    assert len(node.ledger.scored) > scored_while_played


def test_frames_that_are_dropped_are_listed_by_cause_and_make_it_fail(ros, bag, tmp_path, capsys):
    turned = np.diag([1.0, -1.0, -1.0, 1.0]) @ T_CAM_LIDAR
    completion(ros, extrinsics_source="file", extrinsics_file=_calibration(tmp_path, turned))
    node = session(ros, bag, protocol="truth", out=str(tmp_path / "out"))
    assert ros.spin_until(lambda: node.finished, 30)
    assert node.exit_code == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["dropped"] == {"extrinsics cannot be used": FRAMES} and report["completed"] == 0
    assert "Not one frame was completed." in capsys.readouterr().err


def _calibration(folder, T) -> str:
    path = folder / "extrinsics.json"
    path.write_text(json.dumps({"parent": "another_camera", "child": "lidar", "matrix": T.tolist()}))
    return str(path)


def test_a_completion_node_that_cannot_be_configured_ends_it_at_once(ros, bag, capsys):
    completion(ros, completer="no such one")
    node = session(ros, bag)
    assert ros.spin_until(lambda: node.finished, 10)
    assert node.exit_code == 1 and not node.ledger.entries
    assert "The node cannot be configured: " in capsys.readouterr().err


def test_without_a_completion_node_it_gives_up_with_a_sentence(ros, bag, capfd):
    node = session(ros, bag, start_timeout=1.0)
    assert ros.spin_until(lambda: node.finished, 10)
    assert node.exit_code == 1
    assert "Nobody subscribed to image, camera_info, points within 1 s." in capfd.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"protocol": "points:500"}, "draws pixels, which a LiDAR cannot leave out"),
        ({"protocol": "all"}, "Protocol 'all' is unknown"),
        ({"region": [0, 0, 0, 5]}, "0,? ?0,? ?0,? ?5"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(ros, bag, parameters, words):
    with pytest.raises(ValueError, match=words):
        session(ros, bag, **parameters)


def test_frames_of_a_silent_node_wait_within_the_limit_of_memory(ros, bag, monkeypatch):
    from depth_completion_ros.ros.session import node as module

    frames = list(open_reader(bag))
    size = module._bytes(frames[0])
    monkeypatch.setattr(module, "MEMORY_BYTES", 3 * size)
    node = session(ros, bag)
    for stamp, played in enumerate(frames * 3, start=1):
        node._on_played(stamp, played)
    assert sum(map(module._bytes, node._frames.values())) <= 3 * size
    assert node.ledger.entries[1].unscored == "more frames wait for their depth than memory is kept for"
    node._on_outcome(Outcome(1, "completed", 5.0))
    assert node.ledger.entries[1].is_settled, "what became of it is told all the same"


def test_a_depth_that_cannot_be_decoded_is_told_and_ends_nothing(ros, bag):
    node = session(ros, bag)
    played = next(iter(open_reader(bag)))
    node._on_played(10**9, played)
    message = Image(encoding="32FC1", width=5, height=5, step=20)
    message.header.stamp.sec = 1
    node._on_depth(message)
    assert node.ledger.entries[10**9].unscored.startswith("its depth cannot be decoded: Image of 5 x 5")
