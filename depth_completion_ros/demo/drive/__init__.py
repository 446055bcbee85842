"""A street drive in KITTI's raw layout with true depth, made by ray casting; needs Open3D."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from ...core.safe.files import write_text

MARKER = "demo_drive.json"
VERSION = 1  # of what the drive looks like; a drive of another version is made anew


@dataclass(frozen=True)
class Recipe:
    """What a drive is made of: the same gives the same bytes.

    Args:
        frames: at least 2, so that the motion is known.
        seed: another street.
        width, height: image in pixels, at least 32; the field of view across stays.
        route: `street`, straight on for ever, or `loop`, lap after lap around a block.
        speed: m/s on straights.
        lines: of the LiDAR: 64 (HDL-64E), 32 (HDL-32E) or 16 (VLP-16).
        scan_s: seconds that the LiDAR takes for a turn, 0 for a scan of one moment, as KITTI's are once the
            car's own movement has been taken out. Otherwise a scan is stamped when its turn begins, and
            `velodyne_points/time` holds the float32 seconds of each point since then.

    Raises:
        ValueError: a number that is not allowed.
    """

    frames: int = 30
    seed: int = 0
    width: int = 1242
    height: int = 375
    route: str = "street"
    speed: float = 9.0
    lines: int = 64
    scan_s: float = 0.0

    def __post_init__(self):
        for name, fine, allowed in (
            ("frames", self.frames >= 2, "at least 2"),
            ("seed", self.seed >= 0, "at least 0"),
            ("width", self.width >= 32, "at least 32"),
            ("height", self.height >= 32, "at least 32"),
            ("route", self.route in ("street", "loop"), "street or loop"),
            ("speed", 1 <= self.speed <= 40, "from 1 to 40"),
            ("lines", self.lines in (16, 32, 64), "16, 32 or 64"),
            ("scan_s", 0 <= self.scan_s <= 0.1, "from 0 to 0.1"),
        ):
            if not fine:
                value = getattr(self, name)
                raise ValueError(f"Argument {name} of the demo drive is {value}; it must be {allowed}.")

    def changes(self) -> dict:
        """As written beside a drive: the size of it, and of the rest what is not usual."""
        always = {"frames", "seed", "width", "height"}
        usual = {field.name: field.default for field in fields(self)}
        return {k: v for k, v in asdict(self).items() if k in always or v != usual[k]}


def make_demo_drive(
    folder: str | Path, *, progress: Callable[[int, int], None] | None = None, **recipe
) -> Path:
    """Make a drive through a procedural town and return its folder; one that is there is used again.

    In `folder` come KITTI's calibration files and, per frame at 10 Hz: image of camera 2, scan of the LiDAR,
    GPS/IMU packet, and true depth of every pixel (`ground_truth/data`, 16-bit PNG, metres x
    256, 0 = sky). Moving cars and people are in all of it. Frames are written one by one, so a long drive
    needs no more memory than a short one.

    Args:
        folder: where the folder `2011_09_26` is put; what else is in there stays.
        progress: called with (frames done, frames in all) after each frame.
        recipe: as of `Recipe`.

    Raises:
        ValueError: a number that is not allowed.
        ModuleNotFoundError: Open3D cannot be imported.
    """
    wanted = Recipe(**recipe)
    from .files import DATE, DRIVE

    date = Path(folder) / DATE
    drive = date / DRIVE
    marker = {"version": VERSION, **wanted.changes()}
    if recipe_of(drive) == marker:
        return drive
    if drive.exists():
        shutil.rmtree(drive)
    _make(date, drive, wanted, progress)
    # Written last: without it the drive is only half there.
    write_text(drive / MARKER, json.dumps(marker) + "\n")
    return drive


def recipe_of(drive: Path) -> dict | None:
    """What a whole demo drive was made of, or None where none is there."""
    try:
        return json.loads((drive / MARKER).read_text())
    except (OSError, ValueError):
        return None


def _make(date: Path, drive: Path, recipe: Recipe, progress) -> None:
    from ..scene.caster import World
    from . import files as files
    from .motion import ROUTES, Motion
    from .rig import Rig

    motion: Motion = ROUTES[recipe.route](recipe.speed)
    rig = Rig(recipe.width, recipe.height, motion)
    world = World(motion.scene(recipe.seed, 0.1 * recipe.frames))
    times = _times(recipe)
    files.write_calibration(date, rig)
    files.write_oxts(drive / "oxts", rig, times["oxts"])
    files.write_stamps(drive / "image_02", "timestamps.txt", times["image"])
    turn = (0.0, recipe.scan_s) if recipe.scan_s else (-0.05, 0.05)
    for name, shift in (("timestamps", 0.0), ("timestamps_start", turn[0]), ("timestamps_end", turn[1])):
        files.write_stamps(drive / "velodyne_points", f"{name}.txt", times["scan"] + shift)
    moments = enumerate(zip(times["image"], times["scan"], strict=True))
    workers = min(os.cpu_count() or 1, 8)
    # Ray casting and array arithmetic leave Python's lock, so threads keep all cores busy.
    with ThreadPoolExecutor(workers) as pool:
        tasks = [
            pool.submit(_make_frame, world, rig, drive, recipe, index, *moment) for index, moment in moments
        ]
        try:
            for done, task in enumerate(tasks, 1):
                task.result()
                if progress is not None:
                    progress(done, recipe.frames)
        finally:
            pool.shutdown(cancel_futures=True)


def _times(recipe: Recipe) -> dict[str, np.ndarray]:
    """Seconds of each sensor's stamps; the scan comes some milliseconds after its image."""
    rng = np.random.default_rng([recipe.seed, 4])
    # The first start lies a tenth of a second in, as a turn starts before its stamp.
    image = 0.1 + 0.1 * np.arange(recipe.frames) + rng.normal(0, 0.0003, recipe.frames)
    scan = image + rng.uniform(0.002, 0.006, recipe.frames)
    oxts = image + rng.uniform(-0.004, 0.004, recipe.frames)
    if recipe.scan_s:
        scan -= recipe.scan_s / 2  # stamped when it begins, half a turn before
    return {"image": image, "scan": scan, "oxts": oxts}


def _make_frame(
    world, rig, drive: Path, recipe: Recipe, index: int, image_time: float, scan_time: float
) -> None:
    from ...data.files import write_depth, write_image
    from .camera_image import render
    from .files import write_scan
    from .lidar import MODELS, rolling_scan, scan

    # Noise depends on the frame alone, so the order of the threads does not matter.
    rng = np.random.default_rng([recipe.seed, 5, index])
    image, depth = render(world.at(image_time), rig.camera, rig.T_world_cam(image_time), rng)
    scans, model = drive / "velodyne_points", MODELS[recipe.lines]
    if recipe.scan_s:
        points, times = rolling_scan(world, rig.T_world_lidar, scan_time, recipe.scan_s, rng, model)
        write_scan(scans / "time" / f"{index:010d}.bin", times)
    else:
        points = scan(world.at(scan_time), rig.T_world_lidar(scan_time), rng, model)
    write_image(drive / "image_02" / "data" / f"{index:010d}.png", image, compression=1)
    write_depth(drive / "ground_truth" / "data" / f"{index:010d}.png", depth, compression=1)
    write_scan(scans / "data" / f"{index:010d}.bin", points)
