"""Extrinsics from numbers and files, and the check of their direction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from depth_completion_ros.core import Camera, invert, rigid
from depth_completion_ros.core.geometry import matrix_to_quaternion
from depth_completion_ros.data.calibration.extrinsics import (
    OPTICAL_BODY,
    check_direction,
    extrinsics_from_numbers,
)
from depth_completion_ros.data.calibration.extrinsics_file import read_extrinsics

# Camera 0.3 m in front of and 0.1 m below a LiDAR with x forward, y left, z up.
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], (0.0, -0.1, -0.3))
CAMERA = Camera(640, 480, [[500, 0, 320], [0, 500, 240], [0, 0, 1]])


def seven(T):
    return [*T[:3, 3], *matrix_to_quaternion(T)]


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("values", [T_CAM_LIDAR.ravel().tolist(), seven(T_CAM_LIDAR)])
def test_sixteen_or_seven_numbers_give_the_transform(values):
    np.testing.assert_allclose(extrinsics_from_numbers(values), T_CAM_LIDAR, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "has 0 numbers; it must be x y z qx qy qz qw or the 16"),
        ([0.0] * 16, "not rigid"),
        ([0.0] * 7, "its length must be 1"),
        ([np.nan, 0, 0, 0, 0, 0, 1], "not rigid"),
        (["a"] * 7, "not a number"),
        (np.diag([1.0, 1, -1, 1]).ravel(), "not rigid"),
    ],
)
def test_numbers_that_are_no_transform_are_refused_by_name(values, said):
    with pytest.raises(ValueError, match=said) as refused:
        extrinsics_from_numbers(values, "Parameter 'extrinsics'")
    assert "Parameter 'extrinsics'" in str(refused.value)


def test_own_format_with_quaternion_or_matrix(tmp_path):
    x, y, z, *quaternion = map(float, seven(T_CAM_LIDAR))
    file = write(
        tmp_path / "own.yaml",
        f"parent: camera\nchild: lidar\ntranslation: [{x}, {y}, {z}]\nquaternion: {quaternion}\n",
    )
    np.testing.assert_allclose(read_extrinsics(file), T_CAM_LIDAR, atol=1e-9)
    np.testing.assert_allclose(read_extrinsics(file, "camera", "lidar"), T_CAM_LIDAR, atol=1e-9)
    file = write(tmp_path / "own.json", json.dumps({"matrix": T_CAM_LIDAR.tolist()}))
    np.testing.assert_allclose(read_extrinsics(file), T_CAM_LIDAR)


def test_own_format_given_the_other_way_round_is_inverted_where_frames_tell(tmp_path):
    content = {"parent": "lidar", "child": "camera", "matrix": invert(T_CAM_LIDAR).tolist()}
    file = write(tmp_path / "own.json", json.dumps(content))
    np.testing.assert_allclose(read_extrinsics(file, "camera", "lidar"), T_CAM_LIDAR, atol=1e-12)
    with pytest.raises(ValueError, match="the camera is 'left' and the LiDAR 'lidar'"):
        read_extrinsics(file, "left", "lidar")


@pytest.mark.parametrize("frames", [("", "lidar"), ("camera", ""), ("/camera", "/lidar")])
def test_one_frame_that_is_known_tells_the_direction(tmp_path, frames):
    """A driver without frame_id once made the file T_cam_lidar, whatever it said."""
    path = tmp_path / "calibration.json"
    path.write_text(
        json.dumps({"parent": "lidar", "child": "camera", "matrix": invert(T_CAM_LIDAR).tolist()})
    )
    np.testing.assert_allclose(read_extrinsics(path, *frames), T_CAM_LIDAR, atol=1e-9)
    with pytest.raises(
        ValueError, match="is of 'camera' in 'lidar', but the camera is '' and the LiDAR 'rad"
    ):
        read_extrinsics(path, "", "radar")


def test_direct_visual_lidar_calibration_has_the_camera_in_the_lidar(tmp_path):
    content = {"results": {"T_lidar_camera": list(map(float, seven(invert(T_CAM_LIDAR))))}}
    file = write(tmp_path / "calib.json", json.dumps(content))
    np.testing.assert_allclose(read_extrinsics(file), T_CAM_LIDAR, atol=1e-9)


def test_kitti_text(tmp_path):
    R, t = (" ".join(map(str, part.ravel())) for part in (T_CAM_LIDAR[:3, :3], T_CAM_LIDAR[:3, 3]))
    text = f"calib_time: 15-Mar-2012 11:37:16\nR: {R}\nT: {t}\ndelta_f: 0.0 0.0\ndelta_c: 0.0 0.0\n"
    file = write(tmp_path / "calib_velo_to_cam.txt", text)
    np.testing.assert_allclose(read_extrinsics(file), T_CAM_LIDAR)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "none of the formats"),
        ("- 1\n- 2\n", "none of the formats"),
        ("{broken", "cannot be read"),
        ("a: [", "cannot be read"),
        ("fx: 3\n", "has fx but no quaternion and no translation"),
        ("R: 1 2 3\nT: 1 2 3\n", "3 numbers in R and 3 in T"),
        ("R: a b c d e f g h i\nT: 1 2 3\n", "not a number"),
        ("translation: 3\nquaternion: [0, 0, 0, 1]\n", "must be lists"),
        ("translation: [1, 2]\nquaternion: [0, 0, 0, 1]\n", "has 6 numbers"),
        ("matrix: [[1, 0], [0]]\n", "not a number"),
    ],
)
def test_files_of_no_known_format_are_refused_in_one_sentence(tmp_path, text, said):
    file = write(tmp_path / "calibration.yaml", text)
    with pytest.raises(ValueError, match=said) as refused:
        read_extrinsics(file)
    assert str(file) in str(refused.value) and "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no calibration file .*nowhere.yaml"):
        read_extrinsics(tmp_path / "nowhere.yaml")


def test_an_inverted_transform_is_noticed_on_a_synthetic_scan():
    random = np.random.default_rng(0)
    points = random.uniform((5, -5, -2), (40, 5, 3), (5000, 3)).astype(np.float32)
    points[::10] = np.nan
    assert check_direction(T_CAM_LIDAR, CAMERA, points) is None
    said = check_direction(invert(T_CAM_LIDAR), CAMERA, points)
    assert said.startswith("The camera-from-LiDAR transform looks inverted") and said.endswith(".")


def test_a_transform_to_the_body_of_the_camera_is_noticed():
    """Images with the frame_id camera_link, the most common mistake: depth would be how high a point is."""
    random = np.random.default_rng(0)
    points = random.uniform((-40, -40, -2), (40, 40, 3), (5000, 3)).astype(np.float32)
    body = rigid(np.eye(3), (0.1, -0.2, 0.3))
    said = check_direction(body, CAMERA, points)
    assert said.startswith("The camera-from-LiDAR transform looks like one to the body of the camera")
    assert check_direction(T_CAM_LIDAR, CAMERA, points) is None


def test_clouds_in_the_optical_frame_itself_are_no_mistake():
    points = np.random.default_rng(0).uniform((-5, -3, 1), (5, 3, 9), (5000, 3)).astype(np.float32)
    assert check_direction(np.eye(4), CAMERA, points) is None


def test_direction_is_not_judged_without_points_in_view():
    behind = np.array([[-5.0, 0.0, 0.0]], dtype=np.float32)
    for points in (behind, behind[:0], np.full((3, 3), np.nan, np.float32)):
        assert check_direction(T_CAM_LIDAR, CAMERA, points) is None


def test_direction_of_every_real_frame_is_judged_rightly(real_frames):
    judged = 0
    for folder in sorted(real_frames.iterdir()):
        if not (folder / "points.bin").is_file():
            continue
        calibration = json.loads((folder / "calib.json").read_text())
        fisheye = calibration.get("distortion_model") == "fisheye"
        camera = Camera(
            calibration["width"],
            calibration["height"],
            calibration["K"],
            "equidistant" if fisheye else "plumb_bob",
            calibration.get("D") or (),
        )
        points = np.fromfile(folder / "points.bin", np.float32).reshape(-1, 4)
        T_cam_lidar = read_extrinsics(folder / "calib.json")
        assert check_direction(T_cam_lidar, camera, points) is None, folder.name
        assert check_direction(invert(T_cam_lidar), camera, points), folder.name
        body = invert(OPTICAL_BODY) @ T_cam_lidar
        assert "body of the camera" in check_direction(body, camera, points), folder.name
        judged += 1
    assert judged


# Files as other tools write them -----------------------------------------------------------------------

T_OF_FILES = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], (0.1, 0.2, 0.3))
_ROWS = "0, -1, 0, 0.1, 0, 0, -1, 0.2, 1, 0, 0, 0.3"
_POSE = "translation: {x: 0.1, y: 0.2, z: 0.3}\n  rotation: {x: 0.5, y: -0.5, z: 0.5, w: 0.5}\n"
_STAMPED = (
    "header:\n  stamp: {sec: 0, nanosec: 0}\n  frame_id: cam\nchild_frame_id: lidar\ntransform:\n  " + _POSE
)
_MATRIX = "%YAML:1.0\n---\nNAME: !!opencv-matrix\n   rows: ROWS\n   cols: 4\n   dt: d\n   data: DATA\n"


def _opencv(name: str, data, rows: int = 4) -> str:
    return _MATRIX.replace("NAME", name).replace("ROWS", str(rows)).replace("DATA", str(data))


FILES = {
    "KITTI, no space after the colon": "calib_time: x\nR:0 -1 0 0 0 -1 1 0 0\nT:0.1 0.2 0.3\n",
    "KITTI, tabs": "R:\t0\t-1 0 0 0 -1 1 0 0\nT:\t0.1 0.2\t0.3\n",
    "KITTI, lines of Windows": "R: 0 -1 0 0 0 -1 1 0 0\r\nT: 0.1 0.2 0.3\r\n",
    "KITTI, mark of Windows": "\ufeffR: 0 -1 0 0 0 -1 1 0 0\nT: 0.1 0.2 0.3\n",
    "KITTI, exponents": "R: 0 -1e+00 0 0 0 -1e0 1 0 0\nT: 1e-1 2e-1 3e-1\n",
    "OpenCV, 4 x 4": _opencv("ExtrinsicMat", f"[{_ROWS}, 0., 0., 0., 1.]"),
    "OpenCV, 3 x 4": _opencv("T_cam_lidar", f"[{_ROWS}]", rows=3).replace("%YAML:1.0", "%YAML 1.0"),
    "3 x 4": "matrix: [[0,-1,0,0.1],[0,0,-1,0.2],[1,0,0,0.3]]\n",
    "12 numbers": f"matrix: [{_ROWS}]\n",
    "static transform": "parent: cam\nchild: lidar\n" + _POSE.replace("\n  ", "\n"),
    "quaternion as mapping": "translation: [0.1, 0.2, 0.3]\nquaternion: {x: 0.5, y: -0.5, z: 0.5, w: 0.5}\n",
    "rotation as list": "translation: [1e-1, 2e-1, 3e-1]\nrotation: [0.5, -0.5, 0.5, 0.5]\n",
    "TransformStamped": _STAMPED,
    "ros2 topic echo /tf_static": "transforms:\n- " + _STAMPED.replace("\n", "\n  ").rstrip() + "\n---\n",
    "parameters of a node": "/static_tf:\n  ros__parameters:\n    frame_id: cam\n    "
    "child_frame_id: lidar\n    " + _POSE.replace("\n  ", "\n    "),
    "list of one": "- parent: cam\n  child: lidar\n  matrix: [" + _ROWS + "]\n",
    "T_lidar_camera as matrix": json.dumps({"T_lidar_camera": invert(T_OF_FILES).tolist()}),
    "CameraExtrinsicMat of Autoware": _opencv("CameraExtrinsicMat", invert(T_OF_FILES).ravel().tolist()),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_files_of_other_tools_are_read_as_they_are(tmp_path, text):
    file = tmp_path / "calibration.yaml"
    file.write_bytes(text.encode())
    np.testing.assert_allclose(read_extrinsics(file), T_OF_FILES, atol=1e-9)
    np.testing.assert_allclose(read_extrinsics(file, "cam", "lidar"), T_OF_FILES, atol=1e-9)


def test_of_several_transforms_the_way_between_the_two_frames_is_taken(tmp_path):
    to_camera = rigid(np.eye(3), (0, 0, 1.5))
    transforms = [
        {"parent": "base", "child": "cam", "matrix": to_camera.tolist()},
        {"parent": "base", "child": "lidar", "matrix": (to_camera @ T_OF_FILES).tolist()},
    ]
    file = write(tmp_path / "tf.json", json.dumps({"transforms": transforms}))
    np.testing.assert_allclose(read_extrinsics(file, "cam", "lidar"), T_OF_FILES, atol=1e-9)
    with pytest.raises(ValueError, match="frame 'radar' is unknown"):
        read_extrinsics(file, "cam", "radar")
    with pytest.raises(ValueError, match="has 2 transforms; it must have one where the frames"):
        read_extrinsics(file)


def test_a_first_guess_is_no_calibration(tmp_path):
    content = {"results": {"init_T_lidar_camera": [0, 0, 0, 0.5, -0.5, 0.5, -0.5]}}
    with pytest.raises(
        ValueError, match="only init_T_lidar_camera, the first guess; it needs T_lidar_camera"
    ):
        read_extrinsics(write(tmp_path / "calib.json", json.dumps(content)))


def test_a_rotation_of_three_rows_is_read(tmp_path):
    text = "translation: [0.1, 0.2, 0.3]\nrotation: [[0, -1, 0], [0, 0, -1], [1, 0, 0]]\n"
    np.testing.assert_allclose(read_extrinsics(write(tmp_path / "t.yaml", text)), T_OF_FILES)
    text = "R: [0, -1, 0, 0, 0, -1, 1, 0, 0]\nT: [0.1, 0.2, 0.3]\n"
    np.testing.assert_allclose(read_extrinsics(write(tmp_path / "t.yaml", text)), T_OF_FILES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "T_cam_lidar: [0,-1,0,100, 0,0,-1,200, 1,0,0,300]\n",
            "is 374 m from the LiDAR; translations are in metres",
        ),
        (
            "cam0:\n  T_cam_imu: [[1,0,0,0]]\ncam1:\n  T_cn_cnm1: [[1,0,0,0]]\n",
            "is a camchain of Kalibr.*none of them",
        ),
        (
            "T_cam_lidar: [0,-1,0,0, 0,0,-1,0, 1,0,0,0]\nT_lidar_cam: [1,0,0,0, 0,1,0,0, 0,0,1,0]\n",
            "has T_cam_lidar and T_lidar_cam, which differ",
        ),
    ],
)
def test_transforms_of_no_rig_are_refused(tmp_path, text, said):
    with pytest.raises(ValueError, match=said):
        read_extrinsics(write(tmp_path / "t.yaml", text))


def test_a_camera_that_is_far_from_its_lidar_is_noticed():
    far = T_CAM_LIDAR.copy()
    far[2, 3] = 270
    said = check_direction(far, CAMERA, np.ones((5, 3), np.float32))
    assert said.startswith("The camera is 270 m from the LiDAR; translations are in metres")
