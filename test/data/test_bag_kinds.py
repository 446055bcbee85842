"""Bags that are legal but not as `ros2 bag record` writes them: partial indexes, ROS 1, Livox's clouds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mcap_file import write_mcap
from test_broken_bag import T_CAM_LIDAR, frames

from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.stream import BagError, BagStream
from depth_completion_ros.data.bag.writer import write_bag

CAMERA_TOPIC, CLOUD_TOPIC = "/camera/image_raw", "/lidar/points"


@pytest.fixture(scope="module")
def messages(tmp_path_factory) -> list[tuple[str, str, int, bytes]]:
    """Messages of a bag of 6 frames in the order of recording."""
    bag = tmp_path_factory.mktemp("plain") / "bag"
    write_bag(frames(6), bag)
    stream = BagStream(bag)
    return [
        (topic, stream.topics[topic], ns, bytes(raw)) for topic, ns, raw in stream.messages(stream.topics)
    ]


def halves(messages):
    return messages[: len(messages) // 2], messages[len(messages) // 2 :]


@pytest.mark.parametrize(
    "indexed",
    [
        lambda chunk, topic: True,
        lambda chunk, topic: chunk == 0,
        lambda chunk, topic: chunk == 1,
        lambda chunk, topic: False,
        lambda chunk, topic: topic != CLOUD_TOPIC,
        lambda chunk, topic: chunk == 0 or topic == CAMERA_TOPIC,
    ],
    ids=["all", "first chunk", "second chunk", "nothing", "all but clouds", "no clouds in the second"],
)
def test_every_message_is_read_whatever_the_file_has_an_index_of(tmp_path, messages, indexed):
    bag = write_mcap(tmp_path / "bag.mcap", halves(messages), indexed)
    reader = open_reader(bag)
    assert [frame.stamp_image for frame in reader] == [n * 100_000_000 for n in range(1, 7)]
    assert not reader.dropped and len(reader) == 6


def test_messages_of_a_chunk_come_in_order_of_time_though_they_were_written_in_another(tmp_path, messages):
    bag = write_mcap(tmp_path / "bag.mcap", [messages[::-1]], lambda chunk, topic: False)
    stamps = [time_ns for _, time_ns, _ in BagStream(bag).messages([CLOUD_TOPIC])]
    assert stamps == sorted(stamps) and len(stamps) == 6


@pytest.mark.parametrize("with_index", [True, False])
def test_a_file_that_states_other_counts_than_it_has_is_an_error_after_its_frames(
    tmp_path, messages, with_index
):
    bag = write_mcap(tmp_path / "bag.mcap", halves(messages), lambda *_: with_index, states=7)
    count = 0
    with pytest.raises(
        BagError, match=r"states 7 messages of /camera/camera_info, but 6 were read; 6 frames"
    ):
        for _ in open_reader(bag):
            count += 1
    assert count == 6


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_metadata_that_state_other_counts_are_an_error_as_well(tmp_path, storage):
    write_bag(frames(3), tmp_path / "bag", storage=storage)
    metadata = tmp_path / "bag" / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 3", "message_count: 5"))
    with pytest.raises(
        BagError, match=r"bag' states 5 messages of .*, but 3 were read; 3 frames were read bef"
    ):
        list(open_reader(tmp_path / "bag"))


def test_an_mcap_of_another_profile_is_read(tmp_path, messages):
    assert len(list(open_reader(write_mcap(tmp_path / "bag.mcap", halves(messages), profile="")))) == 6


def test_topics_that_are_no_messages_of_ros_are_named_with_what_they_are(tmp_path):
    rows = [("/image", "foxglove.CompressedImage", 1, b"\n\x04")]
    bag = write_mcap(tmp_path / "bag.mcap", [rows], profile="", encoding="protobuf")
    with pytest.raises(BagError, match=r"/image \(foxglove.CompressedImage in protobuf\)"):
        open_reader(bag)


# ROS 1 -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ros1_messages(messages):
    """The same messages as ROS 1 serialises them."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    noetic, jazzy = get_typestore(Stores.ROS1_NOETIC), get_typestore(Stores.ROS2_JAZZY)
    tf = "tf2_msgs/msg/TFMessage"
    noetic.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", tf))

    def ros1(value):
        """The message with the fields that ROS 1 has, some of them in upper case."""
        name = getattr(value, "__msgtype__", None)
        if name is None:
            return [ros1(item) for item in value] if isinstance(value, list) else value
        kind = noetic.types.get(name)
        if kind is None:
            return value
        fields = {f: getattr(value, f, getattr(value, f.lower(), 0)) for f in kind.__dataclass_fields__}
        del fields["__msgtype__"]
        return kind(**{f: ros1(v) for f, v in fields.items()})

    return noetic, [
        (topic, kind, ns, bytes(noetic.serialize_ros1(ros1(jazzy.deserialize_cdr(raw, kind)), kind)))
        for topic, kind, ns, raw in messages
    ]


def write_ros1_bag(path: Path, types, messages) -> Path:
    from rosbags.rosbag1 import Writer

    with Writer(path) as writer:
        connections = {}
        for topic, kind, ns, raw in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types)
            writer.write(connections[topic], ns, raw)
    return path


