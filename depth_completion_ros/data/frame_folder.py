"""Folders that hold one frame each: image, calib.json, and points or depth."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path, PurePath

import numpy as np

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.core.safe.files import read_array, read_json
from depth_completion_ros.core.safe.pixels import ImageError
from depth_completion_ros.core.sparse import scatter

from .calibration.extrinsics import of_a_rig
from .files import nearest_rigid, read_depth, read_image
from .messages import rings_from_top
from .reader import IndexedReader
from .scan import read_scan

KINDS = ("lidar", "rgbd", "lowres_depth", "sparse_gt")
KEYS = {
    "kind": "one of lidar, rgbd, lowres_depth, sparse_gt; only lidar has points",
    "image": "file of the image",
    "width": "pixels of the image",
    "height": "pixels of the image",
    "K": "3 x 3, pixels; null where it is not known",
    "D": "distortion coefficients in OpenCV's order",
    "distortion_model": "as in CameraInfo; none or missing for a rectified image",
    "points": "file of the scan, float32 x y z intensity",
    "columns": "float32 numbers of a point in it, 4 if missing",
    "T_cam_lidar": "4 x 4, x_cam = T x_lidar",
    "rings": "NumPy file with the laser of each point",
    "T_world_lidar": "4 x 4, pose of the LiDAR in a frame that stands still",
    "depth": "sparse or low-resolution depth of the sensor: file and units_per_metre",
    "gt_depth": "ground truth: file and units_per_metre",
    "gt_accum": "the same, accumulated from scans; used where there is no gt_depth",
    "frame": "number in its sequence, which with rate_hz makes a stamp",
    "rate_hz": "frames a second",
}
"""Entries of calib.json that are read."""
REMARKS = {
    *(
        "name",
        "note",
        "sensor",
        "lidar",
        "sequence",
        "n_points",
        "points_layout",
        "lidar_to_camera",
        "full_360",
    ),
    *("source_repo", "source_path", "licence", "T_world_cam_xyz_qxyzw", "fields_in_source", "description"),
}
"""Entries that tell people where a frame comes from, and are not read."""
RATES_HZ = 1e-3, 1e5
LAST_NUMBER = 1e9
UNITS = 1e-3, 1e6
"""Of depth in a metre: kilometres to micrometres."""
DEPTH_KEYS = {"file", "units_per_metre", "invalid", "note"}


class FrameFolder(IndexedReader):
    """Frames of a folder of frame folders, or of one of them, in the order of their names.

    A frame folder has files and a calib.json with the entries of `KEYS`; others are refused, as a misspelt
    one would be ignored. Frames with a `rate_hz` get stamps of their number in the sequence.

    Args:
        select: pattern that the names must match, such as `kitti_seq_*`.
    """

    layout = "a folder with calib.json and an image, or a folder of such"

    def __init__(self, path: Path, *, select: str = "*"):
        super().__init__(path.resolve().name)
        found = [path] if _is_frame(path) else sorted(p for p in path.iterdir() if _is_frame(p))
        self.folders = [p for p in found if fnmatch(p.resolve().name, str(select))]
        if not self.folders:
            raise ValueError(
                f"No frame in '{path}' is called '{select}'; there are {', '.join(p.name for p in found)}."
            )

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return path.is_dir() and (_is_frame(path) or any(_is_frame(p) for p in path.iterdir()))

    def __len__(self) -> int:
        return len(self.folders)

    def read(self, index: int) -> Frame:
        return read_frame(self.folders[index])

    def describe(self) -> str:
        return f"{len(self)} frame folders of {self.name}"


def _is_frame(path: Path) -> bool:
    return (path / "calib.json").is_file()


def read_frame(folder: Path) -> Frame:
    """Frame of one folder.

    Raises:
        FileNotFoundError, ValueError: a file is missing or broken, or calib.json lacks an entry.
    """
    file = folder / "calib.json"
    try:
        calibration = read_json(file)
        if not isinstance(calibration, dict):
            raise ValueError("calib.json has no entries.")
        return _frame(folder, calibration)
    except KeyError as error:
        raise ValueError(f"File '{file}' lacks the entry {error}.") from None
    except ImageError as error:
        raise ImageError(f"Frame '{folder}' cannot be read: {error}") from None
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"Frame '{folder}' cannot be read: {error}") from None


def _frame(folder: Path, calibration: dict) -> Frame:
    _check_keys(calibration)
    kind = calibration["kind"]
    if kind not in KINDS:
        raise ValueError(f"Kind of '{folder}' is '{kind}'; it must be one of {', '.join(KINDS)}.")
    size = calibration["width"], calibration["height"]
    frame = Frame(
        name=folder.resolve().name,
        camera=_camera(calibration),
        image=read_image(_inside(folder, calibration["image"])),
        ground_truth=_depth(folder, calibration.get("gt_depth") or calibration.get("gt_accum"), size),
        sparse_depth=_depth(folder, calibration.get("depth"), size),
        **(_points(folder, calibration) if kind == "lidar" else {}),
    )
    if calibration.get("rate_hz"):
        rate = _number("rate_hz", calibration["rate_hz"], *RATES_HZ)
        number = _number("frame", calibration["frame"], 0, LAST_NUMBER)
        # From one second on, as a stamp of zero means none to ROS.
        frame.stamp_image = 10**9 + round(number * 1e9 / rate)
        frame.stamp_points = frame.stamp_image if kind == "lidar" else None
    return frame


def _inside(folder: Path, name: object) -> Path:
    """A file of a frame folder; a name that leads elsewhere is refused, whoever wrote it."""
    parts = PurePath(name) if isinstance(name, str) and name else None
    if parts is None or parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"calib.json names the file {name!r}; it must be a path inside the folder.")
    return folder / parts


def _number(name: str, value: object, least: float, most: float) -> float:
    """A number of calib.json within limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(
            f"{name} of calib.json is {value!r}; it must be a number from {least:g} to {most:g}."
        )
    return value


