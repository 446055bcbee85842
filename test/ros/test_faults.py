"""Bad input: each is completed, or dropped under one cause and said in a sentence; the node lives on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from robot import (
    CAMERA,
    SECOND,
    START,
    STEP,
    T_CAM_LIDAR,
    Robot,
    as_bytes,
    camera_image,
    completion_node,
    frame,
    header,
    image_message,
    info_message,
    points_message,
    wall,
)
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

from depth_completion_ros.completion import create_completer
from depth_completion_ros.completion.classical.nearest import Nearest
from depth_completion_ros.core import invert
from depth_completion_ros.data.messages import stamp_ns
from depth_completion_ros.ros.wheels import packages

NAN = float("nan")


def depth_of(message) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def encoded(array: np.ndarray, encoding: str, padding: int = 0, big_endian: bool = False) -> Image:
    rows = np.ascontiguousarray(array).reshape(CAMERA.height, -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return Image(
        header=header(START, "camera"),
        height=CAMERA.height,
        width=CAMERA.width,
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=rows.shape[1],
        data=as_bytes(rows),
    )


def cloud(fields: list[tuple[str, str]], row_padding: int = 0, rows: int = 1) -> PointCloud2:
    """The wall in another layout; fields are NumPy's, bytes of padding are named `_`."""
    dtype = np.dtype([(f"{name}{i}" if name == "_" else name, kind) for i, (name, kind) in enumerate(fields)])
    points = np.zeros(len(wall()), dtype)
    for column, name in enumerate("xyz"):
        if name in dtype.names:
            points[name] = wall()[:, column]
    codes = {"f4": PointField.FLOAT32, "f8": PointField.FLOAT64, "u2": PointField.UINT16}
    described = [
        PointField(name=name, offset=dtype.fields[name][1], datatype=codes[dtype[name].str[1:]], count=1)
        for name in dtype.names
        if not name.startswith("_")
    ]
    data = points.view(np.uint8).reshape(rows, -1)
    data = np.pad(data, ((0, 0), (0, row_padding)), constant_values=127)
    return PointCloud2(
        header=header(START, "lidar"),
        height=rows,
        width=len(points) // rows,
        fields=described,
        is_bigendian=dtype[dtype.names[0]].str[0] == ">",
        point_step=dtype.itemsize,
        row_step=data.shape[1],
        data=as_bytes(data),
    )


@pytest.fixture
def rig(ros):
    """A robot connected to a node, and a check that the node still completes good frames."""
    return Rig(ros)


class Rig:
    def __init__(self, ros, **parameters):
        self.ros = ros
        self.robot = Robot(ros)
        self.node = completion_node(ros, **parameters)
        self.robot.connect()

    def depth(self, number: int = 0) -> np.ndarray:
        self.robot.wait_for_outputs(number + 1)
        return depth_of(self.robot.received["depth/image"][number])

    def wait_for_drop(self, cause: str, number: int = 1) -> None:
        counts = self.node.counters
        assert self.ros.spin_until(lambda: counts.snapshot().dropped.get(cause) == number), counts.snapshot()
        assert not self.robot.received["depth/image"]

    def wait_for_words(self, words: str, capfd) -> None:
        """Until the log has them, which follow the count of a drop."""
        said: list[str] = []

        def have_come() -> bool:
            said.append(capfd.readouterr().err)
            return words in "".join(said)

        assert self.ros.spin_until(have_come), "".join(said)

    def recovers(self, stamp: int = START + STEP) -> None:
        before = len(self.robot.received["depth/image"])
        self.robot.send(stamp)
        self.robot.wait_for_outputs(before + 1)
        message = self.robot.received["depth/image"][-1]
        assert stamp_ns(message.header) == stamp
        np.testing.assert_array_equal(depth_of(message), USUAL)
        counts = self.node.counters.snapshot()
        assert counts.begun == counts.completed + counts.lost


USUAL = create_completer("nearest")(frame()).depth


