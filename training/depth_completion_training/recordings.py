"""`python -m depth_completion_training.recordings DATA OUT`: frames to train on from recordings.

DATA is whatever the package reads: a drive, a bag, a folder of frames. Recordings need no ground truth: what
the sensor measured is the truth at its pixels, and a training feeds some of it and asks for all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.core.sparse import z_buffer
from depth_completion_ros.data import open_reader
from depth_completion_training.simulation.frame_file import NEAR_M, SimulatedFrame, StoredScan, write_frame

SHORTER_SIDE = 384
"""Pixels to which images are reduced, as the frames have that the default was trained on."""
STRETCH = 100
"""Frames of a recording that count as one scene."""
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
    T = frame.T_cam_lidar if frame.T_image_points is None else frame.T_cam_lidar @ frame.T_image_points
    points = frame.points[:, :3].astype(np.float64)
    optical = points @ T[:3, :3].T + T[:3, 3]
    ahead = np.flatnonzero(optical[:, 2] > NEAR_M)
    pixels, _ = frame.camera.project(optical[ahead])
    u, v = np.floor(np.nan_to_num(pixels, nan=-1) + 0.5).T  # as `project_to_pixels` rounds
    inside = (u >= 0) & (v >= 0) & (u < frame.camera.width) & (v < frame.camera.height)
    at = ahead[inside]
    pixel = (v[inside] * frame.camera.width + u[inside]).astype(np.int64)
    # The nearest point of a pixel is written last; those that the measurement leaves out differ from it.
    order = np.argsort(-optical[at, 2], kind="stable")
    kept = np.isclose(optical[at, 2], measured.ravel()[pixel], rtol=1e-5, atol=0)[order]
    line = np.full(measured.size, NO_LINE, np.uint16)
    line[pixel[order][kept]] = frame.rings[at][order][kept]
    return line.reshape(measured.shape)


def convert(
    frames: Iterable[Frame], name: str, out: str | Path, every: int = 1, **options
) -> Iterator[Path | None]:
    """Write every so many-th frame of a recording as a frame file.

    Args:
        frames: of the recording, such as its reader.
        name: of the recording.
        out: folder of the files; those of other recordings may be in it.
        every: take each frame whose number is a multiple of it.
        options: of `recorded_frame`.

    Yields:
        the file of each; None for a frame that lacks image, camera, or points and sparse depth.

    Raises:
        FileNotFoundError, ValueError: the recording cannot be read.
    """
    for number, frame in enumerate(frames):
        if number % every:
            continue
        try:
            recorded = recorded_frame(frame, **options)
        except ValueError:  # it lacks what is needed
            yield None
            continue
        # Frames are dealt to training and validation by scene: neighbours belong together.
        stretch = f"{name}/{number // STRETCH}"
        digest = blake2b(stretch.encode(), digest_size=6).hexdigest()
        file = Path(out, f"recorded-{digest}_{number:06d}.npz")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_frame(file, recorded)
        yield file


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.recordings", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="drive, bag, or folder of frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the frame files")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="take every N-th frame")
    parser.add_argument(
        "--shorter-side", type=_positive, default=SHORTER_SIDE, metavar="PIXELS", help="of the image, at most"
    )
    given = parser.parse_args(arguments)
    try:
        reader = open_reader(given.data)
        sized = {"shorter_side": given.shorter_side}
        files = list(convert(reader, given.data.resolve().name, given.out, given.every, **sized))
    except (OSError, ValueError) as error:
        parser.exit(2, f"Error: {error}\n")
    written = sum(file is not None for file in files)
    left_out = f"; {len(files) - written} lacked image, camera or measurement" if written < len(files) else ""
    for text in reader.left_out():
        print(text, file=sys.stderr)
    print(f"{written} frames of '{given.data}' in '{given.out}'{left_out}.")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"is '{text}'; it must be a whole number from 1 on.")
    return int(text)


if __name__ == "__main__":
    main()
