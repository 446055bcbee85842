"""Finding the format of a path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from depth_completion_ros.core import Frame
from depth_completion_ros.data import FORMATS, IndexedReader, NoFrame, Reader, open_reader
from depth_completion_ros.data.reader import reader_class

ROOT = Path(__file__).resolve().parents[2]


def test_every_format_has_a_reader_that_says_what_it_reads():
    for name in FORMATS:
        assert issubclass(reader_class(name), Reader) and reader_class(name).layout
    with pytest.raises(ValueError, match="'video' is unknown; it must be one of kitti_depth"):
        reader_class("video")


def test_a_path_with_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is nothing at '.*gone'"):
        open_reader(tmp_path / "gone")


def test_a_folder_of_no_format_is_refused_with_all_formats(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "readme.txt"):
        with pytest.raises(ValueError, match="holds none of the formats") as error:
            open_reader(path)
        assert all(name in str(error.value) for name in FORMATS)


def test_an_unknown_option_is_refused_with_those_of_the_format(tmp_path):
    (tmp_path / "calib.json").write_text("{}")
    with pytest.raises(ValueError, match="Option 'camera' is unknown for frame_folder .* allowed are select"):
        open_reader(tmp_path, camera=2)


def test_readers_need_no_more_than_numpy_and_opencv_until_a_bag_is_opened():
    code = (
        "import sys; from depth_completion_ros.data import FORMATS; "
        "from depth_completion_ros.data.reader import reader_class; "
        "[reader_class(name) for name in FORMATS]; "
        "print([m for m in ('rosbags', 'rclpy', 'scipy', 'torch', 'yaml') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


class Numbers(IndexedReader):
    """Frames of `<number>.txt`, as small as a reader can be."""

    layout = "a folder with numbers.list"

    def __init__(self, path: Path, *, count: int = 4):
        super().__init__(path.name)
        self.path, self.count = path, count

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return (path / "numbers.list").is_file()

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> Frame:
        if not (self.path / f"{index}.txt").is_file():
            raise NoFrame("no number", f"file '{self.path / f'{index}.txt'}' is missing.")
        return Frame(camera=None, name=f"frame {index}")


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """A folder of the format `Numbers`, which one line makes known."""
    monkeypatch.setitem(FORMATS, "numbers", f"{__name__}:Numbers")
    (tmp_path / "numbers.list").touch()
    for number in (1, 2):
        (tmp_path / f"{number}.txt").touch()
    return tmp_path


def test_a_new_format_is_one_class_and_one_line(numbers):
    reader = open_reader(numbers, count=3)
    assert [frame.name for frame in reader] == ["frame 1", "frame 2"]
    assert reader.skipped == {"no number": 1}
    assert reader.describe() == f"3 frames of {numbers.name}"


def test_frames_are_read_by_their_number_in_any_order(numbers):
    reader = open_reader(numbers)
    assert [reader.read(index).name for index in (2, 1, 2)] == ["frame 2", "frame 1", "frame 2"]
    with pytest.raises(NoFrame, match=r"file '.*/3.txt' is missing") as error:
        reader.read(3)
    assert error.value.cause == "no number"


def test_data_without_any_frame_say_what_was_looked_for(numbers):
    (numbers / "1.txt").unlink(), (numbers / "2.txt").unlink()
    with pytest.raises(
        ValueError, match=r"no frame in .*: 4 x no number; the first: file '.*/0.txt' is miss"
    ):
        list(open_reader(numbers))
    with pytest.raises(ValueError, match="There is no frame in .*: it lists none"):
        list(open_reader(numbers, count=0))
