"""`evaluate` on many drives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.safe.files import write_bytes
from ..data.reader import open_reader
from ..evaluation.figures import TrialFigures
from ..evaluation.html.frames import ShownTrial
from ..evaluation.protocols import Settings
from ..evaluation.runner import EvaluationResult, FramesUntilError, new_result, nothing_served, score_frames
from . import partial
from .job import Completers
from .run import FleetRun


@dataclass(frozen=True)
class EvaluateJob:
    """Scores the frames of a stretch.

    Args:
        protocols: texts for `parse_protocol`.
        confidence, structure: score them too.
    """

    completers: Completers
    protocols: tuple[str, ...]
    settings: Settings
    confidence: bool = False
    structure: bool = False
    reader_options: Mapping[str, object] = field(default_factory=dict)

    def new_result(self, name: str) -> EvaluationResult:
        """A result of no frame yet; ValueError for protocols that are wrong."""
        return new_result(name, self.protocols, list(self.completers.texts), self.settings)

    def run(self, stretch, reader, made, folder):
        drawn = TrialFigures(folder, [number - stretch.first for number in stretch.drawn])
        result = self.new_result(reader.name)
        frames = FramesUntilError(reader.stretch(stretch.first, stretch.last), needs_some=False)
        score_frames(frames, made, result, drawn, self.confidence, set(), self.structure)
        content = partial.content_of(result)
        content["figures"] = [path.name for path in drawn.paths]
        content["shown"] = partial.shown_content(drawn.shown)
        return content, frames.damage


@dataclass(frozen=True)
class Evaluated:
    """An evaluation put together, with its figures.

    Args:
        drives: results of single drives, by name, of those with something scored.
    """

    result: EvaluationResult
    figures: list[Path]
    shown: list[ShownTrial]
    drives: dict[str, EvaluationResult]


def merge(run: FleetRun, job: EvaluateJob, out: Path) -> Evaluated:
    """Put the stretches of a run together and copy their figures to `out/figures`.

    Raises:
        ValueError: no frame can serve any of the protocols.
    """
    only = run.drives[0]
    name = open_reader(only.path, **job.reader_options).name if len(run.drives) == 1 else None
    result = job.new_result(name or f"{len(run.drives)} drives")
    drives: dict[str, EvaluationResult] = {}
    figures, shown = [], []
    for stretch, outcome in run.outcomes:
        if outcome.content is None:
            continue
        partial.add(result, outcome.content, stretch.drive)
        of_drive = drives.setdefault(stretch.drive, job.new_result(stretch.drive))
        partial.add(of_drive, outcome.content, "")
        folder = run.journal.files(stretch)
        for name, trial in zip(outcome.content["figures"], outcome.content["shown"], strict=True):
            figures.append(out / "figures" / stretch.drive / name)
            figures[-1].parent.mkdir(parents=True, exist_ok=True)
            write_bytes(figures[-1], (folder / name).read_bytes())
            frame = f"{stretch.drive}/{trial['frame']}" if stretch.drive else trial["frame"]
            shown.append(ShownTrial(**{**trial, "frame": frame, "images": tuple(trial["images"])}))
    result.left_out = dict(run.skipped())
    if not result.rows:
        raise ValueError(nothing_served(result))
    return Evaluated(result, figures, shown, {key: each for key, each in drives.items() if each.rows})


def drive_table(evaluated: Evaluated) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the means of each drive."""
    headings = ["drive", "protocol", "completer", "frames", "RMSE mm", "MAE mm", "coverage"]
    rows = [
        [
            drive,
            mean.protocol,
            mean.completer,
            str(mean.frames),
            f"{mean.metrics.rmse_mm:.0f}",
            f"{mean.metrics.mae_mm:.0f}",
            f"{mean.metrics.coverage:.1%}",
        ]
        for drive, result in evaluated.drives.items()
        for mean in result.means()
    ]
    return headings, rows
