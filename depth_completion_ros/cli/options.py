"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..core import Frame

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="Data set, frame folder or rosbag2.", show_default=False),
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
    from ..completion.spec import value_of
    from ..data.reader import open_reader

    options = {}
    for text in reader_options or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"Reader option '{text}' is not of the form NAME=VALUE.")
        options[name] = value_of(value)
    return open_reader(path, **options)


def frames_with_progress(reader, limit: int | None, what: str) -> Iterator:
    """The frames of a reader, with a progress bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    total = len(reader) if limit is None else min(len(reader), limit)
    frames: Iterable = reader if limit is None else islice(reader, limit)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield from progress.track(_first_checked(frames), total=total)


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
    """Completers by their texts (see `parse_completer`); their warnings go to stderr.

    Args:
        options: for `create_completer`. Each goes to the completers that take it; one that none takes
            goes to all, to be refused.
    """
    from ..completion.registry import options_of
    from ..completion.spec import parse_completer
    from ..evaluation.runner import completer_from_text

    takes = {text: options_of(parse_completer(text)[0]) for text in texts}
    by_some = set().union(*takes.values())
    made = {}
    for text, names in takes.items():
        given = {name: value for name, value in options.items() if name in names or name not in by_some}
        made[text] = completer_from_text(text, **given)
        for sentence in made[text].warnings:
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
