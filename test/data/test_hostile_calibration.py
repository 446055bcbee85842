"""Calibration files and folders made to harm, or with slips: each is one sentence, at no cost."""

from __future__ import annotations

import os

import pytest
from memory import at_most
from test_frame_folder import write_frame

from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.calibration.camera_file import read_camera_file
from depth_completion_ros.data.calibration.extrinsics_file import read_transforms
from depth_completion_ros.data.calibration.kitti import read_values


def refusal(folder) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        list(open_reader(folder))
    said = str(refused.value)
    assert str(folder) in said and "\n" not in said
    return said


# calib.json ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [0, -1, 1e-300, 1e300, "256", None, True, float("nan")])
def test_units_that_make_no_depth_are_refused(tmp_path, units):
    folder = write_frame(tmp_path / "a", depth={"file": "d.png", "units_per_metre": units})
    assert "units_per_metre of calib.json is" in refusal(folder)


@pytest.mark.parametrize(
    "stamp",
    [{"rate_hz": 1e-300, "frame": 1}, {"rate_hz": -1, "frame": 1}, {"rate_hz": 10, "frame": 10**400}],
)
def test_rates_and_numbers_that_make_no_stamp_are_refused(tmp_path, stamp):
    assert "it must be a number from" in refusal(write_frame(tmp_path / "a", **stamp))


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.png", "a/../../outside.png", "", 7, None])
@pytest.mark.parametrize("entry", ["image", "points", "rings", "depth"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, entry, name):
    (tmp_path / "outside.png").write_bytes(b"secret")
    value = {"file": name, "units_per_metre": 256} if entry == "depth" else name
    if entry == "depth" or name is not None:
        assert "it must be a path inside the folder" in refusal(write_frame(tmp_path / "a", **{entry: value}))


@pytest.mark.parametrize("kind", ["calib.json", "image.png", "points.bin"])
def test_a_pipe_or_device_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path, kind):
    folder = write_frame(tmp_path / "a")
    (folder / kind).unlink()
    os.mkfifo(folder / kind)
    with pytest.raises(ValueError, match=r"is a pipe, socket or device|holds none of the formats"):
        list(open_reader(folder))
    (folder / kind).unlink()
    (folder / kind).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"is a pipe, socket or device|holds none of the formats"):
        list(open_reader(folder))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"kind": ' * 50_000, '{"width": 1e999}', "[1]", "7", '"x"'])
def test_json_of_any_other_shape_is_refused(tmp_path, text):
    folder = write_frame(tmp_path / "a")
    (folder / "calib.json").write_text(text)
    assert len(refusal(folder)) < 1000


def test_an_entry_given_twice_is_refused_where_the_two_differ(tmp_path):
    folder = write_frame(tmp_path / "a")
    text = (folder / "calib.json").read_text()
    (folder / "calib.json").write_text(text.replace('"width": 16,', '"width": 16, "width": 16,'))
    assert len(list(open_reader(folder))) == 1
    (folder / "calib.json").write_text(text.replace('"width": 16,', '"width": 16, "width": 17,'))
    assert "has the entry 'width' twice, with different values" in refusal(folder)


# YAML ----------------------------------------------------------------------------------------------


def nested_aliases(levels: int) -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"K: *a{levels - 1}\n"])


@pytest.mark.parametrize("read", [read_camera_file, read_transforms])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (nested_aliases(9), "more than 100000 values when its aliases are written out"),
        ("K: &a [*a, 1]\n", "more than 100000 values when its aliases are written out"),
        ("[" * 20_000, "nested too deep"),
        ("K: 1\nK: 2\n", "has the entry 'K' twice, with different values; give it once"),
        ("K: 2024-99-99\n", "cannot be read"),
        (f"K: {'9' * 5000}\n", "cannot be read"),
        ("K: !!python/object/apply:os.system [touch ran]\n", "cannot be read"),
    ],
    ids=["nested aliases", "circle", "deep", "twice", "date", "huge number", "code"],
)
def test_yaml_made_to_harm_is_refused_at_no_cost(tmp_path, read, text, words):
    (tmp_path / "a.yaml").write_text(text)
    with at_most(60), pytest.raises(ValueError, match=words) as refused:
        read(tmp_path / "a.yaml")
    assert "a.yaml" in str(refused.value) and len(str(refused.value)) < 1000


def test_aliases_and_merges_of_people_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "base: &base {image_width: 640}\n"
        "K: &K [500, 0, 320, 0, 500, 240, 0, 0, 1]\n"
        "camera_matrix: *K\nimage_width: 640\nimage_height: 480\nother: {<<: *base, x: 1}\n"
    )
    assert read_camera_file(tmp_path / "a.yaml").K[0, 0] == 500


def test_a_large_file_is_no_calibration(tmp_path):
    (tmp_path / "a.yaml").write_text("# " + "x" * (1 << 20))
    with pytest.raises(ValueError, match=r"has 1048578 bytes; at most 1048576 are allowed"):
        read_camera_file(tmp_path / "a.yaml")


# KITTI and stamps ----------------------------------------------------------------------------------


def test_a_second_other_matrix_of_the_same_name_is_refused(tmp_path):
    path = tmp_path / "calib_cam_to_cam.txt"
    path.write_text("P_rect_02: 1 2 3\nP_rect_02: 1 2 3\n")
    assert read_values(path)["P_rect_02"].tolist() == [1, 2, 3]
    path.write_text("P_rect_02: 1 2 3\nP_rect_02: 1 2 4\n")
    with pytest.raises(ValueError, match=r"Entry P_rect_02 of .* is given twice, with different numbers"):
        read_values(path)


def test_the_year_9999_is_no_stamp_of_ros(tmp_path):
    from test_broken_bag import frames

    (frame,) = frames(1)
    frame.stamp_image = frame.stamp_points = 253_370_764_800 * 10**9
    with pytest.raises(ValueError, match=r"has the stamp .* ns; stamps of ROS are from 1970 to 2038"):
        write_bag([frame], tmp_path / "bag")
