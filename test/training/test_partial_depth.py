"""Known parts of dense depth: strategies of masks, and the page that shows them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data.sparse.mask_page import main, page  # noqa: E402
from depth_completion_training.data.sparse.partial_depth import (
    STRATEGIES,
    PartialDepth,
    known_part,
    without_objects,
)
from depth_completion_training.simulation.frame_file import SimulatedFrame  # noqa: E402

SHAPE = (96, 128)
NEAR = np.s_[30:60, 40:80]


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A box before a wall, of the colour of the wall; sky above and a corner without depth."""
    depth = np.full(SHAPE, 8, np.float32)
    depth[NEAR] = 3
    depth[:5], depth[-6:, :9] = np.inf, 0
    return np.full((*SHAPE, 3), 120, np.uint8), depth


def drawn(strategy: str, number: int = 30) -> list[np.ndarray]:
    return [known_part(*scene(), strategy, np.random.default_rng(seed)) for seed in range(number)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_known_is_the_truth_and_depends_on_the_seed_alone(strategy):
    depth = scene()[1]
    there = (depth > 0) & np.isfinite(depth)
    for one, again in zip(drawn(strategy, 5), drawn(strategy, 5), strict=True):
        known = one > 0
        assert np.array_equal(one, again) and known.any() and not known[~there].any()
        assert np.array_equal(one[known], depth[known])


def test_shares_that_are_known_are_those_of_the_paper():
    depth = scene()[1]
    count = np.count_nonzero((depth > 0) & np.isfinite(depth))
    shares = {s: [np.count_nonzero(one) / count for one in drawn(s, 60)] for s in ("points", "shapes")}
    points, shapes = shares["points"], shares["shapes"]
    assert 0.0009 < min(points) < 0.002 and 0.012 < max(points) <= 0.0201
    assert 0.099 < min(shapes) < 0.25 and 0.75 < max(shapes) < 0.901


def test_objects_are_hidden_whole_with_a_margin():
    image, depth = scene()
    expected = np.zeros(SHAPE, np.uint8)
    expected[NEAR] = 1
    for seed in range(3):
        hidden = ~without_objects(image, depth, np.random.default_rng(seed))
        assert hidden[NEAR].all() and not hidden[cv2.dilate(expected, np.ones((11, 11))) == 0].any()
        assert hidden.sum() > expected.sum()
    painted = np.full((*SHAPE, 3), 200, np.uint8)
    painted[70:90, 90:120] = 20  # something that has an outline in the image alone
    flat = np.full(SHAPE, 8, np.float32)
    hidden = ~without_objects(painted, flat, np.random.default_rng(0))
    assert hidden[70:90, 90:120].all() and hidden.mean() < 0.1


def test_an_image_without_objects_loses_shapes():
    image, flat = np.full((*SHAPE, 3), 120, np.uint8), np.full(SHAPE, 8, np.float32)
    share = [
        known_part(image, flat, "objects", np.random.default_rng(s)).astype(bool).mean() for s in range(5)
    ]
    assert min(share) > 0.09 and max(share) < 0.91


def test_strategies_are_drawn_as_often_as_asked():
    frame = SimulatedFrame(*scene(), np.eye(3, dtype=np.float32), [])
    rng = np.random.default_rng(0)
    only = PartialDepth(shapes=0, points=1, objects=0)
    assert all(np.count_nonzero(only(frame, rng)) < 0.021 * frame.depth.size for _ in range(20))
    few = [np.count_nonzero(PartialDepth()(frame, rng)) < 0.021 * frame.depth.size for _ in range(150)]
    assert 0.2 < np.mean(few) < 0.47
    empty = SimulatedFrame(frame.image, np.zeros(SHAPE, np.float32), frame.K, [])
    assert not PartialDepth()(empty, rng).any()


@pytest.mark.parametrize("weights", [{"shapes": -1}, {"shapes": 0, "points": 0, "objects": 0}])
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="Weights of shapes, points, objects are .* must be 0 or more"):
        PartialDepth(**weights)


def test_the_page_shows_every_strategy(tmp_path):
    image, depth = scene()
    sheet = page(image, depth, draws=2, seed=3)
    assert sheet.shape == (3 * SHAPE[0], 3 * SHAPE[1], 3)
    sparse = known_part(image, depth, "objects", np.random.default_rng([3, 2, 1]))
    cell = sheet[2 * SHAPE[0] :, 2 * SHAPE[1] :]
    below = np.s_[25:]  # the label lies above
    dark = (cell == 40).all(axis=2)
    assert np.array_equal(dark[below], (sparse == 0)[below]) and dark[below].any()
    main([str(tmp_path / "new" / "masks.png"), "--draws", "1"])
    assert cv2.imread(str(tmp_path / "new" / "masks.png")).shape == (3 * 192, 2 * 256, 3)
    with pytest.raises(SystemExit, match="none.npz"):
        main([str(tmp_path / "masks.png"), "--frame", str(tmp_path / "none.npz")])
