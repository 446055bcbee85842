"""Bags as robots record them: TF, late or changing CameraInfo, several topics, gaps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from depth_completion_ros.core import Camera, invert
from depth_completion_ros.core.geometry import quaternion_to_matrix, rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.messages import (
    camera_info_message,
    image_message,
    new_message,
    points_message,
    transform_message,
)
from depth_completion_ros.data.bag.stream import BagError
from depth_completion_ros.data.bag.writer import BagWriter

SECOND = 1_000_000_000
START = 1000 * SECOND
STEP = SECOND // 10
CAMERA = Camera(16, 12, [[20, 0, 8], [0, 20, 6], [0, 0, 1]])
OTHER = Camera(16, 12, [[30, 0, 8], [0, 30, 6], [0, 0, 1]])
POINTS = np.arange(12, dtype=np.float32).reshape(3, 4)
T_CAM_LIDAR = rigid(quaternion_to_matrix([0.5, -0.5, 0.5, -0.5]), [0.1, -0.2, 0.3])


class Recording(BagWriter):
    """A bag that is filled one message at a time; `late` is the delay of its recording."""

    def image(self, stamp, value=0, topic="/camera/image_raw", late=0, size=(12, 16)):
        message = image_message(np.full((*size, 3), value, np.uint8), "rgb8", stamp, "camera")
        self.write(topic, message.__msgtype__, message, stamp + late)

    def info(self, stamp, camera=CAMERA, topic="/camera/camera_info", late=0):
        message = camera_info_message(camera, stamp, "camera")
        self.write(topic, message.__msgtype__, message, stamp + late)

    def zero_info(self, stamp):
        message = camera_info_message(CAMERA, stamp, "camera")
        message.k[:] = 0
        self.write("/camera/camera_info", message.__msgtype__, message, stamp)

    def cloud(self, stamp, topic="/lidar/points", late=0):
        message = points_message(POINTS, None, stamp, "lidar")
        self.write(topic, message.__msgtype__, message, stamp + late)

    def transform(self, parent, child, T, stamp, static=False, late=0):
        transforms = [transform_message(parent, child, T, stamp)]
        message = new_message("tf2_msgs/msg/TFMessage", transforms=transforms)
        topic = "/tf_static" if static else "/tf"
        self.write(topic, message.__msgtype__, message, stamp + late, latched=static)

    def extrinsics(self, stamp=START, late=0):
        self.transform("camera", "lidar", T_CAM_LIDAR, stamp, static=True, late=late)

    def frames(self, count, start=START):
        for i in range(count):
            stamp = start + i * STEP
            self.image(stamp, value=i)
            self.info(stamp)
            self.cloud(stamp)


@pytest.fixture
def bag(tmp_path) -> Path:
    return tmp_path / "bag"


def test_static_extrinsics_may_be_recorded_last(bag):
    with Recording(bag) as recording:
        recording.frames(3)
        recording.extrinsics(START, late=10 * SECOND)
    frames = list(open_reader(bag))
    assert len(frames) == 3
    np.testing.assert_allclose(frames[0].T_cam_lidar, T_CAM_LIDAR, atol=1e-15)


def test_transforms_are_composed_and_interpolated_at_the_stamp_of_the_cloud(bag):
    with Recording(bag) as recording:
        recording.transform("base", "camera", invert(T_CAM_LIDAR), START, static=True)
        for i, late in ((0, 0), (1, 300_000_000)):
            # The mast of the LiDAR moves; its second pose is recorded late.
            T = rigid(np.eye(3), [i, 0, 0])
            recording.transform("base", "lidar", T, START + i * STEP, late=late)
        recording.info(START)
        recording.image(START + STEP // 4)
        recording.cloud(START + STEP // 4)
    (frame,) = open_reader(bag)
    expected = T_CAM_LIDAR @ rigid(np.eye(3), [0.25, 0, 0])
    np.testing.assert_allclose(frame.T_cam_lidar, expected, atol=1e-12)


def test_without_a_transform_the_bag_gives_no_frame_and_says_why(bag):
    with Recording(bag) as recording:
        recording.frames(3)
        recording.transform("base", "lidar", np.eye(4), START, static=True)
    reader = open_reader(bag)
    told = "gave no frame: No transform .* frame 'camera' is unknown.* Option extrinsics_file"
    with pytest.raises(BagError, match=told):
        list(reader)
    assert reader.dropped == {"no transform": 3}
    with_option = list(open_reader(bag, T_cam_lidar=T_CAM_LIDAR.ravel().tolist()))
    np.testing.assert_array_equal(with_option[0].T_cam_lidar, T_CAM_LIDAR)
    with pytest.raises(ValueError, match="Option T_cam_lidar is not rigid"):
        open_reader(bag, T_cam_lidar=np.ones((4, 4)))
    with pytest.raises(ValueError, match="Option T_cam_lidar: The camera is 300 m from the LiDAR"):
        open_reader(bag, T_cam_lidar=rigid(np.eye(3), [0, 300, 0]))


def test_a_calibration_file_takes_the_place_of_tf(bag, tmp_path):
    file = tmp_path / "extrinsics.yaml"
    with Recording(bag) as recording:
        recording.frames(2)
    file.write_text(f"parent: lidar\nchild: camera\nmatrix: {invert(T_CAM_LIDAR).tolist()}\n")
    frames = list(open_reader(bag, extrinsics_file=str(file)))
    assert len(frames) == 2
    np.testing.assert_allclose(frames[1].T_cam_lidar, T_CAM_LIDAR, atol=1e-12)
    file.write_text("parent: rear\nchild: lidar\nmatrix: [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]\n")
    with pytest.raises(ValueError, match="rear"):
        list(open_reader(bag, extrinsics_file=file))
    with pytest.raises(FileNotFoundError):
        open_reader(bag, extrinsics_file=tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="T_cam_lidar and extrinsics_file are given"):
        open_reader(bag, extrinsics_file=file, T_cam_lidar=T_CAM_LIDAR)


@pytest.mark.parametrize("given", ["T_cam_lidar", "extrinsics_file"])
def test_extrinsics_without_frames_are_those_of_the_first_lidar_alone(bag, tmp_path, given):
    """Two LiDARs may share a topic; the second would be put where the first is."""
    with Recording(bag) as recording:
        for i, frame_id in enumerate(["lidar", "other", "lidar"]):
            stamp = START + i * STEP
            recording.image(stamp)
            recording.info(stamp)
            cloud = points_message(POINTS, None, stamp, frame_id)
            recording.write("/lidar/points", cloud.__msgtype__, cloud, stamp)
    file = tmp_path / "calib.json"
    file.write_text(json.dumps({"T_cam_lidar": T_CAM_LIDAR.tolist()}))
    reader = open_reader(bag, **{given: T_CAM_LIDAR if given == "T_cam_lidar" else file})
    assert [frame.stamp_points for frame in reader] == [START, START + 2 * STEP]
    assert reader.dropped["extrinsics cannot be used"] == 1
    frames = list(open_reader(bag, **{given: T_CAM_LIDAR if given == "T_cam_lidar" else file}).stretch(1, 3))
    assert [frame.stamp_points for frame in frames] == [START + 2 * STEP]


def test_ego_motion_is_told_through_a_fixed_frame(bag):
    with Recording(bag) as recording:
        recording.transform("lidar", "camera", invert(T_CAM_LIDAR), START, static=True)
        for i in range(4):
            recording.transform("odom", "lidar", rigid(np.eye(3), [i, 0, 0]), START + i * STEP)
        recording.info(START)
        recording.cloud(START + STEP)
        recording.image(START + STEP + 20_000_000)
    (frame,) = open_reader(bag)
    assert frame.T_image_points is None
    (frame,) = open_reader(bag, fixed_frame="odom")
    np.testing.assert_allclose(frame.T_image_points, rigid(np.eye(3), [-0.2, 0, 0]), atol=1e-12)
    with pytest.raises(BagError, match="frame 'map' is unknown"):
        list(open_reader(bag, fixed_frame="map"))


def test_camera_info_may_come_late_and_change(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        for i in range(6):
            recording.image(START + i * STEP, value=i)
            recording.cloud(START + i * STEP)
        recording.info(START + 1 * STEP, late=100_000_000)
        # Has the stamp of an image but is recorded after it.
        recording.info(START + 4 * STEP, OTHER, late=90_000_000)
    cameras = [frame.camera for frame in open_reader(bag)]
    assert cameras == [CAMERA] * 4 + [OTHER] * 2


def test_frames_with_a_camera_info_of_zeros_or_of_another_size_are_dropped_and_counted(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.frames(2)
        for i, size in ((2, (12, 16)), (3, (8, 8))):
            recording.image(START + i * STEP, size=size)
            recording.cloud(START + i * STEP)
        recording.zero_info(START + 2 * STEP)
        recording.info(START + 3 * STEP)
    reader = open_reader(bag)
    assert len(list(reader)) == 2
    assert reader.dropped == {"camera not calibrated": 1, "camera_info of another size": 1}


def test_each_cloud_gets_the_nearest_image_and_the_rest_is_counted(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.info(START)
        for i in range(9):
            recording.image(START + i * STEP // 3, value=i)
        for i in range(3):
            recording.cloud(START + i * STEP + 5_000_000, late=200_000_000)
        recording.cloud(START + 9 * STEP)
    reader = open_reader(bag)
    assert [int(f.image[0, 0, 0]) for f in reader] == [0, 3, 6] and len(reader) == 4
    assert reader.dropped == {"image without points": 6, "points without image": 1}
    reader = open_reader(bag, image_offset_s=0.038, slack_s=0.0)
    with pytest.raises(BagError, match="gave no frame: 9 x image without points"):
        list(reader)
    reader = open_reader(bag, image_offset_s=0.005, slack_s=0.0)
    assert [int(f.image[0, 0, 0]) for f in reader] == [0, 3, 6]
    assert next(iter(reader)).stamp_image == START


def test_a_recording_of_a_loop_gives_the_frames_of_each_turn(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        for turn in range(2):
            for i in range(10):
                stamp = START + i * STEP
                recording.image(stamp, value=i, late=turn * SECOND)
                recording.info(stamp, late=turn * SECOND)
                recording.cloud(stamp, late=turn * SECOND)
    reader = open_reader(bag)
    assert [int(f.image[0, 0, 0]) for f in reader] == [*range(10), *range(10)] and not reader.dropped


def test_messages_that_cannot_be_decoded_are_counted_and_the_rest_is_read(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.frames(1)
        recording.image(START + STEP)
        recording.write("/lidar/points", "sensor_msgs/msg/PointCloud2", b"\0\1\0\0garbage", START + STEP)
        stamp = START + 2 * STEP
        strange = image_message(np.zeros((12, 16), np.uint8), "mono8", stamp, "camera")
        strange.encoding = "mono12"
        recording.write("/camera/image_raw", strange.__msgtype__, strange, stamp)
        recording.cloud(stamp)
    reader = open_reader(bag)
    assert len(list(reader)) == 1
    assert reader.dropped == {
        "message not readable": 1, "image without points": 1, "image not readable": 1,
    }  # fmt: skip


def test_topics_are_chosen_by_option_where_there_are_several(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.frames(2)
        for name in ("left", "right"):
            recording.image(START, value=9, topic=f"/{name}/image_raw")
            recording.info(START, OTHER, topic=f"/{name}/camera_info")
        recording.cloud(START, topic="/rear/points")
    with pytest.raises(BagError, match="has /camera/image_raw, /left/.*: choose with image_topic"):
        open_reader(bag)
    with pytest.raises(BagError, match="/lidar/points, /rear/points: choose with points_topic"):
        open_reader(bag, image_topic="/left/image_raw")
    reader = open_reader(bag, image_topic="/left/image_raw", points_topic="/lidar/points")
    assert reader.camera_info_topic == "/left/camera_info"
    (frame,) = reader
    assert frame.camera == OTHER and frame.image.max() == 9
    with pytest.raises(BagError, match="Option image_topic is '/front', but the Image or Compressed"):
        open_reader(bag, image_topic="/front")
    with pytest.raises(BagError, match="Option ground_truth_topic is '/lidar/points', but the Image"):
        open_reader(bag, ground_truth_topic="/lidar/points")


def test_a_bag_without_clouds_is_refused(bag):
    with Recording(bag) as recording:
        recording.image(START)
        recording.info(START)
    with pytest.raises(BagError, match="must have one topic of type PointCloud2; it has none"):
        open_reader(bag)


def test_ground_truth_of_any_topic_is_read_by_its_stamp(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.frames(2)
        truth = image_message(np.full((12, 16), 2500, np.uint16), "16UC1", START + STEP, "camera")
        recording.write("/truth", truth.__msgtype__, truth, START + STEP)
    options = {"image_topic": "/camera/image_raw", "ground_truth_topic": "/truth"}
    first, second = open_reader(bag, **options)
    assert first.ground_truth is None
    np.testing.assert_allclose(second.ground_truth, 2.5)
    assert open_reader(bag, ground_truth_topic="/truth").image_topic == "/camera/image_raw"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"slack_s": -0.1}, "Option slack_s is -0.1; it must be 0 or more"),
        ({"rectified": "no"}, "Option rectified is 'no'; it must be true or false"),
        ({"slack_s": "much"}, "Option slack_s is 'much'; it must be a number of seconds"),
        ({"image_offset_s": [1, 2]}, "Option image_offset_s is .1, 2.; it must be a number of seconds"),
        ({"T_cam_lidar": "calib.txt"}, "Option T_cam_lidar is 'calib.txt'; it must be 16 numbers"),
        ({"T_cam_lidar": [1, 2, 3]}, r"Option T_cam_lidar has shape \(3,\); it must be 4 x 4"),
        ({"slack": 0.1}, "Option 'slack' is unknown for rosbag .* allowed are image_topic, points_topic"),
    ],
)
def test_options_out_of_range_are_refused(bag, options, sentence):
    with Recording(bag) as recording:
        recording.frames(1)
    with pytest.raises(ValueError, match=sentence):
        open_reader(bag, **options)


def test_a_bag_is_streamed(bag):
    import tracemalloc

    with Recording(bag) as recording:
        recording.extrinsics()
        for i in range(100):
            stamp = START + i * STEP
            recording.image(stamp, size=(240, 320))
            recording.info(stamp, Camera(320, 240, CAMERA.K))
            recording.cloud(stamp)
    reader = open_reader(bag)
    tracemalloc.start()
    count = sum(1 for _ in reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100 and peak < 0.5 * 100 * 240 * 320 * 3


def test_reading_may_stop_early(bag):
    with Recording(bag) as recording:
        recording.extrinsics()
        recording.frames(20)
    reader = open_reader(bag)
    assert next(iter(reader)).name == "bag_000000"
    assert len(list(reader)) == 20
