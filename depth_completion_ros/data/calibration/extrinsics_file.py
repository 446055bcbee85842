"""The transform from LiDAR to camera of a calibration file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depth_completion_ros.core import TransformError, TransformTree, invert

from .document import numbers, read_document
from .extrinsics import extrinsics_from_numbers

CAMERA_FROM_LIDAR = (
    "T_cam_lidar",
    "T_camera_lidar",
    "T_cam_velo",
    "lidar_to_camera",
    "lidar_to_cam",
    "Tr_velo_to_cam",
    "ExtrinsicMat",
)
LIDAR_FROM_CAMERA = ("T_lidar_camera", "T_lidar_cam", "camera_to_lidar", "cam_to_lidar", "CameraExtrinsicMat")
"""Entries that say by their name which way they go; the last ones of both are of livox_camera_calib and of
Autoware."""
PARENTS, CHILDREN = ("parent", "parent_frame", "frame_id"), ("child", "child_frame", "child_frame_id")


@dataclass(frozen=True, eq=False)
class FileTransform:
    """A transform of a file: `child` in `parent`, both empty where the file does not name them."""

    T: np.ndarray
    parent: str = ""
    child: str = ""


def read_extrinsics(path: str | Path, camera_frame: str = "", lidar_frame: str = "") -> np.ndarray:
    """T_cam_lidar 4 x 4 of a calibration file (see `read_transforms`).

    Where the file has the frames the other way round, its transform is inverted; of several transforms the
    way between the two frames is taken. A frame without a name may be any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another format, frames of another sensor, or no rigid transform.
    """
    transforms, name = read_transforms(path), f"Calibration '{path}'"
    named = all(t.parent and t.child for t in transforms)
    if len(transforms) > 1:
        if not named or not camera_frame or not lidar_frame:
            raise ValueError(
                f"{name} has {len(transforms)} transforms; it must have one where the frames of camera and "
                "LiDAR are not known."
            )
        tree = TransformTree()
        for t in transforms:
            tree.set(t.parent, t.child, t.T)
        try:
            return tree.lookup(camera_frame, lidar_frame, 0)
        except TransformError as error:
            raise ValueError(f"{name}: {error}") from None
    (t,) = transforms
    if not named or _may_be(t, camera_frame, lidar_frame):
        return t.T
    if _may_be(t, lidar_frame, camera_frame):
        return invert(t.T)
    raise ValueError(
        f"{name} is of '{t.child}' in '{t.parent}', but the camera is '{camera_frame}' and the "
        f"LiDAR '{lidar_frame}'."
    )


def _may_be(t: FileTransform, parent: str, child: str) -> bool:
    """Whether a transform is of two frames; one without a name may be any."""
    return parent.lstrip("/") in ("", t.parent) and child.lstrip("/") in ("", t.child)


def of_one_lidar(path: str | Path) -> bool:
    """Whether a calibration file has the place of one LiDAR without the names of its frames."""
    return not all(t.parent and t.child for t in read_transforms(path))


def not_that_lidar(name: str, first: str, other: str) -> str:
    """A sentence for clouds of another LiDAR than the one whose place `name` tells."""
    return (
        f"{name} has the place of one LiDAR and no names of frames; it was used for clouds of '{first}', and "
        f"says nothing of those of '{other}'. A calibration file with names of frames may have both."
    )


def read_transforms(path: str | Path) -> list[FileTransform]:
    """The transforms of a calibration file, at least one; those without names are T_cam_lidar.

    Formats:

    - YAML or JSON with `matrix` (4 x 4 or 3 x 4), or `translation` and `rotation` or `quaternion` (lists
      x y z and x y z w, or mappings; or a rotation of 3 x 3), of `child` (the LiDAR) in `parent` (the
      camera); or a list of such.
    - ROS: parameters of a static_transform_publisher, a TransformStamped, or what
      `ros2 topic echo /tf_static` prints.
    - An entry whose name says which way it goes, such as T_cam_lidar of a frame folder, T_lidar_camera of
      direct_visual_lidar_calibration, ExtrinsicMat of livox_camera_calib, CameraExtrinsicMat of Autoware.
    - KITTI's `calib_velo_to_cam.txt`, to the *unrectified* camera 0; its rectified images need R_rect and
      the baseline of `calib_cam_to_cam.txt` too, which the KITTI readers apply.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another format, or no rigid transform.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no calibration file '{path}'.")
    name = f"Calibration '{path}'"
    content = read_document(path, name)
    if isinstance(content, dict) and isinstance(content.get("transforms"), list):
        content = content["transforms"]
    if isinstance(content, list):
        parts = [p.get("transforms", [p]) if isinstance(p, dict) else [p] for p in content]
        entries = [entry for part in parts for entry in part]
        if entries and all(isinstance(entry, dict) for entry in entries):
            return [_entry(entry, name) for entry in entries]
    if not isinstance(content, dict) or not content:
        raise ValueError(
            f"{name} is none of the formats known: YAML with translation and quaternion or matrix, "
            "calib.json with T_lidar_camera, KITTI's calib_velo_to_cam.txt."
        )
    return [_by_name(content, name) or _kitti(content, name) or _entry(content, name)]


