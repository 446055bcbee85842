"""The evaluation node: the live score is that of the library on the same frames."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from memory import at_most
from robot import (
    CAMERA,
    START,
    STEP,
    T_CAM_LIDAR,
    Robot,
    completion_node,
    frame,
    header,
    overrides,
    points_message,
    wall,
)
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Float32

from depth_completion_ros.completion import create_completer
from depth_completion_ros.core import SparseDepth, compute_metrics
from depth_completion_ros.data.messages import decode_points
from depth_completion_ros.ros import conversions, qos
from depth_completion_ros.ros.evaluation_node import EvaluationNode, select_points
from depth_completion_ros.ros.outcomes import Outcome


def evaluation_node(ros, **parameters):
    usual = {"extrinsics_source": "parameter", "extrinsics": T_CAM_LIDAR.ravel().tolist()}
    given = overrides(**{**usual, **parameters})
    return ros.add(EvaluationNode(context=ros.context, parameter_overrides=given))


def cloud_with_rings(stamp: int) -> PointCloud2:
    """The wall with the laser of each row, counted from below as Velodyne does."""
    cloud = np.zeros(len(wall()), [(name, "<f4") for name in ("x", "y", "z", "ring")])
    for column, name in enumerate("xyz"):
        cloud[name] = wall()[:, column]
    cloud["ring"] = np.repeat(np.arange(24), 90)
    return conversions.cloud_message(cloud, header(stamp, "lidar"))


def test_depth_is_scored_against_the_true_depth_of_the_same_stamp(ros, tmp_path):
    robot = Robot(ros)
    completion_node(ros)
    report = tmp_path / "report.json"
    node = evaluation_node(ros, report=str(report))
    truths = robot.node.create_publisher(Image, "ground_truth", qos.profile("best_effort", 10))
    values = []
    robot.node.create_subscription(Float32, "metrics/rmse_mm", lambda m: values.append(m.data), 10)
    robot.connect()
    assert ros.spin_until(lambda: truths.get_subscription_count() and node.count_publishers("depth/image"))
    assert ros.spin_until(lambda: node._metrics["rmse_mm"].get_subscription_count() > 0)
    truth = np.full((CAMERA.height, CAMERA.width), 11.0, np.float32)
    truth[:40] = 0
    for i in range(3):
        stamp = START + i * STEP
        truths.publish(conversions.depth_message(truth + (truth > 0) * i, header(stamp, "camera")))
        robot.send(stamp)
        assert ros.spin_until(lambda i=i: len(node.scores) == i + 1), node.unscored
    depth = create_completer("nearest")(frame()).depth
    expected = [compute_metrics(depth, truth + (truth > 0) * i) for i in range(3)]
    assert [metrics for _, metrics in node.scores.recent] == expected
    assert ros.spin_until(lambda: len(values) == 3)
    np.testing.assert_allclose(values, [metrics.rmse_mm for metrics in expected], rtol=1e-6)
    robot.wait_for_status("evaluation: metrics", "OK", "over 3 frames")
    node.write_report()
    written = json.loads(report.read_text())
    assert written["frames"] == 3 and written["per_frame"][1]["rmse_mm"] == expected[1].rmse_mm
    assert written["mean"]["rmse_mm"] == pytest.approx(np.mean([m.rmse_mm for m in expected]))


@pytest.mark.parametrize(
    ("parameters", "share"), [({"hide": "random", "hide_share": 0.3}, 0.7), ({"hide": "rings"}, 0.5)]
)
def test_hidden_points_never_reach_the_completer_and_score_it(ros, parameters, share):
    robot = Robot(ros)
    robot.publishers["points"] = robot.node.create_publisher(
        PointCloud2, "points", qos.profile("best_effort", 10)
    )
    node = evaluation_node(ros, mode="hide", **parameters)
    completion = completion_node_on_kept(ros)
    kept = []
    robot.node.create_subscription(PointCloud2, "points_kept", kept.append, 10)
    robot.connect()
    assert ros.spin_until(lambda: node.count_subscribers("points_kept") == 2 and kept_is_matched(node))
    robot.send(START, points=cloud_with_rings(START))
    assert ros.spin_until(lambda: len(node.scores) == 1), (node.unscored, completion.counters.snapshot())
    points = decode_points(kept[0]).points
    assert len(points) == pytest.approx(share * len(wall()), rel=0.1)
    if parameters["hide"] == "rings":
        tops = wall()[np.repeat(np.arange(24) % 2 == 1, 90)]  # the highest laser is number 23
        np.testing.assert_array_equal(points, tops)
    depth = create_completer("nearest")(frame(points)).depth
    fed = SparseDepth.from_points(frame(points), see_through=False, isolated=False).depth > 0
    truth = np.where(fed, 0, SparseDepth.from_points(frame(), isolated=False).depth)
    assert node.scores.recent[0][1] == compute_metrics(depth, truth)
    assert node.scores.recent[0][1].pixels > 50


def completion_node_on_kept(ros):
    """A completion node that takes `points_kept` for its points, as the launch file does."""
    from depth_completion_ros.ros.completion_node import CompletionNode

    given = overrides(
        extrinsics_source="parameter", extrinsics=T_CAM_LIDAR.ravel().tolist(), completer="nearest"
    )
    arguments = ["--ros-args", "-r", "points:=points_kept"]
    node = CompletionNode(context=ros.context, parameter_overrides=given, cli_args=arguments)
    return ros.add(node)


def kept_is_matched(node) -> bool:
    return node._kept.get_subscription_count() == 2


def test_a_cloud_without_rings_cannot_be_hidden_by_ring(ros, capfd):
    robot = Robot(ros, outputs=())
    node = evaluation_node(ros, mode="hide", hide="rings")
    robot.connect("points")
    robot.publishers["points"].publish(points_message(START))
    assert ros.spin_until(lambda: node.unscored == {"cloud cannot be hidden": 1})
    assert "The cloud has no field ring to hide by, only x, y, z." in capfd.readouterr().err


def test_depth_without_truth_is_reported_as_a_silent_stream(ros):
    robot = Robot(ros)
    completion_node(ros)
    evaluation_node(ros, stale_after=0.5)
    robot.connect()
    robot.send(START)
    robot.wait_for_status("evaluation: input truth", "STALE", "nobody publishes it")


def test_a_report_that_could_not_be_written_is_refused_at_start(ros, tmp_path):
    report = tmp_path / "missing" / "report.json"
    with pytest.raises(ValueError, match="'report' is '.*its folder must be there already"):
        evaluation_node(ros, report=str(report))


def test_a_report_that_cannot_be_written_in_the_end_is_told(ros, tmp_path, capfd):
    node = evaluation_node(ros, report=str(tmp_path))
    node.write_report()
    assert "The report cannot be written" in capfd.readouterr().err
    assert node.exit_code == 1


def test_selected_points_keep_their_layout():
    message = cloud_with_rings(START)
    kept = np.arange(len(wall())) % 7 == 0
    selected = select_points(message, kept)
    assert selected.fields == message.fields and selected.width == kept.sum()
    np.testing.assert_array_equal(decode_points(selected).points, wall()[kept])


# What waits, and for ever -------------------------------------------------------------------------


def test_messages_of_silent_partners_are_kept_within_the_limit_of_memory(ros):
    node = evaluation_node(ros, waiting_memory=8)
    side = 1024  # 4 MiB each
    with at_most(40):
        for number in range(30):
            stamp = START + number * STEP
            depth = conversions.depth_message(np.ones((side, side), np.float32), header(stamp, "camera"))
            node._on_part("depth", depth)
    assert node.unscored == {"depth without partner of the same stamp": 29}
    assert node._waiting.bytes < 8 << 20


def test_messages_of_silent_partners_are_kept_for_so_long(ros):
    node = evaluation_node(ros, waiting_time=0.1)
    truth = conversions.depth_message(np.ones((4, 4), np.float32), header(START, "camera"))
    node._on_part("truth", truth)
    time.sleep(0.15)
    later = conversions.depth_message(np.ones((4, 4), np.float32), header(START + STEP, "camera"))
    node._on_part("truth", later)
    assert node.unscored == {"truth without partner of the same stamp": 1}


@pytest.mark.parametrize("point_step", [0, 12])
def test_an_empty_cloud_is_passed_on_or_told_once(ros, capfd, point_step):
    node = evaluation_node(ros, mode="hide")
    fields = points_message(START).fields
    for number in range(20):
        stamp = header(START + number * STEP, "lidar")
        node._on_points(PointCloud2(header=stamp, height=1, fields=fields, point_step=point_step))
        node._on_points(PointCloud2(header=stamp, height=1, point_step=point_step))
    assert node.unscored == {"cloud cannot be hidden": 20}
    said = capfd.readouterr().err
    assert said.count("cloud cannot be hidden") == 1 and "Traceback" not in said


def test_points_are_selected_from_rows_that_say_no_step():
    message = cloud_with_rings(START)
    expected = select_points(message, np.arange(len(wall())) % 5 == 0)
    message.height, message.width, message.row_step = 24, 90, 0
    with pytest.warns(UserWarning, match="says rows of 0 bytes"):
        assert select_points(message, np.arange(len(wall())) % 5 == 0).data == expected.data


def test_a_dropped_frame_is_counted_once_whether_its_truth_or_the_word_of_it_comes_first(ros):
    node = evaluation_node(ros, waiting_time=0.1)

    def truth(number: int):
        stamp = header(START + number * STEP, "camera")
        return conversions.depth_message(np.ones((4, 4), np.float32), stamp)

    for number in range(20):
        word = Outcome(START + number * STEP, "no transform")
        if number % 2:
            node._on_outcome(word)
        node._on_part("truth", truth(number))
        if not number % 2:
            node._on_outcome(word)
    time.sleep(0.2)
    node._on_part("truth", truth(20))  # only this one waits; those before would now be too old
    assert node.not_completed == {"no transform": 20} and not node.unscored
    assert len(node._waiting.items) == 1


def test_other_nodes_cannot_fill_the_memory_with_causes(ros):
    node = evaluation_node(ros)
    for number in range(1500):
        node._on_outcome(Outcome(START + number, f"cause {number}"))
    assert len(node.not_completed) == 51 and node.not_completed.total() == 1500
    assert len(node._dropped) == 1000
