from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.data.reader import open_reader
from depth_completion_ros.fleet.drives import cut, find_drives

NAMES = ["monday/first", "monday/second", "tuesday_bag"]


def names(data):
    return [drive.name for drive in find_drives(data)]


def test_a_folder_gives_all_drives_below_it_in_order(drives):
    assert names(drives) == NAMES
    assert names(drives / "monday") == ["first", "second"]


def test_a_drive_itself_is_one_drive_without_a_name(drives):
    (drive,) = find_drives(drives / "monday" / "first")
    assert drive.name == "" and drive.path == drives / "monday" / "first"


def test_a_glob_and_a_list_give_their_drives_once(drives):
    assert names(drives / "mon*") == ["first", "second"]
    listed = drives.parent / "nights.txt"
    listed.write_text("drives/tuesday_bag  # rain\n\n# all of monday\ndrives/monday\ndrives/monday/first\n")
    assert names(listed) == ["tuesday_bag", "monday/first", "monday/second"]


def test_what_is_not_there_and_what_holds_nothing_is_told(drives):
    with pytest.raises(FileNotFoundError, match="nothing at .*wednesday"):
        find_drives(drives / "wednesday*")
    (drives / "empty").mkdir()
    with pytest.raises(ValueError, match="no drive, bag or folder of frames in .*empty"):
        find_drives(drives / "empty")


def test_drives_are_cut_into_stretches_that_cover_every_frame_once(drives):
    stretches, failed = cut(find_drives(drives), {}, 2)
    assert failed == {}
    assert [(s.drive, s.first, s.last) for s in stretches] == [
        (NAMES[0], 0, 2),
        (NAMES[0], 2, 4),
        (NAMES[0], 4, 5),
        (NAMES[1], 0, 2),
        (NAMES[1], 2, 3),
        (NAMES[2], 0, 2),
        (NAMES[2], 2, 4),
        (NAMES[2], 4, 5),
    ]
    whole, _ = cut(find_drives(drives), {}, None, limit=4)
    assert [(s.drive, s.first, s.last) for s in whole] == [
        (NAMES[0], 0, 4),
        (NAMES[1], 0, 3),
        (NAMES[2], 0, 4),
    ]


def test_frames_to_draw_are_evenly_spaced_over_all_drives(drives):
    stretches, _ = cut(find_drives(drives), {}, 2, drawn=3)
    assert [(s.drive, s.drawn) for s in stretches if s.drawn] == [
        (NAMES[0], (0,)),
        (NAMES[0], (4,)),
        (NAMES[2], (0,)),
    ]


def test_a_drive_that_cannot_be_opened_is_told_and_the_others_are_cut(drives):
    for file in (drives / "tuesday_bag").iterdir():
        file.write_bytes(b"no bag at all")
    stretches, failed = cut(find_drives(drives), {}, 50)
    assert [s.drive for s in stretches] == NAMES[:2]
    assert list(failed) == ["tuesday_bag"] and "is no MCAP file" in str(failed["tuesday_bag"])


@pytest.mark.parametrize("drive", ["monday/first", "tuesday_bag"])
def test_stretches_give_together_what_an_iteration_gives(drives, drive):
    whole = list(open_reader(drives / drive))
    reader = open_reader(drives / drive)
    parts = [frame for first in (0, 2, 4) for frame in reader.stretch(first, first + 2)]
    assert [frame.name for frame in parts] == [frame.name for frame in whole]
    for part, frame in zip(parts, whole, strict=True):
        assert part.stamp_image == frame.stamp_image
        np.testing.assert_array_equal(part.points, frame.points)
        np.testing.assert_array_equal(part.ground_truth, frame.ground_truth)


def test_what_is_left_out_counts_in_one_stretch_alone(drives):
    (drives / "monday" / "first" / "frame_3" / "image.png").write_bytes(b"no image")
    reader = open_reader(drives / "monday" / "first")
    counts = []
    for first in (0, 2, 4):
        given = len(list(reader.stretch(first, first + 2)))
        counts.append((given, dict(reader.skipped)))
    assert counts == [(2, {}), (1, {"image not readable": 1}), (1, {})]
