"""`replay` and `convert` on many drives: a bag for each, which one worker writes from start to end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..completion.temporal.blend import TemporalBlend
from ..data.bag.writer import write_bag
from ..evaluation.replay import USUAL, replay
from .job import Completers
from .run import FleetRun


@dataclass(frozen=True)
class ReplayJob:
    """Completes a drive into a bag.

    Args:
        temporal: `blend` or `off`.
        options: of `replay`, others.
    """

    completers: Completers
    outputs: tuple[str, ...] = USUAL
    temporal: str = "off"
    options: Mapping[str, object] = field(default_factory=dict)
    reader_options: Mapping[str, object] = field(default_factory=dict)

    def run(self, stretch, reader, made, folder):
        (completer,) = made.values()
        frames = reader.stretch(stretch.first, stretch.last)
        path = folder / _bag_name(stretch)
        blend = TemporalBlend() if self.temporal == "blend" else None
        done = replay(frames, completer, path, outputs=self.outputs, temporal=blend, **self.options)
        if not done.frames:
            raise ValueError("There is no pair of image and points.")
        return {"frames": done.frames, "bag": path.name}, None


@dataclass(frozen=True)
class ConvertJob:
    """Writes a drive as a bag.

    Args:
        options: of `write_bag`.
    """

    completers: Completers = field(default_factory=lambda: Completers(()))
    options: Mapping[str, object] = field(default_factory=dict)
    reader_options: Mapping[str, object] = field(default_factory=dict)

    def run(self, stretch, reader, made, folder):
        path = folder / _bag_name(stretch)
        frames = reader.stretch(stretch.first, stretch.last)
        return {"frames": write_bag(frames, path, **self.options), "bag": path.name}, None


def place(run: FleetRun, out: Path) -> int:
    """Move the bags to their places in a folder, named like their drives; number of bags there are."""
    count = 0
    for stretch, outcome in run.outcomes:
        if outcome.content is None:
            continue
        made = run.journal.files(stretch) / outcome.content["bag"]
        target = out / Path(stretch.drive).parent / made.name
        if made.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            made.replace(target)
        count += 1
    return count


def _bag_name(stretch) -> str:
    path = Path(stretch.path)
    return path.stem if path.is_file() else path.name
