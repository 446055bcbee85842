"""`python -m depth_completion_training.generation.layouts FRAMES OUT`: simulated frames in public layouts.

To rehearse a training on images with monocular maps and on KITTI depth completion, and the evaluation
after it, where neither is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from depth_completion_ros.core.safe.files import write_text
from depth_completion_ros.data.files import write_png
from depth_completion_training.data.simulated_prior import SimulatedPrior
from depth_completion_training.data.sparse.sampling import scan_depth
from depth_completion_training.simulation.frame_file import SimulatedFrame, read_frame

from .options import run

CAMERAS = "image_02", "image_03"
"""Taken in turn, as KITTI has images of both."""
FARTHEST_M = 80.0
"""True depth beyond is left out, as KITTI's accumulated scans hardly reach farther."""
FIRST_DAY = date(2011, 1, 1)
EVERY = 10
"""One scene of so many is held out."""
_MOST = 2**16 - 1


@dataclass(frozen=True)
class Layouts:
    """Folders below a root: `images` with `maps`, and KITTI's `depth` and `raw`."""

    root: Path

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def maps(self) -> Path:
        return self.root / "maps"

    @property
    def depth(self) -> Path:
        return self.root / "depth"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def selection(self) -> Path:
        return self.depth / "val_selection_cropped"


def write_image_with_map(layouts: Layouts, name: str, frame: SimulatedFrame, seed: int) -> None:
    """Write an image and its monocular map: inverse depth up to scale and shift, spoilt, 16 bits."""
    write_png(layouts.images / f"{name}.png", frame.image[..., ::-1])
    write_png(layouts.maps / f"{name}.png", monocular_map(frame, np.random.default_rng(seed)))


def write_training_frame(layouts: Layouts, number: int, frame: SimulatedFrame, seed: int, share: float):
    """Write a frame as the only one of a drive, of a day of its own, as K is one for all drives of a day.

    Args:
        number: of the frame, from 0 on, which tells the day.
        share: of the true depth that is kept.
    """
    camera = CAMERAS[number % len(CAMERAS)]
    day = (FIRST_DAY + timedelta(days=number)).strftime("%Y_%m_%d")
    drive, name = f"{day}_drive_0001_sync", "0000000005.png"
    rng = np.random.default_rng(seed)
    truth, sparse = _depths(frame, rng, share)
    projected = layouts.depth / "train" / drive / "proj_depth"
    folder = layouts.raw / day / drive / camera
    write_png(projected / "velodyne_raw" / camera / name, sparse)
    write_png(projected / "groundtruth" / camera / name, truth)
    write_png(folder / "data" / name, frame.image[..., ::-1])
    write_png(folder / "disp" / name, monocular_map(frame, rng))
    height, width = frame.depth.shape
    matrix = " ".join(f"{x:.6e}" for x in np.column_stack([frame.K, np.zeros(3)]).ravel())
    end = camera[-2:]
    calibration = f"S_rect_{end}: {width} {height}\nP_rect_{end}: {matrix}\n"
    write_text(layouts.raw / day / "calib_cam_to_cam.txt", calibration)


def write_selected_frame(layouts: Layouts, number: int, frame: SimulatedFrame, seed: int, share: float):
    """Write a frame of the validation selection; see `write_training_frame`."""
    truth, sparse = _depths(frame, np.random.default_rng(seed), share)
    drive, end = f"2011_01_01_drive_{number:04d}_sync", f"0000000005_{CAMERAS[0]}"
    write_png(layouts.selection / "velodyne_raw" / f"{drive}_velodyne_raw_{end}.png", sparse)
    write_png(layouts.selection / "groundtruth_depth" / f"{drive}_groundtruth_depth_{end}.png", truth)
    write_png(layouts.selection / "image" / f"{drive}_image_{end}.png", frame.image[..., ::-1])
    intrinsics = layouts.selection / "intrinsics" / f"{drive}_image_{end}.txt"
    intrinsics.parent.mkdir(exist_ok=True)
    write_text(intrinsics, " ".join(f"{x:.6e}" for x in frame.K.ravel()))


