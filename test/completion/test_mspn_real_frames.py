"""MSPN on real frames, from no point to all of a scan. Its weights are random: this is about behaviour."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros import SparseDepth  # noqa: E402
from depth_completion_ros.completion import Source  # noqa: E402
from depth_completion_ros.completion.mspn import iteration_count  # noqa: E402
from depth_completion_ros.data import open_reader  # noqa: E402
from depth_completion_ros.evaluation.protocols import parse_protocol  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = (64, 208)
FEEDS = ["lines:1", "lines:4", "lines:16", "lines:32", "points:1", "points:10", "points:1000", "truth"]


@pytest.fixture(scope="module")
def frame(real_frames):
    return next(iter(open_reader(real_frames, select="kitti_seq_0005")))


def small(frame, feed: str):
    """Image and sparse depth of a feed, made smaller for the sake of time."""
    sparse = parse_protocol(feed).trial(frame).feed.depth
    v, u = np.nonzero(sparse)
    depth = np.zeros(SMALL, np.float32)
    depth[v * SMALL[0] // sparse.shape[0], u * SMALL[1] // sparse.shape[1]] = sparse[v, u]
    return cv2.resize(frame.image, SMALL[::-1], interpolation=cv2.INTER_AREA), SparseDepth(depth)


@pytest.mark.parametrize("variant", ["sdr_nyu", "conventional_kitti"])
def test_every_feed_gives_a_defined_answer_twice_the_same(mspn, frame, variant):
    completer = mspn(variant)
    for feed in FEEDS:
        image, sparse = small(frame, feed)
        completion = completer(image, sparse)
        unknown = np.isnan(completion.depth)
        assert ((completion.depth > 0) | unknown).all()
        assert np.isfinite(completion.depth[~unknown]).all(), feed
        assert np.array_equal(unknown, completion.source == Source.UNKNOWN), feed
        assert np.isfinite(completion.confidence).all(), feed
        again = completer(image, sparse)
        assert np.array_equal(completion.depth, again.depth, equal_nan=True), feed
        assert np.array_equal(completion.confidence, again.confidence), feed


def test_more_points_never_take_more_iterations_and_all_equal_the_formula(frame):
    counts = []
    for feed in (
        "points:1",
        "points:20",
        "points:200",
        *(f"lines:{n}" for n in (1, 2, 4, 8, 16, 32)),
        "truth",
    ):
        sparse = parse_protocol(feed).trial(frame).feed
        (height, width), points = sparse.depth.shape, sparse.count
        counts.append(iteration_count(height, width, points))
        assert counts[-1] == max(6, math.floor((math.sqrt(height * width / points) - 1) / 3) + 1)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 6
