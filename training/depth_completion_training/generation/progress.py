"""A bar of progress in frames on a terminal, or a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import typer
from rich import progress as bars
from rich.console import Console

from .workers import Report

_LINE_EVERY_S = 60.0


class Progress:
    """Context that shows scenes done, frames a second and the time left, on stderr.

    Args:
        tasks: how many scenes (or images) there are.
        frames: of each.
    """

    def __init__(self, tasks: int, frames: int = 1):
        self._console = Console(stderr=True)
        self._tasks, self._done, self._made = tasks, 0, 0
        self._started = self._said = time.monotonic()
        self._bar = bars.Progress(
            bars.TextColumn("generating"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[rate]:.2f} frames/s"),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(elapsed_when_finished=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=tasks * frames, rate=0.0)
        self._frames = frames

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def advance(self, made: int) -> None:
        """One task is done, with so many frames written."""
        self._done += 1
        self._made += made
        now = time.monotonic()
        rate = self._made / max(now - self._started, 1e-9)
        self._bar.update(self._task, advance=self._frames, rate=rate)
        if not self._console.is_terminal and now - self._said > _LINE_EVERY_S:
            self._said = now
            left = (now - self._started) / self._done * (self._tasks - self._done)
            self.say(f"{self._done} of {self._tasks} done, {rate:.2f} frames/s, {left / 60:.0f} min left")


def follow(
    out: Path, what: str, tasks: int, frames: int, make: Callable[[Callable[[Report], None]], None]
) -> None:
    """Call `make(done)` with a bar of progress, say what failed, and end with a summary.

    Args:
        out: where the frames go.
        what: a task is about: `scene`.
        tasks, frames: how many there are, and frames of each.
        make: calls what it is given with the report of each task.

    Raises:
        typer.Exit: with code 1, when a task failed.
    """
    reports: list[Report] = []
    started = time.monotonic()
    with Progress(tasks, frames) as progress:

        def done(report: Report) -> None:
            reports.append(report)
            if report.error:
                progress.say(f"{what.capitalize()} '{report.item}' failed: {report.error}.")
            progress.advance(report.frames)

        make(done)
    failed = [str(report.item) for report in reports if report.error]
    made = sum(report.frames for report in reports)
    seconds = time.monotonic() - started
    typer.echo(
        f"{made} frames of {len(reports) - len(failed)} {what}s in {out}: "
        f"{sum(report.size for report in reports) / 1e6:.1f} MB, {seconds:.0f} s, "
        f"{made / max(seconds, 1e-9):.2f} frames/s, {len(failed)} {what}s failed."
    )
    if failed:
        shown = ", ".join(failed[:20]) + (", ..." if len(failed) > 20 else "")
        typer.echo(f"Failed {what}s: {shown}.", err=True)
        raise typer.Exit(1)
