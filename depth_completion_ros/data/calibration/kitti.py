"""Calibration files of KITTI: raw data, object, tracking and odometry benchmark."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Camera, rigid
from depth_completion_ros.core.safe.files import read_settings

from ..files import nearest_rigid
from .extrinsics import of_a_rig


def read_values(path: Path) -> dict[str, np.ndarray]:
    """Numbers of a calibration file of KITTI, by the name before the colon or, as in tracking, the blank.

    Raises:
        ValueError: an entry given twice with different numbers.
    """
    values: dict[str, np.ndarray] = {}
    for line in read_settings(path).splitlines():
        entry = re.match(r"\s*(\w+)\s*[:\s]\s*(.*)", line)
        try:
            numbers = np.array(entry[2].split(), dtype=np.float64)
        except (TypeError, ValueError):
            continue  # an empty line, calib_time and the like
        if not np.array_equal(values.setdefault(entry[1], numbers), numbers, equal_nan=True):
            raise ValueError(
                f"Entry {entry[1]} of '{path}' is given twice, with different numbers; give it once."
            )
    return values


def matrix(
    values: dict[str, np.ndarray], names: str | tuple[str, ...], rows: int, columns: int, path: Path
) -> np.ndarray:
    """The first entry of `read_values` that is there, as a matrix; ValueError where none is."""
    names = (names,) if isinstance(names, str) else names
    name = next((name for name in names if name in values), names[0])
    if name not in values:
        raise ValueError(
            f"File '{path}' has no entry {' or '.join(names)}; it has {', '.join(values) or 'no numbers'}."
        )
    numbers = values[name]
    if numbers.size != rows * columns:
        raise ValueError(
            f"Entry {name} of '{path}' has {numbers.size} numbers; it must have {rows * columns}."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"Entry {name} of '{path}' has numbers that are not finite.")
    return numbers.reshape(rows, columns)


def read_camera(folder: Path, number: int) -> tuple[Camera, np.ndarray]:
    """Rectified camera of a date folder and T_cam_rect0, 4 x 4 from the rectified camera 0 to it."""
    file = folder / "calib_cam_to_cam.txt"
    values = read_values(file)
    width, height = matrix(values, f"S_rect_{number:02d}", 1, 2, file)[0].astype(int)
    K, T_cam_rect0 = split_projection(matrix(values, f"P_rect_{number:02d}", 3, 4, file), file)
    return Camera(width, height, K).check_plausible(), T_cam_rect0


def split_projection(P: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """K, and as 4 x 4 the shift of the camera that the last column of a 3 x 4 projection stands for.

    Raises:
        ValueError: a projection, in the file `path`, that is none.
    """
    K = P[:, :3]
    if abs(np.linalg.det(K)) < 1e-9:
        raise ValueError(f"File '{path}' has a projection of {K.tolist()}, which no camera has.")
    return K, rigid(np.eye(3), np.linalg.solve(K, P[:, 3]))


def read_calibration(folder: Path, number: int) -> tuple[Camera, np.ndarray]:
    """Rectified camera of a date folder and its T_cam_lidar, 4 x 4."""
    camera, T_cam_rect0 = read_camera(folder, number)
    file = folder / "calib_cam_to_cam.txt"
    R_rect = rigid(matrix(read_values(file), "R_rect_00", 3, 3, file), np.zeros(3))
    T_cam0_lidar = read_transform(folder / "calib_velo_to_cam.txt")
    return camera, _placed(T_cam_rect0 @ R_rect @ T_cam0_lidar, folder)


def _placed(T_cam_lidar: np.ndarray, path: Path) -> np.ndarray:
    name = f"T_cam_lidar of '{path}'"
    return of_a_rig(nearest_rigid(T_cam_lidar, name), name)


def read_transform(file: Path) -> np.ndarray:
    """4 x 4 of a file with the entries R and T."""
    values = read_values(file)
    return rigid(matrix(values, "R", 3, 3, file), matrix(values, "T", 1, 3, file)[0])


def read_benchmark_calibration(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """K of the left colour camera and its T_cam_lidar, 4 x 4, of a file of a benchmark.

    Object detection has R0_rect and Tr_velo_to_cam, tracking R_rect and Tr_velo_cam. Odometry has Tr alone,
    which leads to the rectified camera 0.
    """
    values = read_values(file)
    K, T_cam_rect0 = split_projection(matrix(values, "P2", 3, 4, file), file)
    velo_to_cam = matrix(values, ("Tr_velo_to_cam", "Tr_velo_cam", "Tr"), 3, 4, file)
    R_rect = np.eye(4)
    if "Tr" not in values:
        R_rect = rigid(matrix(values, ("R0_rect", "R_rect", "R_rect_00"), 3, 3, file), np.zeros(3))
    T_cam0_lidar = rigid(velo_to_cam[:, :3], velo_to_cam[:, 3])
    return K, _placed(T_cam_rect0 @ R_rect @ T_cam0_lidar, file)