def _by_name(content: dict, name: str) -> FileTransform | None:
    results = content.get("results")
    for entries in (results if isinstance(results, dict) else {}, content):
        found: dict[str, np.ndarray] = {}
        for key in (*CAMERA_FROM_LIDAR, *LIDAR_FROM_CAMERA):
            if key not in entries:
                continue
            try:
                T = extrinsics_from_numbers(numbers(entries[key], f"{name}: {key}"), f"{name}: {key}")
            except ValueError:
                if found:  # a remark, such as "x_cam = T x_lidar"
                    continue
                raise
            found[key] = T if key in CAMERA_FROM_LIDAR else invert(T)
        if found:
            (first, T), *others = found.items()
            for key, other in others:
                if not np.allclose(T, other, atol=1e-3):
                    raise ValueError(f"{name} has {first} and {key}, which differ; give one of them.")
            return FileTransform(T)
        if "init_T_lidar_camera" in entries:
            raise ValueError(
                f"{name} has only init_T_lidar_camera, the first guess; it needs T_lidar_camera in results."
            )
    return None


def _kitti(content: dict, name: str) -> FileTransform | None:
    if not {"R", "T"} <= set(content):
        return None
    R, t = (numbers(content[key], f"{name}: {key}") for key in "RT")
    return FileTransform(_of_matrix(R, t, "R", "T", name))


def _of_matrix(R: np.ndarray, t: np.ndarray, of_R: str, of_t: str, name: str) -> np.ndarray:
    """4 x 4 of the 9 numbers of a rotation, row by row, and the 3 of a translation."""
    if (R.size, t.size) != (9, 3):
        raise ValueError(f"{name} has {R.size} numbers in {of_R} and {t.size} in {of_t}; it needs 9 and 3.")
    return extrinsics_from_numbers(np.column_stack([R.reshape(3, 3), t]), name)


def _entry(content: dict, name: str) -> FileTransform:
    """One transform as `matrix`, or as translation and rotation, perhaps below `transform` as ROS has it."""
    header = content.get("header")
    named = {**(header if isinstance(header, dict) else {}), **content}
    parent, child = (
        str(next((named[key] for key in keys if named.get(key)), "")).lstrip("/")
        for keys in (PARENTS, CHILDREN)
    )
    pose = content.get("transform", content)
    pose = pose if isinstance(pose, dict) else {"matrix": pose}
    if "matrix" in pose:
        flat = numbers(pose["matrix"], f"{name}: matrix")
        if flat.size not in (12, 16):
            raise ValueError(f"{name}: matrix has {flat.size} numbers; it must be 4 x 4 or 3 x 4.")
        return FileTransform(extrinsics_from_numbers(flat, f"{name}: matrix"), parent, child)
    rotation = "rotation" if "rotation" in pose else "quaternion"
    missing = {"translation", rotation} - set(pose)
    if any(re.fullmatch(r"cam\d+", str(key)) for key in content):
        raise ValueError(
            f"{name} is a camchain of Kalibr, whose transforms are between cameras and IMU; none of them is "
            "to a LiDAR. As camera_info_file it gives the camera."
        )
    if missing:
        raise ValueError(
            f"{name} has {', '.join(map(str, content)) or 'nothing'} but no "
            f"{' and no '.join(sorted(missing))}; it needs translation and quaternion, or matrix."
        )
    translation, turned = _axes(pose["translation"], "xyz", name), _axes(pose[rotation], "xyzw", name)
    if rotation == "rotation" and np.size(numbers(turned, f"{name}: rotation")) == 9:
        R, t = numbers(turned, f"{name}: rotation"), numbers(translation, f"{name}: translation")
        return FileTransform(_of_matrix(R, t, rotation, "translation", name), parent, child)
    values = [*translation, *turned]
    return FileTransform(extrinsics_from_numbers(values, name), parent, child)


def _axes(value, axes: str, name: str) -> list:
    if isinstance(value, dict) and set(axes) <= set(value):
        return [value[axis] for axis in axes]
    if not isinstance(value, list):
        raise ValueError(
            f"{name}: translation and quaternion must be lists, x y z and x y z w, or have these as entries."
        )
    return value
