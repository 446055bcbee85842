"""Makes the frames of many scenes with workers, one scene a task.

Everything in a frame is a function of its scene's seed and its number, so runs that are repeated, cut
off and taken up again, or spread over machines give the same files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from depth_completion_ros.core.safe.files import write_text
from depth_completion_ros.fleet.workers.crew import Crew

from .workers import Report, run_tasks, sentence_of

VERSION = 2
"""Of what the frames look like: frames of another version do not go into the same folder."""
RECIPE_FILE = "generation.json"
_ENTROPY = {"kind": 11, "view": 12}


@dataclass(frozen=True)
class Recipe:
    """How frames are made; all that decides what is in them beside their seeds.

    Args:
        height, width: of the image, pixels.
        scans: range sensors a view.
        outdoor: share of the scenes that are outdoors.
        version: of the simulation.

    Raises:
        ValueError: a number that is not allowed.
    """

    height: int = 256
    width: int = 384
    scans: int = 3
    outdoor: float = 0.6
    version: int = VERSION

    def __post_init__(self):
        if min(self.height, self.width) < 32:
            raise ValueError(f"Size is {self.height} x {self.width}; both must be at least 32 pixels.")
        if self.scans < 1:
            raise ValueError(f"Scans a view are {self.scans}; there must be at least 1.")
        if not 0 <= self.outdoor <= 1:
            raise ValueError(f"Share of outdoor scenes is {self.outdoor:g}; it must be from 0 to 1.")

    def kind_of(self, seed: int) -> str:
        """`outdoor` or `indoor`, by the seed of the scene."""
        draw = np.random.default_rng([_ENTROPY["kind"], seed]).random()
        return "outdoor" if draw < self.outdoor else "indoor"

    def path(self, folder: Path, seed: int, view: int) -> Path:
        """File of a view."""
        return folder / f"{self.kind_of(seed)}_{seed:08d}_{view:02d}.npz"

    def store(self, folder: Path) -> None:
        """Note in the folder how its frames are made.

        Raises:
            ValueError: the folder holds frames that were made otherwise.
        """
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / RECIPE_FILE
        text = json.dumps(asdict(self)) + "\n"
        try:
            there = file.read_text()
        except FileNotFoundError:
            write_text(file, text)
            return
        if there != text:
            raise ValueError(
                f"Folder '{folder}' holds frames made with {there.strip()}, but {text.strip()} is asked for; "
                "give the same options, or another folder."
            )


def make_scene_files(folder: Path, recipe: Recipe, views: int, seed: int) -> Report:
    """Write those views of a scene that are not there yet; never raises an Exception."""
    frames = size = 0
    try:
        missing = [view for view in range(views) if not recipe.path(folder, seed, view).exists()]
        if missing:
            from depth_completion_training.simulation.frame_file import write_frame

            from .view import Viewer

            viewer = Viewer(_make_scene(recipe.kind_of(seed), seed))
            for view in missing:
                rng = np.random.default_rng([_ENTROPY["view"], seed, view])
                frame = viewer.look(recipe.height, recipe.width, recipe.scans, rng)
                size += write_frame(recipe.path(folder, seed, view), frame)
                frames += 1
    except Exception as error:  # whatever is wrong with one scene must not end a night's run
        return Report(seed, frames, size, sentence_of(error))
    return Report(seed, frames, size)


def _make_scene(kind: str, seed: int):
    if kind == "outdoor":
        from depth_completion_training.simulation.outdoor import make_outdoor

        return make_outdoor(seed)
    from depth_completion_training.simulation.indoor import make_indoor

    return make_indoor(seed)


def generate(
    folder: Path,
    recipe: Recipe,
    seeds: Iterable[int],
    views: int,
    crew: Crew,
    done: Callable[[Report], None],
) -> None:
    """Make the scenes of some seeds; `done` is called with the report of each, in the order they end.

    Raises:
        ValueError: the folder holds frames that were made otherwise.
    """
    recipe.store(folder)
    run_tasks(partial(make_scene_files, folder.absolute(), recipe, views), seeds, crew, done)
