"""A street drive in KITTI's raw layout with true depth, made by ray casting; needs Open3D."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...core.safe.files import write_text

MARKER = "demo_drive.json"
VERSION = 1  # of what the drive looks like; a drive of another version is made anew


def make_demo_drive(
    folder: str | Path,
    *,
    frames: int = 30,
    seed: int = 0,
    width: int = 1242,
    height: int = 375,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make a drive through a procedural street and return its folder; one that is there is used again.

    In `folder` come KITTI's calibration files and, per frame at 10 Hz: image of camera 2, 64-line
    scan, GPS/IMU packet, and true depth of every pixel (`ground_truth/data`, 16-bit PNG, metres x
    256, 0 = sky). The same arguments give the same bytes.

    Args:
        folder: where the folder `2011_09_26` is put; what else is in there stays.
        frames: at least 2, so that the motion is known.
        seed: another street.
        width, height: image in pixels, at least 32; the field of view across stays.
        progress: called with (frames done, frames in all) after each frame.

    Raises:
        ValueError: a number that is not allowed.
        ModuleNotFoundError: Open3D cannot be imported.
    """
    for name, value, least in (("frames", frames, 2), ("seed", seed, 0), ("width", width, 32),
                               ("height", height, 32)):  # fmt: skip
        if value < least:
            raise ValueError(f"Argument {name} of the demo drive is {value}; it must be at least {least}.")
    from .files import DATE, DRIVE

    date = Path(folder) / DATE
    drive = date / DRIVE
    recipe = {"version": VERSION, "frames": frames, "seed": seed, "width": width, "height": height}
    if _recipe_of(drive) == recipe:
        return drive
    if drive.exists():
        shutil.rmtree(drive)
    _make(date, drive, recipe, progress)
    # Written last: without it the drive is only half there.
    write_text(drive / MARKER, json.dumps(recipe) + "\n")
    return drive


def _recipe_of(drive: Path) -> dict | None:
    try:
        return json.loads((drive / MARKER).read_text())
    except (OSError, ValueError):
        return None


def _make(date: Path, drive: Path, recipe: dict, progress) -> None:
    from ..scene.caster import World
    from ..scene.street import make_street
    from . import files as files
    from .rig import SPEED_M_S, Rig

    frames, seed = recipe["frames"], recipe["seed"]
    rig = Rig(recipe["width"], recipe["height"])
    world = World(*make_street(seed, 0.1 * frames * SPEED_M_S, SPEED_M_S))
    times = _times(frames, seed)
    files.write_calibration(date, rig)
    files.write_oxts(drive / "oxts", rig, times["oxts"])
    files.write_stamps(drive / "image_02", "timestamps.txt", times["image"])
    for name, shift in (("timestamps", 0.0), ("timestamps_start", -0.05), ("timestamps_end", 0.05)):
        files.write_stamps(drive / "velodyne_points", f"{name}.txt", times["scan"] + shift)
    # Ray casting and array arithmetic leave Python's lock, so threads keep all cores busy.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        tasks = [
            pool.submit(_make_frame, world, rig, drive, index, seed, *moment)
            for index, moment in enumerate(zip(times["image"], times["scan"], strict=True))
        ]
        try:
            for done, task in enumerate(tasks, 1):
                task.result()
                if progress is not None:
                    progress(done, frames)
        finally:
            pool.shutdown(cancel_futures=True)


def _times(frames: int, seed: int) -> dict[str, np.ndarray]:
    """Seconds of each sensor's stamps; the scan comes some milliseconds after its image."""
    rng = np.random.default_rng([seed, 4])
    # The first start lies a tenth of a second in, as a turn starts before its stamp.
    image = 0.1 + 0.1 * np.arange(frames) + rng.normal(0, 0.0003, frames)
    scan = image + rng.uniform(0.002, 0.006, frames)
    oxts = image + rng.uniform(-0.004, 0.004, frames)
    return {"image": image, "scan": scan, "oxts": oxts}


def _make_frame(world, rig, drive: Path, index: int, seed: int, image_time: float, scan_time: float) -> None:
    from ...data.files import write_depth, write_image
    from .camera_image import render
    from .files import write_scan
    from .lidar import scan

    # Noise depends on the frame alone, so the order of the threads does not matter.
    rng = np.random.default_rng([seed, 5, index])
    image, depth = render(world.at(image_time), rig.camera, rig.T_world_cam(image_time), rng)
    points = scan(world.at(scan_time), rig.T_world_lidar(scan_time), rng)
    write_image(drive / "image_02" / "data" / f"{index:010d}.png", image, compression=1)
    write_depth(drive / "ground_truth" / "data" / f"{index:010d}.png", depth, compression=1)
    write_scan(drive / "velodyne_points" / "data" / f"{index:010d}.bin", points)
