"""KITTI object detection data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_completion_ros.core import Camera, Frame, rigid

from .files import nearest_rigid, read_image, read_scan
from .kitti_raw import matrix, read_values, rings_of_scan, split_projection
from .reader import IndexedReader, NoFrame


class KittiObject(IndexedReader):
    """Frames of `training` or `testing`, or of the folder above one of them; they have no stamps.

    Args:
        split: `training` or `testing`, where the folder above holds both.
    """

    layout = "training/{image_2,velodyne,calib}"

    def __init__(self, path: Path, *, split: str = "training"):
        if split not in ("training", "testing"):
            raise ValueError(f"Option split is '{split}'; it must be training or testing.")
        folders = [path, path / split, *(path / s for s in ("training", "testing"))]
        self.folder = next(folder for folder in folders if _is_split(folder)).resolve()
        super().__init__(f"kitti_object_{self.folder.name}")
        self._scans = sorted((self.folder / "velodyne").glob("*.bin"))
        if not self._scans:
            raise FileNotFoundError(f"Folder '{self.folder / 'velodyne'}' has no .bin scans.")

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return any(_is_split(folder) for folder in (path, path / "training", path / "testing"))

    def __len__(self) -> int:
        return len(self._scans)

    def describe(self) -> str:
        return f"{len(self)} frames of KITTI object {self.folder.name}"

    def read(self, index: int) -> Frame:
        scan = self._scans[index]
        image = self.folder / "image_2" / f"{scan.stem}.png"
        if not image.is_file():
            raise NoFrame("no image", f"image '{image}' is missing.")
        pixels, points = read_image(image), read_scan(scan)
        K, T_cam_lidar = read_object_calibration(self.folder / "calib" / f"{scan.stem}.txt")
        return Frame(
            name=f"{self.name}_{scan.stem}",
            frame_id="camera_2",
            camera=Camera(pixels.shape[1], pixels.shape[0], K),
            image=pixels,
            points=points,
            rings=rings_of_scan(points),
            T_cam_lidar=T_cam_lidar,
        )


def _is_split(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("image_2", "velodyne", "calib"))


def read_object_calibration(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """K of the left colour camera and its T_cam_lidar, 4 x 4, of one file of `calib`."""
    values = read_values(file)
    K, T_cam_rect0 = split_projection(matrix(values, "P2", 3, 4, file))
    R_rect = rigid(matrix(values, "R0_rect", 3, 3, file), np.zeros(3))
    velo_to_cam = matrix(values, "Tr_velo_to_cam", 3, 4, file)
    T_cam0_lidar = rigid(velo_to_cam[:, :3], velo_to_cam[:, 3])
    return K, nearest_rigid(T_cam_rect0 @ R_rect @ T_cam0_lidar, f"T_cam_lidar of '{file}'")
