from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depth_completion_ros.core import SparseDepth
from depth_completion_ros.evaluation.protocols import CannotServe, Settings, parse_protocol

UNFILTERED = Settings(see_through=False)


def raw(frame):
    return SparseDepth.from_points(frame, see_through=False, isolated=False).depth


def on_rings(frame, rings):
    """Unfiltered depth of some rings alone, by hand."""
    kept = np.isin(frame.rings, rings)
    return raw(replace(frame, points=frame.points[kept], rings=frame.rings[kept]))


@pytest.mark.parametrize(
    "text", ["", "line:4", "lines", "lines:", "lines:-1", "lines:2.5", "truth:lines", "truth:16", "hide:a"]
)
def test_an_unknown_protocol_is_refused_with_the_list_of_known_ones(text):
    with pytest.raises(ValueError, match=r"must be truth, truth:lines=N, lines:N, hide:K, points:N"):
        parse_protocol(text)


@pytest.mark.parametrize("text", ["lines:0", "hide:1", "hide:0", "points:0", "share:0", "share:100"])
def test_a_number_that_leaves_nothing_to_feed_or_to_score_is_refused(text):
    with pytest.raises(ValueError, match=rf"'{text}' has the number"):
        parse_protocol(text)


def test_truth_feeds_the_whole_scan_and_scores_on_the_ground_truth(make_street):
    frame = make_street()
    trial = parse_protocol("truth").trial(frame, UNFILTERED)
    np.testing.assert_array_equal(trial.feed.depth, raw(frame))
    np.testing.assert_array_equal(trial.truth, frame.ground_truth)


@pytest.mark.parametrize("text", ["truth:lines=4", "lines:4"])
def test_four_lines_of_sixteen_are_every_fourth_ring_from_the_topmost(make_street, text):
    frame = make_street(rings=16)
    trial = parse_protocol(text).trial(frame, UNFILTERED)
    np.testing.assert_array_equal(trial.feed.depth, on_rings(frame, [0, 4, 8, 12]))


def test_lines_that_do_not_divide_the_rings_start_at_the_top_and_are_evenly_spaced(make_street):
    frame = make_street(rings=16)
    trial = parse_protocol("lines:6").trial(frame, UNFILTERED)
    np.testing.assert_array_equal(trial.feed.depth, on_rings(frame, [0, 2, 5, 8, 10, 13]))


def test_a_scan_without_its_lowest_rings_still_counts_as_one_of_the_sensor(make_street):
    frame = make_street(rings=12)
    trial = parse_protocol("lines:8").trial(frame, UNFILTERED)
    np.testing.assert_array_equal(trial.feed.depth, on_rings(frame, [0, 2, 4, 6, 8, 10]))


def test_hide_feeds_all_rings_but_every_kth(make_street):
    frame = make_street(rings=16)
    trial = parse_protocol("hide:4").trial(frame, UNFILTERED)
    hidden = [3, 7, 11, 15]
    fed = on_rings(frame, [ring for ring in range(16) if ring not in hidden])
    np.testing.assert_array_equal(trial.feed.depth, fed)
    np.testing.assert_array_equal(trial.truth, np.where(fed > 0, 0, on_rings(frame, hidden)))


@pytest.mark.parametrize("text", ["hide:2", "lines:5", "points:500", "share:20"])
def test_no_pixel_is_both_fed_and_scored(make_street, text):
    trial = parse_protocol(text).trial(make_street(), UNFILTERED)
    assert trial.feed.count and trial.truth.any()
    assert not ((trial.feed.depth > 0) & (trial.truth > 0)).any()


def test_points_that_show_through_are_not_scored_even_where_the_feed_is_unfiltered(make_street):
    frame = make_street(rings=64)
    x, y, z = frame.points[:, :3].T
    box = (np.abs(y) < 1.5) & (z < 0.5) & (x > 6)
    # A box at 6 m in every second ring: the wall behind shows through between its scan lines.
    frame.points[box & (frame.rings % 2 == 0)] *= (6 / x[box & (frame.rings % 2 == 0)])[:, None]
    through = (raw(frame) > 0) & (SparseDepth.from_points(frame, isolated=False).depth == 0)
    assert through.sum() > 100
    for text in ("lines:32", "hide:3", "share:50"):
        trial = parse_protocol(text).trial(frame, UNFILTERED)
        assert not trial.truth[through].any()


def test_random_points_are_as_many_as_asked_the_same_every_time_and_differ_by_seed(make_street):
    frame, protocol = make_street(), parse_protocol("points:300")
    first, again = (protocol.trial(frame, UNFILTERED).feed.depth for _ in range(2))
    other_seed = protocol.trial(frame, UNFILTERED, seed=1).feed.depth
    other_name = protocol.trial(make_street(name="another"), UNFILTERED).feed.depth
    assert np.count_nonzero(first) == 300
    np.testing.assert_array_equal(first, again)
    assert (first != other_seed).any() and (first != other_name).any()
    assert np.isin(first[first > 0], raw(frame)).all()


