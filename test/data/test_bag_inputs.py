"""Bags whose camera is in a file, and whose measurements are images of depth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_rosbag import CAMERA, POINTS, START, STEP, T_CAM_LIDAR, Recording

from depth_completion_ros.core import SparseDepth
from depth_completion_ros.core.geometry import rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.messages import header_message, image_message, new_message
from depth_completion_ros.data.bag.stream import BagError

DEPTH_TOPIC = "/camera/aligned_depth/image_raw"
MILLIMETRES = np.zeros((12, 16), np.uint16)
MILLIMETRES[3, 4], MILLIMETRES[9, 10] = 2500, 7250


class RgbdRecording(Recording):
    """A bag with images of depth in place of clouds."""

    def depth(self, stamp, depth=MILLIMETRES, frame="camera", compressed=False):
        if not compressed:
            encoding = "16UC1" if depth.dtype == np.uint16 else "32FC1"
            message = image_message(depth, encoding, stamp, frame)
            return self.write(DEPTH_TOPIC, message.__msgtype__, message, stamp)
        data = bytes(12) + cv2.imencode(".png", depth)[1].tobytes()
        message = new_message(
            "sensor_msgs/msg/CompressedImage",
            header=header_message(stamp, frame),
            format="16UC1; compressedDepth png",
            data=np.frombuffer(data, np.uint8),
        )
        return self.write(f"{DEPTH_TOPIC}/compressedDepth", message.__msgtype__, message, stamp)


def record(bag, count=3, **depth):
    with RgbdRecording(bag) as recording:
        for stamp in range(START, START + count * STEP, STEP):
            recording.image(stamp), recording.info(stamp), recording.depth(stamp, **depth)
    return DEPTH_TOPIC + ("/compressedDepth" if depth.get("compressed") else "")


@pytest.fixture
def bag(tmp_path):
    return tmp_path / "bag"


@pytest.mark.parametrize("compressed", [False, True])
def test_images_of_depth_take_the_place_of_clouds(bag, compressed):
    topic = record(bag, compressed=compressed)
    reader = open_reader(bag, sparse_depth_topic=topic)
    frames = list(reader)
    assert len(frames) == len(reader) == 3 and not reader.dropped
    for frame in frames:
        np.testing.assert_allclose(SparseDepth.from_points(frame).depth, MILLIMETRES / 1000, rtol=1e-6)
        assert frame.points is None and frame.camera == CAMERA
    assert f"sparse depth {topic} (3)" in reader.describe()


@pytest.mark.parametrize("compressed", [False, True])
def test_images_of_depth_can_be_the_truth_of_clouds(bag, compressed):
    topic = record(bag, compressed=compressed)
    with pytest.raises(
        BagError, match=f"no topic of type PointCloud2, but depth images on {topic}: give one"
    ):
        open_reader(bag)
    with pytest.raises(
        BagError, match="no topic of type PointCloud2|must have one topic of type PointCloud2"
    ):
        open_reader(bag, ground_truth_topic=topic)
    other = bag.with_name("clouds")
    with RgbdRecording(other) as recording:
        recording.extrinsics(), recording.frames(2), recording.depth(START, compressed=compressed)
    first, second = open_reader(other, ground_truth_topic=topic)
    np.testing.assert_allclose(first.ground_truth, MILLIMETRES / 1000, rtol=1e-6)
    assert second.ground_truth is None


def test_depth_of_lower_resolution_lands_on_the_centres_of_its_pixels(bag):
    record(bag, depth=np.float32([[1.5, 0], [0, np.nan], [4, 0]])[:, :, None].repeat(2, 1).reshape(3, 4))
    (frame, *_) = open_reader(bag, sparse_depth_topic=DEPTH_TOPIC)
    assert np.argwhere(frame.sparse_depth).tolist() == [[2, 2], [2, 6], [10, 2], [10, 6]]
    assert set(frame.sparse_depth[frame.sparse_depth > 0].tolist()) == {1.5, 4.0}


@pytest.mark.parametrize(
    ("depth", "sentence"),
    [
        ({"depth": np.ones((24, 32), np.float32)}, "Sparse depth is 32 x 24 but its image is 16 x 12"),
        ({"depth": np.ones((6, 6), np.float32)}, "it must be of the same view, as large or smaller"),
        ({"frame": "depth_camera"}, "No transform from 'depth_camera' to 'camera'"),
    ],
)
def test_depth_of_another_view_is_refused(bag, depth, sentence):
    record(bag, **depth)
    with pytest.raises(BagError, match=sentence):
        list(open_reader(bag, sparse_depth_topic=DEPTH_TOPIC))


@pytest.mark.parametrize(("shift", "count"), [(0.05, 0), (0.0, 1)])
def test_depth_seen_from_another_camera_must_be_registered(bag, shift, count):
    with RgbdRecording(bag) as recording:
        recording.transform("camera", "depth_camera", rigid(np.eye(3), [shift, 0, 0]), START, static=True)
        recording.image(START), recording.info(START), recording.depth(START, frame="depth_camera")
    reader = open_reader(bag, sparse_depth_topic=DEPTH_TOPIC)
    if count:
        assert len(list(reader)) == count
        return
    with pytest.raises(BagError, match="must be registered to the image first"):
        list(reader)
    assert reader.dropped == {"sparse depth of another camera": 1}


def test_points_and_sparse_depth_are_not_both_taken(bag):
    record(bag)
    with pytest.raises(ValueError, match="it must be one of them"):
        open_reader(bag, points_topic="/lidar/points", sparse_depth_topic=DEPTH_TOPIC)


# Cameras ---------------------------------------------------------------------------------------------

YAML = """image_width: 16
image_height: 12
camera_matrix: {rows: 3, cols: 3, data: [20, 0, 8, 0, 20, 6, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
"""


def without_info(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        for stamp in range(START, START + 2 * STEP, STEP):
            recording.image(stamp), recording.cloud(stamp)


def test_the_camera_of_a_bag_without_camera_info_comes_from_a_file(bag, tmp_path):
    without_info(bag)
    with pytest.raises(BagError, match="no topic of type CameraInfo: give the camera as camera_info_file"):
        open_reader(bag)
    (tmp_path / "camera.yaml").write_text(YAML)
    frames = list(open_reader(bag, camera_info_file=str(tmp_path / "camera.yaml")))
    assert [frame.camera for frame in frames] == [CAMERA, CAMERA]
    np.testing.assert_allclose(frames[0].T_cam_lidar, T_CAM_LIDAR, atol=1e-12)


def test_a_camera_file_for_images_of_another_kind_is_told(bag, tmp_path):
    with Recording(bag) as recording:
        recording.extrinsics(), recording.image(START, topic="/camera/image_rect"), recording.cloud(START)
    (tmp_path / "camera.yaml").write_text(YAML.replace("[0, 0, 0, 0, 0]", "[0.1, 0, 0, 0, 0]"))
    with pytest.warns(UserWarning, match="The name of /camera/image_rect says rectified, yet K"):
        open_reader(bag, camera_info_file=tmp_path / "camera.yaml")


def test_a_camera_file_of_another_size_drops_the_frames(bag, tmp_path):
    without_info(bag)
    (tmp_path / "camera.yaml").write_text(YAML.replace("16", "32"))
    reader = open_reader(bag, camera_info_file=tmp_path / "camera.yaml")
    with pytest.raises(BagError, match=r"The image is 16 x 12 but Camera file .* is of 32 x 12"):
        list(reader)
    assert reader.dropped == {"camera file of another size": 2}


# The robot itself ------------------------------------------------------------------------------------


def test_points_on_the_robot_are_left_out_by_a_box_in_its_frame(bag):
    with Recording(bag) as recording:
        recording.extrinsics(), recording.frames(1)
        recording.transform("lidar", "base", rigid(np.eye(3), [0, 0, -1]), START, static=True)
    # The second of POINTS is (4, 5, 6) in the LiDAR, so (4, 5, 7) in the base.
    (frame,) = open_reader(bag, robot_box=[3, 4, 6.5, 5, 6, 7.5], robot_frame="base")
    assert frame.robot.contains(POINTS).tolist() == [False, True, False]
    (frame,) = open_reader(bag, robot_box=[3, 4, 6.5, 5, 6, 7.5])
    assert not frame.robot.contains(POINTS).any()


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 1, 1, 0, 2, 2], "all"])
def test_a_box_that_is_none_is_refused(bag, box):
    with Recording(bag) as recording:
        recording.extrinsics(), recording.frames(1)
    with pytest.raises(
        ValueError, match="Option robot_box is .* it must be x y z of the lower and of the upper"
    ):
        open_reader(bag, robot_box=box)
