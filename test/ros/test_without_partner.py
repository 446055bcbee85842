"""An input that fails: by default nothing is completed; where wanted, the other one is completed alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from robot import (
    CAMERA,
    OUTPUTS,
    START,
    STEP,
    T_CAM_LIDAR,
    Robot,
    camera_image,
    completion_node,
    frame,
    image_message,
    info_message,
    points_message,
)

from depth_completion_ros.completion import create_completer
from depth_completion_ros.completion.interface import Source
from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.data.messages import decode_camera_info, stamp_ns

FRAMES = "completion: frames"
MAKE = {"image": image_message, "camera_info": info_message, "points": points_message}
NO_POINTS = SparseDepth.from_depth(np.zeros((CAMERA.height, CAMERA.width), np.float32))
WITHOUT_IMAGE = Frame(camera=CAMERA, points=frame().points, T_cam_lidar=T_CAM_LIDAR)


def array_of(message, dtype=np.float32) -> np.ndarray:
    return np.frombuffer(message.data, dtype).reshape(message.height, message.width)


class Rig:
    """A robot connected to a node, which sends those of its topics that have not failed."""

    def __init__(self, ros, outputs=("depth/image",), connect=(), **parameters):
        self.ros = ros
        self.robot = Robot(ros, outputs=outputs)
        self.node = completion_node(
            ros, **{"without_partner": "complete", "partner_timeout": 0.5, **parameters}
        )
        self.robot.connect(*connect)
        self.topics = ["camera_info", "image", "points"]
        self._stamp = START
        self._timer = None

    def run(self, images: int = 1) -> None:
        """Send ten moments a second from now on, with more images than clouds if asked for."""

        def publish():
            for topic in self.topics:
                for i in range(images if topic != "points" else 1):
                    stamp = self._stamp + i * STEP // images
                    self.robot.publishers[topic].publish(MAKE[topic](stamp))
            self._stamp += STEP

        self._timer = self.robot.node.create_timer(0.1, publish)

    def stop(self) -> None:
        self.robot.node.destroy_timer(self._timer)

    def wait_for(self, cause: str, number: int = 2) -> None:
        counters = self.node.counters
        assert self.ros.spin_until(lambda: counters.snapshot().partial.get(cause, 0) >= number), (
            counters.snapshot()
        )

    @property
    def last(self) -> dict[str, object]:
        return {topic: messages[-1] for topic, messages in self.robot.received.items()}


def test_images_without_clouds_are_completed_without_points_and_clouds_that_come_back_are_used(ros):
    rig = Rig(ros, outputs=("depth/image", "depth/source"))
    rig.run()
    rig.robot.wait_for_outputs(3)
    rig.robot.wait_for_status(FRAMES, "OK")
    rig.topics.remove("points")
    rig.robot.wait_for_status(FRAMES, "WARN", "of them without points")
    rig.wait_for("completed without points")
    message = rig.last["depth/image"]
    assert np.isnan(array_of(message)).all(), "`nearest` knows nothing without a point"
    assert message.header.frame_id == "camera"
    rig.robot.wait_for_status("completion: points in view", "WARN", "completed without points")
    assert int(rig.robot.statuses[FRAMES][2]["completed without points"]) > 0
    rig.topics.append("points")
    rig.robot.wait_for_status(FRAMES, "OK")
    rig.robot.wait_for_status("completion: points in view", "OK")
    np.testing.assert_array_equal(
        array_of(rig.last["depth/image"]), create_completer("nearest")(frame()).depth
    )
    stamps = [stamp_ns(m.header) for m in rig.robot.received["depth/image"]]
    assert stamps == sorted(set(stamps))
    assert set(rig.node.counters.snapshot().partial) == {"completed without points"}


@pytest.mark.parametrize("told", [True, False], ids=["min_confidence 0", "the usual min_confidence"])
def test_without_points_a_network_gives_its_guess_only_to_those_who_ask(ros, told):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    rig = Rig(
        ros,
        outputs=("depth/image", "depth/confidence", "depth/source"),
        completer="mspn_lite",
        min_confidence=0.0 if told else -1.0,
    )
    rig.topics.remove("points")
    rig.run()
    rig.wait_for("completed without points")
    rig.stop()
    rig.robot.wait_for_outputs(2, "depth/source")
    guess = create_completer("mspn_lite").complete(camera_image(), NO_POINTS)
    assert (guess.source == Source.PRIOR).all() and not guess.confidence.any()
    out = rig.last
    if told:
        np.testing.assert_allclose(array_of(out["depth/image"]), guess.depth, rtol=1e-4)
        assert (array_of(out["depth/source"], np.uint8) == Source.PRIOR).all()
    else:
        assert np.isnan(array_of(out["depth/image"])).all()
        assert (array_of(out["depth/source"], np.uint8) == Source.UNKNOWN).all()
    assert not array_of(out["depth/confidence"]).any()


@pytest.mark.parametrize(("completer", "by"), [("mspn_lite", "linear"), ("nearest", "nearest")])
def test_clouds_without_images_are_completed_from_the_lidar_alone(ros, completer, by):
    if completer == "mspn_lite":
        pytest.importorskip("torch", reason="PyTorch is not installed")
    rig = Rig(ros, outputs=OUTPUTS, completer=completer)
    rig.topics.remove("image")
    rig.run()
    rig.wait_for("completed without image")
    rig.robot.wait_for_status(FRAMES, "WARN", "of them without image")
    rig.stop()
    rig.robot.wait_for_outputs(2, "sparse_depth/image")
    expected = create_completer(by)(WITHOUT_IMAGE)
    out = {topic: messages[0] for topic, messages in rig.robot.received.items() if messages}
    assert set(OUTPUTS) - set(out) == {"overlay"}, "which is drawn on the image"
    np.testing.assert_array_equal(array_of(out["depth/image"]), expected.depth)
    np.testing.assert_array_equal(array_of(out["depth/confidence"]), expected.confidence)
    np.testing.assert_array_equal(array_of(out["depth/source"], np.uint8), expected.source)
    assert decode_camera_info(out["depth/camera_info"]) == CAMERA
    for message in out.values():
        stamp = stamp_ns(message.header)
        assert message.header.frame_id == "camera"
        assert stamp > START and (stamp - START) % STEP == 0, "the stamp of a cloud"
    rig.robot.wait_for_status("completion: points in view", "OK")
    rig.robot.wait_for_status("completion: completer", "OK")
    assert not rig.node.counters.snapshot().dropped


def test_a_cloud_before_any_camera_info_is_dropped_and_said(ros):
    rig = Rig(ros)
    rig.topics[:] = ["points"]
    rig.run()
    assert ros.spin_until(lambda: rig.node.counters.snapshot().dropped.get("no camera_info", 0) > 1)
    rig.robot.wait_for_status(FRAMES, "ERROR", "no camera_info")
    assert not rig.robot.received["depth/image"]


def test_with_a_camera_file_clouds_are_completed_once_an_image_has_told_size_and_frame(ros, tmp_path):
    path = tmp_path / "calib.json"
    path.write_text(json.dumps({"camera": {"width": 160, "height": 96, "K": CAMERA.K.tolist()}}))
    rig = Rig(ros, camera_info_file=str(path), connect=("image", "points"))
    rig.topics[:] = ["points"]
    rig.run()
    assert ros.spin_until(lambda: rig.node.counters.snapshot().dropped.get("no image yet", 0) > 1)
    assert not rig.robot.received["depth/image"]
    rig.topics.append("image")
    rig.robot.wait_for_outputs(1)
    rig.topics.remove("image")
    rig.wait_for("completed without image")
    rig.stop()
    expected = create_completer("nearest")(WITHOUT_IMAGE).depth
    assert all(np.array_equal(array_of(m), expected) for m in rig.robot.received["depth/image"])
    assert {m.header.frame_id for m in rig.robot.received["depth/image"]} == {"camera"}


@pytest.mark.parametrize("images", [1, 3])
def test_nothing_more_comes_out_while_both_inputs_run_nor_when_both_end(ros, images):
    rig = Rig(ros)
    rig.run(images)
    rig.robot.wait_for_outputs(15)
    rig.stop()
    ros.spin_until(lambda: False, 1.5)
    counts = rig.node.counters.snapshot()
    assert not counts.partial
    stamps = [stamp_ns(m.header) for m in rig.robot.received["depth/image"]]
    assert all((stamp - START) % STEP == 0 for stamp in stamps), "only images with a cloud of their own"
    assert len(stamps) == counts.completed == len(set(stamps))


@pytest.mark.parametrize("fails", ["image", "points"])
def test_by_default_what_has_no_partner_is_dropped(ros, fails):
    rig = Rig(ros, without_partner="drop")
    rig.topics.remove(fails)
    rig.run()
    goes_on = "points" if fails == "image" else "image"
    cause = f"{goes_on} without {fails}"
    assert ros.spin_until(lambda: rig.node._inputs.pairing.dropped[cause] > 3)
    counts = rig.node.counters.snapshot()
    assert counts.begun == 0 and not counts.partial and not rig.robot.received["depth/image"]
