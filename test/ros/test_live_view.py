"""`depth-completion view --live`: what completion nodes publish, in a file of Rerun."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("rerun", reason="Rerun is not installed (extra `view`)")
from rerun.chunk import RrdReader
from robot import CAMERA, START, STEP, Robot, completion_node

from depth_completion_ros.viewer.blueprint import make_blueprint
from depth_completion_ros.viewer.destination import to_file
from depth_completion_ros.viewer.live import LiveViewer, find_nodes
from depth_completion_ros.viewer.stream import RerunStream


def rows(path) -> dict[str, int]:
    """Number of rows by entity."""
    count: dict[str, int] = {}
    for chunk in RrdReader(path).stream():
        count[chunk.entity_path] = count.get(chunk.entity_path, 0) + chunk.num_rows
    return count


def test_all_that_a_node_publishes_is_shown(ros, tmp_path):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    node, stream, told = ros.node("view"), RerunStream("live"), []
    nodes = find_nodes(node, ros.executor)
    assert nodes == [("completion", "/")]
    with to_file(stream, make_blueprint(["completion"], scored=False, live=True), tmp_path / "live.rrd"):
        viewer = LiveViewer(node, stream, nodes, say=told.append)
        heard = [
            "/depth/image",
            "/depth/confidence",
            "/depth/source",
            "/depth/camera_info",
            "/sparse_depth/image",
        ]
        assert ros.spin_until(lambda: all(node.count_publishers(topic) for topic in heard))
        assert ros.spin_until(lambda: all(robot.node.count_subscribers(topic) > 0 for topic in heard))
        for number in range(20):
            robot.send(START + number * STEP)
            before = viewer.count
            ros.spin_until(lambda before=before: viewer.count > before, 2.0)
            if viewer.count >= 4:
                break
        ros.spin_until(lambda: False, 0.5)
    assert viewer.names == ["completion"] and viewer.count >= 4 and told == []
    found = rows(tmp_path / "live.rrd")
    assert found["/completers/completion/depth"] == viewer.count
    for entity in (
        "/completers/completion/confidence",
        "/completers/completion/source",
        "/world/camera/image",
        "/world/camera/image/measured",
        "/world/camera/clouds/completion",
        "/plots/known/completion",
    ):
        assert found[entity] >= viewer.count - 1, entity
    assert "/world/trajectory" not in found


def test_a_damaged_message_is_told_once_and_the_rest_goes_on(ros, tmp_path):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    node, stream, told = ros.node("view"), RerunStream("live"), []
    viewer = LiveViewer(node, stream, find_nodes(node, ros.executor), say=told.append)
    from robot import image_message

    broken = image_message(START)
    broken.encoding = "nonsense"
    publisher = ros.node("other").create_publisher(type(broken), "depth/image", 10)
    assert ros.spin_until(lambda: publisher.get_subscription_count() >= 2)
    for _ in range(3):
        publisher.publish(broken)
    assert ros.spin_until(lambda: told)
    ros.spin_until(lambda: False, 0.3)
    assert len(told) == 1 and told[0].startswith("/depth/image: ") and viewer.count == 0
    assert CAMERA.width == broken.width


def test_the_source_plane_may_have_padded_rows(ros, tmp_path):
    stream = RerunStream("live")
    node = ros.node("view")
    with to_file(stream, make_blueprint(["completion"], scored=False, live=True), tmp_path / "live.rrd"):
        viewer = LiveViewer(node, stream, [("completion", "/")])
        from sensor_msgs.msg import Image

        message = Image(height=2, width=3, step=4, encoding="mono8", data=[0, 1, 2, 9, 3, 2, 1, 9])
        stream.at(START)
        viewer._on_source("completion", message)
    for chunk in RrdReader(tmp_path / "live.rrd").stream():
        if chunk.entity_path == "/completers/completion/source":
            (row,) = chunk.to_record_batch().to_pylist()
            np.testing.assert_array_equal(row["SegmentationImage:buffer"][0], [0, 1, 2, 3, 2, 1])
            return
    pytest.fail("no source in the file")