# Clouds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros((0, 3)), "No point is in the image: the cloud is empty."),
        (np.full((50, 3), NAN), "No point is in the image: not finite (50)."),
        (-wall(), f"No point is in the image: behind camera ({len(wall())})."),
    ],
    ids=["empty", "all NaN", "none in view"],
)
def test_a_cloud_with_nothing_in_view_gives_unknown_depth_and_a_warning(rig, points, words):
    rig.robot.send(START, points=points_message(START, points))
    assert np.isnan(rig.depth()).all()
    rig.robot.wait_for_status("completion: points in view", "WARN", words)
    rig.recovers()


@pytest.mark.parametrize(
    "message",
    [
        cloud([("x", "<f8"), ("y", "<f8"), ("z", "<f8")]),
        cloud([("x", ">f4"), ("y", ">f4"), ("z", ">f4")]),
        cloud([("_", "<u2"), ("z", "<f4"), ("_", "<f4"), ("x", "<f4"), ("ring", "<u2"), ("y", "<f4")]),
        cloud([("x", "<f4"), ("y", "<f4"), ("z", "<f4")], row_padding=20, rows=24),
    ],
    ids=["float64", "big-endian", "fields in any order with gaps", "organised with padded rows"],
)
def test_a_cloud_of_another_layout_gives_the_same_depth(rig, message):
    rig.robot.send(START, points=message)
    np.testing.assert_array_equal(rig.depth(), USUAL)
    assert not rig.node.counters.snapshot().lost


def test_a_cloud_without_xyz_is_dropped_with_a_sentence_that_lists_its_fields(rig, capfd):
    rig.robot.send(START, points=cloud([("x", "<f4"), ("ring", "<u2")]))
    rig.wait_for_drop("cloud cannot be decoded")
    rig.wait_for_words("PointCloud2 has the fields x, ring; it must have x, y and z.", capfd)
    rig.recovers()


def test_a_cloud_with_too_little_data_is_dropped(rig):
    message = points_message(START)
    message.data = message.data[:100]
    rig.robot.send(START, points=message)
    rig.wait_for_drop("cloud cannot be decoded")
    rig.recovers()


# Images ------------------------------------------------------------------------------------------

GREY = camera_image()[..., 0]


@pytest.mark.parametrize(
    ("array", "encoding"),
    [
        (camera_image(), "rgb8"),
        (camera_image(), "bgr8"),
        (np.dstack([camera_image(), GREY]), "rgba8"),
        (np.dstack([camera_image(), GREY]), "bgra8"),
        (GREY, "mono8"),
        (GREY.astype("<u2"), "mono16"),
        (GREY, "bayer_rggb8"),
        (GREY, "bayer_bggr8"),
        (GREY, "bayer_gbrg8"),
        (GREY, "bayer_grbg8"),
    ],
)
@pytest.mark.parametrize("padding", [0, 10])
def test_every_common_encoding_with_or_without_padded_rows_is_completed(rig, array, encoding, padding):
    rig.robot.send(START, image=encoded(array, encoding, padding))
    np.testing.assert_array_equal(rig.depth(), USUAL)


def test_a_big_endian_image_is_completed(rig):
    rig.robot.send(START, image=encoded(GREY.astype(">u2"), "mono16", big_endian=True))
    np.testing.assert_array_equal(rig.depth(), USUAL)


def test_an_unknown_encoding_is_dropped_with_a_sentence_that_names_it(rig, capfd):
    rig.robot.send(START, image=encoded(GREY, "yuv999"))
    rig.wait_for_drop("image cannot be decoded")
    rig.wait_for_words("Image encoding 'yuv999' is unknown; it must be one of rgb8", capfd)
    rig.recovers()


def test_an_image_with_too_little_data_is_dropped(rig):
    message = encoded(GREY, "mono8")
    message.data = message.data[:50]
    rig.robot.send(START, image=message)
    rig.wait_for_drop("image cannot be decoded")
    rig.recovers()


# CameraInfo --------------------------------------------------------------------------------------


def test_an_all_zero_camera_info_is_dropped_as_not_calibrated(rig, capfd):
    message = CameraInfo(header=header(START, "camera"), width=CAMERA.width, height=CAMERA.height)
    rig.robot.send(START, info=message)
    rig.wait_for_drop("camera not calibrated")
    rig.wait_for_words("an all-zero CameraInfo means the camera is not calibrated", capfd)
    rig.recovers()


