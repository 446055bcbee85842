"""`depth-completion slam`: what completed depth is worth to a SLAM system."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from ..frames import frames_with_progress, print_degradations, print_skipped
from ..options.groups import FeedOptions, NetworkOptions, ReadingOptions, with_groups
from ..options.single import Data
from ..tables import AsJson, print_table

DepthNames = Annotated[
    list[str] | None,
    typer.Option(
        "--depth",
        "-d",
        help="`sparse`, `inverse_dilation`, `truth`, or a completer with or without its "
        "`min_confidence` (and `max_step=0.1` to leave out edges); repeat for more. "
        "[sparse, inverse_dilation, linear, default]",
    ),
]
Gates = Annotated[
    str | None,
    typer.Option(
        metavar="P,Q,...",
        help="Run each completer that is given without `min_confidence` with each of these.",
        show_default=False,
    ),
]
Lines = Annotated[
    int | None,
    typer.Option(min=1, help="Feed only so many LiDAR lines, evenly spaced. [all]", show_default=False),
]


@with_groups
def slam(
    *,
    data: Data,
    depth: DepthNames = None,
    gates: Gates = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report and trajectories.")] = Path(
        "slam"
    ),
    repeats: Annotated[int, typer.Option(min=1, help="Runs with each depth, as no two are alike.")] = 3,
    lines: Lines = None,
    every: Annotated[
        int, typer.Option(min=1, help="Take one frame in so many, as of a slower camera, to save time.")
    ] = 1,
    vocabulary: Annotated[
        Path | None,
        typer.Option(help="ORB vocabulary as text, such as the official ORBvoc.txt. [made of the images]"),
    ] = None,
    python: Annotated[
        str, typer.Option(metavar="PROGRAM", help="Python that has orbslam3-python and evo. [this one]")
    ] = "",
    feed: FeedOptions,
    reading: ReadingOptions,
    network: NetworkOptions,
    as_json: AsJson = False,
):
    """
    Run ORB-SLAM3 (RGB-D) on a drive with several kinds of depth, and score its trajectories.

    A depth is `sparse` (what was measured), `inverse_dilation` (what RGB-L feeds to ORB-SLAM3), `truth`, or a
    completer: `linear`, `default,min_confidence=0.6`. Without `min_confidence` a completer gives what robots
    are told; 0 gives all its depth.

    The reference is the poses of the data, or KISS-ICP on its scans where it has none; the report says which.
    Prints ATE, RPE, frames tracked and lost, and writes `report.html`, `report.md`, `slam.json`,
    `trajectories.png`, and the trajectories as TUM files for evo. A drive takes several times as long as it
    lasts, and depth of one completer at a time is kept on disk: 4 MB a frame of KITTI's size.

    ORB-SLAM3 and evo are under the GPL and run as programs of their own. They, and KISS-ICP, come with
    `pip install "depth-completion-ros[slam]"`.

    Examples:

        depth-completion slam demo/drive

        depth-completion slam demo/drive -d sparse -d default -d default,min_confidence=0.6 -d truth

        depth-completion slam drive_bag -d linear -d default --lines 16 --repeats 5
    """
    from ...slam.page import write_slam_html
    from ...slam.report import cut_off, slam_table, write_slam_report
    from ...slam.run import run_slam

    measured = Feed(lines, feed)
    reader = reading.open(data)
    depths = depths_of(depth, gates, network)
    result = run_slam(
        lambda: islice(frames_with_progress(reader, reading.limit, "reading"), 0, None, every),
        depths,
        measured,
        out,
        repeats=repeats,
        python=python or sys.executable,
        vocabulary=vocabulary,
        name=reader.name,
        fed=str(measured) + (f"; one frame in {every}" if every > 1 else ""),
        say=lambda sentence: typer.echo(sentence, err=True),
    )
    report = write_slam_report(result, out)
    page = write_slam_html(result, out / "report.html")
    print_skipped(reader)
    if sentence := cut_off(result):
        typer.echo(sentence, err=True)
    print_degradations(each.completer for each in depths if each.completer is not None)
    if as_json:
        typer.echo((out / "slam.json").read_text(encoding="utf-8"), nl=False)
    else:
        title = f"ORB-SLAM3 on {result.name}; reference: {result.reference.name}"
        print_table(title, *slam_table(result), sections=False)
    typer.echo(f"Report: {page} and {report.name}", err=as_json)
    if any(each.failures for each in result.depths):
        raise typer.Exit(1)


def depths_of(texts: list[str] | None, gates: str | None, network: NetworkOptions) -> list:
    """The kinds of depth of -d and --gates."""
    from ...completion.spec import parse_completer
    from ...slam.depths import GATE, NOT_COMPLETED, USUAL, parse_depths

    given: list[str] = []
    for text in texts or USUAL:
        gated = text in NOT_COMPLETED or GATE in parse_completer(text)[2]
        given += [text] if gates is None or gated else [f"{text},{GATE}={gate}" for gate in gates.split(",")]
    return parse_depths(given, lambda text: network.make([text])[text])


class Feed:
    """What of a frame is measured: so many lines, up to a range, through filters."""

    def __init__(self, lines: int | None, feed: FeedOptions):
        from ...evaluation.protocols import Protocol

        self._protocol = Protocol(f"truth:lines={lines}", "truth", lines)
        self._lines, self._max_range, self._filters = lines, feed.max_range, feed.chosen()

    def __call__(self, frame):
        from ...core import SparseDepth
        from ...evaluation.protocols import CannotServe

        try:
            fed = self._protocol.fed(frame)
        except CannotServe as error:
            raise ValueError(f"Frame {frame.name} cannot be fed with {self._lines} lines: {error}.") from None
        return SparseDepth.from_points(fed, max_depth=self._max_range, **self._filters)

    def __str__(self) -> str:
        lines = "all that was measured" if self._lines is None else f"{self._lines} LiDAR lines"
        return lines if self._max_range == float("inf") else f"{lines}, up to {self._max_range:g} m"
