"""Rays of simulated range sensors: data sheets, fields of view, and what is left out for speed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depth_completion_ros.core.geometry import invert

pytest.importorskip("depth_completion_training", reason="the training package is not installed")

from depth_completion_training.simulation.lidar import (  # noqa: E402
    Pattern,
    lidar_pose,
    project_scan,
    random_extrinsics,
    random_pattern,
    scan,
    view_sector,
)  # fmt: skip
from depth_completion_training.simulation.lidar.rig import FORWARD  # noqa: E402
from depth_completion_training.simulation.lidar.rosette import ROSETTES, mid_360, rosette  # noqa: E402
from depth_completion_training.simulation.lidar.solid_state import grid, random_points, raster  # noqa: E402
from depth_completion_training.simulation.lidar.spinning import SPINNERS, generic_spinner, spinning  # noqa: E402
from lidar_worlds import CAMERA, IDEAL, SAME_PLACE, board, boards, rng  # noqa: E402


@pytest.mark.parametrize(
    "name, lines, top, bottom, finest, coarsest",
    [
        ("VLP-16", 16, 15, -15, 2, 2),
        ("VLP-32C", 32, 15, -25, 0.333, 9.361),
        ("HDL-32E", 32, 10.67, -30.67, 1.333, 1.334),
        ("HDL-64E", 64, 2, -24.33, 1 / 3, 0.5),
        ("Alpha Prime", 128, 15, -25, 0.11, 5.418),
        ("Pandar64", 64, 15, -25, 1 / 6, 6),
        ("Pandar40P", 40, 15, -25, 1 / 3, 6),
        ("OS0-128", 128, 45, -45, 90 / 127, 90 / 127),
        ("OS1-64", 64, 22.5, -22.5, 45 / 63, 45 / 63),
        ("OS1-16", 16, 22.5, -22.5, 3, 3),
        ("OS2-32", 32, 11.25, -11.25, 22.5 / 31, 22.5 / 31),
        ("MRS1000", 4, 2.5, -5, 2.5, 2.5),
        ("LUX 4L", 4, 1.2, -1.2, 0.8, 0.8),
        ("LUX 8L", 8, 2.8, -2.8, 0.8, 0.8),
    ],
)
def test_elevations_are_those_of_the_data_sheet(name, lines, top, bottom, finest, coarsest):
    gaps = -np.diff(SPINNERS[name].elevations)
    assert len(SPINNERS[name].elevations) == lines
    assert SPINNERS[name].elevations[[0, -1]] == pytest.approx([top, bottom], abs=0.005)
    assert [gaps.min(), gaps.max()] == pytest.approx([finest, coarsest], abs=0.002)


@pytest.mark.parametrize("name", SPINNERS)
def test_lines_of_a_spinning_pattern_stand_at_their_elevations_from_the_top(name):
    spinner = SPINNERS[name]
    pattern = spinning(spinner, rng())
    elevation = np.rad2deg(np.arcsin(pattern.directions[2]))
    means = [elevation[pattern.line == line].mean() for line in range(len(spinner.elevations))]
    assert means == pytest.approx(spinner.elevations, abs=0.01)
    assert (np.diff(means) < 0).all()


def test_full_turn_has_the_points_of_the_data_sheet():
    one_step = replace(SPINNERS["HDL-64E"], steps=(0.1728,))
    assert spinning(one_step, rng()).count == 64 * 2083
    assert spinning(replace(SPINNERS["OS1-128"], steps=(360 / 1024,)), rng()).count == 128 * 1024


def test_front_scanners_do_not_look_back():
    azimuth = np.rad2deg(np.arctan2(*spinning(SPINNERS["LUX 4L"], rng()).directions[1::-1]))
    assert np.abs(azimuth).max() == pytest.approx(42.5, abs=1)


def test_sector_limits_the_azimuth():
    pattern = spinning(replace(SPINNERS["VLP-16"], steps=(0.2,)), rng(), (2.5, 4.0))
    azimuth = np.arctan2(pattern.directions[1], pattern.directions[0]) % (2 * np.pi)
    assert pattern.count == 16 * int(np.rad2deg(1.5) / 0.2)
    assert 2.5 <= azimuth.min() < 2.51 and 3.99 < azimuth.max() <= 4.0


def test_generic_spinners_have_4_to_128_ordered_lines():
    counts = []
    for seed in range(300):
        elevations = generic_spinner(rng(seed)).elevations
        assert (np.diff(elevations) < 0).all()
        assert np.abs(elevations).max() < 90 and -np.diff(elevations).mean() <= 5.001
        counts.append(len(elevations))
    assert min(counts) <= 5 and max(counts) >= 110


@pytest.mark.parametrize("name, half", [("Mid-40", 19.2), ("Mid-70", 35.2), ("Avia", 38.7)])
def test_rosettes_fill_their_circle_and_never_repeat(name, half):
    sensor = ROSETTES[name]
    long = rosette(sensor, rng(), 1.0)
    angle = np.rad2deg(np.arccos(long.directions[0]))
    assert long.count == sensor.rate and set(long.line) == set(range(sensor.lasers))
    assert 0.97 * half < angle.max() <= half + 0.01
    cells = np.round(np.rad2deg(long.directions[1:]) * 2).astype(int)
    turns = [len(np.unique(cells[:, : int(share * long.count)], axis=1).T) for share in (0.1, 1.0)]
    # One after the other the lasers stand in the pattern, so the single ones tell about time.
    if sensor.lasers == 1:
        assert turns[1] > 2.5 * turns[0]


def test_mid_360_covers_its_field():
    pattern = mid_360(rng(), 0.1)
    elevation = np.rad2deg(np.arcsin(pattern.directions[2]))
    assert pattern.count == 20_000
    assert -7.1 < elevation.min() < -6 and 51 < elevation.max() < 52.1
    part = mid_360(rng(), 0.1, (-0.5, 0.5))
    assert np.abs(np.arctan2(part.directions[1], part.directions[0])).max() <= 0.5
    assert 0.1 < part.count / pattern.count < 0.25


def test_grid_of_a_flash_sensor_is_even_in_the_image():
    pattern = grid(6, 8, (60.0, 45.0))
    pixels, _ = CAMERA.project((FORWARD @ pattern.directions).T)
    u, v = pixels.T.reshape(2, 6, 8)
    assert np.diff(u, axis=1) == pytest.approx(2 * 300 * np.tan(np.deg2rad(30)) / 8, rel=1e-4)
    assert np.diff(v, axis=0) == pytest.approx(2 * 300 * np.tan(np.deg2rad(22.5)) / 6, rel=1e-4)
    assert (u + u[:, ::-1]).mean() / 2 == pytest.approx(191.5, abs=0.01)
    assert (np.diff(pattern.line.reshape(6, 8)[:, 0]) == 1).all() and v[0, 0] < v[-1, 0]


def test_raster_has_its_rows_within_its_field():
    pattern = raster(rng(), 40, 0.2, (100.0, 30.0))
    assert pattern.count == 40 * 500 and pattern.line.max() == 39
    azimuth = np.rad2deg(np.arctan2(pattern.directions[1], pattern.directions[0]))
    assert np.abs(azimuth).max() == pytest.approx(50, abs=0.2)
    assert np.rad2deg(np.arcsin(np.abs(pattern.directions[2]).max())) < 17


def test_random_patterns_are_many_and_valid():
    names, lines = set(), set()
    for seed in range(250):
        draw = rng(seed)
        T = random_extrinsics(draw, seed % 2 == 0)
        pattern = random_pattern(draw, seed % 2 == 0, CAMERA, T)
        names.add(pattern.name.split()[0])
        lines.add(int(pattern.line.max(initial=0)) + 1)
    assert {"VLP-16", "Mid-360", "Mid-40", "grid", "raster", "random", "spinning"} <= names
    assert min(lines) == 1 and max(lines) >= 128 and len(lines) > 25


@pytest.mark.parametrize("seed", range(12))
def test_rays_that_are_left_out_would_not_have_reached_the_image(seed):
    draw = rng(seed)
    T = random_extrinsics(draw, False)
    pattern = spinning(SPINNERS["OS0-64"], rng(seed))
    near, middle = board(3, (-1, 1), (-1, 0.5)), board(8, (-30, 30), (-1, 6))
    world = boards(near, middle, board(60, (-99, 99), (-99, 99)))
    pose = lidar_pose(invert(SAME_PLACE), T)
    whole = project_scan(scan(world, pose, pattern, draw, IDEAL), CAMERA, T)
    part = pattern.towards(CAMERA, T)
    quick = project_scan(scan(world, pose, part, draw, IDEAL), CAMERA, T)
    assert len(whole.pixel) > 500 and part.count < 0.6 * pattern.count
    for expected, found in zip(whole, quick, strict=True):
        assert np.array_equal(expected, found)


@pytest.mark.parametrize("seed", range(40))
def test_sector_of_the_view_holds_every_ray_that_the_image_can_see(seed):
    T = random_extrinsics(rng(seed), seed % 2 == 0)
    low, high = view_sector(CAMERA, T)
    full = spinning(SPINNERS["OS0-32"], rng(seed))
    seen = full.towards(CAMERA, T, margin=0.0).directions
    turn = np.mod(np.arctan2(seen[1], seen[0]) - low, 2 * np.pi)
    assert seen.shape[1] and (turn <= high - low + 1e-6).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: spinning(SPINNERS["VLP-16"], rng(), (1.0, 0.5)), "Sector is 1 to 0.5 rad"),
        (lambda: rosette(ROSETTES["Mid-40"], rng(), 0.0), "Mid-40 is read for 0.0 s"),
        (lambda: mid_360(rng(), -1.0), "Mid-360 is read for -1.0 s"),
        (lambda: grid(0, 8, (60, 45)), "pattern of 0 x 8 rays has none"),
        (lambda: raster(rng(), 4, 0.2, (180, 45)), "must lie between 0 and 180"),
        (lambda: random_points(rng(), 0, (60, 45)), "has none"),
        (lambda: Pattern("x", np.ones((3, 2)), np.zeros(2), 10), "must all have length 1"),
        (lambda: Pattern("x", np.ones((2, 3)), np.zeros(3), 10), "must be 3 x N"),
        (lambda: Pattern("x", np.eye(3), np.zeros(2), 10), "one for each of 3 rays"),
        (lambda: Pattern("x", np.eye(3), np.zeros(3), 0), "must be positive"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
