from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.completion import Completer, Completion, create_completer
from depth_completion_ros.core import compute_metrics
from depth_completion_ros.evaluation.protocols import Settings, parse_protocol
from depth_completion_ros.evaluation.report import metrics_json
from depth_completion_ros.evaluation.runner import error_by_range, evaluate


class OnlyMeasured(Completer):
    """Gives back what it is fed, so most pixels stay unknown."""

    name = "only measured"

    def complete(self, image, sparse, camera=None, name=""):
        completion = Completion.unknown(sparse.depth.shape)
        completion.depth[sparse.depth > 0] = sparse.depth[sparse.depth > 0]
        return completion


def test_rows_hold_the_metrics_that_one_computes_by_hand(streets):
    result = evaluate(streets, ["nearest", "linear"], ["truth", "lines:4"])
    assert len(result.rows) == 3 * 2 * 2 and result.frames == 3
    frame = streets.frames[1]
    trial = parse_protocol("lines:4").trial(frame)
    depth = create_completer("linear").complete(frame.image, trial.feed, frame.camera).depth
    key = ("street_2", "lines:4", "linear")
    row = next(row for row in result.rows if (row.frame, row.protocol, row.completer) == key)
    assert row.metrics == compute_metrics(depth, trial.truth)
    assert row.points_fed == trial.feed.count


def test_means_are_over_frames_and_in_the_order_asked_for(streets):
    result = evaluate(streets, ["linear", "nearest"], ["lines:4", "truth"])
    order = [(mean.protocol, mean.completer, mean.frames) for mean in result.means()]
    assert order == [(p, c, 3) for p in ("lines:4", "truth") for c in ("linear", "nearest")]
    rows = [r.metrics.rmse_mm for r in result.rows if (r.protocol, r.completer) == ("truth", "nearest")]
    assert result.means()[3].metrics.rmse_mm == pytest.approx(np.mean(rows))


def test_the_same_evaluation_twice_is_the_same_json_byte_for_byte(streets):
    runs = [
        evaluate(streets, ["linear", "morphological"], ["hide:2", "points:200"], Settings(seeds=2))
        for _ in range(2)
    ]
    assert metrics_json(runs[0]) == metrics_json(runs[1])
    assert len(runs[0].runtimes_ms) == 3 * 2 * (1 + 2)


def test_random_protocols_are_the_mean_over_the_seeds(streets):
    two = evaluate(streets, ["nearest"], ["points:100"], Settings(seeds=2)).rows[0].metrics
    frame, protocol = streets.frames[0], parse_protocol("points:100")
    singles = []
    for seed in (0, 1):
        trial = protocol.trial(frame, seed=seed)
        depth = create_completer("nearest").complete(None, trial.feed).depth
        singles.append(compute_metrics(depth, trial.truth).mae_mm)
    assert singles[0] != singles[1]
    assert two.mae_mm == pytest.approx(np.mean(singles))


def test_pixels_without_a_prediction_lower_the_coverage_and_not_the_error(streets):
    result = evaluate(streets, [OnlyMeasured()], ["truth"])
    metrics = result.rows[0].metrics
    assert 0 < metrics.coverage < 0.3
    assert metrics.mae_mm < 200
    nothing = evaluate(streets, [OnlyMeasured()], ["lines:4"]).rows[0].metrics
    assert nothing.coverage == 0 and nothing.pixels == 0 and np.isnan(nothing.rmse_mm)


def test_frames_that_cannot_serve_a_protocol_are_left_out_and_counted(streets):
    streets.frames[1].ground_truth = None
    result = evaluate(streets, ["nearest"], ["truth", "lines:4"])
    assert result.skipped == [("street_2", "truth", "it has no ground truth")]
    assert [mean.frames for mean in result.means()] == [2, 3]


def test_no_frame_that_can_serve_is_an_error_that_says_why(streets):
    for frame in streets.frames:
        frame.rings = None
    with pytest.raises(ValueError, match=r"No frame of streets .* lines:4: it has no LiDAR rings \(3 of 3\)"):
        evaluate(streets, ["nearest"], ["lines:4"])


def test_no_frame_at_all_is_an_error(streets):
    streets.frames.clear()
    with pytest.raises(ValueError, match="There is no frame in streets"):
        evaluate(streets, ["nearest"], ["truth"])


def test_unknown_or_repeated_names_are_refused_before_any_work(streets):
    with pytest.raises(ValueError, match="'best' is unknown"):
        evaluate(streets, ["best"], ["truth"])
    with pytest.raises(ValueError, match="Completer 'linear' is given twice"):
        evaluate(streets, ["linear", "linear"], ["truth"])
    with pytest.raises(ValueError, match="Protocol 'truth' is given twice"):
        evaluate(streets, ["linear"], ["truth", "truth"])
    with pytest.raises(ValueError, match="No protocol is given"):
        evaluate(streets, ["linear"], [])


def test_variants_of_one_completer_are_told_apart(streets):
    result = evaluate(streets, ["linear:inverse", "linear:depth"], ["lines:4"])
    inverse, depth = (mean.metrics.rmse_mm for mean in result.means())
    assert inverse < depth  # a ground plane is linear in 1 / z


def test_the_watcher_sees_every_frame_and_protocol_once(streets):
    seen = []

    def watch(index, frame, trial, protocol, completions):
        assert trial.truth.any()
        seen.append((index, frame.name, protocol.text, *completions))

    evaluate(streets, ["nearest", "linear"], ["truth", "points:50"], Settings(seeds=3), watch=watch)
    assert seen == [
        (at, f"street_{at + 1}", text, "nearest", "linear")
        for at in range(3)
        for text in ("truth", "points:50")
    ]


def test_errors_by_range_add_up_to_the_mean_error(streets):
    frame = streets.frames[0]
    prediction = frame.ground_truth + np.float32(0.25)
    prediction[:10] = np.nan
    total, pixels = error_by_range(prediction, frame.ground_truth)
    assert 1e3 * total.sum() / pixels.sum() == pytest.approx(
        compute_metrics(prediction, frame.ground_truth).mae_mm
    )
    assert (pixels > 0).sum() > 3


def test_nearest_on_the_real_sequence_is_near_the_published_baseline(real_frames):
    from depth_completion_ros.data.reader import open_reader

    reader = open_reader(real_frames, select="kitti_seq_000[59]")
    unfiltered = Settings(see_through=False)
    plain = evaluate(reader, ["nearest"], ["truth:lines=64"], unfiltered).means()[0].metrics
    filtered = evaluate(reader, ["nearest"], ["truth:lines=64"]).means()[0].metrics
    assert 1500 < plain.rmse_mm < 2600
    assert filtered.rmse_mm < 0.75 * plain.rmse_mm