def monocular_map(frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
    """Inverse depth as a monocular network may give it, uint16 H x W, 0 in the sky."""
    inverse = 1 / SimulatedPrior(share=1)(frame.depth, np.zeros_like(frame.depth), rng)
    inverse[np.isinf(frame.depth)] = 0
    return np.rint(inverse / inverse.max() * _MOST).astype(np.uint16)


def _depths(frame: SimulatedFrame, rng: np.random.Generator, share: float) -> tuple[np.ndarray, np.ndarray]:
    """True and sparse depth as metres x 256, uint16; the truth reaches no higher than the scan."""
    sparse = scan_depth(densest_scan(frame), frame.depth.shape, filtered=False)
    known = (frame.depth > 0) & (frame.depth <= FARTHEST_M) & (rng.random(frame.depth.shape) < share)
    known[: np.flatnonzero(sparse.any(axis=1))[0]] = False
    planes = np.where(known, frame.depth, 0), sparse
    return tuple(np.clip(np.rint(plane * 256), 0, _MOST).astype(np.uint16) for plane in planes)


def densest_scan(frame: SimulatedFrame):
    """The scan of a frame with most points; None where none has any."""
    scan = max(frame.scans, key=lambda scan: len(scan.z), default=None)
    return scan if scan is not None and len(scan.z) else None


def split_scenes(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Files of the training scenes, and of the scenes held out: the first of every ten of a kind."""
    of_kind: dict[str, dict[str, list[Path]]] = {}
    for file in sorted(files):
        scene = file.stem.rpartition("_")[0]
        of_kind.setdefault(scene.partition("_")[0], {}).setdefault(scene, []).append(file)
    training, held = [], []
    for scenes in of_kind.values():
        for number, views in enumerate(scenes.values()):
            (training if number % EVERY else held).extend(views)
    return training, held


# Command line ------------------------------------------------------------------------------------


def main(
    frames: Annotated[Path, typer.Argument(help="Folder of frames of the simulator.")],
    out: Annotated[Path, typer.Argument(help="Folder for `images`, `maps`, `depth` and `raw`.")],
    kind: Annotated[str, typer.Option(help="How the frames begin that go into KITTI's layout.")] = "outdoor",
    images: Annotated[int | None, typer.Option(min=1, help="So many of them.", show_default="all")] = None,
    drives: Annotated[
        int | None,
        typer.Option(min=2, help="So many, and at most as many for validation.", show_default="all"),
    ] = None,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the pixels with a truth.")] = 0.25,
    seed: Annotated[int, typer.Option(min=0, help="Of all random choices.")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """
    Write frames of the simulator as images with monocular maps, and as KITTI depth completion.

    One scene of ten of each kind is held out. The others become `images` with `maps` (spoilt truth, up to
    scale), and those outdoors the drives of `depth/train`, with images and maps in `raw`; what is held out
    outdoors becomes `depth/val_selection_cropped`. The LiDAR is the scan with most points, and the truth
    reaches as high as that; frames without any scan are left out.

    Example:

        python -m depth_completion_training.generation.layouts frames public
    """
    files = sorted(file for file in frames.rglob("*_[0-9]*.npz") if not file.name.startswith("."))
    if not files:
        raise FileNotFoundError(f"Folder '{frames}' holds no frame of the simulator.")
    layouts = Layouts(out)
    training, held = split_scenes(files)
    for name, part in (("training", training), ("validation", held)):
        if sum(file.name.startswith(kind) for file in part) < 2:
            raise ValueError(
                f"Folder '{frames}' leaves less than two frames '{kind}*' for {name}, as one scene of "
                f"{EVERY} is held out; make more scenes."
            )
    chosen = spread(training, images)
    for number, file in enumerate(chosen):
        write_image_with_map(layouts, file.stem, read_frame(file), seed + number)
    typer.echo(f"{len(chosen)} images with maps.")
    for name, part, write in (
        ("training", training, write_training_frame),
        ("validation", held, write_selected_frame),
    ):
        chosen = spread([file for file in part if file.name.startswith(kind)], drives)
        written = _write_kitti(layouts, chosen, write, seed, share)
        typer.echo(f"{written} frames of KITTI's {name}.")


def spread(files: list[Path], count: int | None) -> list[Path]:
    """So many of the files, evenly spaced; all when None or where there are fewer."""
    if count is None or count >= len(files):
        return files
    return [files[at] for at in np.linspace(0, len(files) - 1, count).round().astype(int)]


def _write_kitti(layouts: Layouts, files: list[Path], write, seed: int, share: float) -> int:
    written = 0
    for file in files:
        frame = read_frame(file)
        if densest_scan(frame) is not None:
            write(layouts, written, frame, seed + written, share)
            written += 1
    return written


if __name__ == "__main__":
    run(main, "python -m depth_completion_training.generation.layouts")
