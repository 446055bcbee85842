"""Drives around the block: a loop that closes, stops, traffic, a tunnel, other LiDARs, slow scans."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.core import SparseDepth, invert
from depth_completion_ros.data import open_reader
from depth_completion_ros.demo.drive import make_demo_drive
from depth_completion_ros.demo.drive.motion import LoopMotion
from depth_completion_ros.demo.drive.rig import Rig
from depth_completion_ros.demo.scene import block
from depth_completion_ros.demo.scene.path import ACCELERATION, BRAKING, Circuit, Pace

SMALL = {"width": 414, "height": 125}
MOTION = LoopMotion()
LAP_S = MOTION.pace.lap_s


# Lane and pace -----------------------------------------------------------------------------------


@pytest.mark.parametrize("clockwise", [False, True])
def test_a_lane_is_smooth_closed_and_turns_once(clockwise):
    lane = Circuit(30.0, 20.0, 8.0, clockwise)
    s = np.arange(0, lane.length + 1e-9, 0.1)
    x, y, heading = np.array([lane.at(place) for place in s]).T
    steps = np.hypot(np.diff(x), np.diff(y))
    assert steps.max() <= 0.1 + 1e-9 and steps.min() > 0.09
    assert np.abs(np.diff(heading)).max() <= 0.1 / 8.0 + 1e-9
    along = np.stack([np.cos(heading[:-1]), np.sin(heading[:-1])])
    assert (np.stack([np.diff(x), np.diff(y)]) * along).sum(axis=0).min() > 0.089
    whole_turn = lane.at(lane.length)[2] - lane.at(0.0)[2]
    assert whole_turn == pytest.approx(-2 * np.pi if clockwise else 2 * np.pi)
    assert lane.length == pytest.approx(2 * (44 + 24) + 16 * np.pi)


def test_the_pace_keeps_to_speed_stops_and_accelerations_lap_after_lap():
    lane = Circuit(40.0, 30.0, 10.0)
    pace = Pace(lane, 9.0, [(30.0, 3.0)])
    t = np.arange(0, 2 * pace.lap_s, 0.05)
    s = np.array([pace.distance(time) for time in t])
    v = np.diff(s) / 0.05
    assert v.min() >= -1e-9 and 8.9 < v.max() <= 9.0 + 1e-9
    a = np.diff(v) / 0.05
    assert a.max() <= ACCELERATION + 0.05 and a.min() >= -BRAKING - 0.05
    standing = np.isclose(s, 30.0, atol=0.15) & (np.append(v, 9) < 1e-6)
    assert 0.05 * standing.sum() == pytest.approx(3.0, abs=0.2)
    assert pace.distance(5.0 + pace.lap_s) == pytest.approx(pace.distance(5.0) + lane.length)
    assert pace.distance(-1.0) < 0
    turning = lane.turns_at(s[1:]) & lane.turns_at(s[:-1])
    assert v[turning].max() < 5.6


def test_the_drive_ends_where_it_began():
    for time in (0.0, 3.0, 20.0):
        there, again = MOTION.position(time), MOTION.position(time + LAP_S)
        assert np.abs(there[:2] - again[:2]).max() < 1e-6 and abs(there[2] - again[2]) < 0.02
        assert MOTION.attitude(time + LAP_S)[2] - MOTION.attitude(time)[2] == pytest.approx(2 * np.pi)


def test_no_car_drives_into_another():
    scene = block.make_block(0, 9.0)
    cars = [pose for mesh, pose in scene.movers if np.ptp(mesh.triangles[..., 0]) > 3.5]
    assert len(cars) == 7
    for time in np.arange(0, 2 * LAP_S, 0.25):
        places = np.array([pose(time)[:2, 3] for pose in cars] + [MOTION.position(time)[:2]])
        apart = np.linalg.norm(places[:, None] - places, axis=-1) + 100 * np.eye(len(places))
        assert apart.min() > 2.9, f"after {time:.2f} s"


# What is around ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town(open3d):
    from depth_completion_ros.demo.scene.caster import World

    return World(block.make_block(0, 9.0))


def test_the_ground_has_no_gap_where_streets_meet(town):
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-60, 61, 1.7), np.arange(-55, 56, 1.7)))
    snapshot = town.at(0.0)
    down = np.tile([[0.0], [0.0], [-1.0]], len(x)).astype(np.float32)
    origin = np.stack([x, y, np.full_like(x, 60.0)])
    assert np.isfinite(snapshot.cast(origin, down).distance).all()
    # Right above the road, where nothing stands: as high as the formula says.
    for time in np.arange(0, LAP_S, 2.0):
        at = MOTION.position(time)
        hit = snapshot.cast(at + (0, 0, 0.6), down[:, :1]).points[:, 0]
        if hit[2] < at[2] - 0.5:
            assert hit[2] == pytest.approx(block.ground_height(*at[:2]), abs=0.12)


def test_the_tunnel_shuts_the_sky_out_and_is_darker(town):
    inside = [t for t in np.arange(0, LAP_S, 0.5) if _sky_above(town, t) < 8.0]
    assert 2.0 < 0.5 * len(inside) < 12.0
    middle = inside[len(inside) // 2]
    point = MOTION.position(middle)[:, None] - [[0.0], [0], [0.9]]
    up, light = np.array([[0.0], [0], [1]]), np.full((3, 1), 0.4, np.float32)
    below = town.at(middle).scene.sheltered(point, up, light)
    assert below.mean() < 0.75 * light.mean() and below.min() > 0.02
    outside = MOTION.position(0.0)[:, None]
    assert np.array_equal(town.at(0.0).scene.sheltered(outside, up, light), light)


def _sky_above(town, time: float) -> float:
    at = MOTION.position(time) + (0, 0, 1.0)
    return float(town.at(time).cast(at, np.array([[0.0], [0], [1]], np.float32)).distance[0])


def test_moving_cars_are_in_the_truth(town):
    from depth_completion_ros.demo.drive.camera_image import render

    rig = Rig(207, 63, MOTION)
    cars = [pose for mesh, pose in town.at(0.0).scene.movers if np.ptp(mesh.triangles[..., 0]) > 3.5]
    seen = 0
    for time in (3.0, 9.0, 16.0):
        T_world_cam = rig.T_world_cam(time)
        _, depth = render(town.at(time), rig.camera, T_world_cam, np.random.default_rng(0))
        ahead = cars[0](time) @ (0, 0, 0.8, 1)  # the one in front of us
        x, y, z = (invert(T_world_cam) @ ahead)[:3]
        u, v = rig.camera.project(np.array([[x, y, z]]))[0][0]
        if 5 < u < 200 and 5 < v < 60:
            seen += 1
            assert z - 2.6 < depth[round(v), round(u)] < z
    assert seen >= 2


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "highest"), [(16, 15.0), (32, 10.67)])
def test_other_lidars_have_their_lines(open3d, tmp_path, lines, highest):
    drive = make_demo_drive(tmp_path, frames=2, width=64, height=32, route="loop", lines=lines)
    frame = open_reader(drive).read(0)
    assert frame.rings.max() == lines - 1
    x, y, z = frame.points[frame.rings == 0, :3].T
    assert np.median(np.rad2deg(np.arctan2(z, np.hypot(x, y)))) == pytest.approx(highest, abs=0.01)


@pytest.fixture(scope="module")
def fast(open3d, tmp_path_factory):
    """Four frames at 25 m/s, with scans of 100 ms."""
    folder = tmp_path_factory.mktemp("fast")
    return make_demo_drive(folder, frames=4, speed=25.0, scan_s=0.1, **SMALL)


def _errors(drive, **options) -> tuple[float, float]:
    """Share of the projected points that are more than 5 % off, and their mean error in metres."""
    shares, means = [], []
    reader = open_reader(drive, **options)
    for index in (1, 2):  # the poses of the first and last scans reach beyond the packets
        frame = reader.read(index)
        sparse = SparseDepth.from_points(frame).depth
        both = (sparse > 0) & (sparse < 60) & (frame.ground_truth > 0)
        error = np.abs(sparse[both] - frame.ground_truth[both])
        shares.append(np.mean(error > 0.05 * frame.ground_truth[both]))
        means.append(error.mean())
    return float(np.mean(shares)), float(np.mean(means))


def test_scans_that_take_time_are_bent_and_the_reader_deskews_them(fast):
    wrong, metres = _errors(fast, deskew="off")
    assert wrong > 0.15 and metres > 0.8
    better, left = _errors(fast)
    assert better < 0.5 * wrong and left < 0.5 * metres


def test_times_of_points_lie_within_the_turn_and_follow_the_azimuth(fast):
    frame = open_reader(fast, deskew="off").read(0)
    assert 0 <= frame.point_times.min() < 0.001 and 0.099 < frame.point_times.max() <= 0.1
    azimuth = np.arctan2(frame.points[:, 1], frame.points[:, 0]) % (2 * np.pi)
    np.testing.assert_allclose(frame.point_times, 0.1 * (1 - azimuth / (2 * np.pi)), atol=2e-4)
    assert frame.stamp_points < frame.stamp_image


def test_a_file_of_times_that_does_not_fit_is_told(fast, tmp_path):
    import shutil

    copy = tmp_path / fast.parent.name
    shutil.copytree(fast.parent, copy)
    drive = copy / fast.name
    (drive / "velodyne_points" / "time" / "0000000001.bin").write_bytes(b"\0" * 40)
    with pytest.warns(UserWarning, match=r"not deskewed: File .*0000000001.bin' has 40 bytes"):
        assert open_reader(drive).read(1).point_times is None
    reader = open_reader(drive, deskew="on")
    assert len(list(reader)) == 3 and reader.skipped == {"not deskewed, times not plausible": 1}


def test_the_command_makes_a_drive_and_never_replaces_another(open3d, tmp_path):
    out = str(tmp_path / "drive")
    size = ["--width", "64", "--height", "32"]
    made = CliRunner().invoke(app, ["demo-drive", out, "--frames", "2", "--lines", "16", *size])
    assert made.exit_code == 0 and "The drive is in" in made.output
    assert len(open_reader(out)) == 2
    other = CliRunner().invoke(app, ["demo-drive", out, "--frames", "3", "--lines", "16", *size])
    assert other.exit_code == 2 and "is another drive" in other.output
    wrong = CliRunner().invoke(app, ["demo-drive", out, "--route", "square"])
    assert wrong.exit_code == 2
    assert "Argument route of the demo drive is square; it must be street or loop." in wrong.output


def test_each_frame_is_written_before_it_is_counted(open3d, tmp_path):
    images = tmp_path / "2011_09_26" / "2011_09_26_drive_0001_sync" / "image_02" / "data"
    there = []
    make_demo_drive(
        tmp_path, frames=6, width=64, height=32, route="loop", lines=16,
        progress=lambda done, total: there.append((images / f"{done - 1:010d}.png").is_file()),
    )  # fmt: skip
    assert there == [True] * 6
