"""`python -m depth_completion_training.recordings DATA OUT`: frames to train on from recordings.

DATA is whatever the package reads: a drive, a bag, a folder of frames. Recordings need no ground truth: what
the sensor measured is the truth at its pixels, and a training feeds some of it and asks for all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.core.sparse import LIDAR_MIN_RANGE, project_to_pixels, z_buffer
from depth_completion_ros.data import open_reader
from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan, write_frame

SHORTER_SIDE = 384
"""Pixels to which images are reduced, as the frames of the generator have."""
NO_LINE = 65535


def recorded_frame(frame: Frame, shorter_side: int = SHORTER_SIDE) -> SimulatedFrame:
    """A frame as a training takes it, its image no larger than needed.

    Its depth is the ground truth where it has one, else what was measured and is not seen through a nearer
    surface. Its scan is what was measured, with the line of each point where those are known.

    Args:
        frame: with image, camera, and points or sparse depth.
        shorter_side: of the image, pixels, at most.

    Raises:
        ValueError: it lacks one of these.
    """
    if frame.image is None or frame.camera is None:
        raise ValueError(f"Frame {frame.name or 'without name'} lacks its image or its camera.")
    frame = _reduced(frame, min(shorter_side / min(frame.image.shape[:2]), 1))
    measured = SparseDepth.from_points(frame, see_through=False).depth
    seen = SparseDepth.from_points(frame).depth
    scans = []
    if frame.points is not None:
        pixel = np.flatnonzero(measured)
        hidden = seen.ravel()[pixel] == 0
        line = _lines(frame, measured).ravel()[pixel]
        known = line != NO_LINE
        parts = (pixel.astype(np.int32), measured.ravel()[pixel], line, hidden)
        scans = [StoredScan(*(part[known] for part in parts), frame.name)]
    truth = seen if frame.ground_truth is None else np.nan_to_num(frame.ground_truth, posinf=0)
    return SimulatedFrame(frame.image, truth, frame.camera.K.astype(np.float32), scans)


def _reduced(frame: Frame, share: float) -> Frame:
    height, width = (round(side * share) for side in frame.image.shape[:2])
    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
    depths = {
        name: _reduced_depth(getattr(frame, name), height, width) for name in ("sparse_depth", "ground_truth")
    }
    return replace(frame, image=image, camera=frame.camera.resized(width, height), **depths)


def _reduced_depth(depth: np.ndarray | None, height: int, width: int) -> np.ndarray | None:
    """The nearest of the depths that fall into a pixel, 0 where there are none."""
    if depth is None:
        return None
    v, u = np.nonzero(np.isfinite(depth) & (depth > 0))
    rows, columns = v * height // depth.shape[0], u * width // depth.shape[1]
    return z_buffer(columns.astype(np.int32), rows.astype(np.int32), depth[v, u], height, width)[0]


def _lines(frame: Frame, measured: np.ndarray) -> np.ndarray:
    """Ring of the point at each measured pixel, uint16 H x W; 0 without rings, `NO_LINE` where unknown."""
    if frame.rings is None:
        return np.zeros(measured.shape, np.uint16)
    line = np.full(measured.shape, NO_LINE, np.uint16)
    T = frame.T_cam_lidar if frame.T_image_points is None else frame.T_cam_lidar @ frame.T_image_points
    far = np.einsum("ij,ij->i", frame.points[:, :3], frame.points[:, :3]) >= LIDAR_MIN_RANGE**2
    for ring in np.unique(frame.rings):
        points = frame.points[far & (frame.rings == ring)]
        u, v, z, _ = project_to_pixels(points, T, frame.camera, 0.1, np.inf)
        nearest = measured[v, u] == z
        line[v[nearest], u[nearest]] = ring
    return line


def convert(data: str | Path, out: str | Path, every: int = 1, **options) -> Iterator[Path]:
    """Write every so many-th frame of recordings as a frame file; yields each file.

    Args:
        data: what `open_reader` takes.
        out: folder of the files; those of another recording may be in it.
        every: take each frame whose number is a multiple of it.
        options: of `recorded_frame`.

    Raises:
        FileNotFoundError, ValueError: the recording cannot be read.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    reader = open_reader(Path(data))
    for number, frame in enumerate(reader):
        if number % every == 0:
            # The scene, by which frames are dealt to training and validation, is a stretch of a recording.
            name = f"{Path(data).resolve()}/{frame.name}".encode()
            stretch = blake2b(name, digest_size=6).hexdigest()
            file = out / f"recorded-{stretch}_{number:06d}.npz"
            write_frame(file, recorded_frame(frame, **options))
            yield file


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.recordings", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="drive, bag, or folder of frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the frame files")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th frame")
    parser.add_argument(
        "--shorter-side", type=int, default=SHORTER_SIDE, metavar="PIXELS", help="of the image, at most"
    )
    given = parser.parse_args(arguments)
    try:
        files = list(convert(given.data, given.out, given.every, shorter_side=given.shorter_side))
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f"Error: {error}\n")
    print(f"{len(files)} frames of '{given.data}' in '{given.out}'.")


if __name__ == "__main__":
    main()
