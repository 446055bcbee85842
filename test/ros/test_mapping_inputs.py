"""What comes out is what RTAB-Map and nvblox take: each condition that their sources state, in the messages.

RTAB-Map: introlab/rtabmap_ros, aec4f91f, `rtabmap_sync/src/nodelets/rgbd_sync.cpp` and `convertRGBDMsgs` and
`cameraModelFromROS` in `rtabmap_conversions/src/MsgConversion.cpp`. nvblox: NVIDIA-ISAAC-ROS/isaac_ros_nvblox
4.3, `nvblox_ros/src/lib/nvblox_node.cpp` and `conversions/image_conversions.cpp`, and nvidia-isaac/nvblox.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: E402
from robot import CAMERA, OUTPUTS, START, STEP, Robot, completion_node, header, image_message, wall  # noqa: E402
from robot import info_message as plain_info  # noqa: E402

from depth_completion_ros.core import Camera  # noqa: E402
from depth_completion_ros.data.messages import stamp_ns  # noqa: E402
from depth_completion_ros.ros import conversions  # noqa: E402

TOPICS = ("depth/image", "depth/image_mm", "depth/camera_info")
STAMP = START + 123_456_789
RAW = Camera(CAMERA.width, CAMERA.height, CAMERA.K * [[1.1], [1.1], [1]], "plumb_bob", (0.1, -0.05, 0, 0, 0))


def rectified_info(stamp: int):
    """Of a rectified image as image_proc leaves it: the raw camera in K and D, the image's own in P."""
    info = conversions.camera_info_message(RAW, header(stamp, "camera"))
    info.p = np.hstack([CAMERA.K, np.zeros((3, 1))]).ravel()
    return info


def windowed_info(stamp: int):
    """Of an undistorted camera of twice the size whose pixels are binned."""
    K = CAMERA.K * [[2.0], [2.0], [1.0]]
    K[:2, 2] += 0.5
    info = conversions.camera_info_message(
        Camera(2 * CAMERA.width, 2 * CAMERA.height, K), header(stamp, "camera")
    )
    info.binning_x = info.binning_y = 2
    return info


@pytest.fixture(params=[(plain_info, False), (rectified_info, True), (windowed_info, False)],
                ids=["plain", "rectified", "binned"])  # fmt: skip
def out(request, ros):
    """The messages of one frame: the image that went in, and what came out by topic."""
    info, rectified = request.param
    robot = Robot(ros, outputs=TOPICS)
    completion_node(ros, rectified=rectified, completer="linear", min_confidence=0.5)
    robot.connect()
    # Half the view has no wall: there depth is unknown.
    points = wall()
    image = image_message(STAMP)
    robot.send(STAMP, image=image, info=info(STAMP), points=_cloud(points[points[:, 1] < 2]))
    for topic in TOPICS:
        robot.wait_for_outputs(1, topic)
    return {"image": image, **{topic: robot.received[topic][0] for topic in TOPICS}}


def _cloud(points):
    from robot import points_message

    return points_message(STAMP, points)


def pixels(message) -> np.ndarray:
    kind = {"32FC1": "<f4", "16UC1": "<u2"}[message.encoding]
    return np.frombuffer(message.data, kind).reshape(message.height, message.width)


# Both --------------------------------------------------------------------------------------------


def test_stamps_are_equal_to_the_nanosecond_as_exact_synchronizers_want_them(out):
    assert {stamp_ns(message.header) for message in out.values()} == {STAMP}


def test_frame_ids_are_that_of_the_image_which_tf_knows(out):
    """RTAB-Map looks TF up by the frame of the image, nvblox by that of the depth, at the depth's stamp."""
    assert {message.header.frame_id for message in out.values()} == {"camera"}


def test_depth_has_the_size_of_image_and_camera_info(out):
    """RTAB-Map: one ratio in both directions. nvblox: the camera has the size that CameraInfo says."""
    sizes = {(message.width, message.height) for message in out.values()}
    assert sizes == {(CAMERA.width, CAMERA.height)}
    info = out["depth/camera_info"]
    assert (info.binning_x, info.binning_y) in ((0, 0), (1, 1)) and not info.roi.width, "neither reads these"


def test_encodings_are_those_that_are_taken(out):
    """RTAB-Map: 32FC1, 16UC1, mono16; many images. nvblox: 32FC1, 16UC1; images of rgb8 or bgra8."""
    assert out["depth/image"].encoding == "32FC1" and out["depth/image_mm"].encoding == "16UC1"
    assert out["image"].encoding == "rgb8"


def test_rows_follow_each_other_without_padding_and_in_the_machines_byte_order(out):
    """nvblox copies height x width elements and reads neither step nor is_bigendian."""
    for topic, size in (("depth/image", 4), ("depth/image_mm", 2)):
        message = out[topic]
        assert message.step == message.width * size and len(message.data) == message.height * message.step
        assert not message.is_bigendian


def test_unknown_depth_is_nan_in_metres_and_zero_in_millimetres(out):
    """RTAB-Map: finite and above 0, or not taken. nvblox: above 1e-6, or not integrated; NaN is not above."""
    metres, millimetres = pixels(out["depth/image"]), pixels(out["depth/image_mm"])
    known = np.isfinite(metres)
    assert 0.1 < known.mean() < 0.9, "the frame has both"
    assert (metres[known] > 0.1).all() and not np.isinf(metres).any()
    assert np.array_equal(millimetres > 0, known)
    np.testing.assert_allclose(millimetres[known] / 1000, metres[known], atol=6e-4)


