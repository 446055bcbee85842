"""KITTI's benchmarks with scans: object detection, tracking and odometry."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.core.safe.files import read_text

from .calibration.kitti import read_benchmark_calibration
from .files import find_image, read_image
from .kitti_raw import rings_of_scan
from .reader import IndexedReader, NoFrame
from .scan import read_scan

SPLITS = ("training", "testing")


@dataclass(frozen=True)
class _Part:
    """Folders of a split, or of a sequence where frames belong to one."""

    name: str
    images: Path
    scans: Path
    calibrations: tuple[Path, ...]
    """Where the calibration of all frames may be; that of each stands in `calib` beside the scans."""
    times: Path | None = None
    sequence: str = ""


class KittiObject(IndexedReader):
    """Frames of `training` or `testing` of object detection or tracking, or of a sequence of odometry.

    Given is that folder or the one above. Each frame has a calibration of its own in `calib`, or all have
    one, `calib.txt` there or beside the images. Frames of odometry have stamps, from one second on.

    Args:
        split: `training` or `testing`, where the folder above holds both.
        sequence: such as `00`, where there are several.
        columns: float32 numbers of a point in the scans, x y z first; see `read_scan`.
    """

    layout = "{training,testing}/{image_2,velodyne,calib} or sequences/00/{image_2,velodyne,calib.txt}"

    def __init__(self, path: Path, *, split: str = "training", sequence: str | None = None, columns: int = 4):
        if split not in SPLITS:
            raise ValueError(f"Option split is '{split}'; it must be training or testing.")
        self._part = _chosen(path, split, sequence)
        self.columns = columns
        super().__init__(self._part.name)
        self._scans = sorted(p for p in self._part.scans.iterdir() if p.suffix in (".bin", ".txt"))
        if not self._scans:
            raise FileNotFoundError(f"Folder '{self._part.scans}' has no .bin scans.")
        self._times = None
        if self._part.times is not None:
            self._times = _times(self._part.times)

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return path.is_dir() and next(_parts(path), None) is not None

    def __len__(self) -> int:
        return len(self._scans)

    def read(self, index: int) -> Frame:
        scan = self._scans[index]
        image = find_image(self._part.images, scan.stem)
        if not image.is_file():
            raise NoFrame("no image", f"image '{image}' (or .jpg) is missing.")
        pixels, points = read_image(image), read_scan(scan, self.columns)
        calibration = self._calibration(scan.stem)
        K, T_cam_lidar = read_benchmark_calibration(calibration)
        camera = Camera(pixels.shape[1], pixels.shape[0], K).check_plausible()
        if doubt := camera.off_centre():
            warnings.warn(f"Camera of '{calibration}': {doubt}", stacklevel=2)
        return Frame(
            name=f"{self.name}_{scan.stem}",
            frame_id="camera_2",
            camera=camera,
            image=pixels,
            points=points,
            rings=rings_of_scan(points),
            T_cam_lidar=T_cam_lidar,
            stamp_image=self._stamp(scan.stem),
            stamp_points=self._stamp(scan.stem),
        )

    def _calibration(self, stem: str) -> Path:
        own = self._part.scans.parent / "calib" / f"{stem}.txt"
        return next((file for file in (own, *self._part.calibrations) if file.is_file()), own)

    def _stamp(self, stem: str) -> int | None:
        if self._times is None or not stem.isdigit() or int(stem) >= len(self._times):
            return None
        # From one second on, as a stamp of zero means none to ROS.
        return 10**9 + round(self._times[int(stem)] * 1e9)


def _chosen(path: Path, split: str, sequence: str | None) -> _Part:
    parts = list(_parts(path))
    wanted = [part for part in parts if split in (part.images.parent.name, part.images.parent.parent.name)]
    parts = wanted or parts
    names = list(dict.fromkeys(part.sequence for part in parts if part.sequence))
    if sequence is not None:
        sequence = f"{sequence:02d}" if isinstance(sequence, int) else str(sequence)
        parts = [part for part in parts if part.sequence.lstrip("0") == sequence.lstrip("0")]
        if not parts:
            raise ValueError(f"Option sequence is '{sequence}'; '{path}' has {', '.join(names) or 'none'}.")
    elif len(names) > 1:
        raise ValueError(f"'{path}' has the sequences {', '.join(names)}: choose with the option sequence.")
    return parts[0]


def _parts(path: Path) -> Iterator[_Part]:
    """What there is to read at a path or below."""
    path = path.resolve()
    for folder in (path, *(path / split for split in SPLITS), *_folders(path / "sequences"), *_folders(path)):
        if (folder / "velodyne").is_dir():
            yield from _parts_of(folder)


def _parts_of(folder: Path) -> Iterator[_Part]:
    scans, above = folder / "velodyne", (folder / "calib" / "calib.txt", folder / "calib.txt")
    if (folder / "image_2").is_dir():
        times = folder / "times.txt"
        benchmark, sequence = ("odometry", folder.name) if times.is_file() else ("object", "")
        yield _Part(
            f"kitti_{benchmark}_{folder.name}",
            folder / "image_2",
            scans,
            (*above, folder.parent / "calib.txt"),
            times if times.is_file() else None,
            sequence,
        )
    for images in _folders(folder / "image_02"):
        if (scans / images.name).is_dir():
            calibration = folder / "calib" / f"{images.name}.txt"
            name = f"kitti_tracking_{images.name}"
            yield _Part(name, images, scans / images.name, (calibration, *above), None, images.name)


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []


def _times(file: Path) -> list[float]:
    try:
        times = [float(line) for line in read_text(file).split()]
        if not all(map(isfinite, times)):
            raise ValueError
        return times
    except ValueError:
        raise ValueError(f"File '{file}' must have a number of seconds in each line.") from None
