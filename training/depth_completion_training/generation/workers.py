"""What workers report of the files that they make, one task after the other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from depth_completion_ros.fleet.workers.crew import Crew
from depth_completion_ros.fleet.workers.engine import ready


@dataclass(frozen=True)
class Report:
    """What became of a task.

    Args:
        item: what the task was given: a scene's seed, or the name of an image.
        frames, size: frames and bytes that were written.
        error: why it failed, in words without a full stop; empty where it did not.
    """

    item: int | str
    frames: int
    size: int
    error: str = ""


def sentence_of(error: Exception) -> str:
    """What an error says, in one line, with the place where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text} ({Path(place.filename).name}, line {place.lineno})"


def run_tasks(
    task: Callable[[int | str], Report],
    items: Iterable[int | str],
    crew: Crew,
    done: Callable[[Report], None],
) -> None:
    """Call `task` with each item in workers, and `done` here with each report, as they end.

    A worker that is lost (out of memory, say) costs only the item that it had, which others try again.

    Args:
        task: can be sent to workers, and reports what goes wrong instead of raising it.
    """
    crew.do(items, ready(task), lambda item, report: done(report), _lost)


def _lost(item: int | str, why: str) -> Report:
    return Report(item, 0, 0, f"its worker was lost (out of memory?) {why.rstrip('.')}")
