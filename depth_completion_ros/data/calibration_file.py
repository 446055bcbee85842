"""Where the LiDAR is, seen from the camera: from numbers or a calibration file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core import Camera, check_rigid, invert, rigid
from ..core.geometry import quaternion_to_matrix, transform_points

CHECKED_POINTS = 20_000


def extrinsics_from_numbers(values: Sequence[object], name: str = "extrinsics") -> np.ndarray:
    """T_cam_lidar 4 x 4 of 16 numbers (row by row) or 7 (x y z qx qy qz qw); ValueError."""
    try:
        numbers = np.array(values, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"{name} has something that is not a number: {values}.") from None
    if numbers.size == 16:
        return check_rigid(numbers.reshape(4, 4), name)
    if numbers.size != 7:
        raise ValueError(
            f"{name} has {numbers.size} numbers; it must be x y z qx qy qz qw or the 16 numbers of "
            "a 4 x 4 matrix, row by row."
        )
    try:
        return check_rigid(rigid(quaternion_to_matrix(numbers[3:]), numbers[:3]), name)
    except ValueError as error:
        raise ValueError(f"{name} is not a transform: {error}") from None


def read_extrinsics(path: str | Path, camera_frame: str = "", lidar_frame: str = "") -> np.ndarray:
    """T_cam_lidar 4 x 4 of a calibration file.

    Formats:

    - YAML or JSON with `matrix` (4 x 4), or `translation` and `quaternion` (x y z w), of `child`
      (the LiDAR) in `parent` (the camera). Where both frames are known and the file has them the
      other way round, it is inverted.
    - `calib.json` of direct_visual_lidar_calibration, which has T_lidar_camera, and that of a
      frame folder, which has T_cam_lidar.
    - KITTI's `calib_velo_to_cam.txt`, to the *unrectified* camera 0; its rectified images need
      R_rect and the baseline of `calib_cam_to_cam.txt` too, which the KITTI readers apply.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another format, frames of another sensor, or no rigid transform.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no calibration file '{path}'.")
    name = f"Calibration '{path}'"
    content = _parse(path.read_text(encoding="utf-8", errors="replace"), name)
    results = content.get("results")
    if isinstance(results, dict) and "T_lidar_camera" in results:
        return invert(extrinsics_from_numbers(results["T_lidar_camera"], f"{name}: T_lidar_camera"))
    if "T_cam_lidar" in content:
        return extrinsics_from_numbers(content["T_cam_lidar"], f"{name}: T_cam_lidar")
    if {"R", "T"} <= set(content):
        return _kitti(content, name)
    T = _own_format(content, name)
    return invert(T) if _is_other_way_round(content, camera_frame, lidar_frame, name) else T


def _parse(text: str, name: str) -> dict:
    import yaml

    try:
        content = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{name} is none of the formats known: YAML with translation and quaternion or matrix, "
            "calib.json with T_lidar_camera, KITTI's calib_velo_to_cam.txt."
        )
    return content


def _kitti(content: dict, name: str) -> np.ndarray:
    R, t = (str(content[key]).split() for key in "RT")
    if (len(R), len(t)) != (9, 3):
        raise ValueError(f"{name} has {len(R)} numbers in R and {len(t)} in T; it needs 9 and 3.")
    rows = [[*R[3 * i : 3 * i + 3], t[i]] for i in range(3)]
    return extrinsics_from_numbers([*rows[0], *rows[1], *rows[2], 0, 0, 0, 1], name)


def _own_format(content: dict, name: str) -> np.ndarray:
    if "matrix" in content:
        return extrinsics_from_numbers(content["matrix"], f"{name}: matrix")
    missing = {"translation", "quaternion"} - set(content)
    if missing:
        raise ValueError(
            f"{name} has {', '.join(map(str, content)) or 'nothing'} but no "
            f"{' and no '.join(sorted(missing))}; it needs translation and quaternion, or matrix."
        )
    translation, quaternion = content["translation"], content["quaternion"]
    if not isinstance(translation, list) or not isinstance(quaternion, list):
        raise ValueError(f"{name}: translation and quaternion must be lists, x y z and x y z w.")
    return extrinsics_from_numbers([*translation, *quaternion], name)


def _is_other_way_round(content: dict, camera_frame: str, lidar_frame: str, name: str) -> bool:
    given = content.get("parent", ""), content.get("child", "")
    if not all((*given, camera_frame, lidar_frame)) or given == (camera_frame, lidar_frame):
        return False
    if given == (lidar_frame, camera_frame):
        return True
    raise ValueError(
        f"{name} is of '{given[1]}' in '{given[0]}', but the camera is '{camera_frame}' and the "
        f"LiDAR '{lidar_frame}'."
    )


def check_direction(T_cam_lidar: np.ndarray, camera: Camera, points: np.ndarray) -> str | None:
    """A sentence where T_cam_lidar looks like T_lidar_cam, given the wrong way round; else None.

    The inverse is suspected where it would put more than twice as many points in view, or where,
    unlike T, it has the LiDAR's z axis upwards in the image and still half as many in view.
    """
    points = points[:: max(1, len(points) // CHECKED_POINTS)]
    T_inverse = invert(T_cam_lidar)
    seen, seen_inverse = (_in_view(T, camera, points) for T in (T_cam_lidar, T_inverse))
    turned = -T_cam_lidar[1, 2] < 0.5 and -T_inverse[1, 2] > 0.8
    if seen_inverse <= 2 * seen and not (turned and seen_inverse > seen / 2):
        return None
    up = ", and only its inverse has the LiDAR upright" if turned else ""
    return (
        "The camera-from-LiDAR transform looks inverted: it puts "
        f"{100 * seen / len(points):.1f} % of the points in view, its inverse "
        f"{100 * seen_inverse / len(points):.1f} %{up}."
    )


def _in_view(T: np.ndarray, camera: Camera, points: np.ndarray) -> int:
    points = transform_points(T, points)
    pixels, seen = camera.project(points[np.isfinite(points).all(axis=1)])
    u, v = pixels[seen].T
    return int(((u >= 0) & (v >= 0) & (u < camera.width) & (v < camera.height)).sum())