def test_a_camera_info_of_another_size_is_dropped(rig, capfd):
    rig.robot.send(START, info=info_message(START, CAMERA.resized(80, 48)))
    rig.wait_for_drop("camera_info of another size")
    rig.wait_for_words("The image is 160 x 96 but its CameraInfo is 80 x 48", capfd)
    rig.recovers()


def test_an_image_before_any_camera_info_is_dropped(rig):
    rig.robot.publishers["image"].publish(image_message(START))
    rig.robot.publishers["points"].publish(points_message(START))
    rig.wait_for_drop("no camera_info")
    rig.recovers()


def test_a_camera_that_changes_while_it_runs_is_taken_over_and_logged(rig, capfd):
    rig.robot.send(START)
    np.testing.assert_array_equal(rig.depth(0), USUAL)
    K = CAMERA.K.copy()
    K[0, 0] = K[1, 1] = 150
    zoomed = type(CAMERA)(CAMERA.width, CAMERA.height, K)
    rig.robot.send(START + STEP, info=info_message(START + STEP, zoomed))
    np.testing.assert_array_equal(rig.depth(1), create_completer("nearest")(frame(camera=zoomed)).depth)
    assert "The camera changed: now 160 x 96, focal length 150.00 pixels" in capfd.readouterr().err
    rig.recovers(START + 2 * STEP)


# Completer ---------------------------------------------------------------------------------------


def test_a_completer_that_raises_costs_only_its_frames(ros, monkeypatch, capfd):
    from depth_completion_ros.completion import registry

    class Moody(Nearest):
        bad = "raises"

        def complete(self, image, sparse, camera=None, name=""):
            if self.bad == "raises":
                raise RuntimeError("out of memory")
            completion = super().complete(image, sparse, camera)
            if self.bad == "cuts":
                completion.depth = completion.depth[1:]
            return completion

    monkeypatch.setitem(registry.COMPLETERS, "moody", Moody)
    rig = Rig(ros, completer="moody", failures_until_error=3)
    rig.robot.send(START)
    rig.wait_for_drop("completer failed", 1)
    rig.robot.wait_for_status("completion: completer", "WARN", "RuntimeError: out of memory")
    Moody.bad = "cuts"
    rig.robot.send(START + STEP)
    rig.robot.send(START + 2 * STEP)
    rig.wait_for_drop("completer failed", 3)
    rig.robot.wait_for_status("completion: completer", "ERROR", "3 time(s) in a row")
    assert capfd.readouterr().err.count("out of memory") == 1, "said once, not every frame"
    Moody.bad = ""
    rig.recovers(START + 3 * STEP)
    rig.robot.wait_for_status("completion: completer", "OK")


# Stamps ------------------------------------------------------------------------------------------


def test_zero_and_repeated_stamps_are_counted(rig):
    rig.robot.send(0, image=image_message(0), points=points_message(0))
    rig.robot.send(START)
    rig.robot.send(START)
    pairing = rig.node._inputs.pairing
    expected = {"stamp is zero": 2, "repeated stamp": 2}
    assert rig.ros.spin_until(lambda: dict(pairing.dropped) == expected), pairing.dropped
    rig.robot.wait_for_status("completion: frames", "WARN", "stamp is zero (2)")
    assert len(rig.robot.received["depth/image"]) == 1
    rig.recovers()


def test_stamps_that_jump_back_as_in_a_looping_bag_go_on(rig):
    for round_ in range(3):
        for i in range(3):
            rig.robot.send(START + i * STEP)
            rig.robot.wait_for_outputs(3 * round_ + i + 1)
    assert rig.node.counters.snapshot().completed == 9


def test_stamps_in_the_future_are_completed_with_a_warning(rig):
    now = rig.node.get_clock().now().nanoseconds
    rig.robot.send(now + 100 * SECOND)
    rig.depth()
    rig.robot.wait_for_status("completion: stamps", "WARN", "ahead of this node's clock")
    rig.recovers(now)
    rig.robot.wait_for_status("completion: stamps", "OK")


