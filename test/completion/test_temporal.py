"""Completions blended over time: by a plain reference, and in a scene where a car leaves and one appears."""

from __future__ import annotations

import math

import numpy as np
import pytest

from depth_completion_ros import create_completer
from depth_completion_ros.completion import Completion, Source
from depth_completion_ros.completion.temporal.blend import MAX_GAP_S, PAST_FRAMES, TemporalBlend, contradicted
from depth_completion_ros.completion.temporal.warp import contradicting, look_back, recall
from depth_completion_ros.core import Camera, Frame, SparseDepth, invert, rigid
from depth_completion_ros.core.geometry import quaternion_to_matrix

PINHOLE = Camera(64, 40, [[50, 0, 31], [0, 52, 19], [0, 0, 1]])
WIDE_ANGLE = Camera(64, 40, [[30, 0, 31], [0, 30, 19], [0, 0, 1]], "equidistant", [0.02, -0.01, 0, 0])
STEP = 100_000_000
MOVED = rigid(quaternion_to_matrix([0.01, -0.015, 0.02, 1]), [0.1, -0.05, 0.4])
"""Pose of the camera a frame later."""


def rough(camera: Camera, seed: int) -> np.ndarray:
    """Depth of two slanted walls, the right one nearer, and some unknown pixels."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[: camera.height, : camera.width].astype(np.float32)
    depth = 1 / np.where(u < 40, 0.05 + 0.001 * v, 0.12 + 0.001 * u)
    depth[rng.random(depth.shape) < 0.05] = np.nan
    return depth.astype(np.float32)


def known(depth: np.ndarray, confidence: float = 0.6) -> Completion:
    sure = np.where(np.isfinite(depth), np.float32(confidence), np.float32(0))
    return Completion(depth, sure, np.where(sure > 0, Source.PROPAGATED, Source.UNKNOWN).astype(np.uint8))


def flat(depth: float, camera: Camera = PINHOLE) -> np.ndarray:
    return np.full((camera.height, camera.width), depth, np.float32)


def nothing(camera: Camera = PINHOLE) -> SparseDepth:
    return SparseDepth(np.zeros((camera.height, camera.width), np.float32))


def at(number: int, camera: Camera = PINHOLE) -> Frame:
    return Frame(camera=camera, stamp_image=1_000_000_000 + number * STEP)


# By the plain reference ----------------------------------------------------------------------------


def looked_up(past, plane, depth, camera, T_past_now):
    """What `recall` says, pixel by pixel."""
    before, there = np.full(depth.shape, np.nan), np.zeros(depth.shape)
    for v, u in zip(*np.nonzero(np.isfinite(depth)), strict=True):
        point = depth[v, u] * camera.unproject(np.array([[u, v]]))[0]
        moved = T_past_now[:3, :3] @ point + T_past_now[:3, 3]
        pixels, seen = camera.project(moved[None])
        if not seen[0]:
            continue
        column, row = pixels[0]
        if 0 <= round(column) < camera.width and 0 <= round(row) < camera.height:
            there[v, u] = plane[round(row), round(column)]
        left, top = math.floor(column), math.floor(row)
        if not (0 <= left < camera.width - 1 and 0 <= top < camera.height - 1):
            continue
        right, down = column - left, row - top
        mean = (1 - down) * ((1 - right) * past[top, left] + right * past[top, left + 1]) + down * (
            (1 - right) * past[top + 1, left] + right * past[top + 1, left + 1]
        )
        before[v, u] = 1 / (1 / mean + depth[v, u] - moved[2])
    return before, there


@pytest.mark.parametrize("camera", [PINHOLE, WIDE_ANGLE], ids=["pinhole", "equidistant"])
def test_the_past_is_looked_up_as_the_plain_reference_does(camera):
    past, depth = 1 / rough(camera, 0), rough(camera, 1)
    plane = np.random.default_rng(2).random(past.shape).astype(np.float32)
    T = invert(MOVED)
    before, (there, same) = recall(past, [plane, plane], depth, camera, T)
    expected, expected_plane = looked_up(past, plane, depth, camera, T)
    compared = np.isfinite(before) & np.isfinite(expected)
    assert compared.sum() > 0.6 * depth.size
    # OpenCV knows fractions of a pixel in 32nds: next to the step between the walls that is much.
    off = np.abs(before[compared] / expected[compared] - 1)
    assert np.median(off) < 1e-3 and np.quantile(off, 0.97) < 0.02
    assert np.mean(np.isfinite(before) != np.isfinite(expected)) < 0.06
    assert np.mean(np.abs(there - expected_plane) < 1e-6) > 0.93
    np.testing.assert_array_equal(there, same)


def test_a_plane_is_seen_at_its_own_depth_after_any_motion():
    """Its nearness is linear over the image, so that it is exact but for 32nds of a pixel."""
    normal, offset = np.array([0.1, -0.4, 1.0]), 9.0  # normal . x = offset

    def seen_from(T_world_cam):
        R, t = T_world_cam[:3, :3], T_world_cam[:3, 3]
        rays = np.stack([*PINHOLE.rays, np.ones_like(PINHOLE.rays[0])], axis=-1)
        return ((offset - normal @ t) / (rays @ (R.T @ normal))).astype(np.float32)

    first, second = seen_from(np.eye(4)), seen_from(MOVED)
    before, _ = recall(1 / first, [first, first], second, PINHOLE, MOVED)
    there = np.isfinite(before)
    assert there.mean() > 0.8
    np.testing.assert_allclose(1 / before[there], second[there], rtol=4e-3)


def test_measurements_are_compared_with_what_is_around_them():
    past = 1 / rough(PINHOLE, 0)
    rng = np.random.default_rng(3)
    v, u = rng.integers(0, 40, 200), rng.integers(0, 64, 200)
    measured = np.zeros(past.shape, np.float32)
    measured[v, u] = rng.uniform(4, 20, 200)
    v, u = np.nonzero(measured)
    pixels, depth = look_back(measured, PINHOLE, invert(MOVED), (v, u))
    against, spoke = contradicting(past, pixels, depth, 5, np.float32(1.05))
    for number, (pixel, z) in enumerate(zip(pixels, depth, strict=True)):
        column, row = (math.floor(each + 0.5) for each in pixel)
        if not (0 <= column < 64 and 0 <= row < 40):
            assert not against[number] and not spoke[number]
            continue
        window = past[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        nearest, farthest = 1 / np.nanmax(window), 1 / np.nanmin(window)
        beyond = z > 1.05 * farthest and np.isfinite(window).all()
        assert against[number] == (z < nearest / 1.05 or beyond), (z, nearest, farthest)
    assert 20 < against.sum() < len(v) - 20


# What is blended -----------------------------------------------------------------------------------


def test_what_agrees_becomes_the_mean_of_nearness_by_confidence():
    blend = TemporalBlend()
    blend.apply(at(0), nothing(), known(flat(10), 0.2), np.eye(4))
    done = blend.apply(at(1), nothing(), known(flat(10.8), 0.4), np.eye(4))
    np.testing.assert_allclose(1 / done.depth, (0.2 / 10 + 0.4 / 10.8) / 0.6, rtol=1e-5)
    np.testing.assert_allclose(done.confidence, (0.2 * 0.2 + 0.4 * 0.4) / 0.6, rtol=1e-5)
    assert blend.share == 1 and blend.skipped == ""


def test_the_weight_of_the_past_is_limited():
    blend = TemporalBlend()
    for number in range(20):
        blend.apply(at(number), nothing(), known(flat(10)), np.eye(4))
    done = blend.apply(at(20), nothing(), known(flat(10.8)), np.eye(4))
    np.testing.assert_allclose(1 / done.depth, (PAST_FRAMES / 10 + 1 / 10.8) / (PAST_FRAMES + 1), rtol=1e-5)


def test_noise_becomes_less_and_the_input_stays_as_it_was():
    rng, blend, last, changes = np.random.default_rng(0), TemporalBlend(), None, {"off": [], "blend": []}
    before = None
    for number in range(12):
        now = known((10 * np.exp(rng.normal(0, 0.03, (40, 64)))).astype(np.float32))
        copy = now.depth.copy()
        done = blend.apply(at(number), nothing(), now, np.eye(4))
        np.testing.assert_array_equal(now.depth, copy)
        if last is not None:
            changes["off"].append(np.mean(np.abs(now.depth / before - 1) > 0.05))
            changes["blend"].append(np.mean(np.abs(done.depth / last - 1) > 0.05))
        last, before = done.depth, now.depth
    assert np.mean(changes["blend"][-4:]) < 0.1 * np.mean(changes["off"])


def test_measured_pixels_are_never_changed():
    measured = nothing()
    measured.depth[::4, ::4] = 10.4
    blend = TemporalBlend()
    blend.apply(at(0), nothing(), known(flat(10)), np.eye(4))
    now = known(np.where(measured.depth > 0, measured.depth, np.float32(10.2)))
    done = blend.apply(at(1), measured, now, np.eye(4))
    hit = measured.depth > 0
    np.testing.assert_array_equal(done.depth[hit], measured.depth[hit])
    np.testing.assert_array_equal(done.confidence[hit], now.confidence[hit])
    assert (done.depth[~hit] < 10.2).all()


def test_what_is_unknown_now_stays_unknown():
    blend, gone = TemporalBlend(), flat(10)
    gone[:10] = np.nan
    blend.apply(at(0), nothing(), known(flat(10)), np.eye(4))
    done = blend.apply(at(1), nothing(), known(gone), np.eye(4))
    np.testing.assert_array_equal(np.isnan(done.depth), np.isnan(gone))
    assert (done.confidence[:10] == 0).all()
    again = blend.apply(at(2), nothing(), known(flat(10.5)), np.eye(4))
    np.testing.assert_array_equal(again.depth[:10], np.float32(10.5))  # nothing to blend with


def test_a_beam_that_went_through_clears_what_the_past_had_there():
    """And only there: elsewhere the past goes on to count."""
    blend, measured = TemporalBlend(), nothing()
    measured.depth[20, 5:60:5] = 10
    measured.depth[20, 45] = 10.8  # not 10: through what was there
    blend.apply(at(0), nothing(), known(flat(10)), np.eye(4))
    done = blend.apply(at(1), measured, known(flat(10.7)), np.eye(4))
    assert done.depth[20, 44] == np.float32(10.7) and done.depth[2, 45] == np.float32(10.7)
    assert done.depth[20, 22] < 10.4


def test_a_pose_that_most_measurements_contradict_is_not_believed():
    """As where the fixed frame was set anew."""
    blend, wall = TemporalBlend(), nothing()
    wall.depth[::5, ::5] = 10
    now = known(flat(10))
    blend.apply(at(0), wall, now, np.eye(4))
    done = blend.apply(at(1), wall, now, rigid(np.eye(3), [0, 0, 1.2]))
    assert blend.skipped == "motion contradicts measurements" and blend.share == 0
    np.testing.assert_array_equal(done.depth, now.depth)
    blend.apply(at(2), wall, now, rigid(np.eye(3), [0, 0, 1.2]))
    assert blend.skipped == ""
    assert contradicted(1 / now.depth, wall.depth, PINHOLE, np.eye(4)) is not None


@pytest.mark.parametrize(
    ("frame", "T", "why"),
    [
        (at(1), None, "motion not known"),
        (at(-1), np.eye(4), "time went back"),
        (at(0), np.eye(4), "time went back"),
        (at(1 + round(MAX_GAP_S * 10)), np.eye(4), "too long since the last frame"),
        (at(1, Camera(64, 40, [[51, 0, 31], [0, 52, 19], [0, 0, 1]])), np.eye(4), "camera changed"),
        (at(1), rigid(np.eye(3), [50, 0, 0]), "fixed frame jumped"),
        (Frame(camera=None, sparse_depth=flat(0)), np.eye(4), "camera not known"),
    ],
)
def test_what_cannot_be_compared_is_left_as_it_is(frame, T, why):
    blend, now = TemporalBlend(), known(flat(10.5))
    blend.apply(at(0), nothing(), known(flat(10)), np.eye(4))
    assert blend.apply(frame, nothing(), now, T) is now
    assert blend.skipped == why and blend.share == 0


def test_frames_without_stamps_follow_each_other():
    blend = TemporalBlend()
    for depth in (10, 10.5):
        done = blend.apply(Frame(camera=PINHOLE), nothing(), known(flat(depth)), np.eye(4))
    assert blend.skipped == "" and (done.depth < 10.3).all()


def test_another_size_begins_anew():
    large = Camera(128, 80, [[100, 0, 63], [0, 100, 39], [0, 0, 1]])
    blend, now = TemporalBlend(), known(flat(10, large))
    blend.apply(at(0), nothing(), known(flat(10)), np.eye(4))
    assert blend.apply(at(1, large), nothing(large), now, np.eye(4)) is now
    assert blend.skipped == "camera changed"
    blend.apply(at(2, large), nothing(large), now, np.eye(4))
    assert blend.skipped == ""
    blend.forget()
    blend.apply(at(3, large), nothing(large), now, np.eye(4))
    assert blend.skipped == "first frame"


# A car leaves, and one appears ---------------------------------------------------------------------

STREET = Camera(480, 160, [[280, 0, 240], [0, 280, 70], [0, 0, 1]])
HEIGHT, HOUSES, CAR = 1.6, 30.0, 9.0
"""Of the camera above the ground, and distances of the houses and of the back of the car, metres."""


def street(with_car: bool, camera_z: float) -> tuple[np.ndarray, np.ndarray]:
    """True depth, and a mask of the car: ground, a row of houses, and a car 2 m wide and 1.5 m high."""
    x, y = STREET.rays
    with np.errstate(divide="ignore"):
        ground = np.where(y > 0, HEIGHT / y, np.inf)
    depth = np.minimum(ground, HOUSES - camera_z)
    z = CAR - camera_z
    car = (np.abs(x * z) < 1) & (y * z > HEIGHT - 1.5) & (y * z < HEIGHT) & with_car
    return np.where(car, z, depth).astype(np.float32), car


def scanned(truth: np.ndarray, rng) -> SparseDepth:
    """Lines of a scan every 10 rows, up to 20 rows above the horizon, never twice at the same pixels."""
    depth = np.zeros_like(truth)
    for row in range(50 + rng.integers(0, 3), truth.shape[0], 10):
        columns = np.arange(rng.integers(0, 3), truth.shape[1], 3)
        depth[row, columns] = truth[row, columns] * (1 + rng.normal(0, 0.002, len(columns)))
    return SparseDepth(depth)


@pytest.mark.parametrize("completer", ["linear", "nearest"])
@pytest.mark.parametrize("speed", [0.0, 8.0])
@pytest.mark.parametrize("event", ["leaves", "appears"])
def test_a_car_that_leaves_is_gone_and_one_that_appears_is_there_at_once(completer, speed, event):
    made, rng, blend = create_completer(completer), np.random.default_rng(0), TemporalBlend()
    alone, blended = [], []
    for number in range(8):
        z = speed * 0.1 * number
        truth, _ = street((number < 5) == (event == "leaves"), z)
        sparse = scanned(truth, rng)
        now = made.complete(None, sparse, STREET)
        done = blend.apply(at(number, STREET), sparse, now, rigid(np.eye(3), [0, 0, z]))
        assert blend.skipped == ("" if number else "first frame")
        other, _ = street((number >= 5) == (event == "leaves"), z)
        # Pixels that the car fills, or filled, and that say what was there before the event.
        told_apart = np.abs(np.log(other / truth)) > 0.3
        there = told_apart & street(True, z)[1]
        for stale, each in ((alone, now), (blended, done)):
            stale.append(
                np.mean(np.abs(np.log(each.depth / other)) < np.abs(np.log(each.depth / truth)), where=there)
            )
    assert max(alone[5:]) < 0.3, "the completer must see the event for this to mean anything"
    assert max(blended[6:]) < 0.3
    np.testing.assert_array_less(blended[5:], np.add(alone[5:], 0.01))
