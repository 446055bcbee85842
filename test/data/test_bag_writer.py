"""Frames written as bags and read back."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import Camera, Frame, SparseDepth, invert
from depth_completion_ros.core.geometry import quaternion_to_matrix, rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.messages import cloud_message, image_message
from depth_completion_ros.data.bag.writer import BagWriter, write_bag

RANDOM = np.random.default_rng(7)
T_CAM_LIDAR = rigid(quaternion_to_matrix([0.5, -0.5, 0.5, -0.49]), [0.1, -0.2, 0.3])


def make_frame(number: int, **changes) -> Frame:
    fields = {
        "camera": Camera(16, 12, [[20, 0, 8.5], [0, 21, 6.25], [0, 0, 1]], D=[0.1, 0.01, 0, 0, 0]),
        "image": RANDOM.integers(0, 256, (12, 16, 3), dtype=np.uint8),
        "points": RANDOM.normal(size=(50, 4)).astype(np.float32),
        "T_cam_lidar": T_CAM_LIDAR,
        "stamp_image": 1_700_000_000_123_456_789 + number * 100_000_000,
        "stamp_points": 1_700_000_000_123_450_000 + number * 100_000_000,
    }
    return Frame(**(fields | changes))


def assert_same(written: Frame, read: Frame, exact_image: bool = True) -> None:
    if exact_image:
        np.testing.assert_array_equal(read.image, written.image)
    np.testing.assert_array_equal(read.points, written.points)
    np.testing.assert_allclose(read.T_cam_lidar, written.T_cam_lidar, atol=1e-14)
    assert read.camera == written.camera
    assert (read.stamp_image, read.stamp_points) == (written.stamp_image, written.stamp_points)
    if written.ground_truth is not None:
        np.testing.assert_array_equal(read.ground_truth, written.ground_truth)


@pytest.mark.parametrize(
    ("storage", "compression"),
    [
        *[("mcap", compression) for compression in ("none", "message", "file", "storage")],
        *[("sqlite3", compression) for compression in ("none", "message", "file")],
    ],
)
def test_frames_come_back_as_they_were(tmp_path, storage, compression):
    frames = [make_frame(i) for i in range(4)]
    frames[2].ground_truth = RANDOM.integers(0, 3, (12, 16)).astype(np.float32)
    count = write_bag(frames, tmp_path / "bag", storage=storage, compression=compression)
    reader = open_reader(tmp_path / "bag")
    assert count == len(reader) == 4
    for _ in range(2):
        for written, read in zip(frames, reader, strict=True):
            assert_same(written, read)
            assert read.frame_id == "camera_optical_frame"
        assert not reader.dropped


@pytest.mark.parametrize(("image_format", "exact"), [("png", True), ("jpeg", False)])
def test_images_may_be_compressed(tmp_path, image_format, exact):
    frames = [make_frame(i) for i in range(2)]
    write_bag(frames, tmp_path / "bag", image_format=image_format)
    reader = open_reader(tmp_path / "bag")
    assert reader.image_topic == "/camera/image_raw/compressed"
    for written, read in zip(frames, reader, strict=True):
        assert_same(written, read, exact)


@pytest.mark.parametrize(
    "camera",
    [
        Camera(16, 12, np.diag([20, 20, 1.0])),
        Camera(16, 12, np.diag([20, 20, 1.0]), "equidistant", [0.1, 0, 0, 0]),
        Camera(16, 12, np.diag([20, 20, 1.0]), "equidistant"),
        Camera(16, 12, np.diag([20, 20, 1.0]), "rational_polynomial", [0.1] * 8),
    ],
)
def test_every_camera_model_comes_back(tmp_path, camera):
    write_bag([make_frame(0, camera=camera)], tmp_path / "bag")
    (read,) = open_reader(tmp_path / "bag")
    assert read.camera == camera


def test_points_without_intensity_empty_clouds_and_not_a_number_come_back(tmp_path):
    clouds = [RANDOM.normal(size=(5, 3)), np.zeros((0, 4)), np.full((3, 4), np.nan)]
    frames = [make_frame(i, points=c.astype(np.float32)) for i, c in enumerate(clouds)]
    write_bag(frames, tmp_path / "bag")
    for written, read in zip(frames, open_reader(tmp_path / "bag"), strict=True):
        assert_same(written, read)


def test_frames_without_stamps_get_ten_hertz(tmp_path):
    frames = [make_frame(i, stamp_image=None, stamp_points=None) for i in range(3)]
    write_bag(frames, tmp_path / "bag", camera_name="left", lidar_frame="velodyne")
    reader = open_reader(tmp_path / "bag")
    assert [f.stamp_image for f in reader] == [100_000_000, 200_000_000, 300_000_000]
    assert reader.image_topic == "/left/image_raw"


def test_each_rig_has_a_camera_frame_of_its_own(tmp_path):
    other = T_CAM_LIDAR.copy()
    other[0, 3] += 1
    frames = [make_frame(i, T_cam_lidar=T) for i, T in enumerate([T_CAM_LIDAR, other, T_CAM_LIDAR])]
    write_bag(frames, tmp_path / "bag")
    read = list(open_reader(tmp_path / "bag"))
    for one, two in zip(frames, read, strict=True):
        assert_same(one, two)
    names = ["camera_optical_frame", "camera_optical_frame_1", "camera_optical_frame"]
    assert [f.frame_id for f in read] == names


def drive(count: int, lag_ns: int) -> list[Frame]:
    """Frames of a LiDAR that drives a bend; images come so much after the points."""

    def pose(ns):
        s = ns / 1e9
        return rigid(quaternion_to_matrix([0.01 * s, -0.02, np.sin(s / 4), np.cos(s / 4)]), [9 * s, s * s, 1])

    frames = []
    for i in range(count):
        at_points = i * 100_000_000
        frames.append(make_frame(i, T_world_lidar=pose(at_points)))
        frames[-1].stamp_image = frames[-1].stamp_points + lag_ns
        frames[-1].T_image_points = invert(pose(at_points + lag_ns)) @ pose(at_points)
    return frames


@pytest.mark.parametrize("lag_ns", [23_000_001, 0, -17_000_000])
def test_ego_motion_comes_back_through_odom_from_the_first_frame_to_the_last(tmp_path, lag_ns):
    frames = drive(5, lag_ns)
    frames[3].T_cam_lidar = T_CAM_LIDAR @ rigid(np.eye(3), [1, 0, 0])
    write_bag(frames, tmp_path / "bag")
    reader = open_reader(tmp_path / "bag", fixed_frame="odom")
    for written, read in zip(frames, reader, strict=True):
        assert_same(written, read)
        np.testing.assert_allclose(read.T_image_points, written.T_image_points, atol=1e-12)
        np.testing.assert_allclose(read.T_world_lidar, written.T_world_lidar, atol=1e-12)
    assert not reader.dropped
    assert all(f.T_image_points is None for f in open_reader(tmp_path / "bag"))
    # Once more gives the same again.
    write_bag(reader, tmp_path / "again")
    for one, two in zip(reader, open_reader(tmp_path / "again", fixed_frame="odom"), strict=True):
        np.testing.assert_allclose(two.T_image_points, one.T_image_points, atol=1e-12)


def test_poses_without_ego_motion_are_written_at_the_stamp_of_the_points_alone(tmp_path):
    frames = drive(3, 0)
    for frame in frames:
        frame.T_image_points = None
    frames[1].T_world_lidar = None
    write_bag(frames, tmp_path / "bag")
    first, between, _ = open_reader(tmp_path / "bag", fixed_frame="odom")
    np.testing.assert_allclose(first.T_image_points, np.eye(4), atol=1e-15)
    middle = (frames[0].T_world_lidar + frames[2].T_world_lidar)[:3, 3] / 2
    np.testing.assert_allclose(between.T_world_lidar[:3, 3], middle, atol=1e-12)


def test_odom_lidar_and_cameras_are_one_tree_and_time_does_not_go_back(tmp_path):
    from rosbags.highlevel import AnyReader

    frames = drive(3, 20_000_000)
    frames[1].T_cam_lidar = T_CAM_LIDAR @ rigid(np.eye(3), [1, 0, 0])
    write_bag(frames, tmp_path / "bag")
    times, parents = [], {}
    with AnyReader([tmp_path / "bag"]) as reader:
        for connection, time_ns, raw in reader.messages():
            times.append(time_ns)
            if connection.topic in ("/tf", "/tf_static"):
                for transform in reader.deserialize(raw, connection.msgtype).transforms:
                    parents[transform.child_frame_id] = transform.header.frame_id
    assert times == sorted(times)
    assert parents == {
        "lidar": "odom", "camera_optical_frame": "lidar", "camera_optical_frame_1": "lidar",
    }  # fmt: skip


def test_the_real_sequence_comes_back_and_gives_the_same_sparse_depth(tmp_path, real_frames):
    frames = open_reader(real_frames, select="kitti_seq_000[5-7]")
    assert write_bag(frames, tmp_path / "bag") == 3
    for written, read in zip(frames, open_reader(tmp_path / "bag"), strict=True):
        assert_same(written, read)
        np.testing.assert_array_equal(read.rings, written.rings)
        depths = [SparseDepth.from_points(frame).depth for frame in (written, read)]
        np.testing.assert_array_equal(*depths)


def test_what_cannot_be_written_is_refused(tmp_path):
    write_bag([make_frame(0)], tmp_path / "bag")
    with pytest.raises(FileExistsError, match="bag' exists already"):
        write_bag([], tmp_path / "bag")
    with pytest.raises(ValueError, match="Frame 1 has no image, points"):
        write_bag([make_frame(0, image=None, points=None)], tmp_path / "a")
    with pytest.raises(ValueError, match="Frame late has the stamp .* is not after"):
        write_bag([make_frame(1), make_frame(0, name="late")], tmp_path / "b")
    with pytest.raises(ValueError, match="storage is 'csv'; it must be one of mcap, sqlite3"):
        write_bag([], tmp_path / "c", storage="csv")
    with pytest.raises(ValueError, match="of a sqlite3 bag is 'storage'; .* one of none, message, file"):
        write_bag([], tmp_path / "d", storage="sqlite3", compression="storage")
    with pytest.raises(ValueError, match="format is 'gif'; it must be one of raw, png, jpeg"):
        write_bag([], tmp_path / "e", image_format="gif")


def test_single_messages_and_serialised_ones_are_written(tmp_path):
    from rosbags.highlevel import AnyReader

    depth = np.array([[1.5, np.nan]], np.float32)
    image = image_message(depth, "32FC1", 5_000_000_001, "camera")
    cloud = np.array([(1, 2, 3, 0x00FF8001)], [("x", "f4"), ("y", "f4"), ("z", "f4"), ("rgb", "u4")])
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/depth", "sensor_msgs/msg/Image", image, 5_000_000_001)
        message = cloud_message(cloud, 5_000_000_001, "camera")
        writer.write("/cloud", "sensor_msgs/msg/PointCloud2", message, 5_000_000_001)
    # Read by the type definitions within the bag, as other programs do.
    with AnyReader([tmp_path / "bag"]) as reader:
        raw = {c.topic: (data, reader.deserialize(data, c.msgtype)) for c, _, data in reader.messages()}
    assert raw["/depth"][1].header.stamp.sec == 5 and raw["/depth"][1].header.stamp.nanosec == 1
    np.testing.assert_array_equal(raw["/depth"][1].data.view("<f4"), depth[0])
    assert [(f.name, f.datatype) for f in raw["/cloud"][1].fields] == [
        ("x", 7), ("y", 7), ("z", 7), ("rgb", 7),
    ]  # fmt: skip
    with BagWriter(tmp_path / "copy", storage="sqlite3") as writer:
        writer.write("/depth", "sensor_msgs/msg/Image", bytes(raw["/depth"][0]), 7)
    assert (tmp_path / "copy" / "metadata.yaml").is_file()
