from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from depth_completion_ros.completion import Completer, Completion
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.evaluation.figures import draw_trial
from depth_completion_ros.evaluation.protocols import Settings, parse_protocol
from depth_completion_ros.evaluation.report import metrics_json, write_report
from depth_completion_ros.evaluation.runner import evaluate


class Nothing(Completer):
    """Knows nothing anywhere."""

    name = "nothing"

    def complete(self, image, sparse, camera=None, name=""):
        return Completion.unknown(sparse.depth.shape)


@pytest.fixture
def result(streets):
    streets.frames[2].ground_truth = None
    return evaluate(streets, ["nearest", "linear"], ["truth", "lines:8", "lines:4"], Settings(max_depth=15))


def test_a_report_has_tables_plots_and_machine_readable_metrics(result, tmp_path):
    files = write_report(result, tmp_path / "out")
    names = [file.name for file in files]
    assert names[:4] == ["report.md", "metrics.json", "metrics.csv", "runtimes.csv"]
    assert names[4:] == ["error_over_lines_N.png", "error_over_range.png", "runtimes.png"]
    text = files[0].read_text()
    assert "| lines:8 | linear | 3 |" in text
    assert "1 of 3 frames cannot serve truth: it has no ground truth." in text
    assert "truth scored up to 15 m" in text
    for name in names[4:]:
        assert f"({name})" in text
        assert cv2.imread(str(tmp_path / "out" / name)).std() > 5


@pytest.mark.parametrize(
    ("settings", "without", "sentence"),
    [
        ({}, 0, "3 frames; filters on the feed: see-through."),
        ({}, 1, "see-through (of LiDAR points; 1 of 3 frames have none and are not filtered)."),
        ({"see_through": False}, 3, "3 frames; filters on the feed: none."),
        ({"max_range": 30}, 0, "filters on the feed: see-through; fed up to 30 m."),
    ],
)
def test_the_report_says_what_was_done_to_the_feed(streets, tmp_path, settings, without, sentence):
    for frame in streets.frames[:without]:
        frame.sparse_depth = SparseDepth.from_points(frame).depth
        frame.points = frame.rings = None
    result = evaluate(streets, ["nearest"], ["truth"], Settings(**settings))
    assert sentence in write_report(result, tmp_path)[0].read_text()


def test_the_report_says_how_large_the_frames_are(streets, tmp_path):
    result = evaluate(streets, ["nearest"], ["truth"])
    assert " Size of the frames: 200 x 100." in write_report(result, tmp_path)[0].read_text()


def test_the_json_holds_means_rows_and_reasons(result):
    content = json.loads(metrics_json(result))
    assert content["frames"] == 3 and content["settings"]["max_depth"] == 15
    assert len(content["rows"]) == 2 * (2 + 3 + 3)
    mean = content["means"][0]
    assert (mean["protocol"], mean["completer"], mean["frames"]) == ("truth", "nearest", 2)
    assert mean["metrics"]["rmse_mm"] == pytest.approx(result.means()[0].metrics.rmse_mm, rel=1e-6)
    assert content["skipped"] == [
        {"frame": "street_3", "protocol": "truth", "reason": "it has no ground truth"}
    ]
    assert len(content["by_range"]["edges_m"]) == len(content["by_range"]["mae_mm"][0]["values"]) + 1


def test_only_the_run_times_differ_between_two_reports(streets, tmp_path):
    folders = []
    for name in ("a", "b"):
        result = evaluate(streets, ["nearest"], ["lines:4", "points:99"])
        folders.append(write_report(result, tmp_path / name)[0].parent)
    for name in ("metrics.json", "metrics.csv", "error_over_range.png"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_csv_has_one_line_a_frame_protocol_and_completer(result, tmp_path):
    write_report(result, tmp_path)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result.rows)
    assert float(rows[-1]["mae_mm"]) == pytest.approx(result.rows[-1].metrics.mae_mm, rel=1e-6)


def test_unknown_metrics_are_null_and_do_not_stop_the_report(streets, tmp_path):
    result = evaluate(streets, [Nothing(), "nearest"], ["lines:8", "lines:4"])
    content = json.loads(metrics_json(result))
    assert content["means"][0]["metrics"]["rmse_mm"] is None
    assert content["means"][0]["metrics"]["coverage"] == 0
    assert "| lines:8 | nothing | 3 |" in write_report(result, tmp_path)[0].read_text()


@pytest.mark.parametrize("shape", ["wide", "without image", "knows nothing"])
def test_figures_are_drawn_whatever_is_missing(make_street, tmp_path, shape):
    frame = make_street(image=None) if shape == "without image" else make_street()
    protocol = parse_protocol("lines:4")
    trial = protocol.trial(frame)
    if shape == "knows nothing":
        completions = {"nothing": Nothing().complete(None, trial.feed)}
    else:
        from depth_completion_ros.completion import create_completer

        completions = {
            name: create_completer(name).complete(frame.image, trial.feed, frame.camera)
            for name in ("nearest", "linear")
        }
    path = draw_trial(frame, trial, protocol, completions, tmp_path / "figures" / "a.png")
    drawn = cv2.imread(str(path))
    assert drawn.shape[1] > 600 and drawn.std() > 20
    assert len(np.unique(drawn[..., 0])) > 50
