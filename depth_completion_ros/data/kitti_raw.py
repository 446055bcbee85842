"""Drives of the KITTI raw data set (synced and rectified)."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Frame, TransformError, invert, rigid
from depth_completion_ros.core.geometry import interpolate
from depth_completion_ros.core.safe.files import read_bytes, read_text

from .calibration.kitti import read_calibration, read_transform
from .deskew import Deskew, NotDeskewed
from .files import IMAGE_SUFFIXES, numbered_files, read_depth, read_image
from .messages.times import check_times
from .reader import IndexedReader, NoFrame
from .scan import read_scan

EARTH_RADIUS_M = 6378137.0
CAMERAS = (0, 1, 2, 3)


class KittiRaw(IndexedReader):
    """Frames of one drive, `<date>/<date>_drive_XXXX_sync`.

    Given are the folder of the drive, or of the date or above it where it holds a single drive. Scans
    or images missing from the drive, as in the original data, leave out their frame. A folder
    `ground_truth/data` of 16-bit PNGs (metres x 256), as our demo drive has it, is read along. Without both
    `timestamps.txt` frames have no stamps, without the calibration of the IMU no poses.

    Args:
        camera: 0 and 1 are the grey, 2 and 3 the colour cameras, left and right.
        columns: float32 numbers of a point in the scans, x y z first; see `read_scan`.
        deskew: `auto`, `on` or `off`, see `Deskew`: KITTI's own scans are deskewed already; drives of ours
            may have `velodyne_points/time`, float32 seconds of each point since the stamp of its scan.
    """

    layout = "a drive with image_02/data and velodyne_points/data, calib_*.txt one level up"

    def __init__(self, path: Path, *, camera: int = 2, columns: int = 4, deskew: str = "auto"):
        self.drive = _single_drive(path)
        super().__init__(self.drive.name)
        self.deskew = Deskew(deskew)
        check_camera(camera)
        self.camera_number, self.columns = camera, columns
        self._images = self.drive / f"image_{camera:02d}"
        if not (self._images / "data").is_dir():
            there = ", ".join(sorted(p.name for p in self.drive.glob("image_*")))
            raise FileNotFoundError(
                f"Drive '{self.drive}' has no image_{camera:02d}/data; it has {there or 'no images'}."
            )
        self._points = self.drive / "velodyne_points"
        self.camera, self.T_cam_lidar = read_calibration(self.drive.parent, camera)
        self._image_files = numbered_files(self._images / "data", IMAGE_SUFFIXES)
        self._scan_files = numbered_files(self._points / "data", (".bin", ".txt"))
        self._image_stamps, self._points_stamps = _stamps(self._images), _stamps(self._points)
        if (self._image_stamps is None) != (self._points_stamps is None):
            lacks = self._points if self._points_stamps is None else self._images
            raise FileNotFoundError(
                f"File '{lacks / 'timestamps.txt'}' is missing; the other sensor has one."
            )
        self._poses = _lidar_poses(self.drive) if self._image_stamps is not None else None
        self._truth = self.drive / "ground_truth" / "data"

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return path.is_dir() and bool(_drives(path))

    def __len__(self) -> int:
        files = max([*self._image_files, *self._scan_files], default=-1) + 1
        return files if self._image_stamps is None else max(files, len(self._image_stamps))

    def describe(self) -> str:
        return f"{len(self)} frames of the KITTI raw drive {self.name}, camera {self.camera_number}"

    def read(self, index: int) -> Frame:
        stamp_image, stamp_points = self._stamps_of(index)
        scan, image = self._scan_files.get(index), self._image_files.get(index)
        for cause, file, folder, kind in (
            ("no scan", scan, self._points, "bin"),
            ("no image", image, self._images, "png"),
        ):
            if file is None:
                raise NoFrame(cause, f"file '{folder / 'data' / f'{index:010d}.{kind}'}' is missing.")
        raw = read_scan(scan, self.columns)
        at_image, at_points = self._pose_at(stamp_image), self._pose_at(stamp_points)
        moved = at_image is not None and at_points is not None
        points, times = self._deskewed(raw, scan, stamp_points)
        truth = self._truth / f"{index:010d}.png"
        return Frame(
            name=f"{self.name}_{index:010d}",
            frame_id=f"camera_{self.camera_number}",
            camera=self.camera,
            image=read_image(image),
            points=points,
            point_times=times,
            rings=rings_of_scan(raw),
            T_cam_lidar=self.T_cam_lidar,
            T_image_points=invert(at_image) @ at_points if moved else None,
            T_world_lidar=at_points,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            ground_truth=read_depth(truth) if truth.is_file() else None,
        )

    def _deskewed(self, points: np.ndarray, scan: Path, stamp: int | None):
        """Points of a scan and their times, as `Deskew.apply` gives them."""
        file = self._points / "time" / f"{scan.stem}.bin"

        def pose_at(seconds: float) -> np.ndarray:
            pose = self._pose_at(stamp + round(seconds * 1e9))
            if pose is None:
                raise TransformError(
                    f"the GPS/IMU of '{self.drive}' has no pose for all of scan {scan.stem}."
                )
            return pose

        try:
            return self.deskew.apply(
                points, partial(_times, file, len(points)), pose_at if self._poses is not None else None
            )
        except NotDeskewed as error:
            raise NoFrame(f"not deskewed, {error.cause}", str(error)) from None

    def _stamps_of(self, index: int) -> tuple[int | None, int | None]:
        if self._image_stamps is None or self._points_stamps is None:
            return None, None
        for stamps, sensor in ((self._image_stamps, self._images), (self._points_stamps, self._points)):
            if index >= len(stamps):
                raise NoFrame("no stamp", f"'{sensor / 'timestamps.txt'}' has no line {index + 1}.")
        return self._image_stamps[index], self._points_stamps[index]

    def _pose_at(self, stamp: int | None) -> np.ndarray | None:
        return None if self._poses is None or stamp is None else pose_at(*self._poses, stamp)


def _times(file: Path, count: int) -> np.ndarray | None:
    if not file.is_file():
        return None
    data = read_bytes(file)
    if len(data) != 4 * count:
        raise ValueError(f"File '{file}' has {len(data)} bytes; {count} points need {4 * count}.")
    return check_times(np.frombuffer(data, "<f4"), f"File '{file}'")


def _drives(path: Path) -> list[Path]:
    for pattern in (".", "*", "*/*"):
        found = sorted(p.parent for p in path.glob(f"{pattern}/velodyne_points") if p.is_dir())
        if found:
            # "." as a path has no name to report.
            return [drive.resolve() for drive in found]
    return []


def _single_drive(path: Path) -> Path:
    drives = _drives(path)
    if len(drives) != 1:
        names = ", ".join(str(drive.relative_to(path.resolve())) for drive in drives) or "none"
        raise ValueError(f"'{path}' must hold one KITTI raw drive or be one; it holds {names}.")
    return drives[0]


def check_camera(camera: int) -> None:
    """ValueError where it is no camera of KITTI."""
    if type(camera) is not int or camera not in CAMERAS:
        raise ValueError(f"Option camera is {camera!r}; it must be one of 0, 1, 2, 3.")


def _stamps(sensor: Path) -> list[int] | None:
    file = sensor / "timestamps.txt"
    return read_timestamps(file) if file.is_file() else None


def read_timestamps(file: Path) -> list[int]:
    """Stamps in nanoseconds of lines such as `2011-09-26 13:02:25.964389445`, taken as UTC.

    ISO 8601 (`2011-09-26T13:02:25Z`) and seconds, milli-, micro- or nanoseconds since 1970 are read as well.
    """
    return [_stamp(line.strip(), file) for line in read_text(file).splitlines() if line.strip()]


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(?:Z|UTC|([+-]\d\d:?\d\d))?")


def _stamp(text: str, file: Path) -> int:
    try:
        return _since_1970(Decimal(text))
    except InvalidOperation:
        pass
    match = _TIME.fullmatch(text)
    try:
        whole = datetime.fromisoformat(f"{match[1]} {match[2]}").replace(tzinfo=UTC)
        zone = datetime.strptime(match[4] or "+0000", "%z").utcoffset().total_seconds()
        return int(whole.timestamp() - zone) * 10**9 + int(f"{match[3] or '':0<9.9}")
    except (TypeError, ValueError):
        raise ValueError(
            f"Line '{text}' of '{file}' is no stamp like 2011-09-26 13:02:25.964389445 or seconds since 1970."
        ) from None


def _since_1970(number: Decimal) -> int:
    """Nanoseconds of a number in the unit that makes it a time of our days."""
    if not number.is_finite():
        raise InvalidOperation
    for unit in (10**9, 10**6, 10**3):
        if abs(number) < 10**20 // unit:
            return round(number * unit)
    return round(number)


def rings_of_scan(points: np.ndarray) -> np.ndarray:
    """Laser of each point of a KITTI scan (N x 4 in the order of the file), int N, 0 the topmost.

    The file holds one turn after the other; a new one starts where the azimuth falls back to zero.
    Elevation would not do, as the lasers have no common origin.
    """
    azimuth = np.arctan2(points[:, 1], points[:, 0]) % np.float32(2 * np.pi)
    rings = np.zeros(len(points), np.int32)
    np.cumsum(np.diff(azimuth) < -np.pi, out=rings[1:])
    return rings


def _lidar_poses(drive: Path) -> tuple[list[int], list[np.ndarray]] | None:
    """Stamps and T_world_lidar of the drive's GPS/IMU, or None where it has none.

    The world is the LiDAR frame of the first packet, so that numbers stay small.
    """
    folder = drive / "oxts"
    if not (folder / "data").is_dir():
        return None
    calibration = drive.parent / "calib_imu_to_velo.txt"
    for file in (calibration, folder / "timestamps.txt"):
        if not file.is_file():
            warnings.warn(
                f"Drive '{drive}' has oxts but no '{file.name}', so frames have no poses.", stacklevel=3
            )
            return None
    stamps, poses, scale = [], [], None
    T_imu_lidar = invert(read_transform(calibration))
    for index, stamp in enumerate(read_timestamps(folder / "timestamps.txt")):
        file = folder / "data" / f"{index:010d}.txt"
        if not file.is_file():
            continue
        try:
            fix = lat, lon, alt, roll, pitch, yaw = [float(word) for word in read_text(file).split()[:6]]
            if not np.isfinite(fix).all():
                raise ValueError
        except ValueError:
            raise ValueError(f"File '{file}' must start with six numbers: lat lon alt r p y.") from None
        scale = np.cos(np.deg2rad(lat)) if scale is None else scale
        stamps.append(stamp)
        poses.append(_mercator_pose(lat, lon, alt, roll, pitch, yaw, scale) @ T_imu_lidar)
    return (stamps, [invert(poses[0]) @ pose for pose in poses]) if len(poses) > 1 else None


def _mercator_pose(lat, lon, alt, roll, pitch, yaw, scale: float) -> np.ndarray:
    """T_world_imu of a GPS/IMU fix: degrees, metres, radians; scale = cos of the first latitude."""
    x = scale * EARTH_RADIUS_M * np.deg2rad(lon)
    y = scale * EARTH_RADIUS_M * np.log(np.tan(np.deg2rad(90 + lat) / 2))
    cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (np.cos, np.sin))
    Rx = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    Ry = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    Rz = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return rigid(Rz @ Ry @ Rx, np.array([x, y, alt]))


def pose_at(stamps: list[int], poses: list[np.ndarray], stamp: int) -> np.ndarray | None:
    """Pose at a time, in between or at most one interval beyond the ends; else None."""
    after = int(np.clip(np.searchsorted(stamps, stamp), 1, len(stamps) - 1))
    t0, t1 = stamps[after - 1], stamps[after]
    alpha = (stamp - t0) / max(t1 - t0, 1)
    return interpolate(poses[after - 1], poses[after], alpha) if -1 <= alpha <= 2 else None