def test_a_clock_that_jumps_back_empties_what_waits(ros):
    from rosgraph_msgs.msg import Clock

    robot = Robot(ros)
    node = completion_node(ros, use_sim_time=True)
    clock = robot.node.create_publisher(Clock, "/clock", 10)
    robot.connect()

    def tell(seconds: int) -> None:
        message = Clock()
        message.clock.sec = seconds
        assert ros.spin_until(clock.get_subscription_count)
        clock.publish(message)
        assert ros.spin_until(lambda: node.get_clock().now().nanoseconds == seconds * SECOND)

    tell(1010)
    robot.publishers["image"].publish(image_message(START + 10 * SECOND))
    assert ros.spin_until(lambda: node._inputs.pairing.pending == 1)
    tell(1000)
    assert ros.spin_until(lambda: node._inputs.pairing.dropped["time jump"] == 1)
    robot.send(START)
    robot.wait_for_outputs(1)


# Extrinsics --------------------------------------------------------------------------------------


def test_inverted_extrinsics_are_suspected(ros, capfd):
    inverse = invert(T_CAM_LIDAR).ravel().tolist()
    rig = Rig(ros, extrinsics=inverse)
    rig.robot.send(START)
    rig.depth()
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "looks inverted")
    assert "looks inverted" in capfd.readouterr().err


@pytest.mark.parametrize("frames", [("camera", "lidar"), ("lidar", "camera")], ids=["as meant", "swapped"])
def test_a_calibration_file_is_used_in_the_direction_of_its_frames(ros, tmp_path, frames):
    T = T_CAM_LIDAR if frames[0] == "camera" else invert(T_CAM_LIDAR)
    rig = Rig(ros, extrinsics_source="file", extrinsics_file=calibration_file(tmp_path, *frames, T))
    rig.robot.send(START)
    np.testing.assert_array_equal(rig.depth(), USUAL)


def test_a_calibration_file_of_other_frames_is_never_used(ros, tmp_path):
    path = calibration_file(tmp_path, "camera", "radar", T_CAM_LIDAR)
    rig = Rig(ros, extrinsics_source="file", extrinsics_file=path)
    rig.robot.send(START)
    rig.wait_for_drop("extrinsics cannot be used")
    words = "is of 'radar' in 'camera', but the camera is 'camera' and the LiDAR 'lidar'."
    rig.robot.wait_for_status("completion: extrinsics", "WARN", words)


def calibration_file(folder, parent: str, child: str, T: np.ndarray) -> str:
    path = folder / "calibration.json"
    path.write_text(json.dumps({"parent": parent, "child": child, "matrix": T.tolist()}))
    return str(path)


needs_tf = pytest.mark.skipif(packages.tf2 is None, reason=f"tf2 is {packages.reason('tf2')}")


def transform(T: np.ndarray, parent="camera", child="lidar", stamp=0):
    from geometry_msgs.msg import TransformStamped

    from depth_completion_ros.core.geometry import matrix_to_quaternion

    message = TransformStamped(header=header(stamp, parent), child_frame_id=child)
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = map(float, T[:3, 3])
    q.x, q.y, q.z, q.w = map(float, matrix_to_quaternion(T[:3, :3]))
    return message


@needs_tf
def test_missing_tf_is_counted_and_never_taken_for_identity_until_it_comes(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=0.0)
    rig.robot.send(START)
    rig.wait_for_drop("no transform")
    rig.robot.wait_for_status("completion: extrinsics", "WARN", "'lidar'")
    broadcaster = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    broadcaster.sendTransform(transform(T_CAM_LIDAR))
    known = rig.node._extrinsics.tf
    assert ros.spin_until(lambda: can_look_up(known, START))
    rig.robot.send(START + STEP)
    np.testing.assert_allclose(rig.depth(), USUAL, rtol=1e-5)
    rig.robot.wait_for_status("completion: extrinsics", "OK")


@needs_tf
def test_tf_that_is_a_little_late_is_waited_for(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=5.0)
    broadcaster = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    rig.robot.send(START)
    assert ros.spin_until(lambda: rig.node.counters.snapshot().begun == 1)
    broadcaster.sendTransform(transform(T_CAM_LIDAR))
    np.testing.assert_allclose(rig.depth(), USUAL, rtol=1e-5)