def same_frames(bag: Path):
    got = list(open_reader(bag))
    assert len(got) == 6
    for frame, wanted in zip(got, frames(6), strict=True):
        np.testing.assert_array_equal(frame.image, wanted.image)
        np.testing.assert_array_equal(frame.points, wanted.points)
        assert frame.camera == wanted.camera and frame.stamp_image == wanted.stamp_image
        np.testing.assert_allclose(frame.T_cam_lidar, T_CAM_LIDAR, atol=1e-12)


def test_a_bag_of_ros_1_gives_the_same_frames(tmp_path, ros1_messages):
    same_frames(write_ros1_bag(tmp_path / "old.bag", *ros1_messages))


def test_data_of_ros_1_in_an_mcap_give_the_same_frames(tmp_path, ros1_messages):
    # `mcap convert` writes the types without /msg/.
    rows = [(topic, kind.replace("/msg/", "/"), ns, raw) for topic, kind, ns, raw in ros1_messages[1]]
    same_frames(write_mcap(tmp_path / "old.mcap", halves(rows), profile="ros1", encoding="ros1"))


def test_broken_messages_of_ros_1_are_named(tmp_path, ros1_messages):
    rows = [(topic, kind.replace("/msg/", "/"), ns, bytes(40)) for topic, kind, ns, _ in ros1_messages[1]]
    bag = write_mcap(tmp_path / "old.mcap", halves(rows), profile="ros1", encoding="ros1")
    with pytest.raises(BagError, match=r"message of /tf_static cannot be read: it is no tf2_msgs"):
        list(open_reader(bag))


def test_a_broken_bag_of_ros_1_is_refused_with_what_repairs_it(tmp_path):
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    with pytest.raises(BagError, match=r"old.bag' of ROS 1 cannot be opened: .*`rosbag reindex`"):
        open_reader(tmp_path / "old.bag")


# Livox -------------------------------------------------------------------------------------------

_POINT = "uint32 offset_time\nfloat32 x\nfloat32 y\nfloat32 z\nuint8 reflectivity\nuint8 tag\nuint8 line\n"
_CLOUD = (
    "std_msgs/Header header\nuint64 timebase\nuint32 point_num\nuint8 lidar_id\nuint8[3] rsvd\n"
    "PACKAGE/CustomPoint[] points\n"
)


@pytest.mark.parametrize("frame_id", ["lidar", "livox_frame", "l"])  # which moves what follows it
@pytest.mark.parametrize(("package", "ros1"), [("livox_ros_driver2", False), ("livox_ros_driver", True)])
def test_clouds_of_the_livox_driver_are_read_without_it(
    tmp_path, messages, ros1_messages, package, ros1, frame_id
):
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = ros1_messages[0] if ros1 else get_typestore(Stores.ROS2_JAZZY)
    kind = f"{package}/msg/CustomMsg"
    if kind not in types.types:
        types.register(get_types_from_msg(_POINT, f"{package}/msg/CustomPoint"))
        types.register(get_types_from_msg(_CLOUD.replace("PACKAGE", package), kind))
    Point, Cloud = types.types[f"{package}/msg/CustomPoint"], types.types[kind]
    Header, Time = types.types["std_msgs/msg/Header"], types.types["builtin_interfaces/msg/Time"]
    xyz = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    points = [Point(5 * n, *map(float, p), 100 + n, 16, n % 4) for n, p in enumerate(xyz)]
    rows = []
    for topic, name, ns, raw in ros1_messages[1] if ros1 else messages:
        if topic == CLOUD_TOPIC:
            stamp = Time(*divmod(ns, 10**9))
            header = Header(0, stamp, frame_id) if ros1 else Header(stamp, frame_id)
            cloud = Cloud(header, ns, 7, 0, np.zeros(3, np.uint8), points)
            serialised = types.serialize_ros1(cloud, kind) if ros1 else types.serialize_cdr(cloud, kind)
            rows.append((topic, kind, ns, bytes(serialised)))
        else:
            rows.append((topic, name, ns, raw))
    if ros1:
        bag = write_ros1_bag(tmp_path / "livox.bag", types, rows)
    else:
        bag = write_mcap(tmp_path / "livox.mcap", halves(rows))
    got = list(open_reader(bag, T_cam_lidar=T_CAM_LIDAR))
    assert len(got) == 6
    np.testing.assert_array_equal(got[0].points[:, :3], xyz)
    np.testing.assert_array_equal(got[0].points[:, 3], 100 + np.arange(7))
    assert len(set(got[0].rings)) == 4 and got[3].stamp_points == 400_000_000


def test_a_cut_message_of_livox_is_counted_and_not_read(tmp_path, messages):
    kind = "livox_ros_driver2/msg/CustomMsg"
    header = struct.pack("<BBHIII", 0, 1, 0, 1, 0, 6) + b"lidar\0"
    broken = header.ljust(44, b"\0") + struct.pack("<I", 100)
    rows = [(t, kind, ns, broken) if t == CLOUD_TOPIC else (t, k, ns, raw) for t, k, ns, raw in messages]
    with pytest.raises(BagError, match=r"message of /lidar/points cannot be read: it is no sensor_msgs"):
        list(open_reader(write_mcap(tmp_path / "bag.mcap", halves(rows))))
