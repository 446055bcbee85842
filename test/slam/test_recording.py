"""Frames as SLAM reads them: rectified, in their order, of one camera."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic import camera_image, slope

from depth_completion_ros import Camera, Frame, SparseDepth, create_completer
from depth_completion_ros.core import rigid
from depth_completion_ros.slam.depths import parse_depths
from depth_completion_ros.slam.recording import record, rectify, rectifying_maps

SHAPE = (60, 90)
K = [[70, 0, 44.5], [0, 70, 29.5], [0, 0, 1]]
RECTIFIED = Camera(90, 60, K)
DISTORTED = Camera(90, 60, K, "plumb_bob", (-0.3, 0.1, 0.001, -0.001, 0))
FISHEYE = Camera(90, 60, K, "equidistant", (0.1, 0.01, 0, 0))


def frames(number: int = 4, camera: Camera = RECTIFIED, **changes) -> list[Frame]:
    values = {"camera": camera, "T_cam_lidar": np.eye(4), "sparse_depth": slope(SHAPE)}
    made = []
    for index in range(number):
        own = {"stamp_image": 10**8 * index, "T_world_lidar": rigid(np.eye(3), [0, 0, float(index)])}
        own |= {"image": camera_image(SHAPE, index), "name": f"frame_{index}"}
        made.append(Frame(**(values | own | changes)))
    return made


def test_images_and_completed_depth_come_back_frame_by_frame(tmp_path):
    drive = frames()
    recording = record(drive, tmp_path)
    (depth,) = parse_depths(["linear,min_confidence=0"], create_completer)
    recording.complete(drive, depth, SparseDepth.from_points)
    got = list(recording.frames(depth))
    assert [stamp for stamp, *_ in got] == [0, 10**8, 2 * 10**8, 3 * 10**8] and recording.rate_hz == 10
    for frame, (_, grey, plane) in zip(drive, got, strict=True):
        np.testing.assert_array_equal(grey, cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY))
        np.testing.assert_array_equal(plane, slope(SHAPE))


def test_a_gate_makes_unsure_depth_unknown(tmp_path):
    sparse = np.zeros(SHAPE, np.float32)
    sparse[::10, ::10] = 5
    drive = frames(sparse_depth=sparse)
    recording = record(drive, tmp_path)
    depths = parse_depths([f"nearest,min_confidence={gate}" for gate in (0, 0.5, 0.9, 1)], create_completer)
    recording.complete(drive, depths[0], SparseDepth.from_points)
    shares = [np.isfinite(next(iter(recording.frames(depth)))[2]).mean() for depth in depths]
    assert shares[0] == 1 > shares[1] > shares[2] > shares[3] == (sparse > 0).mean()


@pytest.mark.parametrize("camera", [DISTORTED, FISHEYE], ids=["plumb_bob", "equidistant"])
def test_rectified_depth_lies_where_its_points_project_without_distortion(camera):
    """A point of the scene at each pixel of the raw image, looked up in the rectified one."""
    depth = slope(SHAPE)
    got = rectify(depth, rectifying_maps(camera), cv2.INTER_NEAREST)
    x, y = camera.rays
    points = np.stack([x * depth, y * depth, depth], axis=-1)[20:40, 30:60].reshape(-1, 3)
    pixels, _ = RECTIFIED.project(points)
    u, v = np.rint(pixels).astype(int).T
    inside = (u >= 0) & (v >= 0) & (u < 90) & (v < 60)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(got[v[inside], u[inside]], points[inside, 2], atol=0.25)
    grey = rectify(np.full(SHAPE, 100, np.uint8), rectifying_maps(camera), cv2.INTER_LINEAR)
    assert grey[30, 45] == 100


def test_a_rectified_camera_needs_no_maps():
    assert rectifying_maps(RECTIFIED) is None
    recorded = slope(SHAPE)
    assert rectify(recorded, None, cv2.INTER_NEAREST) is recorded


def test_frames_without_stamps_are_a_tenth_of_a_second_apart(tmp_path):
    assert record(frames(stamp_image=None), tmp_path).stamps == [0, 10**8, 2 * 10**8, 3 * 10**8]


@pytest.mark.parametrize(
    "drive, sentence",
    [
        (frames(image=None), "Frame frame_0 has no image, which SLAM needs"),
        (frames(camera=None), "Frame frame_0 has no camera matrix, which SLAM needs"),
        (frames(stamp_image=7), "Frame frame_1 has the stamp 7 ns, not after 7 ns"),
        ([*frames(2), *frames(1, DISTORTED)], "Frame frame_0 has another camera"),
        (frames(T_world_lidar=None), "0 of 4 frames have a pose"),
    ],
    ids=["image", "camera", "stamps", "cameras", "poses"],
)
def test_frames_that_are_no_drive_are_refused(tmp_path, drive, sentence):
    with pytest.raises(ValueError, match=sentence):
        record(drive, tmp_path)