def _check_keys(calibration: dict) -> None:
    unknown = sorted(set(calibration) - set(KEYS) - REMARKS)
    if unknown:
        raise ValueError(
            f"calib.json has the entry '{unknown[0]}', which is not known; known are {', '.join(KEYS)}."
        )
    for name in ("depth", "gt_depth", "gt_accum"):
        entry = calibration.get(name)
        unknown = sorted(set(entry) - DEPTH_KEYS) if isinstance(entry, dict) else []
        if unknown:
            raise ValueError(
                f"entry '{name}' of calib.json has '{unknown[0]}', which is not known; "
                f"known are {', '.join(sorted(DEPTH_KEYS))}."
            )


def _camera(calibration: dict) -> Camera | None:
    if calibration["K"] is None:
        return None
    model = calibration.get("distortion_model") or "none"
    D = calibration.get("D", ())
    if model.startswith("none"):
        model, D = "plumb_bob", ()
    return Camera(calibration["width"], calibration["height"], calibration["K"], model, D).check_plausible()


def _points(folder: Path, calibration: dict) -> dict:
    points = read_scan(_inside(folder, calibration["points"]), calibration.get("columns", 4))
    rings = None
    if "rings" in calibration:
        rings = read_array(_inside(folder, calibration["rings"]))
        if rings.shape != (len(points),):
            raise ValueError(f"its rings have shape {rings.shape}, its points are {len(points)}.")
        rings = rings_from_top(rings, points)
    name = f"T_cam_lidar of '{folder}'"
    T_cam_lidar = of_a_rig(nearest_rigid(calibration["T_cam_lidar"], name), name)
    T_world_lidar = calibration.get("T_world_lidar")
    if T_world_lidar is not None:
        T_world_lidar = nearest_rigid(T_world_lidar, f"T_world_lidar of '{folder}'")
    return {
        "points": points,
        "rings": rings,
        "T_cam_lidar": T_cam_lidar,
        "T_world_lidar": T_world_lidar,
    }


def _depth(folder: Path, entry: dict | None, size: tuple[int, int]) -> np.ndarray | None:
    if entry is None:
        return None
    units = _number("units_per_metre", entry["units_per_metre"], *UNITS)
    depth = read_depth(_inside(folder, entry["file"]), units)
    return depth if depth.shape == size[::-1] else scatter(depth, *size)
