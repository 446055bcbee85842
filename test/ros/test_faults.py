"""Bad input: each is completed, or dropped under one cause and said in a sentence; the node lives on."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import suppress

import numpy as np
import pytest
from rig import USUAL, Rig
from robot import (
    CAMERA,
    SECOND,
    START,
    STEP,
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
from depth_completion_ros.completion.interface import Source
from depth_completion_ros.ros.inputs.camera import Cameras
from depth_completion_ros.ros.inputs.drop import Drop
from depth_completion_ros.ros.inputs.frames import Pair

NAN = float("nan")


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


def test_a_cloud_in_another_byte_order_than_it_says_is_dropped_and_said(rig, capfd):
    message = points_message(START)
    message.is_bigendian = True
    rig.robot.send(START, points=message)
    rig.wait_for_drop("cloud cannot be decoded")
    rig.wait_for_words("has is_bigendian true, by which most coordinates", capfd)
    rig.recovers()


def test_a_stray_point_that_the_default_overrules_is_not_called_measured(ros):
    """Amid a wall at 10 m, as of a beam that passes through: what is measured elsewhere stays as it is."""
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    topics = ("depth/image", "depth/confidence", "depth/source", "sparse_depth/image")
    robot = Robot(ros, outputs=topics)
    completion_node(ros, completer="efficient_spn")
    robot.connect()
    points = wall()
    points[np.argmin(np.abs(points[:, 1:]).sum(axis=1))] *= 3
    robot.send(START, points=points_message(START, points))
    for topic in topics:
        robot.wait_for_outputs(1, topic)
    depth, confidence, source, sparse = (
        np.frombuffer(robot.received[topic][0].data, np.uint8 if "source" in topic else np.float32)
        for topic in topics
    )
    stray = sparse > 25
    assert stray.sum() == 1 and np.nanmin(sparse) < 15
    assert source[stray] == Source.PROPAGATED and confidence[stray] < 1 and 8 < depth[stray] < 12
    measured = source == Source.MEASURED
    assert measured.sum() > 0.99 * (sparse > 0).sum()
    np.testing.assert_array_equal(depth[measured], sparse[measured])
    assert (confidence[measured] == 1).all()


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


def test_a_camera_from_before_a_jump_of_time_is_forgotten():
    """A simulation that begins again has the same stamps, and perhaps another zoom."""
    K = CAMERA.K.copy()
    K[0, 0] = K[1, 1] = 150
    zoomed = type(CAMERA)(CAMERA.width, CAMERA.height, K)
    cameras = Cameras(rectified=False)
    cameras.add(info_message(START, CAMERA))
    cameras.add(info_message(START + SECOND, zoomed))
    assert cameras.of_image(START, CAMERA.width, CAMERA.height, 0.0)[1] == CAMERA
    cameras.forget()
    assert cameras.of_image(START, CAMERA.width, CAMERA.height, 0.0)[1] == zoomed


def test_the_camera_info_of_a_lens_that_zooms_is_waited_for():
    """A pair is often known by its image, a little before the CameraInfo of that has come."""
    infos = []
    for number in range(4):
        K = CAMERA.K.copy()
        K[0, 0] = K[1, 1] = 100 + 5 * min(number, 2)
        zoomed = type(CAMERA)(CAMERA.width, CAMERA.height, K)
        infos.append(info_message(START + number * STEP, zoomed))
    cameras = Cameras(rectified=False)
    cameras.add(infos[0])
    cameras.add(infos[1])
    late = threading.Timer(0.05, cameras.add, [infos[2]])
    late.start()
    try:
        info, camera = cameras.of_image(START + 2 * STEP, CAMERA.width, CAMERA.height, 20.0)
    finally:
        late.join()
    assert info is infos[2] and camera.K[0, 0] == 110
    assert cameras.of_image(START + 9 * STEP, CAMERA.width, CAMERA.height, 0.0)[0] is infos[2]
    cameras.add(infos[3])  # still as before: nothing is waited for
    assert cameras.of_image(START + 9 * STEP, CAMERA.width, CAMERA.height, 1e6)[0] is infos[3]


def test_what_fails_when_the_node_is_activated_is_said(ros, monkeypatch, capfd):
    """rclpy says nothing of an exception in a transition, and the node would just not be active."""
    from depth_completion_ros.ros import completion_node as module

    def fails(*_):
        raise RuntimeError("no more subscriptions")

    inputs = module.Inputs
    monkeypatch.setattr(module, "Inputs", fails)
    node = completion_node(ros)
    assert (
        not node._active and "The node cannot be activated: no more subscriptions" in capfd.readouterr().err
    )
    monkeypatch.setattr(module, "Inputs", inputs)
    node.trigger_activate()
    assert node._active and node._trouble is None


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


def test_a_dropped_frame_is_let_go_at_once(ros):
    """Not when Python next looks for circles of references, which it does once in many frames."""
    node = completion_node(ros, extrinsics_source="tf", calibration_timeout=0.0)
    node._cameras.add(info_message(START))
    pair = Pair(image_message(START), points_message(START), 0.0)
    gone = weakref.ref(pair)
    gc.disable()
    try:
        with suppress(Drop):
            node._frames.frame_of(pair)  # there is no TF
        assert "No transform" in node._frames.statuses["extrinsics"].message
        del pair
        assert gone() is None
    finally:
        gc.enable()
