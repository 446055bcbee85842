from __future__ import annotations

import hashlib

import numpy as np
import pytest

from depth_completion_ros.completion import Completer, create_completer
from depth_completion_ros.core import SparseDepth, depth_to_points
from depth_completion_ros.core.filters import edges
from depth_completion_ros.data.bag.messages import typestore
from depth_completion_ros.data.bag.stream import BagStream
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.messages import decode_camera_info, decode_points, stamp_ns
from depth_completion_ros.data.reader import open_reader
from depth_completion_ros.evaluation.outputs import OUTPUTS
from depth_completion_ros.evaluation.replay import replay


@pytest.fixture
def bag(streets, tmp_path):
    """A bag of the three streets."""
    write_bag(streets, tmp_path / "streets")
    return open_reader(tmp_path / "streets")


def messages(path):
    """Topic to its messages, in order."""
    stream, store = BagStream(path), typestore()
    found = {topic: [] for topic in stream.topics}
    for topic, time_ns, raw in stream.messages(list(stream.topics)):
        message = store.deserialize_cdr(raw, stream.topics[topic])
        assert stamp_ns(message.header) == time_ns
        found[topic].append(message)
    return found


def depth_of(message):
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_every_pair_gives_one_message_on_each_topic_with_stamp_and_frame_of_its_image(bag, tmp_path):
    summary = replay(bag, create_completer("linear"), tmp_path / "dense", min_confidence=0)
    assert (summary.frames, summary.first_ns, summary.last_ns) == (3, 100_000_000, 300_000_000)
    assert summary.coverage == 1
    found = messages(tmp_path / "dense")
    assert set(found) == {f"/{output.topic}" for output in OUTPUTS if output.usual}
    for topic in found:
        headers = [message.header for message in found[topic]]
        assert [stamp_ns(header) for header in headers] == [100_000_000, 200_000_000, 300_000_000]
        assert {header.frame_id for header in headers} == {"cam"}


def test_what_is_written_is_what_the_completer_gave(bag, tmp_path):
    completer = create_completer("linear")
    replay(bag, completer, tmp_path / "dense", stride=2)
    found = messages(tmp_path / "dense")
    for at, frame in enumerate(bag):
        completion = completer(frame).above(completer.least_confidence)
        np.testing.assert_array_equal(depth_of(found["/depth/image"][at]), completion.depth)
        np.testing.assert_array_equal(depth_of(found["/depth/confidence"][at]), completion.confidence)
        source = found["/depth/source"][at]
        assert source.encoding == "mono8" and bytes(source.data) == completion.source.tobytes()
        cloud = decode_points(found["/depth/points"][at]).points
        np.testing.assert_array_equal(cloud, depth_to_points(completion.depth, frame.camera, 2))
        assert decode_camera_info(found["/depth/camera_info"][at]) == frame.camera


def test_twice_the_same_replay_is_twice_the_same_bytes(bag, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        replay(bag, create_completer("morphological"), tmp_path / name / "dense")
    first, second = (digests(tmp_path / name / "dense") for name in ("a", "b"))
    assert first == second and set(first) == {"dense.mcap", "metadata.yaml"}


def test_a_scan_without_points_still_gives_its_output(streets, tmp_path):
    streets.frames[1].points = streets.frames[1].points[:0]
    streets.frames[1].rings = None
    summary = replay(streets, create_completer("linear"), tmp_path / "dense")
    found = messages(tmp_path / "dense")
    assert summary.frames == 3
    assert np.isnan(depth_of(found["/depth/image"][1])).all()
    assert found["/depth/points"][1].width == 0


def test_only_the_outputs_asked_for_are_written(streets, tmp_path):
    replay(streets, create_completer("nearest"), tmp_path / "dense", outputs=["depth"], storage="sqlite3")
    assert list(messages(tmp_path / "dense")) == ["/depth/image"]
    replay(streets, create_completer("nearest"), tmp_path / "all", outputs=[o.name for o in OUTPUTS])
    assert set(messages(tmp_path / "all")) == {f"/{output.topic}" for output in OUTPUTS}
    with pytest.raises(ValueError, match="Output 'colour' is unknown"):
        replay(streets, create_completer("nearest"), tmp_path / "other", outputs=["colour"])


def test_depth_below_the_least_confidence_is_unknown(streets, tmp_path):
    replay(streets, create_completer("linear"), tmp_path / "dense", min_confidence=1.0)
    depth = depth_of(messages(tmp_path / "dense")["/depth/image"][0])
    measured = SparseDepth.from_points(streets.frames[0]).depth
    np.testing.assert_array_equal(np.nan_to_num(depth), measured)


def test_edges_are_sought_in_the_whole_depth_as_the_node_does_before_confidence_cuts_it(streets, tmp_path):
    completer = create_completer("linear")
    every = completer(streets.frames[0])
    limit = float(np.median(every.confidence[edges(every.depth, 0.1)]))
    replay(streets, completer, tmp_path / "dense", min_confidence=limit, max_step=0.1)
    depth = depth_of(messages(tmp_path / "dense")["/depth/image"][0])
    expected = every.without_edges(0.1).above(limit).depth
    np.testing.assert_array_equal(depth, expected)
    assert np.isfinite(every.above(limit).without_edges(0.1).depth).sum() > np.isfinite(expected).sum() > 0


def test_an_existing_bag_is_never_overwritten(streets, tmp_path):
    (tmp_path / "dense").mkdir()
    with pytest.raises(FileExistsError, match="exists already"):
        replay(streets, create_completer("nearest"), tmp_path / "dense")


def test_an_error_in_the_completer_ends_the_replay_and_is_not_hidden(streets, tmp_path):
    class Broken(Completer):
        name = "broken"

        def complete(self, image, sparse, camera=None, name=""):
            raise ValueError("The weights are of another network.")

    with pytest.raises(ValueError, match="another network"):
        replay(streets, Broken(), tmp_path / "dense")


def test_the_real_sequence_through_a_bag_gives_ten_outputs_like_those_without(real_frames, tmp_path):
    reader = open_reader(real_frames, select="kitti_seq_*")
    write_bag(reader, tmp_path / "kitti")
    bag = open_reader(tmp_path / "kitti")
    completer = create_completer("nearest")
    least = completer.least_confidence
    assert replay(bag, completer, tmp_path / "dense").frames == len(reader) == 10
    found = messages(tmp_path / "dense")["/depth/image"]
    assert len(found) == 10
    for message, from_bag, from_data in zip(found, bag, reader, strict=True):
        np.testing.assert_array_equal(depth_of(message), completer(from_bag).above(least).depth)
        # The extrinsics went through a quaternion, which may move a point on the border of two pixels.
        expected = completer(from_data).above(least).depth
        assert np.isclose(depth_of(message), expected, rtol=0, atol=0, equal_nan=True).mean() > 0.998


def test_inputs_beside_the_outputs_are_read_back_as_the_same_frames(streets, tmp_path):
    bag = tmp_path / "bag"
    replay(streets, create_completer("nearest"), bag, with_inputs=True, compression="storage")
    again = list(
        open_reader(bag, image_topic="/image", points_topic="/points", camera_info_topic="/camera_info")
    )
    assert len(again) == 3
    for before, after in zip(streets, again, strict=True):
        np.testing.assert_array_equal(after.image, before.image)
        np.testing.assert_array_equal(after.points[:, :3], before.points[:, :3])
        np.testing.assert_allclose(after.T_cam_lidar, before.T_cam_lidar, atol=1e-12)
        assert (after.stamp_image, after.frame_id) == (before.stamp_image, before.frame_id)
