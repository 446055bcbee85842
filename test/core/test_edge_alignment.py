"""The calibration monitor finds known errors, and says nothing where nothing can be told."""

from __future__ import annotations

from dataclasses import replace

import boxes
import cv2
import numpy as np
import pytest

from depth_completion_ros.core import Camera, rigid
from depth_completion_ros.core.alignment import AlignmentCheck
from depth_completion_ros.core.alignment.depth_edges import depth_edges

FRAMES = 4


def error(yaw=0.0, pitch=0.0, roll=0.0, ahead=0.0) -> np.ndarray:
    """Degrees about y, x and z of the camera, and metres along z."""
    rotation, _ = cv2.Rodrigues(np.deg2rad([pitch, yaw, roll]))
    return rigid(rotation, np.array([0, 0, ahead]))


def verdict(**options):
    check = AlignmentCheck()
    for seed in range(FRAMES):
        check.add(boxes.frame(seed, **options))
    return check.result()


def test_a_right_calibration_is_aligned():
    result = verdict()
    assert result.state == "aligned"
    assert result.pixels < 1.5 and result.error < 1
    assert result.frames == FRAMES and result.edges > 500
    assert "lie on image edges" in result.sentence


@pytest.mark.parametrize("degrees", [0.5, 1, -2, 4])
def test_an_error_of_yaw_is_told_with_its_size_and_side(degrees):
    result = verdict(error=error(yaw=degrees))
    assert result.state == "apart"
    assert result.yaw == pytest.approx(-degrees, abs=0.15)
    assert (result.pitch, result.roll, result.shift) == (0, 0, 0)
    # Away from the middle of an image, a turn moves more than at it.
    moved = np.tan(np.deg2rad(abs(degrees))) * boxes.CAMERA.K[0, 0]
    assert result.pixels / np.sqrt(2) == pytest.approx(moved, rel=0.6)
    assert "yaw" in result.sentence


@pytest.mark.parametrize("degrees", [0.5, -1, 2, 4])
def test_an_error_of_pitch_is_told_with_its_size_and_side(degrees):
    result = verdict(error=error(pitch=degrees))
    # About x, positive turns up in the image; the monitor counts down.
    assert result.state == "apart"
    assert result.pitch == pytest.approx(degrees, abs=0.15)
    assert result.yaw == 0


@pytest.mark.parametrize("degrees", [-2, 4])
def test_an_error_of_roll_is_told(degrees):
    result = verdict(error=error(roll=degrees))
    assert result.state == "apart"
    assert result.roll == pytest.approx(-degrees, abs=0.6)


@pytest.mark.parametrize("metres", [-0.8, 1.2])
def test_a_shift_along_the_view_is_told(metres):
    result = verdict(error=error(ahead=metres))
    assert result.state == "apart"
    assert result.shift == pytest.approx(-metres, abs=0.4)
    assert "time offset" in result.sentence


def test_without_rings_it_works_as_well():
    assert verdict(with_rings=False).state == "aligned"
    result = verdict(error=error(yaw=2), with_rings=False)
    assert result.state == "apart" and result.yaw == pytest.approx(-2, abs=0.2)


def test_nobody_is_alarmed_on_few_frames():
    check = AlignmentCheck()
    for seed in range(5):
        check.add(boxes.frame(seed, error=error(yaw=2)))
        result = check.result()
        assert result.is_alarming == (seed == 4)
        assert (f"only {seed + 1} of 5 frames" in result.sentence) == (result.state == "apart" and seed < 4)


def test_a_bare_wall_has_too_little_structure():
    nothing = np.zeros((0, 5))
    points, rings = boxes.scan_of(nothing)
    check = AlignmentCheck()
    check.add(replace(boxes.frame(), points=points, rings=rings, image=boxes.image_of(nothing)))
    assert check.result().state == "unclear"
    assert "Too little structure to tell" in check.result().sentence


def test_nothing_seen_yet_is_unclear():
    assert AlignmentCheck().result().state == "unclear"


@pytest.mark.parametrize("seed", range(5))
def test_an_image_of_another_scene_is_never_called_aligned(seed):
    check = AlignmentCheck()
    for at in range(FRAMES):
        frame = boxes.frame(at)
        other = boxes.boards(100 + seed + at)
        other[:, [0, 2]] += np.linspace(-1, 1, len(other))[:, None] + 0.7
        check.add(replace(frame, image=boxes.image_of(other, seed)))
    assert check.result().state != "aligned"


def test_a_camera_of_another_size_and_with_distortion_works():
    camera = Camera(1280, 768, [[800, 0, 639.5], [0, 800, 383.5], [0, 0, 1]], "plumb_bob", [-0.1, 0, 0, 0, 0])
    v, u = np.mgrid[: camera.height, : camera.width].astype(np.float32)
    rays = camera.unproject(np.stack([u.ravel(), v.ravel()], axis=1))
    pixels, _ = boxes.CAMERA.project(rays)
    where = pixels.astype(np.float32).reshape(camera.height, camera.width, 2)
    found = {}
    for name, wrong in (("right", None), ("yaw", error(yaw=2))):
        check = AlignmentCheck()
        for seed in range(FRAMES):
            frame = boxes.frame(seed, error=wrong)
            image = cv2.remap(frame.image, where, None, cv2.INTER_LINEAR)
            check.add(replace(frame, image=image, camera=camera))
        found[name] = check.result()
    assert found["right"].state == "aligned"
    assert found["yaw"].state == "apart" and found["yaw"].yaw == pytest.approx(-2, abs=0.2)


def test_a_new_calibration_begins_anew_and_a_moving_joint_does_not():
    check = AlignmentCheck()
    for seed in range(3):
        check.add(boxes.frame(seed, error=error(yaw=2)))
    check.add(boxes.frame(3))
    assert check.result().frames == 1
    for seed in range(4):
        check.add(boxes.frame(seed, error=error(yaw=0.2 * seed)))
    assert check.result().frames == 3


def test_edges_lie_where_near_surfaces_end():
    scene = np.array([[-1.0, -1, 1, 1, 10]])
    points, rings = boxes.scan_of(scene)
    edges = depth_edges(points, boxes.T_CAM_LIDAR, rings)
    sides = edges.points[edges.upright]
    tops = edges.points[~edges.upright]
    assert len(sides) > 10 and len(tops) > 10
    assert np.abs(np.abs(sides[:, 0]) - 1).max() < 0.06
    assert np.abs(np.abs(tops[:, 1]) - 1).max() < 0.15
    assert np.abs(edges.points[:, 2] - 10).max() < 0.2


def test_a_floor_seen_at_a_slant_has_no_edges():
    azimuth, elevation = np.meshgrid(np.deg2rad(np.arange(-40, 40, 0.2)), np.deg2rad(np.arange(-20, -1, 0.8)))
    rays = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    points = (rays * (-1.7 / np.sin(elevation))).reshape(3, -1).T.astype(np.float32)
    rings = np.repeat(np.arange(elevation.shape[0]), elevation.shape[1])
    assert len(depth_edges(points, boxes.T_CAM_LIDAR, rings)) == 0


def test_points_that_are_not_finite_and_black_images_are_borne():
    frame = boxes.frame()
    points = frame.points.copy()
    points[::3] = np.nan
    check = AlignmentCheck()
    check.add(replace(frame, points=points, image=np.zeros_like(frame.image)))
    assert check.result().state == "unclear"
    check.add(replace(frame, points=points[:0], rings=frame.rings[:0]))
    assert check.result().state == "unclear" and check.result().frames == 2
