"""The completion node: what comes out, when nothing is computed, parameters and life cycle."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from robot import (
    CAMERA,
    OUTPUTS,
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
    overrides,
    points_message,
    wall,
)

from depth_completion_ros.completion import create_completer
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.core.filters import edges
from depth_completion_ros.data.messages import decode_camera_info, decode_points, stamp_ns


def depth_of(message) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def test_every_output_is_that_of_the_library_with_the_header_of_the_image(ros):
    robot = Robot(ros, outputs=OUTPUTS)
    completion_node(ros)
    robot.connect()
    robot.send(START)
    for topic in OUTPUTS:
        robot.wait_for_outputs(1, topic)
    out = {topic: messages[0] for topic, messages in robot.received.items()}
    expected = create_completer("nearest")(frame())
    np.testing.assert_array_equal(depth_of(out["depth/image"]), expected.depth)
    np.testing.assert_array_equal(depth_of(out["depth/confidence"]), expected.confidence)
    source = np.frombuffer(out["depth/source"].data, np.uint8).reshape(expected.source.shape)
    np.testing.assert_array_equal(source, expected.source)
    mm = np.frombuffer(out["depth/image_mm"].data, np.uint16).reshape(expected.depth.shape)
    np.testing.assert_allclose(mm, np.nan_to_num(expected.depth) * 1000, atol=0.51)
    sparse = np.nan_to_num(depth_of(out["sparse_depth/image"]))
    np.testing.assert_array_equal(sparse, SparseDepth.from_points(frame()).depth)
    assert decode_camera_info(out["depth/camera_info"]) == CAMERA
    points = decode_points(out["depth/points"]).points
    every_second = expected.depth[::2, ::2]
    np.testing.assert_allclose(points[:, 2], every_second[np.isfinite(every_second)])
    assert out["overlay"].encoding == "rgb8"
    for message in out.values():
        assert (stamp_ns(message.header), message.header.frame_id) == (START, "camera")


@pytest.mark.parametrize("asked", [-1.0, 0.9])
def test_a_guess_is_not_told(ros, asked):
    robot = Robot(ros, outputs=("depth/image", "depth/source"))
    completion_node(ros, min_confidence=asked)
    robot.connect()
    robot.send(START)
    for topic in ("depth/image", "depth/source"):
        robot.wait_for_outputs(1, topic)
    depth, source = (robot.received[topic][0] for topic in ("depth/image", "depth/source"))
    completer = create_completer("nearest")
    every = completer(frame())
    expected = every.above(asked if asked > 0 else completer.least_confidence)
    assert np.isfinite(every.depth).all() and np.isnan(expected.depth).any()
    np.testing.assert_array_equal(depth_of(depth), expected.depth)
    assert (np.frombuffer(source.data, np.uint8) == expected.source.ravel()).all()


def test_edges_are_not_told_where_the_owner_asks_for_that(ros):
    outputs = ("depth/image", "depth/confidence", "depth/source")
    robot = Robot(ros, outputs=outputs)
    node = completion_node(ros, completer="linear", min_confidence=0.0)
    robot.connect()
    step = np.concatenate([wall(8.0)[wall(8.0)[:, 1] > 0], wall(16.0)[wall(16.0)[:, 1] < 0]])
    robot.send(START, points=points_message(START, step))
    for topic in outputs:
        robot.wait_for_outputs(1, topic)
    every, confidence = (depth_of(robot.received[topic][0]) for topic in outputs[:2])
    limit = float(np.median(confidence[edges(every, 0.1)]))
    changed = node.set_parameters(overrides(max_step=0.1, min_confidence=limit))
    assert all(each.successful for each in changed)
    robot.send(START + STEP, points=points_message(START + STEP, step))
    for topic in outputs:
        robot.wait_for_outputs(2, topic)
    smooth = depth_of(robot.received["depth/image"][1])
    edge, unsure = edges(every, 0.1), confidence < np.float32(limit)
    assert 0.01 < edge.mean() < 0.5, "the frame has both"
    rest_of_edges = edge & ~unsure & ~edges(np.where(unsure, np.float32(np.nan), every), 0.1)
    assert rest_of_edges.any(), "the order of the two makes no difference"
    np.testing.assert_array_equal(smooth, np.where(edge | unsure, np.nan, every))
    source = np.frombuffer(robot.received["depth/source"][1].data, np.uint8).reshape(every.shape)
    assert not source[np.isnan(smooth)].any()


def test_nothing_is_computed_that_nobody_subscribes_to(ros, monkeypatch, capfd):
    calls = []
    completer = type(create_completer("nearest"))
    original = completer.complete
    monkeypatch.setattr(completer, "complete", lambda *a, **k: (calls.append(1), original(*a, **k))[1])
    robot = Robot(ros, outputs=())
    node = completion_node(ros)
    robot.connect()
    robot.send(START)
    assert ros.spin_until(lambda: node.counters.snapshot().dropped == {"nobody subscribes": 1})
    robot.listen("overlay")
    assert ros.spin_until(lambda: node._outputs.wanted("overlay"))
    robot.send(START + STEP)
    robot.wait_for_outputs(1, "overlay")
    assert not calls, "the overlay needs no completer"
    robot.listen("depth/image")
    assert ros.spin_until(lambda: node._outputs.wanted("depth/image"))
    robot.send(START + 2 * STEP)
    robot.wait_for_outputs(1)
    assert len(calls) == 1
    assert "dropped" not in capfd.readouterr().err, "that nobody listens is no fault"


def test_a_compressed_image_is_taken_where_asked_for(ros):
    from sensor_msgs.msg import CompressedImage

    robot = Robot(ros, outputs=("depth/points",), compressed=True)
    completion_node(ros, image_transport="compressed")
    robot.connect()
    _, png = cv2.imencode(".png", camera_image()[..., ::-1])
    robot.send(START, image=CompressedImage(header=header(START, "camera"), format="png", data=as_bytes(png)))
    robot.wait_for_outputs(1, "depth/points")
    cloud = robot.received["depth/points"][0]
    colours = np.frombuffer(cloud.data, np.uint8).reshape(-1, cloud.point_step)[:, 12:15]
    np.testing.assert_array_equal(colours[:, ::-1], camera_image()[::2, ::2].reshape(-1, 3))


def test_parameters_that_may_change_take_effect_with_the_next_frame(ros):
    robot = Robot(ros, outputs=("depth/image", "depth/points"))
    node = completion_node(ros)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1, "depth/points")
    results = node.set_parameters(
        overrides(cloud_stride=4, region=[0, 0, 80, 96], min_confidence=1.0, filter_isolated=True)
    )
    assert all(result.successful for result in results)
    robot.send(START + STEP)
    robot.wait_for_outputs(2, "depth/points")
    expected = SparseDepth.from_points(frame(), region=(0, 0, 80, 96), isolated=True).depth
    depth = np.nan_to_num(depth_of(robot.received["depth/image"][1]))
    np.testing.assert_array_equal(depth, expected)  # sure of what is measured only
    assert robot.received["depth/points"][1].width == np.count_nonzero(expected[::4, ::4])


def test_a_bad_or_locked_parameter_is_refused_at_run_time_with_a_sentence(ros):
    node = completion_node(ros)

    def refusal(**change):
        (result,) = node.set_parameters(overrides(**change))
        assert not result.successful
        return result.reason

    assert "min_confidence" in refusal(min_confidence=1.5) and "1.5" in refusal(min_confidence=1.5)
    assert refusal(max_range="far") == (
        "Parameter 'max_range' is 'far'; it must be a number from 0 to 100000 m."
    )
    assert "cannot change while the node is configured" in refusal(completer="linear")
    assert node.set_parameters(overrides(max_range=80))[0].successful
    assert node.settings.max_range == 80.0 and isinstance(node.settings.max_range, float)


def test_a_former_name_of_a_parameter_is_taken_with_a_warning_at_start_and_at_run_time(ros, capfd):
    robot = Robot(ros)
    node = completion_node(ros, max_depth=9.0)
    warning = "Parameter 'max_depth' is called 'max_range' now"
    assert warning in capfd.readouterr().err
    assert node.settings.max_range == node.get_parameter("max_range").value == 9.0
    assert not node.has_parameter("max_depth")
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    expected = create_completer("nearest")(frame(), SparseDepth.from_points(frame(), max_depth=9.0)).depth
    np.testing.assert_array_equal(depth_of(robot.received["depth/image"][0]), expected)
    assert node.set_parameters(overrides(max_depth=80))[0].successful
    assert warning in capfd.readouterr().err
    assert node.settings.max_range == node.get_parameter("max_range").value == 80.0
    (refused,) = node.set_parameters(overrides(max_depth=-1.0))
    assert not refused.successful and "max_range" in refused.reason and "-1.0" in refused.reason


def test_a_parameter_given_under_both_names_with_two_values_is_refused(ros):
    with pytest.raises(ValueError) as refused:
        completion_node(ros, max_depth=9.0, max_range=8.0)
    assert str(refused.value) == (
        "Parameter 'max_range' is 8.0 and 9.0, the latter under its former name 'max_depth'; it must be "
        "given once."
    )


def test_a_bad_parameter_is_refused_at_start_with_a_sentence(ros):
    with pytest.raises(ValueError) as refused:
        completion_node(ros, slack=-1.0, image_transport="smoke")
    assert str(refused.value) == (
        "Parameter 'slack' is -1.0; it must be a number from 0 to 10 s. "
        "Parameter 'image_transport' is 'smoke'; it must be one of raw, compressed."
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"completer": "magic"}, "Completer 'magic' is unknown"),
        ({"extrinsics_source": "file"}, "'extrinsics_file' is empty"),
        ({"extrinsics_source": "file", "extrinsics_file": "/no/such.yaml"}, "/no/such.yaml"),
        ({"extrinsics": [0.0]}, "'extrinsics' is not given"),
        ({"extrinsics": [2.0] * 16}, "'extrinsics' is not rigid"),
        ({"fixed_frame": "odom"}, "'fixed_frame' is 'odom', which needs TF"),
    ],
)
def test_what_cannot_be_configured_leaves_the_node_alive_and_says_why(ros, parameters, words):
    robot = Robot(ros, outputs=())
    node = completion_node(ros, **parameters)
    message = robot.wait_for_status("completion: life cycle", "ERROR", words)
    assert message.startswith("The node cannot be configured: ")
    good = {"completer": "nearest", "extrinsics_source": "parameter", "fixed_frame": ""}
    node.set_parameters(overrides(**good, extrinsics=T_CAM_LIDAR.ravel().tolist()))
    assert node.trigger_configure() == node.trigger_activate() == TransitionCallbackReturn.SUCCESS


def test_the_life_cycle_can_go_round_and_counts_what_it_drops(ros):
    robot = Robot(ros)
    node = completion_node(ros, autostart=False)
    robot.wait_for_status("completion: life cycle", "OK", "Unconfigured")
    for round_ in range(2):
        node.trigger_configure()
        node.trigger_activate()
        robot.connect()
        robot.send(START + round_ * STEP)
        robot.wait_for_outputs(round_ + 1)
        node.trigger_deactivate()
        assert ros.spin_until(lambda: not robot.publishers["image"].get_subscription_count())
        robot.wait_for_status("completion: life cycle", "OK", "Inactive")
        node.trigger_cleanup()
    counts = node.counters.snapshot()
    assert (counts.begun, counts.completed, counts.pending) == (2, 2, 0)
    node.trigger_shutdown()


def test_a_completer_slower_than_the_sensors_gets_the_newest_frames(ros, slow_completer):
    robot = Robot(ros)
    node = completion_node(ros, completer="slow", frame_queue=1)
    robot.connect()
    for i in range(10):
        robot.send(START + i * STEP)
        assert ros.spin_until(lambda i=i: node.counters.snapshot().begun == i + 1)
        ros.spin_until(lambda: False, 0.02)
    assert ros.spin_until(lambda: node.counters.snapshot().pending == 0)
    counts = node.counters.snapshot()
    assert counts.dropped == {"replaced by a newer frame": 10 - counts.completed}
    assert 1 <= counts.completed < 10
    robot.wait_for_outputs(counts.completed)
    stamps = [stamp_ns(message.header) for message in robot.received["depth/image"]]
    assert stamps == sorted(stamps) and stamps[-1] == START + 9 * STEP, "the last frame is never lost"


def test_the_output_is_reliable_and_the_input_takes_both_kinds(ros):
    robot = Robot(ros, reliability="reliable")
    completion_node(ros)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)


def test_a_changed_image_size_and_a_longer_wall_work_without_restart(ros):
    robot = Robot(ros)
    node = completion_node(ros)
    robot.connect()
    small = CAMERA.resized(80, 48)
    for i, camera in enumerate((CAMERA, small, CAMERA)):
        t = START + i * STEP
        robot.send(
            t,
            image=image_message(t, camera),
            info=info_message(t, camera),
            points=points_message(t, wall(10.0 + i)),
        )
        robot.wait_for_outputs(i + 1)
        message = robot.received["depth/image"][i]
        expected = create_completer("nearest")(frame(wall(10.0 + i), camera)).depth
        np.testing.assert_array_equal(depth_of(message), expected)
    assert node.counters.snapshot().lost == 0


@pytest.fixture
def slow_completer(monkeypatch):
    """A completer `slow` that takes 100 ms."""
    import time

    from depth_completion_ros.completion import registry
    from depth_completion_ros.completion.classical.nearest import Nearest

    class Slow(Nearest):
        name = "slow"

        def complete(self, image, sparse, camera=None, name=""):
            time.sleep(0.1)
            return super().complete(image, sparse, camera)

    monkeypatch.setitem(registry.COMPLETERS, "slow", Slow)
