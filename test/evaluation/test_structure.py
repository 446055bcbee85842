"""Scores of shape on cases that can be reckoned by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from depth_completion_ros.core import Camera
from depth_completion_ros.evaluation.report import metrics_json, write_report
from depth_completion_ros.evaluation.runner import evaluate
from depth_completion_ros.evaluation.structure import (
    EDGE_LIMIT_PX,
    StructureMetrics,
    compute_structure,
    depth_edges,
)

CAMERA = Camera(40, 30, np.array([[50.0, 0, 19.5], [0, 50.0, 14.5], [0, 0, 1]]))


def step(column: int, near: float = 2.0, far: float = 8.0) -> np.ndarray:
    """A near wall left of a column, a far one from it on."""
    depth = np.full((30, 40), far)
    depth[:, :column] = near
    return depth


def plane(normal) -> np.ndarray:
    """Depth of the plane n . X = -4 that faces the camera."""
    n = np.asarray(normal, float) / np.linalg.norm(normal)
    x, y = CAMERA.rays
    return -4.0 / (n[0] * x + n[1] * y + n[2])


def test_the_truth_itself_has_no_fault():
    truth = step(20)
    assert asdict(compute_structure(truth.copy(), truth, CAMERA)) == {
        "edge_accuracy_px": 0,
        "edge_completeness_px": 0,
        "edge_mae_mm": 0,
        "edge_coverage": 1,
        "normal_deg": pytest.approx(0, abs=1e-5),
        "normal_right": 1,
        "false_obstacle": 0,
        "missed_obstacle": 0,
        "told_false_obstacle": 0,
        "told_missed_obstacle": 0,
    }


def test_an_edge_is_the_near_side_of_a_step_in_depth():
    edges = depth_edges(step(20), np.ones((30, 40), bool))
    assert edges[:, 19].all() and np.count_nonzero(edges) == 30
    assert not depth_edges(step(20, 2.0, 2.19), np.ones((30, 40), bool)).any()
    assert depth_edges(step(20, 2.0, 2.21), np.ones((30, 40), bool)).any()


def test_a_step_next_to_an_unknown_pixel_is_no_edge():
    known = np.ones((30, 40), bool)
    known[:, 20] = False
    assert not depth_edges(step(20), known).any()


@pytest.mark.parametrize("moved", [1, 4])
def test_an_edge_that_has_moved_is_so_many_pixels_off(moved):
    score = compute_structure(step(20 + moved), step(20))
    assert score.edge_accuracy_px == pytest.approx(moved)
    assert score.edge_completeness_px == pytest.approx(moved)
    # The pixels between were 8 m and are said to be 2 m: obstacles that are not there.
    assert score.false_obstacle == pytest.approx(moved / 40) and score.missed_obstacle == 0


def test_an_edge_that_is_not_there_counts_as_far_as_any_may():
    score = compute_structure(np.full((30, 40), 2.0), step(20))
    assert score.edge_completeness_px == EDGE_LIMIT_PX and np.isnan(score.edge_accuracy_px)
    assert score.false_obstacle == pytest.approx(0.5)


def test_an_edge_that_is_invented_makes_accuracy_worse_and_completeness_not():
    prediction = step(20)
    prediction[:, 30:] = 20.0  # a second edge, at column 29
    score = compute_structure(prediction, step(20))
    assert score.edge_completeness_px == 0
    assert score.edge_accuracy_px == pytest.approx((0 + 10) / 2)
    assert score.missed_obstacle == pytest.approx(10 / 40)


def test_error_and_coverage_at_edges_are_those_within_three_pixels():
    truth, prediction = step(20), step(20)
    prediction[:, :10] += 1.0  # far from the edge: of no account
    prediction[:, 22] = 8.5
    prediction[:, 17] = np.nan
    score = compute_structure(prediction, truth)
    # Columns 16 to 22 are within 3 pixels of column 19.
    assert score.edge_coverage == pytest.approx(6 / 7)
    assert score.edge_mae_mm == pytest.approx(500 / 6)


@pytest.mark.parametrize("degrees", [5.0, 20.0])
def test_planes_that_differ_by_an_angle_differ_by_that_angle(degrees):
    angle = np.radians(degrees)
    truth = plane([0, 0, -1])
    score = compute_structure(plane([np.sin(angle), 0, -np.cos(angle)]), truth, CAMERA)
    assert score.normal_deg == pytest.approx(degrees, abs=0.01)
    assert score.normal_right == (degrees < 11.25)
    assert np.isnan(score.edge_accuracy_px)  # a plane has no edge


def test_too_near_and_too_far_begin_at_a_tenth_and_at_20_centimetres():
    truth = np.full((30, 40), 10.0)
    prediction = truth.copy()
    prediction[:, :4], prediction[:, 4:8] = 9.05, 8.95
    prediction[:, 8:12], prediction[:, 12:20] = 10.95, 11.05
    score = compute_structure(prediction, truth)
    assert score.false_obstacle == pytest.approx(4 / 40) and score.missed_obstacle == pytest.approx(8 / 40)
    near = np.full((30, 40), 1.0)
    assert compute_structure(near - 0.19, near).false_obstacle == 0
    assert compute_structure(near - 0.21, near).false_obstacle == 1


def test_a_sparse_truth_tells_obstacles_but_no_edges():
    truth = np.where(np.arange(40) % 3 == 0, step(20), 0.0)
    score = compute_structure(step(24), truth, CAMERA)
    assert np.isnan([score.edge_accuracy_px, score.edge_coverage, score.normal_deg]).all()
    # Column 21, of the 14 columns that have a truth.
    assert score.false_obstacle == pytest.approx(1 / 14)


def test_nothing_predicted_is_nothing_right():
    score = compute_structure(np.full((30, 40), np.nan), step(20), CAMERA)
    assert score.edge_coverage == 0 and score.edge_completeness_px == EDGE_LIMIT_PX
    assert np.isnan([score.edge_mae_mm, score.normal_deg, score.false_obstacle]).all()


def test_a_mean_leaves_out_frames_without_a_score():
    a, b = StructureMetrics(*[1.0] * 10), StructureMetrics(*[3.0] * 9, float("nan"))
    assert StructureMetrics.mean([a, b]) == StructureMetrics(*[2.0] * 9, 1.0)


def test_what_robots_are_not_told_is_no_obstacle_to_them():
    told = step(24)
    told[:, 22:] = np.nan
    score = compute_structure(step(24), step(20), told=told)
    assert score.false_obstacle == pytest.approx(4 / 40)
    assert score.told_false_obstacle == pytest.approx(2 / 22) and score.told_missed_obstacle == 0


def test_an_evaluation_reports_shape_where_asked(streets, tmp_path):
    result = evaluate(streets, ["nearest", "linear"], ["truth"], structure=True)
    assert len(result.structure) == 6
    content = json.loads(metrics_json(result))
    assert len(content["structure_rows"]) == 6
    (first, _) = content["structure"]
    rows = [row for row in content["structure_rows"] if row["completer"] == "nearest"]
    assert first["normal_deg"] == pytest.approx(np.mean([row["normal_deg"] for row in rows]), rel=1e-6)
    write_report(result, tmp_path)
    report = (tmp_path / "report.md").read_text()
    assert "## Shape" in report and f"{first['normal_deg']:.1f}" in report
    without = evaluate(streets, ["nearest"], ["truth"])
    assert without.structure == [] and "structure" not in json.loads(metrics_json(without))
