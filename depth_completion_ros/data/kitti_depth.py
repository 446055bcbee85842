"""KITTI depth completion: the selections for validation and test, and the train and val trees."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from depth_completion_ros.core import Camera, Frame

from .calibration.kitti import read_camera
from .files import find_image, read_depth, read_image, read_K
from .reader import IndexedReader

SELECTIONS = ("val_selection_cropped", "test_depth_completion_anonymous")
SPLITS = ("val", "train")


@dataclass(frozen=True)
class _Entry:
    """Files of one frame; None for what the data does not have."""

    name: str
    sparse: Path
    image: Path | None = None
    truth: Path | None = None
    intrinsics: Path | None = None
    raw: tuple[Path, int] | None = None
    """Date folder of the raw data and number of the camera, for the tree without intrinsics."""


class KittiDepth(IndexedReader):
    """Frames of a selection folder or of a train/val tree; the LiDAR comes as `sparse_depth`.

    Read are `val_selection_cropped`, `test_depth_completion_anonymous`, a folder that holds one of
    them, or the tree of drives with `proj_depth`. Of a tree, image and camera are in the raw data.

    Args:
        split: which of several to read: `val`, `train`, or the name of a selection.
        camera: 2 or 3, the left or right colour camera of a tree.
        raw_root: folder of the raw data with `<date>/<drive>`; without it a tree gives no images.
        rows: only the bottom so many rows of each frame, as BP-Net and DMD3C validate on 256 of the 352 of
            `val_selection_cropped`; None for whole frames.
    """

    layout = "val_selection_cropped/{image,velodyne_raw,...} or {train,val}/<drive>/proj_depth"

    def __init__(
        self,
        path: Path,
        *,
        split: str | None = None,
        camera: int = 2,
        raw_root: str | Path | None = None,
        rows: int | None = None,
    ):
        if type(camera) is not int or camera not in (2, 3):
            raise ValueError(f"Option camera is {camera!r}; depth completion has 2 and 3.")
        if raw_root is not None and not Path(str(raw_root)).is_dir():
            raise FileNotFoundError(f"Option raw_root is '{raw_root}', where there is no folder.")
        if rows is not None and (type(rows) is not int or rows < 1):
            raise ValueError(f"Option rows is {rows!r}; it must be a number of rows, 1 or more.")
        folders = _folders(path.resolve())
        if split is not None and split not in folders:
            raise ValueError(f"Option split is '{split}'; '{path}' has {', '.join(folders)}.")
        chosen = split or next(iter(folders))
        folder = folders[chosen]
        super().__init__(f"kitti_depth_{chosen}" + (f", bottom {rows} rows" if rows else ""))
        self.rows = rows
        if _is_selection(folder):
            self.entries = _selection(folder)
        else:
            self.entries = _tree(folder, camera, Path(str(raw_root)) if raw_root else None)
        if not self.entries:
            raise FileNotFoundError(f"Folder '{folder}' has no images in velodyne_raw.")

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return path.is_dir() and bool(_folders(path.resolve()))

    def __len__(self) -> int:
        return len(self.entries)

    def read(self, index: int) -> Frame:
        frame = _read(self.entries[index])
        return frame if self.rows is None else _bottom(frame, self.rows)

    def describe(self) -> str:
        images = sum(entry.image is not None for entry in self.entries)
        return f"{len(self)} frames of {self.name}, {images} with image"


def _is_selection(folder: Path) -> bool:
    return (folder / "velodyne_raw").is_dir() and (folder / "image").is_dir()


def _is_tree(folder: Path) -> bool:
    return next(folder.glob("*/proj_depth/velodyne_raw"), None) is not None


def _folders(path: Path) -> dict[str, Path]:
    """Selections and splits at or below a path, by name."""
    if _is_selection(path) or _is_tree(path):
        return {path.name: path}
    if (path / "proj_depth" / "velodyne_raw").is_dir():
        return {path.name: path}
    above = (path, path / "depth_selection")
    selections = {s: a / s for a in above for s in SELECTIONS if _is_selection(a / s)}
    return selections | {split: path / split for split in SPLITS if _is_tree(path / split)}


def _selection(folder: Path) -> list[_Entry]:
    entries = []
    for sparse in sorted((folder / "velodyne_raw").glob("*.png")):
        # Names of the validation selection say what the image is; those of the test are plain.
        stem = sparse.stem.replace("sync_velodyne_raw_", "sync_image_")
        truth = folder / "groundtruth_depth" / stem.replace("sync_image_", "sync_groundtruth_depth_")
        truth = truth.with_name(truth.name + ".png")
        entries.append(
            _Entry(
                name=stem,
                sparse=sparse,
                image=find_image(folder / "image", stem),
                truth=truth if truth.is_file() else None,
                intrinsics=folder / "intrinsics" / f"{stem}.txt",
            )
        )
    return entries


def _tree(folder: Path, camera: int, raw_root: Path | None) -> list[_Entry]:
    image_folder = f"image_{camera:02d}"
    drives = [folder] if (folder / "proj_depth").is_dir() else sorted(folder.iterdir())
    entries = []
    for drive in drives:
        truths = drive / "proj_depth" / "groundtruth" / image_folder
        for sparse in sorted((drive / "proj_depth" / "velodyne_raw" / image_folder).glob("*.png")):
            image = raw = None
            if raw_root is not None:
                raw = (raw_root / drive.name[:10], camera)
                image = find_image(raw[0] / drive.name / image_folder / "data", sparse.stem)
            truth = truths / sparse.name
            entries.append(
                _Entry(
                    name=f"{drive.name}_{sparse.stem}_{image_folder}",
                    sparse=sparse,
                    image=image if image and image.is_file() else None,
                    truth=truth if truth.is_file() else None,
                    raw=raw,
                )
            )
    return entries


FAR = 130.0
"""Metres; the LiDAR of KITTI measures up to 120."""
NEAR = 12.0
"""Metres; the nearest hundredth of a frame of KITTI is the road at 5 to 7."""


def _read(entry: _Entry) -> Frame:
    sparse = read_depth(entry.sparse)
    if np.count_nonzero(sparse > FAR) > 0.01 * np.count_nonzero(sparse):
        raise ValueError(
            f"Depth file '{entry.sparse}' has depth of up to {sparse.max():.0f} m when read as metres x 256, "
            "as KITTI stores it; is it in millimetres?"
        )
    if sparse.any() and (nearest := float(np.percentile(sparse[sparse > 0], 1))) > NEAR:
        warnings.warn(
            f"Depth file '{entry.sparse}' has nearly nothing nearer than {nearest:.0f} m when read as metres "
            "x 256, as KITTI stores it; if it is in millimetres, all depth is 3.9 times too far.",
            stacklevel=2,
        )
    image = read_image(entry.image) if entry.image else None
    camera = None
    if entry.intrinsics:
        camera = Camera(sparse.shape[1], sparse.shape[0], read_K(entry.intrinsics)).check_plausible()
        if doubt := camera.off_centre():
            warnings.warn(f"Camera of '{entry.intrinsics}': {doubt}", stacklevel=2)
    elif entry.raw:
        camera = _raw_camera(*entry.raw)
    return Frame(
        name=entry.name,
        camera=camera,
        image=image,
        sparse_depth=sparse,
        ground_truth=read_depth(entry.truth) if entry.truth else None,
    )


def _bottom(frame: Frame, rows: int) -> Frame:
    """The bottom rows of a frame, with their camera."""
    height = len(frame.sparse_depth)
    if rows > height:
        raise ValueError(f"Frame {frame.name} has {height} rows, fewer than the {rows} of option rows.")
    top, camera = height - rows, frame.camera
    planes = {name: getattr(frame, name) for name in ("image", "sparse_depth", "ground_truth")}
    cut = {name: None if plane is None else plane[top:] for name, plane in planes.items()}
    if camera is not None:
        camera = camera.cropped(0, top, camera.width, rows)
    return replace(frame, camera=camera, **cut)


@cache
def _raw_camera(date_folder: Path, number: int) -> Camera:
    return read_camera(date_folder, number)[0]
