"""Drives of the KITTI raw data set (synced and rectified)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Camera, Frame, invert, rigid
from depth_completion_ros.core.geometry import interpolate

from .files import nearest_rigid, read_depth, read_image, read_scan, read_text
from .reader import IndexedReader, NoFrame

EARTH_RADIUS_M = 6378137.0
CAMERAS = (0, 1, 2, 3)


class KittiRaw(IndexedReader):
    """Frames of one drive, `<date>/<date>_drive_XXXX_sync`.

    Given are the folder of the drive, or of the date or above it where it holds a single drive. Scans
    or pictures missing from the drive, as in the original data, leave out their frame. A folder
    `ground_truth/data` of 16-bit PNGs (metres x 256), as our demo drive has it, is read along.

    Args:
        camera: 0 and 1 are the grey, 2 and 3 the colour cameras, left and right.
    """

    layout = "a drive with image_02/data and velodyne_points/data, calib_*.txt one level up"

    def __init__(self, path: Path, *, camera: int = 2):
        self.drive = _single_drive(path)
        super().__init__(self.drive.name)
        check_camera(camera)
        self.camera_number = camera
        self._images = self.drive / f"image_{camera:02d}"
        if not (self._images / "data").is_dir():
            there = ", ".join(sorted(p.name for p in self.drive.glob("image_*")))
            raise FileNotFoundError(
                f"Drive '{self.drive}' has no image_{camera:02d}/data; it has {there or 'no images'}."
            )
        self._points = self.drive / "velodyne_points"
        self.camera, self.T_cam_lidar = read_calibration(self.drive.parent, camera)
        self._image_stamps = read_timestamps(self._images / "timestamps.txt")
        self._points_stamps = read_timestamps(self._points / "timestamps.txt")
        self._poses = _lidar_poses(self.drive)
        self._truth = self.drive / "ground_truth" / "data"

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return path.is_dir() and bool(_drives(path))

    def __len__(self) -> int:
        return len(self._image_stamps)

    def describe(self) -> str:
        return f"{len(self)} frames of the KITTI raw drive {self.name}, camera {self.camera_number}"

    def read(self, index: int) -> Frame:
        scan = self._points / "data" / f"{index:010d}.bin"
        image = self._images / "data" / f"{index:010d}.png"
        for cause, file in (("no scan", scan), ("no image", image)):
            if not file.is_file() or index >= len(self._points_stamps):
                raise NoFrame(cause, f"file '{file}' is missing.")
        points = read_scan(scan)
        stamp_image, stamp_points = self._image_stamps[index], self._points_stamps[index]
        at_image, at_points = self._pose_at(stamp_image), self._pose_at(stamp_points)
        moved = at_image is not None and at_points is not None
        truth = self._truth / f"{index:010d}.png"
        return Frame(
            name=f"{self.name}_{index:010d}",
            frame_id=f"camera_{self.camera_number}",
            camera=self.camera,
            image=read_image(image),
            points=points,
            rings=rings_of_scan(points),
            T_cam_lidar=self.T_cam_lidar,
            T_image_points=invert(at_image) @ at_points if moved else None,
            T_world_lidar=at_points,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            ground_truth=read_depth(truth) if truth.is_file() else None,
        )

    def _pose_at(self, stamp: int) -> np.ndarray | None:
        return None if self._poses is None else pose_at(*self._poses, stamp)


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


def read_values(path: Path) -> dict[str, np.ndarray]:
    """Numbers of a calibration file of KITTI, by the name before the colon."""
    values = {}
    for line in read_text(path).splitlines():
        name, _, numbers = line.partition(":")
        try:
            values[name.strip()] = np.array(numbers.split(), dtype=np.float64)
        except ValueError:
            continue  # calib_time and the like
    return values


def matrix(values: dict[str, np.ndarray], name: str, rows: int, columns: int, path: Path) -> np.ndarray:
    """One entry of `read_values` as a matrix; ValueError with a sentence where it is not there."""
    numbers = values.get(name, np.zeros(0))
    if numbers.size != rows * columns:
        raise ValueError(
            f"Entry {name} of '{path}' has {numbers.size} numbers; it must have {rows * columns}."
        )
    return numbers.reshape(rows, columns)


def read_camera(folder: Path, number: int) -> tuple[Camera, np.ndarray]:
    """Rectified camera of a date folder and T_cam_rect0, 4 x 4 from the rectified camera 0 to it."""
    file = folder / "calib_cam_to_cam.txt"
    values = read_values(file)
    width, height = matrix(values, f"S_rect_{number:02d}", 1, 2, file)[0].astype(int)
    K, T_cam_rect0 = split_projection(matrix(values, f"P_rect_{number:02d}", 3, 4, file))
    return Camera(width, height, K), T_cam_rect0


def split_projection(P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K, and as 4 x 4 the shift of the camera that the last column of a 3 x 4 projection stands for."""
    K = P[:, :3]
    return K, rigid(np.eye(3), np.linalg.solve(K, P[:, 3]))


def read_calibration(folder: Path, number: int) -> tuple[Camera, np.ndarray]:
    """Rectified camera of a date folder and its T_cam_lidar, 4 x 4."""
    camera, T_cam_rect0 = read_camera(folder, number)
    file = folder / "calib_cam_to_cam.txt"
    R_rect = rigid(matrix(read_values(file), "R_rect_00", 3, 3, file), np.zeros(3))
    T_cam0_lidar = read_transform(folder / "calib_velo_to_cam.txt")
    return camera, nearest_rigid(T_cam_rect0 @ R_rect @ T_cam0_lidar, f"T_cam_lidar of '{folder}'")


def read_transform(file: Path) -> np.ndarray:
    """4 x 4 of a file with the entries R and T."""
    values = read_values(file)
    return rigid(matrix(values, "R", 3, 3, file), matrix(values, "T", 1, 3, file)[0])


def read_timestamps(file: Path) -> list[int]:
    """Stamps in nanoseconds of lines such as `2011-09-26 13:02:25.964389445`, taken as UTC."""
    stamps = []
    for line in filter(str.strip, read_text(file).splitlines()):
        text, _, fraction = line.strip().partition(".")
        try:
            whole = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            stamps.append(int(whole.timestamp()) * 10**9 + int(f"{fraction:0<9.9}"))
        except ValueError:
            raise ValueError(
                f"Line '{line.strip()}' of '{file}' is no stamp like 2011-09-26 13:02:25.964389445."
            ) from None
    return stamps


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
    stamps, poses, scale = [], [], None
    T_imu_lidar = invert(read_transform(drive.parent / "calib_imu_to_velo.txt"))
    for index, stamp in enumerate(read_timestamps(folder / "timestamps.txt")):
        file = folder / "data" / f"{index:010d}.txt"
        if not file.is_file():
            continue
        try:
            lat, lon, alt, roll, pitch, yaw = map(float, read_text(file).split()[:6])
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