def test_a_share_is_per_cent_of_the_points_in_view(make_street):
    frame = make_street()
    trial = parse_protocol("share:12.5").trial(frame, UNFILTERED)
    assert trial.feed.count == round(np.count_nonzero(raw(frame)) / 8)


def test_points_come_from_the_ground_truth_where_there_is_no_lidar(make_street):
    frame = make_street()
    frame.points = frame.rings = frame.T_cam_lidar = None
    trial = parse_protocol("points:50").trial(frame)
    fed = trial.feed.depth > 0
    assert trial.feed.count == 50
    np.testing.assert_array_equal(trial.feed.depth[fed], frame.ground_truth[fed])
    assert np.count_nonzero(trial.truth) == frame.ground_truth.size - 50


def test_a_frame_with_sparse_depth_alone_serves_truth(make_street):
    frame = make_street()
    frame.sparse_depth = np.where(frame.ground_truth < 8, frame.ground_truth, 0)
    frame.points = frame.rings = frame.T_cam_lidar = None
    trial = parse_protocol("truth").trial(frame)
    np.testing.assert_array_equal(trial.feed.depth, frame.sparse_depth)


@pytest.mark.parametrize(
    ("text", "missing", "reason"),
    [
        ("truth", ["ground_truth"], "no ground truth"),
        ("truth", ["points", "rings"], "no measurement beside its ground truth"),
        ("truth:lines=4", ["rings"], "no LiDAR rings"),
        ("lines:4", ["rings"], "no LiDAR rings"),
        ("hide:2", ["T_cam_lidar"], "no calibration"),
        ("points:9", ["T_cam_lidar"], "no calibration"),
        ("points:9", ["points", "rings", "ground_truth"], "neither points nor ground truth"),
        ("points:99999", [], "leave none to score"),
        ("lines:32", [], "16 rings, fewer than 32"),
        ("lines:16", [], "nothing is left to score"),
    ],
)
def test_a_frame_that_cannot_serve_a_protocol_says_why(make_street, text, missing, reason):
    frame = make_street(rings=16)
    for name in missing:
        setattr(frame, name, None)
    with pytest.raises(CannotServe, match=reason):
        parse_protocol(text).trial(frame)


def test_an_empty_scan_has_nothing_to_feed(make_street):
    frame = make_street()
    frame.points, frame.rings = frame.points[:0], frame.rings[:0]
    for text in ("truth", "truth:lines=4", "hide:2"):
        with pytest.raises(CannotServe, match="no point"):
            parse_protocol(text).trial(frame)
    with pytest.raises(CannotServe, match="0 points in view"):
        parse_protocol("points:5").trial(frame)


def test_depth_limit_and_region_take_pixels_out_of_the_score_and_nothing_out_of_the_feed(make_street):
    frame, protocol = make_street(), parse_protocol("truth")
    whole = protocol.trial(frame)
    trial = protocol.trial(frame, Settings(max_depth=9, region=(20, 60, 70, 90)))
    np.testing.assert_array_equal(trial.feed.depth, whole.feed.depth)
    v, u = np.nonzero(trial.truth)
    assert u.min() == 20 and u.max() == 69 and v.max() == 89
    assert 0 < trial.truth[v, u].max() <= 9
    with pytest.raises(CannotServe, match="nothing is left to score"):
        protocol.trial(frame, Settings(region=(5000, 0, 5010, 10)))


@pytest.mark.parametrize(
    "wrong", [{"max_depth": 0}, {"max_depth": float("nan")}, {"seeds": 0}, {"region": (0, 0, 0, 5)}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Settings(**wrong)


def test_a_32_line_feed_of_a_real_scan_is_every_second_ring(real_frames):
    from depth_completion_ros.data.reader import open_reader

    frame = next(iter(open_reader(real_frames / "kitti_seq_0005")))
    trial = parse_protocol("truth:lines=32").trial(frame, UNFILTERED)
    np.testing.assert_array_equal(trial.feed.depth, on_rings(frame, range(0, 64, 2)))


@pytest.mark.parametrize("factor", [1000 / 256, 1 / 3.28])
def test_a_truth_in_another_unit_than_the_measurement_is_not_scored(make_street, factor):
    frame = make_street()
    frame.ground_truth = frame.ground_truth * np.float32(factor)
    with pytest.raises(
        CannotServe, match=rf"truth is {factor:.2g}\d* times the measurement .* in another unit"
    ):
        parse_protocol("truth").trial(frame, UNFILTERED)
