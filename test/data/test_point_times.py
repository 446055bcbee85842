"""Times of points as the drivers of LiDARs send them, and scans deskewed by them."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from test_rosbag import CAMERA, SECOND, START, STEP, T_CAM_LIDAR, Recording

from depth_completion_ros.core import invert, rigid
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.bag.messages import points_message
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.messages import decode_points, decode_times

STAMP = 1_700_000_000 * SECOND + 123_456_789
CODES = {"<f4": 7, "<f8": 8, "<u4": 6, "<i4": 5, "<u2": 4}
TIMES = np.linspace(0, 0.0995, 200)


def cloud(name: str, kind: str, values, stamp: int = STAMP):
    """A PointCloud2 with one more field; the third point has no return."""
    array = np.zeros(len(values), [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), (name, kind)])
    array["x"], array[name] = 5.0, values
    array["x"][2:3] = np.nan
    fields = [SimpleNamespace(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate("xyz")]
    fields.append(SimpleNamespace(name=name, offset=12, datatype=CODES[kind], count=1))
    sec, nanosec = divmod(stamp, SECOND)
    header = SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec), frame_id="lidar")
    return SimpleNamespace(
        header=header, height=1, width=len(array), fields=fields, is_bigendian=False,
        point_step=array.itemsize, row_step=array.nbytes, data=array.tobytes(),
    )  # fmt: skip


def times_of(message):
    return decode_times(message, decode_points(message).points)


@pytest.mark.parametrize(
    ("driver", "name", "kind", "values", "within"),
    [
        ("Velodyne, stamped at the start", "time", "<f4", TIMES, 1e-7),
        ("Velodyne, stamped at the end", "time", "<f4", TIMES - 0.0995, 1e-7),
        ("Ouster", "t", "<u4", np.round(TIMES * 1e9), 1e-7),
        ("Hesai and RoboSense", "timestamp", "<f8", STAMP / 1e9 + TIMES, 1e-6),
        ("Livox", "timestamp", "<f8", STAMP + TIMES * 1e9, 1e-6),
        ("Nebula", "time_stamp", "<u4", np.round(TIMES * 1e9), 1e-7),
        ("Livox CustomMsg", "offset_time", "<u4", np.round(TIMES * 1e9), 1e-7),
        ("seconds in float64", "timestamp", "<f8", TIMES, 1e-7),
        ("upper case", "Time", "<f4", TIMES, 1e-7),
    ],
)
def test_the_columns_of_the_drivers_are_seconds_since_the_stamp(driver, name, kind, values, within):
    seconds = times_of(cloud(name, kind, values))
    expected = TIMES - 0.0995 if "end" in driver else TIMES.copy()
    expected[2] = 0  # no return, no time
    assert seconds.dtype == np.float32
    np.testing.assert_allclose(seconds, expected, atol=within)


@pytest.mark.parametrize(
    ("name", "kind", "values", "words"),
    [
        ("time", "<f4", TIMES * 1e6, "from 0 to 99500 s after the stamp; it must be within 1 s"),
        ("time", "<f4", 0 * TIMES, "all points within 0 s; a scan takes at least 0.001 s"),
        ("t", "<u4", np.round(TIMES * 1e6), "within 9.95e-05 s"),
        ("timestamp", "<f8", STAMP / 1e9 + 37 + TIMES, "from 37 to 37.0995 s after the stamp"),
        ("timestamp", "<f8", STAMP / 1e3 + TIMES, "it must be within 1 s"),
        ("time", "<f4", np.where(TIMES > 0.05, np.nan, TIMES), "from nan to nan"),
        ("t", "<u2", np.arange(200), "within 1.99e-07 s"),
    ],
)
def test_times_that_cannot_be_those_of_a_scan_are_refused_with_a_sentence(name, kind, values, words):
    with pytest.raises(ValueError) as refused:
        times_of(cloud(name, kind, values))
    assert words in str(refused.value) and f"'{name}'" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_clouds_without_times_or_points_have_none():
    assert times_of(cloud("intensity", "<f4", TIMES)) is None
    assert len(times_of(cloud("t", "<u4", []))) == 0
    empty = cloud("t", "<u4", np.arange(3))
    empty.data = np.zeros(48, np.uint8).tobytes()  # all at the origin: not one return
    assert np.array_equal(times_of(empty), np.zeros(3))


# A bag in which the LiDAR drives -----------------------------------------------------------------

SPEED = 20.0
FIXED = np.array([[30.0, y, 1.0, 0.5] for y in np.linspace(-5, 5, 50)], np.float32)
SECONDS = np.linspace(0, 0.1, 50, dtype=np.float32)


def drive(path, *, times=SECONDS, tf_until=2.0, frames=4):
    """A car at 20 m/s along x, whose scans are stamped at their start."""
    with Recording(path) as recording:
        recording.transform("lidar", "camera", invert(T_CAM_LIDAR), START, static=True)
        for tick in range(-1, round(tf_until * 20)):
            at = START + tick * SECOND // 20
            recording.transform("odom", "lidar", rigid(np.eye(3), (SPEED * tick / 20, 0, 0)), at)
        for i in range(frames):
            stamp = START + i * STEP
            recording.image(stamp, i)
            recording.info(stamp)
            points = FIXED.copy()
            points[:, 0] -= SPEED * SECONDS
            message = points_message(points, None, stamp, "lidar", times)
            recording.write("/lidar/points", message.__msgtype__, message, stamp)
    return path


def test_scans_of_a_bag_are_deskewed_where_points_have_times_and_motion_is_known(tmp_path):
    reader = open_reader(drive(tmp_path / "bag"), fixed_frame="odom")
    frames = list(reader)
    assert len(frames) == 4 and reader.deskew.done == 4 and not reader.deskew.missed
    for frame in frames:
        np.testing.assert_allclose(frame.points, FIXED, atol=1e-4)
        assert frame.point_times is None
    skewed = next(iter(open_reader(tmp_path / "bag", fixed_frame="odom", deskew="off")))
    assert skewed.points[-1, 0] == pytest.approx(28.0)
    np.testing.assert_allclose(skewed.point_times, SECONDS, atol=1e-7)


def test_without_a_fixed_frame_scans_stay_as_they_are_and_that_is_counted(tmp_path):
    reader = open_reader(drive(tmp_path / "bag"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert next(iter(reader)).points[-1, 0] == pytest.approx(28.0)
    assert reader.deskew.missed == {"no ego motion given": 1}


@pytest.mark.parametrize(
    ("given", "cause"),
    [({"tf_until": 0.35}, "no motion"), ({"times": SECONDS * 1000}, "times not plausible"),
     ({"times": None}, "no times of points")],
)  # fmt: skip
def test_a_scan_that_cannot_be_deskewed_is_told_and_counted_and_dropped_where_it_must_be(
    tmp_path, given, cause
):
    drive(tmp_path / "bag", **given)
    lenient = open_reader(tmp_path / "bag", fixed_frame="odom")
    if given.get("times", SECONDS) is None:
        frames = list(lenient)
    else:
        with pytest.warns(UserWarning, match="A scan is not deskewed: "):
            frames = list(lenient)
    assert len(frames) == 4 and lenient.deskew.missed[cause] == 4 - lenient.deskew.done > 0
    strict = open_reader(tmp_path / "bag", fixed_frame="odom", deskew="on")
    if lenient.deskew.done:
        assert len(list(strict)) == lenient.deskew.done
    else:
        with pytest.raises(ValueError, match="gave no frame"):
            list(strict)
    assert strict.skipped[f"not deskewed, {cause}"] == lenient.deskew.missed[cause]


def test_times_go_through_a_bag_and_back(tmp_path):
    frames = list(open_reader(drive(tmp_path / "bag"), fixed_frame="odom", deskew="off"))
    write_bag(frames, tmp_path / "again")
    again = list(open_reader(tmp_path / "again", deskew="off"))
    assert len(again) == 4 and again[0].camera == CAMERA
    for before, after in zip(frames, again, strict=True):
        assert np.array_equal(before.point_times, after.point_times)
        assert np.array_equal(before.points, after.points)
    np.testing.assert_allclose(again[0].T_cam_lidar, T_CAM_LIDAR, atol=1e-12)


def test_another_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Option deskew is 'yes'; it must be one of auto, on, off"):
        open_reader(drive(tmp_path / "bag"), deskew="yes")
