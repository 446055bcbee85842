"""What commands do with frames: go through them, tell how far they are, and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..core import Frame


def frames_with_progress(reader, limit: int | None, what: str) -> Iterator:
    """The frames of a reader, with a progress bar on stderr where that is a terminal."""
    total = len(reader) if limit is None else min(len(reader), limit)
    frames: Iterable = reader if limit is None else islice(reader, limit)
    with progress_bar(what) as progress:
        yield from progress.track(_first_checked(frames), total=total)


def progress_bar(what: str):
    """A progress bar of frames on stderr, hidden where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def steps_with_progress() -> Iterator[Callable[[str, int, int], None]]:
    """What takes what is done and how many steps of it are, to show both where stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting")
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _first_checked(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Frames, with a warning on stderr where the LiDAR of the first seems to be in a wrong place."""
    from ..data.calibration.extrinsics import check_direction

    unchecked = True
    for frame in frames:
        T, points = frame.T_cam_lidar, frame.points
        if unchecked and points is not None and len(points) and T is not None and frame.camera is not None:
            unchecked, wrong = False, check_direction(T, frame.camera, points)
            if wrong:
                typer.echo(f"Warning: {frame.name}: {wrong}", err=True)
        yield frame


def print_degradations(completers: Iterable) -> None:
    """Say on stderr what completers had to give up."""
    for completer in completers:
        for sentence in completer.degradations:
            typer.echo(sentence, err=True)


def print_skipped(reader) -> None:
    """Say on stderr what a reader left out, by cause."""
    for sentence in reader.left_out():
        typer.echo(sentence, err=True)


def say_where_it_is_fetched(data: Path) -> None:
    """Say on stderr, before it takes a while, that a URL is fetched, and where to."""
    from ..data.remote.cache import cache_folder
    from ..data.remote.urls import shown, url_of

    if url := url_of(data):
        typer.echo(f"Fetching what is new of {shown(url)} to {cache_folder()}.", err=True)


def by_fleet(data: Path, job, out: Path, fleet, what: str):
    """`run_fleet` with one progress bar over all; what completers and readers tell goes to stderr."""
    from ..fleet.report import lost_sentences, write_report
    from ..fleet.run import run_fleet

    say_where_it_is_fetched(data)
    with progress_bar(what) as bar:
        task = bar.add_task(what)
        found = run_fleet(
            data, job, out, fleet, lambda done, total: bar.update(task, completed=done, total=total)
        )
    write_report(found, out)
    for cause, count in sorted(found.skipped().items()):
        typer.echo(f"Left out by the reader: {count} x {cause}.", err=True)
    for sentence in [*found.notices(), *lost_sentences(found.lost)]:
        typer.echo(sentence, err=True)
    if found.resumed:
        typer.echo(f"{found.resumed} of {len(found.outcomes)} stretches had been done before.", err=True)
    return found


def raise_failures(found) -> None:
    """ValueError where a fleet could not do all."""
    from ..fleet.report import failure_sentence

    if text := failure_sentence(found):
        raise ValueError(text)


def temporal_blend(text: str):
    """A blend of --temporal, or None where it is off."""
    from ..completion.temporal.blend import TemporalBlend

    if text not in ("off", "blend"):
        raise ValueError(f"Option --temporal is '{text}'; it must be off or blend.")
    return TemporalBlend() if text == "blend" else None


def refuse_blend_of_stretches(blended: bool) -> None:
    """ValueError where frames are to be blended that workers do in stretches."""
    if blended:
        raise ValueError(
            "Option --temporal needs frames one after the other; with --workers or --ray it must be off."
        )


def print_blended(counts: Mapping[str, int]) -> None:
    """Say how many frames were blended, and why the others were not; nothing where that is off."""
    if counts:
        each = sorted(counts.items(), key=lambda entry: -entry[1])
        said = ", ".join(f"{count} {outcome}" for outcome, count in each)
        typer.echo(f"Over time: {said}.", err=True)
