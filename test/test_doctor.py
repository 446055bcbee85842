"""The doctor finds each fault in a bag that has it, and none in a bag that has none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import boxes
import numpy as np
import pytest

from depth_completion_ros.core import Camera, invert, rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag import writer as messages
from depth_completion_ros.data.bag.writer import BagWriter
from depth_completion_ros.doctor import diagnose

PERIOD = 100_000_000
BEGIN = 1_700_000_000_000_000_000
CAMERA = Camera(160, 120, [[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])
# The LiDAR looks along x with z up; the camera sits in front of and below it.
T_CAM_LIDAR = rigid([[0, -1, 0], [0, 0, -1], [1, 0, 0]], [0.0, -0.08, -0.3])
IMAGE, INFO, POINTS = "/camera/image_raw", "/camera/camera_info", "/lidar/points"


@pytest.fixture
def street() -> np.ndarray:
    """Points around a LiDAR, more of them before the camera than behind: N x 4."""
    random = np.random.default_rng(0)
    azimuth = random.uniform(-np.pi, np.pi, 4000)
    distance = random.uniform(4, 30, 4000)
    height = random.uniform(-1.7, 1.5, 4000)
    xyz = np.stack([distance * np.cos(azimuth), distance * np.sin(azimuth), height], axis=1)
    return np.column_stack([xyz, random.random(4000)]).astype(np.float32)


class Bag:
    """A bag of images and clouds; each attribute may be replaced to put a fault in."""

    def __init__(self, folder, points):
        self.path, self.points = folder / "bag", points
        self.T_lidar_cam = invert(T_CAM_LIDAR)
        self.camera, self.image_size = CAMERA, (120, 160)
        self.image_stamp = self.points_stamp = lambda at: BEGIN + at * PERIOD
        self.points_delay, self.number = 0, 10
        self.info_topic = INFO
        self.tf_topic, self.more_tf = "/tf_static", []
        self.more = lambda writer, stamp: None
        self.camera_frame, self.lidar_frame = "camera", "lidar"
        self.tf_latched = self.with_tf = True
        self.edit_info = self.edit_cloud = lambda message: message

    def write(self):
        image = np.zeros((*self.image_size, 3), np.uint8)
        with BagWriter(self.path) as writer:
            if self.with_tf:
                transform = messages.transform_message("lidar", "camera", self.T_lidar_cam, BEGIN)
                tf = messages.typestore().types["tf2_msgs/msg/TFMessage"](
                    transforms=[*self.more_tf, transform]
                )
                writer.write(self.tf_topic, "tf2_msgs/msg/TFMessage", tf, BEGIN, latched=self.tf_latched)
            for at in range(self.number):
                received, stamp = BEGIN + at * PERIOD, self.image_stamp(at)
                message = messages.image_message(image, "rgb8", stamp, self.camera_frame)
                info = messages.camera_info_message(self.camera, stamp, self.camera_frame)
                stamp = self.points_stamp(at)
                cloud = messages.points_message(self.points, None, stamp, self.lidar_frame)
                writer.write(IMAGE, "sensor_msgs/msg/Image", message, received)
                if self.info_topic:
                    kind = "sensor_msgs/msg/CameraInfo"
                    writer.write(self.info_topic, kind, self.edit_info(info), received)
                self.more(writer, stamp)
                received += self.points_delay
                writer.write(POINTS, "sensor_msgs/msg/PointCloud2", self.edit_cloud(cloud), received)
        return self.path

    def findings(self, **options):
        return diagnose(self.write(), installation=False, **options)


@pytest.fixture
def bag(tmp_path, street):
    pytest.importorskip("rosbags")
    return Bag(tmp_path, street)


def said(findings, level, subject, words):
    """Whether a finding of a level on a subject has the words."""
    return any(f.level == level and subject in f.subject and words in f.sentence for f in findings)


def faults(findings):
    return [f for f in findings if f.level != "ok"]


def test_a_bag_without_fault_has_no_fault(bag):
    findings = bag.findings()
    assert faults(findings) == []
    assert said(findings, "ok", IMAGE, "10 messages at 10.0 Hz")
    assert said(findings, "ok", "lidar to camera", "points in view")


def test_a_missing_topic_is_named_with_those_that_are_there(bag):
    findings = bag.findings(points="/velodyne_points")
    assert said(findings, "error", "topics", "no points on '/velodyne_points'; its topics are /camera/cam")


def test_zero_stamps_are_an_error(bag):
    bag.points_stamp = lambda at: 0
    assert said(bag.findings(), "error", POINTS, "10 of 10 stamps are zero")


def test_stamps_that_go_back_are_counted(bag):
    bag.image_stamp = bag.points_stamp = lambda at: BEGIN + (at % 5) * PERIOD
    assert said(bag.findings(), "warning", IMAGE, "go back 1 times, by up to 0.400 s")


def test_stamps_that_repeat_are_counted(bag):
    bag.image_stamp = lambda at: BEGIN + (at // 2) * 2 * PERIOD
    assert said(bag.findings(), "warning", IMAGE, "5 messages have the stamp of the one before")


def test_gaps_are_told_beside_the_rate(bag):
    bag.image_stamp = bag.points_stamp = lambda at: BEGIN + (at + 5 * (at > 6)) * PERIOD
    assert said(bag.findings(), "warning", IMAGE, "at 10.0 Hz, with 1 gaps of up to 0.60 s")


def test_clocks_that_never_meet_are_told_with_the_offset_that_helps(bag):
    bag.points_stamp = lambda at: BEGIN + at * PERIOD - 37_000_000_000
    findings = bag.findings()
    assert said(findings, "error", f"{IMAGE} and {POINTS}", "No cloud has an image within 0.05 s")
    assert said(findings, "warning", POINTS, "Stamps are 37.0 s older")


def test_a_stream_that_comes_long_after_its_stamp_is_suspicious(bag):
    bag.points_stamp = lambda at: BEGIN + (at - 5) * PERIOD
    assert said(bag.findings(), "warning", f"{IMAGE} and {POINTS}", f"{POINTS} arrives 0.50 s later")


def test_a_missing_transform_is_an_error(bag):
    bag.with_tf = False
    assert said(bag.findings(), "error", "lidar to camera", "No transform from 'lidar' to 'camera'")


def test_a_frame_that_nobody_publishes_is_an_error(bag):
    bag.lidar_frame = "velodyne"
    assert said(bag.findings(), "error", "velodyne to camera", "frame 'velodyne' is unknown")


def test_an_empty_frame_id_is_an_error(bag):
    bag.lidar_frame = ""
    assert said(bag.findings(), "error", POINTS, "frame_id is empty")


def test_an_inverted_transform_is_an_error(bag):
    bag.T_lidar_cam = T_CAM_LIDAR
    found = [f for f in bag.findings() if f.level == "error" and f.subject == "lidar to camera"]
    assert len(found) == 1 and "inver" in found[0].sentence


def test_points_that_never_fall_into_the_image_are_an_error(bag):
    bag.points[:, 0] = -np.abs(bag.points[:, 0]) - 5
    assert [f.level for f in bag.findings() if f.subject == "lidar to camera"] == ["error"]


def test_a_calibration_file_is_judged_in_place_of_tf(bag, tmp_path):
    bag.with_tf = False
    findings = bag.findings(extrinsics=tmp_path / "nothing.yaml")
    assert said(findings, "error", "lidar to camera", "nothing.yaml")


def test_a_camera_info_of_zeros_is_an_error(bag):
    bag.edit_info = lambda message: replace(message, k=np.zeros(9))
    assert said(bag.findings(), "error", INFO, "10 of 10 messages: Camera K has focal lengths 0")


def test_a_camera_info_of_another_size_is_an_error(bag):
    bag.image_size = (60, 80)
    assert said(bag.findings(), "error", INFO, "CameraInfo is of 160 x 120 pixels but")


def test_a_calibration_that_changes_is_told(bag):
    cameras = iter([CAMERA] * 4 + [CAMERA.resized(160, 121)] * 6)

    def edit(message):
        camera = next(cameras)
        return replace(message, k=camera.K.ravel())

    bag.edit_info = edit
    assert said(bag.findings(), "warning", INFO, "changes 1 times")


def test_clouds_without_a_finite_point_are_counted(bag):
    bag.points[:] = np.nan
    assert said(bag.findings(), "error", POINTS, "10 of 10 clouds hold no finite point")


def test_clouds_without_coordinates_are_an_error(bag):
    def edit(message):
        return replace(message, fields=[f for f in message.fields if f.name != "z"])

    bag.edit_cloud = edit
    assert said(bag.findings(), "error", POINTS, "it must have x, y and z")


def test_a_volatile_static_transform_is_told(bag):
    bag.tf_latched = False
    assert said(bag.findings(), "warning", "/tf_static", "recorded as volatile")


@pytest.mark.parametrize("number", [10, 500])
def test_following_the_advice_for_a_lidar_in_tai_pairs_every_cloud(bag, number):
    bag.number, bag.image_size = number, (12, 16)
    bag.camera = CAMERA.resized(16, 12)
    bag.points_stamp = lambda at: BEGIN + at * PERIOD + 37_000_000_000
    findings = bag.findings()
    assert said(findings, "error", f"{IMAGE} and {POINTS}", "image_time_offset: 37.000 makes up for it")
    assert len(list(open_reader(bag.path, image_offset_s=37.0))) == number
    findings = diagnose(bag.path, installation=False, image_time_offset=37.0)
    assert said(findings, "ok", f"{IMAGE} and {POINTS}", f"{number} of {number} clouds have an image")


def test_moving_tf_may_be_of_the_clock_of_the_camera_or_of_the_lidar(bag):
    bag.with_tf = False
    bag.points_stamp = lambda at: BEGIN + at * PERIOD + 37_000_000_000
    ahead = iter([0] * 10 + [37_000_000_000] * 10)

    def joint(writer, stamp):
        received = stamp - 37_000_000_000
        transform = messages.transform_message("lidar", "camera", bag.T_lidar_cam, received + next(ahead))
        tf = messages.typestore().types["tf2_msgs/msg/TFMessage"](transforms=[transform])
        writer.write("/tf", "tf2_msgs/msg/TFMessage", tf, received)

    bag.more = joint
    for _ in ("of the camera", "of the LiDAR"):
        path = bag.write()
        assert len(list(open_reader(path, image_offset_s=37.0))) == 10
        findings = diagnose(path, installation=False, image_time_offset=37.0)
        assert [f for f in findings if f.level == "error"] == []
        shutil.rmtree(path)


def test_a_broken_transform_of_a_frame_nobody_needs_is_counted_and_the_rest_judged(bag):
    wheel = messages.transform_message("lidar", "wheel", np.eye(4), BEGIN)
    zero = replace(wheel.transform.rotation, x=0.0, y=0.0, z=0.0, w=0.0)
    bag.more_tf = [replace(wheel, transform=replace(wheel.transform, rotation=zero))] * 2
    findings = bag.findings()
    assert said(findings, "warning", "/tf_static", "2 x Transform of 'wheel' in 'lidar': Quaternion")
    assert said(findings, "ok", "lidar to camera", "points in view")
    assert [f for f in findings if f.level == "error"] == []


@pytest.mark.parametrize(("apart", "told"), [(0.12, True), (0.0, False), (0.0005, False)])
def test_two_publishers_of_one_static_transform_are_named_with_how_far_they_are_apart(bag, apart, told):
    turn = np.radians(3.0 if apart > 0.1 else 0.0)
    other = bag.T_lidar_cam @ rigid(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]], [apart, 0, 0]
    )
    bag.more_tf = [messages.transform_message("lidar", "camera", other, BEGIN)] * 2
    findings = [f for f in bag.findings() if "two values" in f.sentence]
    assert [(f.level, f.subject) for f in findings] == [("warning", "/tf_static")] * told
    words = "of 'camera' in 'lidar' is told with two values, 0.120 m and 3.00 degrees apart"
    assert all(words in f.sentence for f in findings)


def test_a_static_frame_with_two_parents_is_told(bag):
    bag.more_tf = [messages.transform_message("base", "camera", np.eye(4), BEGIN)]
    assert said(bag.findings(), "warning", "/tf_static", "of 'camera' is told in 'base' and in 'lidar'")


@pytest.mark.parametrize(("length", "told"), [(1.5, True), (0.9, True), (1.005, False)])
def test_quaternions_that_are_not_of_length_one_are_counted(bag, length, told):
    wheel = messages.transform_message("lidar", "wheel", np.eye(4), BEGIN)
    long = replace(wheel.transform.rotation, w=length)
    bag.more_tf = [replace(wheel, transform=replace(wheel.transform, rotation=long))] * 3
    words = f"3 x Transform of 'wheel' in 'lidar': the length of its quaternion is {length:.3g}"
    assert said(bag.findings(), "warning", "/tf_static", words) == told


def test_doctor_and_reader_find_tf_in_a_namespace(bag):
    bag.tf_topic = "/robot/tf_static"
    assert faults(bag.findings()) == []
    assert len(list(open_reader(bag.path))) == 10


def test_tf_of_two_robots_must_be_chosen_and_then_doctor_and_reader_agree(bag):
    bag.tf_topic = "/red/tf_static"

    def other_robot(writer, stamp):
        tf = messages.transform_message("lidar", "camera", T_CAM_LIDAR, BEGIN)  # the wrong way round
        tf = messages.typestore().types["tf2_msgs/msg/TFMessage"](transforms=[tf])
        writer.write("/blue/tf_static", "tf2_msgs/msg/TFMessage", tf, stamp, latched=True)

    bag.more = other_robot
    assert said(bag.findings(), "error", "topics", "TF of 2 namespaces, /blue/tf_static, /red/tf_static")
    with pytest.raises(ValueError, match="choose with tf_topics"):
        open_reader(bag.path)
    findings = diagnose(bag.path, installation=False, tf_topics="/red/tf_static")
    assert [f for f in findings if f.level == "error"] == []
    assert len(list(open_reader(bag.path, tf_topics="/red/tf_static"))) == 10


def test_a_depth_topic_that_sorts_first_is_no_image_for_doctor_and_reader(bag):
    def depth(writer, stamp):
        image = np.full((*bag.image_size, 1), 2500, np.uint16)
        message = messages.image_message(image, "16UC1", stamp, "camera")
        writer.write("/aligned_depth/image_raw", "sensor_msgs/msg/Image", message, stamp)

    bag.more = depth
    findings = bag.findings()
    assert faults(findings) == []
    assert said(findings, "ok", "/aligned_depth/image_raw", "Images of depth")
    assert open_reader(bag.path).image_topic == IMAGE


def test_a_camera_file_stands_for_camera_info(bag, tmp_path):
    bag.info_topic = ""
    assert said(bag.findings(), "error", "topics", "has no camera info topic")
    file = tmp_path / "camera.json"
    file.write_text(json.dumps({"K": CAMERA.K.tolist(), "width": 160, "height": 120}))
    findings = diagnose(bag.path, installation=False, camera_info_file=file)
    assert faults(findings) == []
    assert said(findings, "ok", "lidar to camera", "points in view")
    assert len(list(open_reader(bag.path, camera_info_file=file))) == 10
    file.write_text("{}")
    findings = diagnose(bag.path, installation=False, camera_info_file=file)
    assert said(findings, "error", "camera.json", "Camera file")


def test_what_a_file_or_depth_can_stand_for_is_told(tmp_path):
    pytest.importorskip("rosbags")
    with BagWriter(tmp_path / "bag") as writer:
        image = messages.image_message(np.zeros((12, 16, 3), np.uint8), "rgb8", BEGIN, "camera")
        depth = messages.image_message(np.ones((12, 16, 1), np.float32), "32FC1", BEGIN, "camera")
        writer.write(IMAGE, "sensor_msgs/msg/Image", image, BEGIN)
        writer.write("/camera/depth", "sensor_msgs/msg/Image", depth, BEGIN)
    findings = diagnose(tmp_path / "bag", installation=False)
    assert said(findings, "error", "topics", "no camera info topic; its topics are /camera/depth, /camera/im")
    assert said(findings, "error", "topics", "-O camera_info_file=")
    assert said(findings, "error", "topics", "Depth can stand for it: -O sparse_depth_topic=/camera/depth")


def test_two_cameras_are_told_with_the_option_that_a_command_wants(bag):
    def second_camera(writer, stamp):
        message = messages.image_message(np.zeros((*bag.image_size, 3), np.uint8), "rgb8", stamp, "camera")
        writer.write("/side/image_raw", "sensor_msgs/msg/Image", message, stamp)

    bag.more = second_camera
    assert said(bag.findings(), "warning", "topics", f"commands want one: -O image_topic={IMAGE}")
    with pytest.raises(ValueError, match="choose with image_topic"):
        open_reader(bag.path)
    assert faults(diagnose(bag.path, installation=False, image=IMAGE)) == []


@pytest.mark.parametrize("yaw", [0, 2])
def test_edges_of_points_and_image_tell_an_error_of_the_calibration(tmp_path, yaw):
    pytest.importorskip("rosbags")
    turn = np.array([[np.cos(a := np.deg2rad(yaw)), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    T_cam_lidar = rigid(turn, [0, 0, 0]) @ boxes.T_CAM_LIDAR
    with BagWriter(tmp_path / "bag") as writer:
        transform = messages.transform_message("lidar", "camera", invert(T_cam_lidar), BEGIN)
        tf = messages.typestore().types["tf2_msgs/msg/TFMessage"](transforms=[transform])
        writer.write("/tf_static", "tf2_msgs/msg/TFMessage", tf, BEGIN, latched=True)
        for seed in range(5):
            stamp, frame = BEGIN + 5 * seed * PERIOD, boxes.frame(seed)
            image = messages.image_message(frame.image, "rgb8", stamp, "camera")
            info = messages.camera_info_message(frame.camera, stamp, "camera")
            cloud = messages.points_message(frame.points, frame.rings, stamp, "lidar")
            writer.write(IMAGE, "sensor_msgs/msg/Image", image, stamp)
            writer.write(INFO, "sensor_msgs/msg/CameraInfo", info, stamp)
            writer.write(POINTS, "sensor_msgs/msg/PointCloud2", cloud, stamp)
    findings = diagnose(tmp_path / "bag", installation=False)
    subject = f"{POINTS} on {IMAGE}"
    if yaw:
        assert said(findings, "warning", subject, "points moved by yaw -2.0 degrees would fit")
    else:
        assert said(findings, "ok", subject, "Edges of depth lie on image edges")
    assert [f for f in findings if f.level == "error"] == []


def test_a_truncated_bag_is_told(bag):
    file = next(bag.write().glob("*.mcap"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    findings = diagnose(bag.path, installation=False)
    assert said(findings, "error", "bag", "breaks off")


def test_a_bag_that_is_none_gives_one_sentence(tmp_path):
    pytest.importorskip("rosbags")
    assert said(diagnose(tmp_path / "none", installation=False), "error", "bag", "There is nothing at")
    (tmp_path / "file.txt").write_text("hello")
    assert said(diagnose(tmp_path / "file.txt", installation=False), "error", "bag", "is no rosbag2")
