"""Bags of recorders that were killed, and bags with damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.stream import BagError
from depth_completion_ros.data.bag.writer import BagWriter, write_bag

COUNT = 12
T_CAM_LIDAR = np.array([[0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3], [0, 0, 0, 1.0]])


def frames(count: int = COUNT, first: int = 1):
    random = np.random.default_rng(8)
    for number in range(first, first + count):
        yield Frame(
            camera=Camera(400, 300, np.diag([200, 200, 1.0])),
            image=random.integers(0, 256, (300, 400, 3), dtype=np.uint8),
            points=random.normal(size=(1000, 4)).astype(np.float32),
            T_cam_lidar=T_CAM_LIDAR,
            stamp_image=number * 100_000_000,
            stamp_points=number * 100_000_000,
        )


def storage_file(bag: Path) -> Path:
    return next(p for p in bag.iterdir() if p.name != "metadata.yaml")


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def read_until_error(reader) -> tuple[int, str]:
    count = 0
    with pytest.raises(BagError) as error:
        for frame in reader:
            assert frame.image.shape == (300, 400, 3) and len(frame.points) == 1000
            count += 1
    return count, str(error.value)


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize(
    ("storage", "compression"),
    [("mcap", "none"), ("mcap", "storage"), ("mcap", "message"), ("sqlite3", "none"), ("sqlite3", "message")],
)
def test_a_cut_bag_gives_its_frames_and_then_one_sentence(tmp_path, storage, compression, metadata):
    bag = tmp_path / "bag"
    write_bag(frames(), bag, storage=storage, compression=compression)
    cut(storage_file(bag), 0.6)
    if not metadata:
        (bag / "metadata.yaml").unlink()
    reader = open_reader(bag)
    for _ in range(2):
        count, sentence = read_until_error(reader)
        assert 4 <= count <= 8
        assert "breaks off" in sentence and storage_file(bag).name in sentence
        assert sentence.endswith(f"{count} frames were read before.")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_intact_files_without_metadata_are_read_whole_and_in_order(tmp_path, storage):
    suffix = {"mcap": ".mcap", "sqlite3": ".db3"}[storage]
    bag = tmp_path / "bag"
    bag.mkdir()
    # Splits of a recorder are numbered without leading zeros.
    for number in range(11):
        write_bag(frames(1, first=1 + number), tmp_path / "part", storage=storage)
        shutil.move(tmp_path / "part" / f"part{suffix}", bag / f"bag_{number}{suffix}")
        shutil.rmtree(tmp_path / "part")
    stamps = [frame.stamp_image for frame in open_reader(bag)]
    assert stamps == [number * 100_000_000 for number in range(1, 12)]
    assert len(list(open_reader(bag / f"bag_0{suffix}"))) == 1


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_frames_written_before_an_error_are_a_whole_bag(tmp_path, storage):
    def failing():
        yield from frames(3)
        raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError):
        write_bag(failing(), tmp_path / "bag", storage=storage)
    assert len(list(open_reader(tmp_path / "bag"))) == 3
    with pytest.raises(ValueError, match="has no image"):
        write_bag([Frame(camera=None)], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_what_a_killed_recorder_leaves_is_read_and_can_be_repaired(tmp_path):
    (tmp_path / "killed").mkdir()

    def copied_while_written():
        yield from frames()
        shutil.copy(tmp_path / "bag" / "bag.mcap", tmp_path / "killed")

    write_bag(copied_while_written(), tmp_path / "bag")
    count, sentence = read_until_error(open_reader(tmp_path / "killed"))
    assert count >= COUNT - 4 and "breaks off at byte" in sentence
    with pytest.raises(BagError):
        write_bag(open_reader(tmp_path / "killed"), tmp_path / "repaired")
    assert len(list(open_reader(tmp_path / "repaired"))) == count


def test_damage_in_the_middle_ends_the_bag_there(tmp_path):
    bag = tmp_path / "bag"
    write_bag(frames(), bag, compression="storage")
    file = storage_file(bag)
    data = bytearray(file.read_bytes())
    middle, length = len(data) // 2, 1_500_000  # more than a chunk
    data[middle : middle + length] = bytes(length)
    file.write_bytes(data)
    count, sentence = read_until_error(open_reader(bag))
    assert 0 < count < COUNT and "breaks off after time" in sentence


@pytest.mark.parametrize("name", ["bag.mcap", "bag.db3"])
@pytest.mark.parametrize("content", [b"", b"this is no bag at all, but a text of some length"])
def test_files_that_are_no_bags_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError, match=name):
        open_reader(tmp_path / name)


def test_a_cut_compressed_file_and_lost_files_are_refused(tmp_path):
    bag = tmp_path / "bag"
    write_bag(frames(2), bag, compression="file")
    cut(storage_file(bag), 0.6)
    with pytest.raises(BagError, match="bag' cannot be opened"):
        open_reader(bag)
    storage_file(bag).unlink()
    with pytest.raises(BagError, match="bag' cannot be opened: Some database files are missing"):
        open_reader(bag)


def test_a_bag_without_messages_is_refused(tmp_path):
    with BagWriter(tmp_path / "bag"):
        pass
    with pytest.raises(BagError, match="must have one topic of type Image or CompressedImage; it has none"):
        open_reader(tmp_path / "bag")


def test_a_part_of_a_split_bag_that_is_lost_is_an_error_after_the_rest(tmp_path):
    whole, bag = tmp_path / "whole", tmp_path / "bag"
    write_bag(frames(6), whole, storage="sqlite3")
    bag.mkdir()
    for at in range(2):
        write_bag(frames(3, 1 + 3 * at), tmp_path / f"part_{at}", storage="sqlite3")
        shutil.copy(storage_file(tmp_path / f"part_{at}"), bag / f"bag_{at}.db3")
    metadata = (whole / "metadata.yaml").read_text()
    metadata = metadata.replace("- whole.db3", "- bag_0.db3\n  - bag_1.db3")
    # Each part here has its own /tf_static.
    (bag / "metadata.yaml").write_text(metadata.replace("message_count: 1\n", "message_count: 2\n"))
    assert len(list(open_reader(bag))) == 6
    (bag / "bag_1.db3").unlink()
    count, sentence = read_until_error(open_reader(bag))
    assert count == 3 and "states 6 messages of" in sentence and "but 3 were read; 3 frames" in sentence
