"""Messages that say they are larger, or seen narrower, than anything real: dropped at once and at no cost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hostile import jpeg, of_declared_size, png
from memory import at_most
from robot import CAMERA, START, STEP, Robot, as_bytes, camera_image, header, info_message
from sensor_msgs.msg import CompressedImage, Image
from test_faults import Rig

from depth_completion_ros.core import Camera


class CompressedRig(Rig):
    """A rig whose camera sends compressed images."""

    def __init__(self, ros, **parameters):
        from robot import completion_node

        self.ros, self.robot = ros, Robot(ros, compressed=True)
        self.node = completion_node(ros, image_transport="compressed", **parameters)
        self.robot.connect()

    def recovers(self, stamp: int = START + STEP) -> None:
        before = len(self.robot.received["depth/image"])
        self.robot.send(stamp, image=compressed(png(camera_image()), stamp))
        self.robot.wait_for_outputs(before + 1)


def compressed(data: bytes, stamp: int = START, kind: str = "png") -> CompressedImage:
    values = np.frombuffer(data, np.uint8)
    return CompressedImage(header=header(stamp, "camera"), format=kind, data=as_bytes(values))


@pytest.mark.parametrize(
    ("size", "cause"),
    [
        ((65000, 16000), "image cannot be decoded"),
        ((8000, 8000), "camera_info of another size"),
        ((65535, 65535), "image cannot be decoded"),
    ],
)
@pytest.mark.parametrize("encode", [jpeg, png])
def test_a_compressed_image_that_says_it_is_huge_is_dropped_before_it_is_decoded(ros, encode, size, cause):
    rig = CompressedRig(ros)
    data = of_declared_size(encode(camera_image()), *size)
    with at_most(60):
        rig.robot.send(START, image=compressed(data))
        rig.wait_for_drop(cause)
    rig.recovers()


def test_the_largest_image_is_a_parameter(ros, capfd):
    rig = CompressedRig(ros, max_image_pixels=CAMERA.width * CAMERA.height - 1)
    rig.robot.send(START, image=compressed(cv2.imencode(".png", camera_image())[1].tobytes()))
    rig.wait_for_drop("image cannot be decoded")
    rig.wait_for_words("160 x 96, has 15360 pixels; at most 15359 are allowed", capfd)


def test_a_raw_image_that_says_it_is_huge_is_dropped(ros):
    rig = Rig(ros)
    message = Image(header=header(START, "camera"), width=2**31, height=2**31, encoding="rgb8", step=1)
    rig.robot.send(START, image=message)
    rig.wait_for_drop("image cannot be decoded")
    rig.recovers()


def test_a_camera_of_any_size_costs_nothing_where_there_is_no_image(ros):
    """Clouds are completed alone at the size of the CameraInfo."""
    rig = Rig(ros, without_partner="complete", partner_timeout=0.2)
    huge = Camera(60_000, 60_000, [[60_000, 0, 30_000], [0, 60_000, 30_000], [0, 0, 1]])
    from robot import points_message

    with at_most(60):
        for number in range(8):
            stamp = START + number * STEP
            rig.robot.publishers["camera_info"].publish(info_message(stamp, huge))
            rig.robot.publishers["points"].publish(points_message(stamp))
            rig.ros.spin_until(lambda: False, 0.1)
        dropped = rig.node.counters.snapshot().dropped
        assert dropped.get("camera not calibrated"), dropped


@pytest.mark.parametrize("fx", [1e6, 1e7])
def test_an_absurd_focal_length_is_no_calibration_and_the_next_frame_is_good(ros, capfd, fx):
    rig = Rig(ros)
    absurd = Camera(CAMERA.width, CAMERA.height, [[fx, 0, 79.5], [0, fx, 47.5], [0, 0, 1]])
    with at_most(60):
        rig.robot.send(START, info=info_message(START, absurd))
        rig.wait_for_drop("camera not calibrated")
        rig.wait_for_words("so it is not calibrated", capfd)
        rig.recovers()


def test_large_clouds_of_further_lidars_wait_within_the_limit_of_memory():
    from robot import points_message

    from depth_completion_ros.ros.inputs.more_points import MoreClouds

    clouds = MoreClouds([("left", 0)], STEP // 2, max_bytes=100_000)  # a wall has 26,000 bytes
    for number in range(10):
        clouds.add("left", points_message(START + number * STEP))
    held = [clouds.near(START + number * STEP)[0].message is not None for number in range(10)]
    assert held == [False] * 7 + [True] * 3
