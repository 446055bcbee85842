"""Kinds of depth that SLAM and maps are given."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import SHAPE, camera_image, grid_of, no_points, slope

from depth_completion_ros import Camera, Frame, SparseDepth, create_completer
from depth_completion_ros.slam.depths import inverse_dilation, parse_depths


@pytest.fixture
def frame() -> Frame:
    K = [[80, 0, SHAPE[1] / 2], [0, 80, SHAPE[0] / 2], [0, 0, 1]]
    return Frame(camera=Camera(SHAPE[1], SHAPE[0], K), image=camera_image(), ground_truth=slope(), name="one")


def one(text: str):
    return parse_depths([text], create_completer)[0]


def test_what_was_measured_is_given_as_it_is_and_nothing_else(frame):
    sparse = grid_of(slope(), 5, 7)
    completion = one("sparse").complete(frame, sparse)
    measured = sparse.depth > 0
    np.testing.assert_array_equal(completion.depth[measured], sparse.depth[measured])
    np.testing.assert_array_equal(np.isnan(completion.depth), ~measured)
    np.testing.assert_array_equal(completion.confidence, measured)


def test_inverse_dilation_gives_the_nearest_depth_within_two_pixels_along_and_across(frame):
    random = np.random.default_rng(0)
    depth = np.where(random.random((20, 30)) < 0.1, random.uniform(2, 50, (20, 30)), 0).astype(np.float32)
    got = inverse_dilation(frame, SparseDepth(depth)).depth
    for v in range(20):
        for u in range(30):
            near = [
                depth[y, x]
                for y in range(max(v - 2, 0), min(v + 3, 20))
                for x in range(max(u - 2, 0), min(u + 3, 30))
                if abs(y - v) + abs(x - u) <= 2 and depth[y, x] > 0
            ]
            assert got[v, u] == min(near) if near else np.isnan(got[v, u])


@pytest.mark.parametrize("text", ["sparse", "inverse_dilation", "linear"])
def test_nothing_measured_gives_nothing(frame, text):
    completion = one(text).complete(frame, no_points())
    assert np.isnan(completion.depth).all() and not completion.confidence.any()


def test_truth_is_the_ground_truth_and_refused_where_there_is_none(frame):
    truth = one("truth")
    np.testing.assert_array_equal(truth.complete(frame, no_points()).depth, slope())
    frame.ground_truth = None
    with pytest.raises(ValueError, match="Frame one has no ground truth"):
        truth.complete(frame, no_points())


def test_a_completer_has_its_own_limit_unless_another_is_given():
    own, other, all_of_it = parse_depths(
        ["linear", "linear,min_confidence=0.6", "linear,min_confidence=0"], create_completer
    )
    assert [own.min_confidence, other.min_confidence, all_of_it.min_confidence] == [0.3, 0.6, 0]
    assert {own.base, other.base, all_of_it.base} == {"linear"}
    assert own.completer is other.completer is all_of_it.completer
    assert [own.label, other.label, all_of_it.label] == ["linear >= 0.3", "linear >= 0.6", "linear >= 0"]


def test_depth_beside_another_surface_is_an_edge():
    """Two walls at 5 m and 6 m that meet between columns 9 and 10: three pixels on each side are lost."""
    depth = np.full((20, 20), 5, np.float32)
    depth[:, 10:] = 6
    depth[0, 0] = np.nan
    kept = one("truth,max_step=0.1").gated(depth, np.ones((20, 20), np.float32))
    expected = depth.copy()
    expected[:, 7:13] = np.nan
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(one("truth,max_step=0.3").gated(depth, np.ones((20, 20))), depth)
    assert one("linear,max_step=0.1").label == "linear >= 0.3, step 0.1"


def test_other_settings_stay_with_the_completer():
    made = []
    depths = parse_depths(
        ["linear:depth,a=1,min_confidence=0.2,b=2"],
        lambda text: made.append(text) or create_completer("linear"),
    )
    assert made == ["linear:depth,a=1,b=2"] == [depths[0].base]


@pytest.mark.parametrize(
    "texts, sentence",
    [
        (["linear", "linear,min_confidence=0.3"], "Depth 'linear >= 0.3' is given twice"),
        (["sparse,min_confidence=0.5"], "Depth 'sparse' has no confidence"),
        (["linear,min_confidence=2"], "it must be a number from 0 to 1"),
        (["linear,min_confidence=much"], "it must be a number from 0 to 1"),
        (
            ["truth,max_step=0"],
            "Setting 'max_step' of depth 'truth,max_step=0' is '0'; it must be a number above",
        ),
        (["linear,min_confidence"], "not of the form NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused(texts, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_depths(texts, create_completer)