@needs_tf
def test_motion_between_cloud_and_image_is_undone_through_a_fixed_frame(ros):
    rig = Rig(ros, extrinsics_source="tf", fixed_frame="odom", calibration_timeout=5.0)
    static = packages.tf2.StaticTransformBroadcaster(rig.robot.node)
    static.sendTransform(transform(invert(T_CAM_LIDAR), "lidar", "camera"))
    moving = packages.tf2.TransformBroadcaster(rig.robot.node)
    assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
    # 1 m towards the wall each 0.1 s; the cloud is 40 ms older than the image.
    for i in range(-1, 3):
        forward = np.eye(4)
        forward[0, 3] = i
        moving.sendTransform(transform(forward, "odom", "lidar", START + i * STEP))
    rig.robot.send(START, points=points_message(START - 40_000_000))
    rig.robot.publishers["image"].publish(image_message(START + STEP))
    back = np.eye(4)
    back[0, 3] = -0.4
    expected = create_completer("nearest")(frame(T_image_points=back)).depth
    assert np.mean(np.isclose(rig.depth(), expected, rtol=1e-4)) > 0.99


@needs_tf
def test_a_moving_transform_is_forgotten_when_stamps_jump_back_without_a_clock(ros):
    rig = Rig(ros, extrinsics_source="tf", calibration_timeout=5.0)
    moving = packages.tf2.TransformBroadcaster(rig.robot.node)
    assert ros.spin_until(lambda: moving.pub_tf.get_subscription_count() > 0)
    end = START + 100 * SECOND
    moving.sendTransform(transform(T_CAM_LIDAR, stamp=end))
    rig.robot.send(end)
    np.testing.assert_allclose(rig.depth(0), USUAL, rtol=1e-5)
    rig.robot.send(START)
    assert ros.spin_until(lambda: rig.node._inputs.pairing.time_jumps == 1)
    moving.sendTransform(transform(T_CAM_LIDAR, stamp=START))
    np.testing.assert_allclose(rig.depth(1), USUAL, rtol=1e-5)


def can_look_up(tf, stamp: int) -> bool:
    from depth_completion_ros.core import TransformError

    try:
        return tf.T_cam_lidar("camera", "lidar", stamp) is not None
    except TransformError:
        return False


# Topics ------------------------------------------------------------------------------------------


def test_a_stream_that_falls_silent_is_reported_and_so_is_its_return(ros):
    rig = Rig(ros, stale_after=0.6)
    rig.robot.send(START)
    rig.depth()
    topics = {"image", "camera_info"}
    stamps = iter(range(START + STEP, START + 1000 * STEP, STEP))

    def publish():
        make = {"image": image_message, "camera_info": info_message, "points": points_message}
        stamp = next(stamps)
        for topic in topics:
            rig.robot.publishers[topic].publish(make[topic](stamp))

    rig.robot.node.create_timer(0.1, publish)
    message = rig.robot.wait_for_status("completion: input points", "ERROR")
    assert message.startswith("Nothing received on /points for ")
    assert rig.robot.statuses["completion: input image"][0] == "OK"
    topics.clear()
    rig.robot.wait_for_status("completion: input image", "STALE")
    topics |= {"image", "camera_info", "points"}
    for name in ("input points", "input image", "frames"):
        rig.robot.wait_for_status(f"completion: {name}", "OK")
    assert ros.spin_until(lambda: len(rig.robot.received["depth/image"]) > 1)


def test_a_publisher_with_an_incompatible_qos_is_named(ros, capfd):
    robot = Robot(ros, outputs=())
    completion_node(ros, qos_input_reliability="reliable", stale_after=0.5)
    words = "A publisher of /points offers an incompatible QoS (reliability)"
    robot.wait_for_status("completion: input points", "ERROR", words)
    assert words in capfd.readouterr().err


def test_a_subscriber_with_an_incompatible_qos_is_named(ros):
    robot = Robot(ros)
    completion_node(ros, qos_output_reliability="best_effort")
    robot.wait_for_status("completion: output depth/image", "WARN", "incompatible QoS (reliability)")


def test_an_unknown_parameter_is_told_with_the_nearest_name(ros, capfd):
    completion_node(ros, complter="nearest")
    assert "Parameter 'complter' is unknown and has no effect; did you mean 'completer'?" in (
        capfd.readouterr().err
    )
