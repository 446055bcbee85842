"""Cameras of calibration files of other tools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from depth_completion_ros.core import Camera
from depth_completion_ros.data.calibration.camera_file import read_camera_file

K = [[450.5, 0.0, 321.5], [0.0, 451.25, 239.0], [0.0, 0.0, 1.0]]
D = [-0.1, 0.02, 1e-3, -2e-3, 0.0]
RAW = Camera(640, 480, K, "plumb_bob", D)
FLAT = [v for row in K for v in row]

ROS = f"""image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: {FLAT}
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: {D}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix:
  rows: 3
  cols: 4
  data: [400.0, 0, 320.0, 0, 0, 410.0, 240.0, 0, 0, 0, 1, 0]
"""
ECHO = f"""header:
  stamp: {{sec: 1, nanosec: 2}}
  frame_id: camera
height: 480
width: 640
distortion_model: plumb_bob
d: {D}
k: {FLAT}
r: [1, 0, 0, 0, 1, 0, 0, 0, 1]
p: [400.0, 0, 320.0, 0, 0, 410.0, 240.0, 0, 0, 0, 1, 0]
---
"""
KALIBR = """cam0:
  camera_model: pinhole
  distortion_coeffs: [-0.1, 0.02, 1.0e-3, -2.0e-3]
  distortion_model: radtan
  intrinsics: [450.5, 451.25, 321.5, 239.0]
  resolution: [640, 480]
  rostopic: /left/image_raw
"""
OPENCV = f"""%YAML:1.0
---
calibration_time: "Fri 13 Nov 2026"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: {FLAT}
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: {D}
"""
AUTOWARE = f"""%YAML:1.0
---
CameraMat: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: {FLAT}
DistCoeff: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: {D}
ImageSize: [ 640, 480 ]
"""
FRAME_FOLDER = json.dumps({"K": K, "D": D, "distortion_model": "plumb_bob", "width": 640, "height": 480})
VISUAL_LIDAR = json.dumps(
    {
        "camera": {
            "camera_model": "plumb_bob",
            "intrinsics": [450.5, 451.25, 321.5, 239.0],
            "distortion_coeffs": D,
        }
    }
)


def write(tmp_path, text, name="camera.yaml"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize(
    "text",
    [ROS, ECHO, KALIBR, OPENCV, AUTOWARE, FRAME_FOLDER, VISUAL_LIDAR],
    ids=[
        "ROS",
        "topic echo",
        "Kalibr",
        "OpenCV",
        "Autoware",
        "frame folder",
        "direct_visual_lidar_calibration",
    ],
)
def test_the_camera_of_a_file_is_that_of_the_tool(tmp_path, text):
    camera = read_camera_file(write(tmp_path, text)).camera(640, 480)
    points = np.random.default_rng(0).uniform((-1, -1, 2), (1, 1, 9), (50, 3))
    np.testing.assert_allclose(camera.project(points)[0], RAW.project(points)[0], atol=1e-9)


def test_rectified_images_have_the_camera_of_the_projection_matrix(tmp_path):
    camera = read_camera_file(write(tmp_path, ROS)).camera(640, 480, rectified=True)
    assert camera == Camera(640, 480, [[400, 0, 320], [0, 410, 240], [0, 0, 1]])
    with pytest.raises(ValueError, match="has no projection_matrix, which rectified images need"):
        read_camera_file(write(tmp_path, KALIBR)).camera(640, 480, rectified=True)


def test_the_camera_of_a_camchain_is_chosen_by_the_topic_of_the_images(tmp_path):
    second = KALIBR.replace("cam0", "cam1").replace("left", "right").replace("radtan", "equidistant")
    file = write(tmp_path, KALIBR + second)
    assert read_camera_file(file, "/right/image_raw/compressed").distortion_model == "equidistant"
    assert read_camera_file(file, "/left/image_raw").distortion_model == "radtan"
    with pytest.raises(ValueError, match=r"has 2 cameras, cam0 \(/left/image_raw\), cam1 .* are of '/front'"):
        read_camera_file(file, "/front")


def test_a_topic_whose_name_speaks_against_the_camera_of_a_file_is_told(tmp_path):
    """As with CameraInfo: K and the distortion of the raw image would be taken for a rectified one."""
    (tmp_path / "camera.yaml").write_text(ROS)
    file = read_camera_file(tmp_path / "camera.yaml")
    words = f"says rectified, yet K and the distortion of camera file '{tmp_path}/camera.yaml' are taken"
    assert words in file.doubt("/camera/image_rect", False)
    assert "with P of camera file" in file.doubt("/camera/image_raw", True)
    assert file.doubt("/camera/image_rect", True) is None and file.doubt("/camera/image", False) is None


def test_images_of_another_size_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"The image is 320 x 240 but .*camera.yaml' is of 640 x 480"):
        read_camera_file(write(tmp_path, ROS)).camera(320, 240)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\n", "has no camera_matrix, K or intrinsics"),
        ("[1, 2]\n", "has no camera_matrix, K or intrinsics"),
        ("K: null\nwidth: 3\n", "has no camera_matrix, K or intrinsics"),
        (KALIBR.replace("pinhole", "omni"), "camera model 'omni'; it must be pinhole"),
        (KALIBR.replace("radtan", "fov"), "cannot be used: Camera distortion model is 'fov'"),
        (KALIBR.replace("450.5, ", ""), "K has 3 numbers; it must have 9, or 4"),
        (ROS.replace("450.5", "0.0"), "cannot be used: Camera K has focal lengths 0"),
        (ROS.replace("450.5", "wide"), "not a number"),
        (ROS.replace("image_width: 640", "image_width: -1"), "says the image is -1 x 480"),
        ("{", "cannot be read"),
    ],
)
def test_files_that_tell_no_camera_are_refused_in_one_sentence(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        read_camera_file(write(tmp_path, text))
    assert "camera.yaml" in str(refused.value) and "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no camera file '.*gone.yaml'"):
        read_camera_file(tmp_path / "gone.yaml")


def test_intrinsics_without_a_size_must_have_their_centre_near_the_middle(tmp_path):
    file = read_camera_file(write(tmp_path, "K: [1400, 0, 960, 0, 1400, 540, 0, 0, 1]\n"))
    assert file.camera(1920, 1080).K[0, 2] == 960
    for size in ((1280, 720), (3840, 2160)):
        with pytest.raises(
            ValueError, match="tells no size of images, and its principal point is at 960, 540, far"
        ):
            file.camera(*size)
