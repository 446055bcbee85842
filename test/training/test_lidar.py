"""Simulated scans: what comes back from where, and what goes wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depth_completion_ros.core.geometry import invert, rigid

pytest.importorskip("depth_completion_training", reason="the training package is not installed")

from depth_completion_training.simulation.lidar import (  # noqa: E402
    Faults,
    lidar_pose,
    project_scan,
    random_extrinsics,
    random_pattern,
    scan,
    world_from_mesh,
)  # fmt: skip
from depth_completion_training.simulation.lidar.solid_state import grid, raster  # noqa: E402
from depth_completion_training.simulation.lidar.spinning import SPINNERS, spinning  # noqa: E402
from depth_completion_training.simulation.surface import Surface  # noqa: E402
from lidar_worlds import AT_ORIGIN, CAMERA, IDEAL, SAME_PLACE, board, boards, made_of, narrow, rng, wall  # noqa: E402


def test_ideal_scan_gives_back_the_wall():
    found = scan(wall(20), AT_ORIGIN, spinning(SPINNERS["VLP-16"], rng(), (-0.5, 0.5)), rng(), IDEAL)
    assert found.points[:, 0] == pytest.approx(20, abs=1e-3)
    assert np.linalg.norm(found.points, axis=1) == pytest.approx(found.truth, rel=1e-5)
    assert set(found.line) == set(range(16)) and found.sensor == "VLP-16"


def test_scan_is_in_the_frame_of_the_lidar():
    pose = rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), [0, -5, 0])  # looks along the world's y
    world = world_from_mesh(np.array([[-99, 7, -99], [99, 7, -99], [0, 7, 200.0]]), np.array([[0, 1, 2]]))
    found = scan(world, pose, narrow(), rng(), IDEAL)
    assert len(found.points) == 20_000 and found.points[:, 0] == pytest.approx(12, abs=1e-3)


def test_noise_and_steps_of_the_range():
    pattern = narrow(noise=0.03)
    faults = replace(IDEAL, noise=1.0, quantum=0.002)
    found = scan(wall(15), AT_ORIGIN, pattern, rng(), faults)
    measured = np.linalg.norm(found.points.astype(np.float64), axis=1)
    assert np.std(measured - found.truth) == pytest.approx(0.03, rel=0.03)
    assert np.mean(measured - found.truth) == pytest.approx(0, abs=0.001)
    assert np.abs(measured / 0.002 - np.round(measured / 0.002)).max() < 0.01
    far = scan(wall(60), AT_ORIGIN, replace(pattern, noise=0, noise_share=0.01), rng(), faults)
    assert np.std(np.linalg.norm(far.points, axis=1) - far.truth) == pytest.approx(0.6, rel=0.03)


def test_fewer_returns_from_farther_away():
    faults = replace(IDEAL, dark=0.05)
    counts = [len(scan(wall(x), AT_ORIGIN, narrow(), rng(), faults).points) for x in (5, 40, 70, 95)]
    assert counts[0] > 19_500 and (np.diff(counts) < -500).all()
    assert len(scan(wall(105), AT_ORIGIN, narrow(), rng(), IDEAL).points) == 0


def test_fewer_returns_at_grazing_incidence():
    faults = replace(IDEAL, dark=0.05)
    slants = np.tan(np.deg2rad([0, 50, 75, 85]))
    counts = [len(scan(wall(40, s), AT_ORIGIN, narrow(), rng(), faults).points) for s in slants]
    assert (np.diff(counts) < -250).all()


@pytest.mark.parametrize("worse", [Surface.GLASS, Surface.MIRROR, Surface.SCREEN, Surface.RUBBER])
def test_fewer_returns_from_surfaces_that_send_little_light_back(worse):
    faults = replace(IDEAL, dark=0.05)
    plain, other = (
        len(scan(made_of((50, kind)), AT_ORIGIN, narrow(), rng(), faults).points)
        for kind in (Surface.PLASTER, worse)
    )
    assert other < 0.9 * plain


def test_reflectance_of_the_world_decides_where_it_has_one():
    class Black:
        cast = staticmethod(wall(30).cast)

        def reflectance(self, hits, footprint):
            return np.full(len(footprint), 0.001)

    assert len(scan(Black(), AT_ORIGIN, narrow(), rng(), replace(IDEAL, dark=0.05)).points) < 5000


def test_lost_share_is_the_one_asked_for():
    found = scan(wall(10), AT_ORIGIN, narrow(), rng(), replace(IDEAL, dropout=0.3))
    assert len(found.points) / 20_000 == pytest.approx(0.7, abs=0.01)


def test_panes_show_what_is_behind_them_and_mirrors_what_is_before():
    faults = replace(IDEAL, ghosts=0.2)
    for kind, ghost in ((Surface.GLASS, 16.0), (Surface.MIRROR, 23.0), (Surface.PLASTER, None)):
        world = made_of((10, kind), (16, Surface.PLASTER), (-3, Surface.PLASTER))
        x = scan(world, AT_ORIGIN, narrow(), rng(), faults).points[:, 0]
        shown = x > 10.5
        assert shown.mean() == pytest.approx(0.2 if ghost else 0, abs=0.01)
        assert x[~shown] == pytest.approx(10, abs=1e-3)
        assert x[shown] == pytest.approx(ghost or 0, abs=1e-3)


def test_drops_return_early_and_also_from_the_sky():
    faults = replace(IDEAL, outliers=0.05)
    found = scan(wall(20), AT_ORIGIN, narrow(), rng(), faults)
    early = np.linalg.norm(found.points, axis=1) < found.truth - 0.5
    assert early.mean() == pytest.approx(0.05, abs=0.006)
    sky = scan(wall(-20), AT_ORIGIN, narrow(), rng(), faults)
    assert len(sky.points) / 20_000 == pytest.approx(0.05, abs=0.006) and np.isinf(sky.truth).all()


def edge_ranges(behind: float, mixed: float, pulse: float = 0.5) -> np.ndarray:
    """x of points about the edge of a board 10 m away with a wall behind it."""
    world = boards(board(10, (-50, 0), (-50, 50)), board(10 + behind, (-99, 99), (-99, 99)))
    pattern = raster(rng(), 50, 0.05, (2.0, 5.0))
    pattern = replace(pattern, divergence=0.004)
    return scan(world, AT_ORIGIN, pattern, rng(), replace(IDEAL, mixed=mixed, pulse=pulse)).points[:, 0]


def test_beams_on_an_edge_measure_between_near_surfaces_only():
    for behind, mixed, expected in ((0.4, 1.0, True), (0.4, 0.0, False), (5.0, 1.0, False)):
        x = edge_ranges(behind, mixed, 0.6)
        between = (x > 10.05) & (x < 10 + behind - 0.05)
        assert between.any() == expected
        assert between.mean() < 0.2
        assert (np.abs(x - 10) < 0.05).sum() > 500 and (np.abs(x - 10 - behind) < 0.05).sum() > 500


def test_edges_grow_when_beams_are_wide():
    world = boards(board(10, (-0.4, 0.4), (-0.4, 0.4)))
    pattern = grid(60, 60, (8.0, 8.0), max_range=50, noise_share=0.0)
    wide = replace(pattern, divergence=0.03)
    counts = [
        len(scan(world, AT_ORIGIN, p, rng(), replace(IDEAL, mixed=1.0)).points) for p in (pattern, wide)
    ]
    assert counts[1] > 1.05 * counts[0]


def test_same_seed_same_scan():
    world = boards(board(10, (-3, 0), (-9, 9)), board(14, (-99, 99), (-99, 99)))

    def take(seed):
        draw = rng(seed)
        T = random_extrinsics(draw, False)
        pattern = random_pattern(draw, False, CAMERA, T)
        faults = Faults.random(draw)
        found = scan(world, lidar_pose(invert(SAME_PLACE), T), pattern, draw, faults)
        return project_scan(found, CAMERA, faults.believed(T, draw))

    first, again, other = take(3), take(3), take(4)
    assert len(first.pixel) > 50
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.pixel, other.pixel)


def test_believed_extrinsics_are_wrong_by_what_is_asked_for():
    T = random_extrinsics(rng(), False)
    assert np.allclose(IDEAL.believed(T, rng()), T)
    faults, draw = replace(IDEAL, rotation_deg=0.2, translation=0.02), rng()
    wrong = np.array([faults.believed(T, draw) @ invert(T) for _ in range(2000)])
    assert wrong[:, :3, 3].std() == pytest.approx(0.02, rel=0.1)
    assert np.rad2deg(wrong[:, [0, 0, 1], [1, 2, 2]].std()) == pytest.approx(0.2, rel=0.05)
    late = replace(IDEAL, motion=0.1)
    moved = np.array([invert(T) @ late.believed(T, draw) for _ in range(500)])
    assert moved[:, 0, 3].std() == pytest.approx(0.1, rel=0.1) and np.abs(moved[:, 1:3, 3]).max() < 1e-9


def test_random_faults_are_valid_and_differ():
    drawn = [Faults.random(rng(seed)) for seed in range(200)]
    assert 0 < sum(faults.outliers > 0 for faults in drawn) < 40
    assert len({faults.dropout for faults in drawn}) == 200
    assert max(faults.rotation_deg for faults in drawn) <= 0.3


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Faults(dropout=1.5), "Fault dropout is 1.5; it is a share"),
        (lambda: Faults(noise=-1), "Fault noise is -1; it must be a number of 0 or more"),
        (lambda: scan(wall(5), 2 * np.eye(4), narrow(), rng()), "T_world_lidar is not rigid"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
