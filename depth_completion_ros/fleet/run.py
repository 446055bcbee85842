"""A command on many drives: from the DATA argument to the outcomes in order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..core.safe.errors import sentence
from .drives import Drive, Stretch, cut, find_drives
from .job import Failure, Job, Outcome, Work
from .journal import Journal
from .workers.crew import Crew


@dataclass(frozen=True)
class Fleet:
    """Who does the work, and in what pieces.

    Args:
        workers: number of them; None for one a CPU of the cluster.
        ray: address of a Ray cluster; None for processes of this machine.
        stretch: frames that one worker does in one go; None for whole drives.
        limit: the first frames of each drive alone.
        drawn: number of frames, evenly spaced over all, to draw figures of.
    """

    workers: int | None = 1
    ray: str | None = None
    stretch: int | None = 50
    limit: int | None = None
    drawn: int = 0


@dataclass
class FleetRun:
    """What a run found out.

    Args:
        drives: all of them, in order.
        outcomes: of every stretch, in order.
        failures: what could not be done.
        lost: workers that were lost on the way.
        resumed: stretches that an earlier run had done.
        seconds: of this run.
    """

    drives: list[Drive]
    outcomes: list[tuple[Stretch, Outcome]]
    journal: Journal
    failures: list[Failure] = field(default_factory=list)
    lost: int = 0
    resumed: int = 0
    workers: int = 0
    seconds: float = 0.0

    def skipped(self) -> Counter[str]:
        """Number of frames that readers left out, by cause."""
        return sum((Counter(outcome.skipped) for _, outcome in self.outcomes), Counter())

    def notices(self) -> list[str]:
        """What completers and readers told, each sentence once."""
        return list(dict.fromkeys(text for _, outcome in self.outcomes for text in outcome.notices))


Progress = Callable[[int, int], None]
"""Is told frames done and frames in all, from time to time."""


def run_fleet(data: Path, job: Job, out: Path, fleet: Fleet, progress: Progress) -> FleetRun:
    """Do a job on all drives of `data`; what is done stays in `out` and is not done again.

    Args:
        data: as `find_drives` takes it.
        out: folder of the results.

    Raises:
        ValueError, OSError, ImportError: no drives, settings that differ from those of the results that are
            there, completers that cannot be made, no Ray cluster.
        WorkerLost: workers cannot be started.
    """
    begin = time.monotonic()
    drives = find_drives(data)
    stretches, failed = cut(drives, job.reader_options, fleet.stretch, fleet.limit, fleet.drawn)
    if failed and not stretches:
        raise next(iter(failed.values()))
    journal = Journal(out.absolute(), job)
    known = {stretch: journal.outcome(stretch) for stretch in stretches}
    outcomes = {stretch: outcome for stretch, outcome in known.items() if outcome is not None}
    found = FleetRun(drives, [], journal, resumed=len(outcomes))
    total, left = sum(s.frames for s in stretches), [s for s in stretches if s not in outcomes]
    progress(sum(s.frames for s in outcomes), total)

    def done(named: tuple[Stretch, str], outcome: Outcome) -> None:
        stretch, _ = named
        journal.note(stretch, outcome)
        outcomes[stretch] = outcome
        progress(sum(s.frames for s in outcomes), total)

    if left:
        named = [(stretch, journal.name(stretch)) for stretch in left]
        gpus = int(str(job.completers.options.get("device", "")).startswith("cuda"))
        crew = Crew(fleet.workers, fleet.ray)
        did = crew.do(named, partial(Work, job, journal.folder), done, _given_up, gpus)
        found.workers, found.lost = did.workers, did.lost
    found.outcomes = [(stretch, outcomes[stretch]) for stretch in stretches]
    found.failures = _failures(failed, found.outcomes)
    found.seconds = time.monotonic() - begin
    return found


def _given_up(named: tuple[Stretch, str], why: str) -> Outcome:
    return Outcome(failure=("worker lost", why))


def _failures(failed: dict[str, Exception], outcomes: list[tuple[Stretch, Outcome]]) -> list[Failure]:
    """All of a kind together, one of a drive that breaks off, however many stretches lie behind."""
    failures = [Failure("cannot be opened", name, sentence(error)) for name, error in failed.items()]
    broken = set()
    for stretch, outcome in outcomes:
        if outcome.failure is None:
            continue
        cause, why = outcome.failure
        if cause == "breaks off":
            if (stretch.path, why) in broken:
                continue
            broken.add((stretch.path, why))
        where = f"{stretch.drive or Path(stretch.path).name}, frames {stretch.first} to {stretch.last - 1}"
        failures.append(Failure(cause, where, why))
    return sorted(failures, key=lambda failure: failure.cause)
