"""Runs ORB-SLAM3 on a drive with one kind of depth after the other, several times each, and scores it."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core import Frame
from .depths import Depth
from .orbslam3 import TRACKED, SlamFailed, SlamRun, run_orbslam3
from .recording import Feed, Recording, record
from .reference import Reference
from .scores import PathScore, score_paths
from .vocabulary import write_vocabulary

VOCABULARY_IMAGES = 60


@dataclass(eq=False)
class DepthResult:
    """All runs with one kind of depth.

    Args:
        failures: one sentence for each run that broke off.
        files: TUM files of the others.
        scores: of the same; None where too little was tracked.
        complete_ms: median time of a completion.
    """

    depth: Depth
    runs: list[SlamRun] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    scores: list[PathScore | None] = field(default_factory=list)
    complete_ms: float = float("nan")

    @property
    def tracked(self) -> list[int]:
        """Frames tracked in each run."""
        return [run.states.count(TRACKED) for run in self.runs]

    @property
    def lost(self) -> list[int]:
        """Frames in each run that were not tracked although one before was."""
        counts = []
        for run in self.runs:
            first = run.states.index(TRACKED) if TRACKED in run.states else len(run.states)
            counts.append(sum(state != TRACKED for state in run.states[first:]))
        return counts

    @property
    def track_ms(self) -> float:
        """Median time of the tracking of a frame."""
        times = [value for run in self.runs for value in run.track_ms]
        return float(np.median(times)) if times else float("nan")


@dataclass(eq=False)
class SlamResult:
    """All depths on one drive.

    Args:
        name: of the drive.
        frames: number of them.
        fed: what was measured, in words.
    """

    name: str
    frames: int
    fed: str
    reference: Reference
    depths: list[DepthResult]


def run_slam(
    frames: Callable[[], Iterable[Frame]],
    depths: Sequence[Depth],
    feed: Feed,
    out: Path,
    *,
    repeats: int = 3,
    python: str = sys.executable,
    vocabulary: Path | None = None,
    name: str = "",
    fed: str = "",
    say: Callable[[str], None] = lambda sentence: None,
) -> SlamResult:
    """Run SLAM on every kind of depth and score it against the reference.

    ORB-SLAM3 has threads that race, so that no two runs are alike; hence the repeats.

    Args:
        frames: gives all frames anew each time it is called.
        feed: what of a frame was measured.
        out: folder for trajectories (TUM format) and logs.
        python: of the programs ORB-SLAM3 and evo.
        vocabulary: of ORB-SLAM3; None for one made of the drive's images.
        name, fed: of the drive and of what was measured, for reports.
        say: told in a sentence what is going on.

    Raises:
        ValueError, ChildProcessError: the drive cannot be used, or all runs of all depths failed; one
            sentence.
    """
    if vocabulary is not None and not vocabulary.is_file():
        raise FileNotFoundError(f"Vocabulary '{vocabulary}' is missing.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="depth_completion_slam_") as folder:
        recording = record(frames(), Path(folder))
        reference = recording.reference.trajectory.write(out / "reference.tum")
        say(
            f"{len(recording)} frames, {recording.reference.trajectory.length:.1f} m by "
            f"{recording.reference.name}."
        )
        vocabulary = vocabulary or write_vocabulary(_some_images(recording), out / "vocabulary.txt")
        results = [DepthResult(depth) for depth in depths]
        for base in dict.fromkeys(depth.base for depth in depths):
            same = [result for result in results if result.depth.base == base]
            say(f"Completing with {base} ...")
            recording.complete(frames(), same[0].depth, feed)
            for result in same:
                result.complete_ms = recording.complete_ms[base]
                _run(result, recording, vocabulary, out, repeats, python, say)
    files = [file for result in results for file in result.files]
    if not files:
        raise SlamFailed(next(sentence for result in results for sentence in result.failures))
    scores = iter(score_paths(reference, files, python))
    for result in results:
        result.scores = [next(scores) for _ in result.files]
    return SlamResult(name, len(recording), fed, recording.reference, results)


def _run(
    result: DepthResult, recording: Recording, vocabulary: Path, out: Path, repeats, python, say
) -> None:
    depth = result.depth
    for number in range(1, repeats + 1):
        folder = out / folder_name(depth.label) / f"run_{number}"
        try:
            run = run_orbslam3(
                recording.frames(depth),
                recording.camera,
                vocabulary,
                folder,
                python,
                recording.rate_hz,
            )
        except SlamFailed as error:
            result.failures.append(str(error))
            say(str(error))
            if not result.runs:  # what cannot start once will not start again
                return
            continue
        result.runs.append(run)
        result.files.append(run.trajectory.write(folder / "trajectory.tum"))
        say(f"{depth.label}, run {number}: {run.states.count(TRACKED)} of {len(recording)} frames tracked.")


def folder_name(label: str) -> str:
    """The label of a depth as part of a path."""
    return re.sub(r"[^\w.-]+", "_", label.replace(">=", "from")).strip("_")


def _some_images(recording: Recording):
    at = np.unique(np.linspace(0, len(recording) - 1, VOCABULARY_IMAGES).round().astype(int))
    return (recording.grey(index) for index in at)
