"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..core import Frame

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="Data set, frame folder or rosbag2; also a URL such as s3://bucket/drive, which is fetched.",
        show_default=False,
    ),
]
ReaderOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--reader-option",
        "-O",
        metavar="NAME=VALUE",
        help="Option of the reader, such as select=kitti_seq_* of frame folders or image_topic=/cam/image "
        "of bags; the names are listed below. Repeat for more.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only the first so many frames.")]
CompleterName = Annotated[
    str,
    typer.Option(
        "--completer",
        "-c",
        help="NAME or NAME:VARIANT of `depth-completion completers`, with settings of its own if any: "
        "`depthlab,steps=4`.",
    ),
]
Device = Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:N`.")]
Weights = Annotated[
    str | None,
    typer.Option(
        help="File, or name in `depth-completion weights list`, of the weights of a learned completer; of "
        "diffusion a folder."
    ),
]
Prior = Annotated[
    str | None,
    typer.Option(
        help="Depth prior of a learned completer: a name such as `depth_anything_v2_small`, or a path "
        "such as `maps@metric`."
    ),
]
Temporal = Annotated[
    str,
    typer.Option(
        metavar="off|blend",
        help="blend: with the frames before, where poses are known and nothing measured contradicts, so that "
        "depth flickers less.",
    ),
]
Precision = Annotated[
    str, typer.Option(help="Of a learned completer: `auto`, `float32`, `bfloat16` or `float16`.")
]
AllowNoncommercial = Annotated[
    bool,
    typer.Option("--allow-noncommercial", help="Take weights whose licence forbids commercial use."),
]
Filters = Annotated[
    str,
    typer.Option("--filters", help="Filters on the points: `see-through`, `isolated`, `all` or `none`."),
]
MaxRange = Annotated[
    float,
    typer.Option(
        metavar="METRES",
        callback=lambda metres: _positive("Maximum range", metres),
        help="Feed only what was measured at most so far in front of the camera.",
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Make depth of lower confidence unknown; 0 for every guess. [the completer's own, such as 0.5]",
        show_default=False,
    ),
]
Stride = Annotated[int, typer.Option(min=1, help="Make a cloud point of every so many pixels.")]

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Do it by so many processes, which also takes a folder, a glob in quotes or a list (.txt) of "
        "drives as DATA, survives the loss of a process, and goes on where an earlier run was ended.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The same on a Ray cluster: `auto`, HOST:6379 or ray://HOST:10001."),
]
Stretch = Annotated[
    int, typer.Option(min=1, help="With --workers or --ray: frames that a worker does in one go.")
]

FILTERS = {
    "all": (True, True),
    "see-through": (True, False),
    "isolated": (False, True),
    "none": (False, False),
}


def _positive(what: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{what} is {value:g}; it must be positive.")
    return value


def filters(text: str) -> dict[str, bool]:
    """Keyword arguments `see_through` and `isolated` of a --filters text."""
    if text not in FILTERS:
        raise ValueError(f"Filters are '{text}'; they must be one of {', '.join(FILTERS)}.")
    return dict(zip(("see_through", "isolated"), FILTERS[text], strict=True))


def open_data(path: Path, reader_options: list[str] | None):
    """The reader of a DATA path with its -O options."""
    from ..data.reader import open_reader

    say_where_it_is_fetched(path)
    return open_reader(path, **options_of_reader(reader_options))


def say_where_it_is_fetched(data: Path) -> None:
    """Say on stderr, before it takes a while, that a URL is fetched, and where to."""
    from ..data.remote.cache import cache_folder
    from ..data.remote.urls import url_of

    if url := url_of(data):
        typer.echo(f"Fetching what is new of {url} to {cache_folder()}.", err=True)


def options_of_reader(texts: list[str] | None) -> dict[str, object]:
    """Keyword arguments of -O texts."""
    from ..completion.spec import value_of

    options = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"Reader option '{text}' is not of the form NAME=VALUE.")
        options[name] = value_of(value)
    return options


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


def make_completers(texts: Iterable[str], **options) -> dict:
    """`runner.make_completers`; their warnings go to stderr."""
    from ..evaluation import runner

    made = runner.make_completers(texts, **options)
    for completer in made.values():
        for sentence in completer.warnings:
            typer.echo(sentence, err=True)
    return made


def print_degradations(completers: Iterable) -> None:
    """Say on stderr what completers had to give up."""
    for completer in completers:
        for sentence in completer.degradations:
            typer.echo(sentence, err=True)


def print_skipped(reader) -> None:
    """Say on stderr what a reader left out, by cause."""
    for cause, count in sorted(reader.skipped.items()):
        typer.echo(f"Left out by the reader: {count} x {cause}.", err=True)
    if reader.deskew is not None and reader.deskew.done:
        for cause, count in sorted(reader.deskew.missed.items()):
            typer.echo(f"Scans that are not deskewed: {count} x {cause}.", err=True)


def by_fleet(data: Path, job, out: Path, fleet, what: str):
    """`run_fleet` with one progress bar over all; what completers and readers tell goes to stderr."""
    from ..fleet.report import write_report
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
    for sentence in found.notices():
        typer.echo(sentence, err=True)
    if found.lost:
        typer.echo(f"{found.lost} workers were lost; others did their work.", err=True)
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


def print_blended(blend) -> None:
    """Say how many frames were blended, and why the others were not; nothing where that is off."""
    if blend is not None:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in blend.counts.most_common())
        typer.echo(f"Over time: {counts}.", err=True)
