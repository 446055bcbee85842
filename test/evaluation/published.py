"""Data sets of a few frames in the layouts that their authors publish, and running a benchmark on one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.completion import Completer, Completion, create_completer
from depth_completion_ros.evaluation.benchmarks import find_benchmark, parse_feed, score

TRUTH, FED = 2.5, 2.0
"""Metres everywhere in a data set of one plane whose measurement is wrong."""


def image(shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def depth_png(file: Path, depth, units=256) -> None:
    png(file, np.rint(np.asarray(depth) * units).astype(np.uint16))


def text(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def npy(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, array)


def sparse_of(truth, fed=FED):
    """Every 16th pixel of the plane, at another distance."""
    return np.where((np.arange(truth.size) % 16 == 5).reshape(truth.shape), fed, 0) * (truth > 0)


def run(name, folder, completer="nearest", feed=None):
    """The score of one completer, by its text or made."""
    benchmark = find_benchmark(name)
    fed = parse_feed(feed or benchmark.feeds[0])
    made = create_completer(completer) if isinstance(completer, str) else completer
    return score(benchmark, fed, benchmark.open(folder, fed), {made.name: made})


def mean(found):
    (mean,) = found.evaluation.means()
    return mean


class Recorded(Completer):
    """A plane at 1 km, and below the diagonal at 1 mm; keeps what it was fed."""

    name = "recorded"

    def __init__(self):
        self.feeds = []

    def complete(self, image, sparse, camera=None, name="") -> Completion:
        self.feeds.append(sparse.depth)
        completion = Completion.unknown(sparse.depth.shape)
        completion.depth[:] = np.where(np.tri(*sparse.depth.shape, dtype=bool), 1e-3, 1e3)
        return completion


# PSD-val ----------------------------------------------------------------------------------------

FIRST_COLUMN = ("TOFDC", "DIODEi", "DIODEo")
FOLDERS = {
    "ScanNet": "Scannet",
    "DrivingStereo": "Drivingstereo",
    "Cityscapes": "Cityscape",
    "DIMLi": "DIML/indoor",
    "DIODEi": "DIODE/indoor",
    "DIODEo": "DIODE/outdoor",
}
LISTS = {
    "NYUv2": "nyu",
    "SUNRGBD": "sunrgbd_1010",
    "DIMLi": "diml_indoor",
    "DIODEi": "diode_indoor",
    "DIODEo": "diode_outdoor",
    "Middlebury": "middlebury_q",
    "ScanNet": "scannet_1038",
    "DrivingStereo": "drivingstereo_half_1108",
    "Argoverse": "argoverse_1009",
    "Hypersim": "hypersim_1098",
}
RAW = ("KITTI", "VOID1500", "SUNRGBD", "TOFDC", "DIMLi")
WITH_K = ("KITTI", "VOID1500", "SUNRGBD", "Middlebury", "ETH3D", "ScanNet", "Argoverse", "Cityscapes")


def write_psd(root: Path, name: str, truth: np.ndarray, sparse: np.ndarray, frames=2) -> Path:
    """A set of PSD-val with the lists of the code, as published; names of the columns differ."""
    place = FOLDERS.get(name, name)
    pattern = "raw" if name in RAW else "scatter_001"
    offset = int(name == "Cityscapes")
    lines = []
    for at in range(frames):
        columns = [f"s{at}/{kind}.png" for kind in ("rgb", "sparse", "target")] + [f"s{at}/K.txt"]
        files = [columns[0]] * 3 if name in FIRST_COLUMN else columns
        png(root / "rgb" / place / files[0], image(truth.shape))
        for folder, file, depth in (
            (f"sparse/{pattern}", files[1], sparse),
            ("depth", files[2], truth),
        ):
            stored = np.where(depth > 0, np.rint(depth * 256) + offset, 0).astype(np.uint16)
            png(root / folder / place / file, stored)
        if name in WITH_K:
            text(root / "intrinsics" / place / columns[3], "50 0 20 0 51 10 0 0 1")
        lines.append(" ".join(columns if name in WITH_K else columns[:3]))
    text(root / "filename" / f"val_{LISTS.get(name, name.lower())}.txt", "\n".join(lines))
    return root


# Marigold's sets, DIODE --------------------------------------------------------------------------


def write_marigold_nyu(root: Path, truth, frames=1) -> Path:
    lines = []
    for at in range(frames):
        columns = [f"test/kitchen_{at:04d}/{kind}_0001.png" for kind in ("rgb", "depth", "filled")]
        png(root / columns[0], image(truth.shape))
        depth_png(root / columns[1], truth, 1000)
        lines.append(" ".join(columns))
    text(root / "filename_list_test.txt", "\n".join(lines))
    return root


def write_marigold_kitti(root: Path, truth) -> Path:
    date = "2011_09_26"
    lines = []
    for number, known in (("0000000069", True), ("0000000070", False)):
        drive = f"{date}_drive_0002_sync"
        image_path = f"{date}/{drive}/image_02/data/{number}.png"
        depth = f"{drive}/proj_depth/groundtruth/image_02/{number}.png" if known else "None"
        png(root / image_path, image(truth.shape))
        if known:
            depth_png(root / depth, truth)
        lines.append(f"{image_path} {depth} 721.5377")
    text(root / "eigen_test_files_with_gt.txt", "\n".join(lines))
    return root


def write_eth3d(root: Path, truth) -> Path:
    stored = np.where(truth > 0, truth, np.inf).astype("<f4")
    columns = ("rgb/office/images/dslr_images/DSC_1.JPG", "depth/office/dslr_images/DSC_1.JPG")
    png(root / columns[0], image(truth.shape))
    (root / columns[1]).parent.mkdir(parents=True)
    (root / columns[1]).write_bytes(stored.tobytes())
    text(root / "eth3d_filename_list.txt", " ".join(columns))
    return root


def write_scannet(root: Path, truth) -> Path:
    columns = ("scene0406_02/color/000300.png", "scene0406_02/depth/000300.png")
    png(root / columns[0], image(truth.shape))
    depth_png(root / columns[1], truth, 1000)
    text(root / "scannet_val_sampled_list_800_1.txt", " ".join(columns))
    return root


def write_diode(root: Path, truth) -> Path:
    for part in ("indoors", "outdoor"):
        base = root / "val" / part / "scene_00021" / "scan_00189" / f"00021_00189_{part}_200_010"
        png(base.with_suffix(".png"), image(truth.shape))
        npy(Path(f"{base}_depth.npy"), truth[..., None])
        npy(Path(f"{base}_depth_mask.npy"), np.ones(truth.shape))
    return root


# As Marigold-DC prepares them, VOID, KITTI, DDAD --------------------------------------------------


def write_processed(root: Path, truth, sparse=None) -> Path:
    png(root / "rgb" / "0000.png", image(truth.shape))
    npy(root / "gt" / "0000.npy", truth)
    if sparse is not None:
        npy(root / "sparse" / "0000.npy", sparse)
    text(root / "intrinsics" / "0000.txt", "50 0 20 0 51 10 0 0 1")
    return root


def write_void(root: Path, truth, density) -> Path:
    data = root / f"void_{density}" / "data" / "stairs4"
    png(data / "image" / "1.5.png", image(truth.shape))
    depth_png(data / "ground_truth" / "1.5.png", truth)
    depth_png(data / "sparse_depth" / "1.5.png", sparse_of(truth, FED + density / 6000))
    text(data / "K.txt", "50 0 20 0 51 10 0 0 1")
    line = f"data/void_release/void_{density}/data/stairs4/image/1.5.png\n"
    text(root / f"void_{density}" / "test_image.txt", line)
    return root


def write_kitti(root: Path, truth, sparse) -> Path:
    folder = root / "depth_selection" / "val_selection_cropped"
    drive, end = "2011_09_26_drive_0002_sync", "0000000005_image_02"
    png(folder / "image" / f"{drive}_image_{end}.png", image(truth.shape))
    depth_png(folder / "velodyne_raw" / f"{drive}_velodyne_raw_{end}.png", sparse)
    depth_png(folder / "groundtruth_depth" / f"{drive}_groundtruth_depth_{end}.png", truth)
    text(folder / "intrinsics" / f"{drive}_image_{end}.txt", "50 0 20 0 51 10 0 0 1")
    return root


def write_ddad(root: Path, truth, sparse) -> Path:
    png(root / "val" / "rgb" / "0000000000.png", image(truth.shape))
    depth_png(root / "val" / "gt" / "0000000000.png", truth)
    depth_png(root / "val" / "hints" / "0000000000.png", sparse)
    text(root / "val" / "intrinsics" / "0000000000.txt", "50 0 20 0 51 10 0 0 1")
    return root
