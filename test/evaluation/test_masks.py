"""Masks of known depth: their shares, what they look like, and that a seed tells them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_completion_ros.evaluation import masks
from depth_completion_ros.evaluation.masks import (
    KNOWN_BESIDE_SHAPES,
    KNOWN_POINTS,
    SHAPES,
    corners,
    points,
    shapes,
    speckles,
)

SIZE = (60, 80)


def rng(seed=0):
    return np.random.default_rng(seed)


DRAWS = {
    "shapes": lambda seed: shapes(SIZE, rng(seed)),
    "points": lambda seed: points(SIZE, rng(seed)),
    "speckles": lambda seed: speckles(SIZE, rng(seed)),
    "corners": lambda seed: corners(chequers(), rng(seed)),
}


def chequers():
    """Four squares that meet in the middle of 60 x 80 pixels."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:30, :40] = image[30:, 40:] = 200
    return image


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_gives_one_mask_and_another_seed_another(draw):
    first = draw(1)
    assert first.shape == SIZE and first.dtype == bool and first.any() and not first.all()
    np.testing.assert_array_equal(first, draw(1))
    assert (first != draw(2)).any()


@pytest.mark.parametrize("known", [0.02, 0.05, 0.1, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("kinds", [(kind,) for kind in SHAPES] + [SHAPES, None])
def test_shapes_leave_the_share_that_is_asked_for_to_the_pixel(kinds, known):
    mask = shapes(SIZE, rng(3), known, kinds)
    assert np.count_nonzero(mask) == round(known * mask.size)


@pytest.mark.parametrize("draw", [shapes, points])
def test_a_share_can_be_that_of_some_pixels_alone(draw):
    among = np.zeros(SIZE, bool)
    among[20:, 10:70] = True
    mask = draw(SIZE, rng(4), 0.25, among=among)
    assert np.count_nonzero(mask & among) == 0.25 * np.count_nonzero(among)
    assert not (draw is points and (mask & ~among).any())


def test_without_a_share_it_is_drawn_from_its_range():
    least, most = KNOWN_BESIDE_SHAPES
    generator = rng()
    of_shapes = np.array([shapes(SIZE, generator).mean() for _ in range(300)])
    assert least - 1e-3 < of_shapes.min() < least + 0.05 and most - 0.05 < of_shapes.max() < most + 1e-3
    assert of_shapes.mean() == pytest.approx((least + most) / 2, abs=0.05)
    of_points = np.array([points((200, 300), generator).mean() for _ in range(300)])
    least, most = KNOWN_POINTS
    assert least * 0.99 < of_points.min() < 1.1 * least and 0.9 * most < of_points.max() < most * 1.01
    assert np.median(of_points) == pytest.approx(np.sqrt(least * most), rel=0.2)


def test_points_lie_everywhere_alike():
    hits = sum(points(SIZE, rng(seed), 0.1).astype(int) for seed in range(200))
    quarters = [hits[top : top + 30, left : left + 40].mean() for top in (0, 30) for left in (0, 40)]
    np.testing.assert_allclose(quarters, 20, rtol=0.03)
    assert hits.max() < 45 and hits.min() > 3  # 20 expected at each pixel, deviation 4


def test_squares_have_right_angles_and_circles_are_round_and_strokes_thin():
    """By the share that one shape fills of the box around it, where it lies inside the image."""
    shares = {kind: np.array([fill_of_box(kind, seed) for seed in range(60)]) for kind in SHAPES}
    whole = {kind: some[np.isfinite(some)] for kind, some in shares.items()}
    assert all(len(some) > 10 for some in whole.values())
    np.testing.assert_allclose(whole["squares"], 1)
    np.testing.assert_allclose(whole["circles"], np.pi / 4, atol=0.06)
    assert np.median(whole["strokes"]) < 0.6


def fill_of_box(kind, seed):
    covered = np.zeros((300, 400), np.uint8)
    masks._DRAW[kind](covered, rng(seed))
    left, top, width, height = cv2.boundingRect(covered)
    inside = left > 0 and top > 0 and left + width < 400 and top + height < 300
    return covered.sum() / (width * height) if inside else np.nan


def test_each_kind_and_their_mixture_come_alike_when_none_is_asked_for(monkeypatch):
    seen = []
    for kind, draw in masks._DRAW.items():
        monkeypatch.setitem(
            masks._DRAW, kind, lambda hole, r, kind=kind, draw=draw: [seen[-1].add(kind), draw(hole, r)]
        )
    generator = rng(7)
    for _ in range(400):
        seen.append(set())
        shapes(SIZE, generator, 0.2)
    for kind in SHAPES:
        assert seen.count({kind}) == pytest.approx(100, abs=30)
    assert sum(len(kinds) > 1 for kinds in seen) == pytest.approx(100, abs=30)


def test_speckles_are_blobs_and_leave_their_share():
    mask = speckles((120, 160), rng(5), 0.8)
    assert np.count_nonzero(mask) == round(0.8 * mask.size)
    number, *_ = cv2.connectedComponents((~mask).astype(np.uint8))
    assert number - 1 < 0.2 * mask.size / 50  # far fewer than lone pixels would be


def test_points_cluster_at_corners():
    v, u = np.nonzero(corners(chequers(), rng(6), 1))
    assert 3 <= len(v) <= 8
    assert np.hypot(v - 29.5, u - 39.5).max() < 10
    assert not corners(np.full((*SIZE, 3), 90, np.uint8), rng()).any()


def test_what_is_not_allowed_is_refused():
    for draw in (shapes, points, speckles):
        for known in (0, 1, 1.5):
            with pytest.raises(ValueError, match="more than 0 and less than 1"):
                draw(SIZE, rng(), known)
    with pytest.raises(ValueError, match="'stars' is unknown; it must be one of strokes, circles, squares"):
        shapes(SIZE, rng(), 0.5, ("circles", "stars"))
    with pytest.raises(ValueError, match="and not none"):
        points(SIZE, rng(), 0.5, np.zeros(SIZE, bool))
