"""Scans of KITTI's layout and its kin are told apart, and never read as something else."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.data.scan import read_scan


def street(count: int = 20_000, seed: int = 0) -> np.ndarray:
    """x y z intensity as a spinning LiDAR sees a street: most is near, little is high."""
    random = np.random.default_rng(seed)
    azimuth, ranges = np.sort(random.uniform(-np.pi, np.pi, count)), random.gamma(2, 8, count) + 2
    height = np.clip(random.normal(-1, 0.7, count), -1.8, 6)
    intensity = random.uniform(0, 1, count)
    return np.stack([ranges * np.cos(azimuth), ranges * np.sin(azimuth), height, intensity], axis=1)


SCAN = street()
RING, TIME = np.arange(len(SCAN)) % 32, np.linspace(0, 0.1, len(SCAN))
COLUMNS = {
    3: SCAN[:, :3],
    4: SCAN,
    5: np.column_stack([SCAN, RING]),
    6: np.column_stack([SCAN, RING, TIME]),
    7: np.column_stack([SCAN, RING, TIME, 100 * SCAN[:, 3]]),
    8: np.column_stack([SCAN, RING, TIME, 100 * SCAN[:, 3], 0 * TIME]),
}


def write(tmp_path, points, kind="<f4"):
    np.asarray(points).astype(kind).tofile(tmp_path / "scan.bin")
    return tmp_path / "scan.bin"


@pytest.mark.parametrize("count", COLUMNS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_scans_are_read_with_their_own_number_of_columns(tmp_path, count, shuffled):
    points = COLUMNS[count]
    points = points[np.random.default_rng(1).permutation(len(points))] if shuffled else points
    read = read_scan(write(tmp_path, points), count)
    np.testing.assert_array_equal(read, points[:, :4].astype(np.float32))


@pytest.mark.parametrize("count", [3, 5, 6, 7])
def test_scans_of_other_columns_are_refused_with_the_option_that_reads_them(tmp_path, count):
    points = COLUMNS[count][: len(SCAN) // 4 * 4]
    with pytest.raises(
        ValueError, match=rf"not look like points of 4 float32.* give the option columns={count}"
    ):
        read_scan(write(tmp_path, points))
    with pytest.raises(ValueError, match="give the option columns=4"):
        read_scan(write(tmp_path, SCAN[: len(SCAN) // count * count]), count)


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_scans_of_float64_are_refused_as_such(tmp_path, count):
    with pytest.raises(ValueError, match="they look like float64, which must be converted to float32"):
        read_scan(write(tmp_path, COLUMNS[count], "<f8"))


def test_every_other_point_is_not_lost_to_twice_the_columns(tmp_path):
    with pytest.raises(ValueError, match="not look like points of 8 float32.*columns=4"):
        read_scan(write(tmp_path, SCAN), 8)


def test_other_numbers_are_refused(tmp_path):
    random = np.random.default_rng(0)
    with pytest.raises(ValueError, match="does not look like points of 4 float32"):
        read_scan(write(tmp_path, random.integers(-32768, 32767, (9000, 8)), "<i2"))
    with pytest.raises(ValueError, match=r"has 79 bytes; 4 float32 a point make a multiple of 16"):
        (tmp_path / "scan.bin").write_bytes(bytes(79))
        read_scan(tmp_path / "scan.bin")


def test_beams_without_return_and_few_points_are_no_reason_to_refuse(tmp_path):
    with_nan = SCAN.copy()
    with_nan[::3, :3] = np.nan
    np.testing.assert_array_equal(read_scan(write(tmp_path, with_nan)), with_nan.astype(np.float32))
    with_zeros = SCAN.copy()
    with_zeros[::5] = 0
    assert len(read_scan(write(tmp_path, with_zeros))) == len(SCAN)
    assert read_scan(write(tmp_path, np.full((3, 4), 7))).shape == (3, 4)
    assert read_scan(write(tmp_path, np.zeros((0, 4)))).shape == (0, 4)


def test_points_without_any_order_of_size_are_read(tmp_path):
    cube = np.random.default_rng(3).uniform(-1, 1, (5000, 4))
    np.testing.assert_array_equal(read_scan(write(tmp_path, cube)), cube.astype(np.float32))


def test_text_is_read_as_well(tmp_path):
    np.savetxt(tmp_path / "scan.txt", SCAN[:100])
    np.testing.assert_allclose(read_scan(tmp_path / "scan.txt"), SCAN[:100], rtol=1e-6)
    with pytest.raises(ValueError, match="must have 5 numbers in each line"):
        (tmp_path / "scan.txt").write_text("1 2 3 4\n")
        read_scan(tmp_path / "scan.txt", 5)


@pytest.mark.parametrize("columns", [2, 13, "four", True, 4.0])
def test_columns_out_of_range_are_refused(tmp_path, columns):
    with pytest.raises(ValueError, match="Option columns is .*; it must be a number from 3 to 12"):
        read_scan(write(tmp_path, SCAN), columns)


def test_real_scans_are_plausible_and_nothing_else_is(real_frames, tmp_path):
    for folder in sorted(real_frames.iterdir()):
        if not (folder / "points.bin").is_file():
            continue
        points = read_scan(folder / "points.bin")
        ring = np.column_stack([points, np.arange(len(points)) % 64])[: len(points) // 4 * 4]
        for other in (points[: len(points) // 4 * 4, :3], ring):
            with pytest.raises(ValueError, match="does not look like points"):
                read_scan(write(tmp_path, other))


@pytest.mark.parametrize("order", [(3, 0, 1, 2), (0, 1, 3, 2), (4, 0, 1, 2)])
@pytest.mark.parametrize("part", ["all", "ahead", "few"])
def test_scans_whose_coordinates_are_not_first_are_refused(tmp_path, order, part):
    points = COLUMNS[5][:, list(order)]
    ahead = SCAN[:, 0] > 0
    points = {"all": points, "ahead": points[ahead], "few": points[ahead][:200]}[part]
    with pytest.raises(ValueError, match="fourth number of a point is negative in .* which no intensity is"):
        read_scan(write(tmp_path, points))


def test_scans_ahead_of_a_camera_are_read(tmp_path):
    ahead = SCAN[SCAN[:, 0] > 0]
    np.testing.assert_array_equal(read_scan(write(tmp_path, ahead)), ahead.astype(np.float32))


@pytest.mark.parametrize("count", [3, 5])
def test_few_points_of_other_columns_are_not_read_as_four(tmp_path, count):
    with pytest.raises(ValueError, match="does not look like points with x y z first"):
        read_scan(write(tmp_path, COLUMNS[count][:160]))


def test_few_numbers_that_no_coordinates_can_be_are_refused(tmp_path):
    for kind in ("<f8", ">f4"):
        with pytest.raises(ValueError, match="does not look like points of 4 float32"):
            read_scan(write(tmp_path, SCAN[:100], kind))


def test_scans_in_millimetres_are_refused_as_such(tmp_path):
    millimetres = SCAN * (1000, 1000, 1000, 1)
    with pytest.raises(ValueError, match="they look like millimetres, which must be divided by 1000"):
        read_scan(write(tmp_path, millimetres))
    with pytest.raises(ValueError, match="m away in the median; .* so it is not in metres"):
        read_scan(write(tmp_path, SCAN * (90, 90, 90, 1)))


@pytest.mark.parametrize(
    ("first", "name"), [(b"\x93NUMPY\x01\0", "NumPy"), (b"# .PCD v0.7\n", "PCD"), (b"ply\n", "PLY")]
)
def test_other_files_of_points_are_named(tmp_path, first, name):
    (tmp_path / "scan.bin").write_bytes(first + SCAN[:32].astype("<f4").tobytes())
    with pytest.raises(ValueError, match=f"is a file of {name}.*it must be plain float32, x y z first"):
        read_scan(tmp_path / "scan.bin")


def test_lines_of_a_text_have_the_numbers_of_a_point_each(tmp_path):
    file = tmp_path / "scan.txt"
    np.savetxt(file, COLUMNS[5][:200])
    with pytest.raises(ValueError, match="must have 4 numbers in each line; a line has 5: give .* columns=5"):
        read_scan(file)
    np.testing.assert_allclose(read_scan(file, 5), SCAN[:200], atol=1e-5)
    file.write_text("1 2 3 0.5\n4 5 6\n")
    with pytest.raises(ValueError, match=r"a line has 3\.$"):
        read_scan(file)