def test_the_camera_of_the_depth_stands_in_k_and_in_p_and_has_no_distortion(out):
    """nvblox reads fx, fy, cx, cy of K alone; RTAB-Map takes P, as its images are rectified already."""
    info = out["depth/camera_info"]
    K, P = np.array(info.k).reshape(3, 3), np.array(info.p).reshape(3, 4)
    np.testing.assert_allclose(K, CAMERA.K, atol=1e-9)
    np.testing.assert_allclose(P[:, :3], CAMERA.K, atol=1e-9)
    assert P[0, 3] == 0, "else RTAB-Map takes mono16 for a right image"
    assert np.array_equal(np.array(info.r).reshape(3, 3), np.eye(3))
    assert len(info.d) in (0, 4, 5, 8) and not np.any(info.d), "the numbers that RTAB-Map asserts"
    assert K[0, 1] == 0


def test_depth_lies_where_that_camera_says_it_lies(out):
    """Depth taken back through K is on the wall that was measured: z-depth of a rectified pinhole."""
    info, metres = out["depth/camera_info"], pixels(out["depth/image"])
    fx, cx, fy, cy = info.k[0], info.k[2], info.k[4], info.k[5]
    v, u = np.nonzero(np.isfinite(metres))
    z = metres[v, u]
    x, y = (u - cx) / fx * z, (v - cy) / fy * z
    side, up = -x, -y - 0.2  # in the axes of the LiDAR, 20 cm above the camera
    assert np.median(np.abs(z - (10 + 0.3 * side - 0.1 * up))) < 0.02


def test_far_depth_in_millimetres_is_unknown_to_who_reads_it_as_signed_and_never_near(ros):
    """nvblox reads int16: above 32.767 m it is negative, which is not integrated; above 65.535 m it is 0."""
    robot = Robot(ros, outputs=("depth/image", "depth/image_mm"))
    completion_node(ros, completer="linear", min_confidence=0)
    robot.connect()
    near, middle, far = (wall(distance) * [1, distance / 10, distance / 10] for distance in (20, 45, 90))
    points = np.concatenate([near[near[:, 1] > 4], middle[np.abs(middle[:, 1]) < 9], far[far[:, 1] < -18]])
    robot.send(STAMP, points=_cloud(points.astype(np.float32)))
    for topic in ("depth/image", "depth/image_mm"):
        robot.wait_for_outputs(1, topic)
    metres = np.nan_to_num(pixels(robot.received["depth/image"][0]))
    signed = pixels(robot.received["depth/image_mm"][0]).view("<i2")
    near, far = (metres > 0) & (metres < 32.767), metres > 65.536
    assert near.mean() > 0.1 and far.mean() > 0.1 and (~near & ~far).mean() > 0.1, "the frame has all three"
    np.testing.assert_allclose(signed[near] / 1000, metres[near], atol=6e-4)
    assert (signed[~near] <= 0).all() and not signed[far].any()


# Quality of service ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reliability",
    [ReliabilityPolicy.SYSTEM_DEFAULT, ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT],
    ids=["qos:=0 and SYSTEM_DEFAULT", "qos:=1", "qos:=2"],
)
def test_every_reliability_that_they_subscribe_with_is_served(ros, reliability):
    robot = Robot(ros, outputs=())
    node = completion_node(ros)
    received = {topic: [] for topic in TOPICS}
    for topic, got in received.items():
        robot.node.create_subscription(
            OUTPUTS[topic], topic, got.append, QoSProfile(depth=10, reliability=reliability)
        )
    assert ros.spin_until(lambda: all(node._outputs.wanted(topic) for topic in TOPICS))
    robot.connect()
    for i in range(3):
        robot.send(START + i * STEP)
    assert ros.spin_until(lambda: all(len(got) == 3 for got in received.values()))
    assert not node._outputs._mismatch


def test_the_camera_stays_the_same_from_frame_to_frame(ros):
    """nvblox keeps a camera of each frame_id, and ends where it changes."""
    robot = Robot(ros, outputs=("depth/camera_info",))
    completion_node(ros, rectified=True)
    robot.connect()
    for i in range(4):
        robot.send(START + i * STEP, info=rectified_info(START + i * STEP))
    robot.wait_for_outputs(4, "depth/camera_info")
    cameras = {(tuple(m.k), tuple(m.p), m.width, m.height) for m in robot.received["depth/camera_info"]}
    assert len(cameras) == 1


def test_depth_of_a_distorted_image_says_so_and_is_not_for_mappers(ros):
    """Without rectification neither can use it: K and D come as they are, and whoever reads D can tell."""
    robot = Robot(ros, outputs=("depth/camera_info",))
    completion_node(ros)
    robot.connect()
    info = conversions.camera_info_message(RAW, header(START, "camera"))
    robot.send(START, info=info)
    robot.wait_for_outputs(1, "depth/camera_info")
    assert np.array_equal(robot.received["depth/camera_info"][0].d, info.d) and np.any(info.d)
