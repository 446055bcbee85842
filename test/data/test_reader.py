"""Finding the format of a path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from depth_completion_ros.data import FORMATS, Reader, open_reader
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
