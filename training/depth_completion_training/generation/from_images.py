"""`python -m depth_completion_training.generation.from_images IMAGES DEPTHS OUT`: frames of real images.

Stage 1 of DMD3C (CVPR 2025): an image and its depth as a monocular network sees it become a scene in
space by a camera matrix at random, of which LiDAR scans are simulated. The paper gives no ranges for
the cameras, the scale or the LiDAR: what `OpenChoices` does not tell is as in the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from depth_completion_ros.completion.prior import MonocularPrior, create_prior
from depth_completion_ros.data.files import read_image
from depth_completion_training.simulation.frame_file import SimulatedFrame, write_frame
from depth_completion_training.simulation.lidar.spinning import SPINNERS

from .options import Ray, Workers, crew_of, parse_machine, parse_size, run
from .progress import follow
from .workers import Report, run_tasks, sentence_of

ENDINGS = (".jpg", ".jpeg", ".png")
_INDOOR_M = 5.0
"""An image whose median depth is below this gets the sensors and rigs of indoor robots."""


@dataclass(frozen=True)
class OpenChoices:
    """What the paper of DMD3C leaves open of stage 1; docs/dmd3c.md compares some.

    Args:
        median: least and greatest median depth in metres that an image without scale is given, log-uniform.
        ratio: least and greatest ratio of its farthest depth to its nearest, log-uniform, when it has no
            shift.
        sensor: name of the one spinning LiDAR that there is; any sensor of the simulator when None.
        cut: see `world_from_depth`: ratio of depths between two pixels above which they are not joined;
            None to join all.

    Raises:
        ValueError: what is not allowed.
    """

    median: tuple[float, float] = (1.0, 25.0)
    ratio: tuple[float, float] = (4.0, 150.0)
    sensor: str | None = None
    cut: float | None = 1.1

    def __post_init__(self):
        for name, (low, high), least in (("median", self.median, 0), ("ratio", self.ratio, 1)):
            if not least < low <= high:
                raise ValueError(
                    f"The {name} of depth is drawn from {low:g} to {high:g}; both must be above {least}, the "
                    "lesser first."
                )
        if self.sensor is not None and self.sensor not in SPINNERS:
            raise ValueError(f"Sensor '{self.sensor}' is unknown; it must be one of {', '.join(SPINNERS)}.")
        if self.cut is not None and not self.cut > 1:
            raise ValueError(
                f"Cut is {self.cut:g}; it is a ratio of depths and must be above 1, or 0 for none."
            )


USUAL = OpenChoices()


def metric_depth(
    prediction: np.ndarray, space: str, rng: np.random.Generator, choices: OpenChoices = USUAL
) -> np.ndarray:
    """A prediction as metres, float32 H x W, 0 where unknown; what it leaves open is drawn at random.

    Disparity and depth up to scale and shift are spread from 0 to 1 first. The shift is drawn such that
    the farthest is so many times as far as the nearest, and the scale such that the median is so far.

    Args:
        prediction: H x W in `space`, NaN where unknown.
        space: see `MonocularPrior`.

    Raises:
        ValueError: a prediction without any variation, or without a known pixel.
    """
    known = np.isfinite(prediction) & ((prediction > 0) | (space != "metric"))
    if not known.any():
        raise ValueError("Its depth map knows no pixel")
    values = prediction[known].astype(np.float64)
    if space != "metric":
        low, high = np.percentile(values, (0.2, 99.8))
        if not high > low:
            raise ValueError("Its depth map is the same everywhere")
        # The nearest of 1 + shift is `ratio` times the farthest of shift, or the other way round.
        shift = 1 / (np.exp(rng.uniform(*np.log(choices.ratio))) - 1)
        values = np.clip((values - low) / (high - low), 0, 1) + shift
        values = 1 / values if space == "disparity" else values
        values *= np.exp(rng.uniform(*np.log(choices.median))) / np.median(values)
    depth = np.zeros(prediction.shape, np.float32)
    depth[known] = values
    return depth


def frame_from_image(
    image: np.ndarray,
    depth: np.ndarray,
    size: tuple[int, int],
    scans: int,
    rng: np.random.Generator,
    choices: OpenChoices = USUAL,
) -> SimulatedFrame:
    """A frame of an image and its depth, with simulated scans by sensors beside a random camera.

    Args:
        image: uint8 H x W x 3 RGB; the middle of it that has the shape of `size` is taken.
        depth: float32 H x W metres, 0 where unknown.
        size: height and width of the frame.
        scans: how many sensors.

    Raises:
        ValueError: there is no surface in the depth.
    """
    from depth_completion_training.simulation.camera import random_camera
    from depth_completion_training.simulation.lidar import world_from_depth

    from .view import median_depth, simulated_scans

    image, depth = (_fitted(plane, size) for plane in (image, depth))
    camera = random_camera(rng, *size)
    world = world_from_depth(depth, camera, image, choices.cut)
    distance = median_depth(depth)
    indoor = distance < _INDOOR_M
    stored = simulated_scans(world, camera, np.eye(4), distance, indoor, scans, rng, choices.sensor)
    return SimulatedFrame(image, depth, camera.K.astype(np.float32), stored)


def _fitted(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle of an image or of depth, resized to `size`; depth is that of the nearest pixel."""
    scale = min(side / wanted for side, wanted in zip(plane.shape, size, strict=False))
    cut = [min(round(wanted * scale), side) for wanted, side in zip(size, plane.shape, strict=False)]
    top, left = ((side - part) // 2 for side, part in zip(plane.shape, cut, strict=False))
    plane = plane[top : top + cut[0], left : left + cut[1]]
    smooth = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(plane, size[::-1], interpolation=smooth if plane.ndim == 3 else cv2.INTER_NEAREST_EXACT)


# Command line ------------------------------------------------------------------------------------


def main(
    images: Annotated[Path, typer.Argument(help="Folder of images (and folders of them).")],
    depths: Annotated[
        str,
        typer.Argument(
            help="Folder of maps named like the images, NAME.npy or 16-bit NAME.png, with what they mean: "
            "`maps@disparity`, `maps@depth` or `maps@metric`. Or any other prior, such as "
            "`depth_anything_v2_small`."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the frames.")],
    views: Annotated[int, typer.Option(min=1, max=100, help="Frames of each image.")] = 1,
    size: Annotated[str, typer.Option(metavar="HxW", help="Height x width of a frame.")] = "256x384",
    scans: Annotated[int, typer.Option(min=1, help="Range sensors that look at each frame.")] = 3,
    median: Annotated[
        tuple[float, float],
        typer.Option(help="Least and greatest median depth, metres, of maps without scale."),
    ] = USUAL.median,
    ratio: Annotated[
        tuple[float, float],
        typer.Option(help="Least and greatest ratio of the farthest depth to the nearest, of the same."),
    ] = USUAL.ratio,
    sensor: Annotated[
        str | None, typer.Option(help="The one spinning LiDAR, such as HDL-64E.", show_default="any sensor")
    ] = None,
    cut: Annotated[
        float,
        typer.Option(help="Ratio of depths above which neighbouring pixels are not joined; 0 joins all."),
    ] = USUAL.cut,
    workers: Workers = None,
    ray: Ray = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random choices.")] = 0,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Make the share I (from 0) of N machines.", show_default="as torchrun says"
        ),
    ] = None,
    allow_noncommercial: Annotated[
        bool, typer.Option("--allow-noncommercial", help="Take a prior that forbids commercial use.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """
    Make frames of images and their monocular depth, with simulated scans (stage 1 of DMD3C).

    Frames that are there already stay. An image that fails is reported and left out (exit code 1 then).

    Example:

        python -m depth_completion_training.generation.from_images coco/train2017 maps@disparity frames
    """
    number, machines = parse_machine(machine)
    choices = OpenChoices(median, ratio, sensor, cut or None)
    names = find_images(images)[number::machines]
    create_prior(depths, allow_noncommercial=allow_noncommercial)  # what is wrong with it shows here
    out.mkdir(parents=True, exist_ok=True)
    prior = depths, allow_noncommercial
    folders = images.absolute(), prior, out.absolute()
    task = partial(make_frame_files, *folders, parse_size(size), scans, views, seed, choices)
    follow(out, "image", len(names), views, partial(run_tasks, task, names, crew_of(workers, ray)))


def find_images(folder: Path) -> list[str]:
    """Paths of the images below a folder, relative to it, in order.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ValueError: two images whose frames would have one name.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"Folder '{folder}' is missing.")
    files = (file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    if not names:
        raise FileNotFoundError(f"Folder '{folder}' holds no image; they end in {', '.join(ENDINGS)}.")
    for one, other in pairwise(sorted(names, key=_stem)):
        if _stem(one) == _stem(other):
            raise ValueError(f"Images '{one}' and '{other}' would give frames of one name; rename one.")
    return names


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix().replace("/", "-")


def make_frame_files(
    images: Path,
    prior: tuple[str, bool],
    out: Path,
    size: tuple[int, int],
    scans: int,
    views: int,
    seed: int,
    choices: OpenChoices,
    name: str,
) -> Report:
    """Write those frames of an image that are not there yet; never raises an Exception."""
    frames = written = 0
    try:
        stem = Path(name).with_suffix("").as_posix()
        files = {view: out / f"image-{_stem(name)}_{view:02d}.npz" for view in range(views)}
        missing = {view: file for view, file in files.items() if not file.exists()}
        if missing:
            image = read_image(images / name)
            model = _prior(*prior)
            prediction = model.predict(image, stem)
            entropy = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
            for view, file in missing.items():
                rng = np.random.default_rng([seed, entropy, view])
                depth = metric_depth(prediction, model.space, rng, choices)
                frame = frame_from_image(image, depth, size, scans, rng, choices)
                written += write_frame(file, frame)
                frames += 1
    except Exception as error:  # one bad image must not end the run
        return Report(name, frames, written, sentence_of(error))
    return Report(name, frames, written)


@cache
def _prior(spec: str, allow_noncommercial: bool) -> MonocularPrior:
    return create_prior(spec, allow_noncommercial=allow_noncommercial)


if __name__ == "__main__":
    run(main, "python -m depth_completion_training.generation.from_images")
