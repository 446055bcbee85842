"""`depth-completion evaluate`: errors of completers, as table and report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ...core.safe.errors import sentence
from ..frames import (
    by_fleet,
    frames_with_progress,
    print_blended,
    print_degradations,
    print_skipped,
    raise_failures,
    refuse_blend_of_stretches,
    temporal_blend,
)
from ..options.groups import FeedOptions, FleetOptions, NetworkOptions, ReadingOptions, with_groups
from ..options.single import Data, Stretch, Temporal
from ..tables import AsJson, print_table

CLASSICAL = ("nearest", "linear", "morphological")
Figures = Annotated[
    int, typer.Option("--figures", "--pictures", min=0, help="Frames, evenly spaced, to draw figures of.")
]
PROTOCOLS = ("truth", "hide:2", "points:500")


@with_groups
def evaluate(
    *,
    data: Data,
    completer: Annotated[
        list[str] | None,
        typer.Option(
            "--completer", "-c", help=f"NAME or NAME:VARIANT; repeat for more. [{', '.join(CLASSICAL)}]"
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", "-p", help=f"See above; repeat for more. [{', '.join(PROTOCOLS)}]"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")] = Path("evaluation"),
    feed: FeedOptions,
    max_depth: Annotated[
        float,
        typer.Option(
            metavar="METRES",
            help="Score only where the truth is at most so far; what is fed is not changed by it.",
        ),
    ] = float("inf"),
    region: Annotated[
        str | None,
        typer.Option(
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="Score inside these pixels only; right and bottom are exclusive.",
        ),
    ] = None,
    crop: Annotated[str | None, typer.Option(metavar="LEFT,TOP,WIDTH,HEIGHT", hidden=True)] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of random protocols to average.")] = 1,
    figures: Figures = 2,
    confidence: Annotated[
        bool,
        typer.Option("--confidence", help="Score confidence too: AUSE, calibration, and a plot of both."),
    ] = False,
    structure: Annotated[
        bool,
        typer.Option("--structure", help="Score the shape too: edges, normals, false and missed obstacles."),
    ] = False,
    temporal: Temporal = "off",
    reading: ReadingOptions,
    network: NetworkOptions,
    as_json: AsJson = False,
    fleet: FleetOptions,
    stretch: Stretch = 50,
):
    """
    Score completers on any data; the same metrics every run.

    Protocols, what is fed and what it is scored on:

    - `truth`: the whole measurement; the ground truth.
    - `truth:lines=N`: N evenly spaced LiDAR rings; the ground truth.
    - `lines:N`: N evenly spaced LiDAR rings; all other rings.
    - `hide:K`: all rings but every K-th; those.
    - `points:N`, `share:P`: N random points, or P per cent; all other points.

    Prints the means and writes `report.html` (one file to look at and to send), `report.md` with plots and
    figures, `metrics.json`, `metrics.csv` and `runtimes.csv`. Frames that cannot serve a protocol are left
    out of it, and counted. Where the data breaks off, what was read until there is reported, and the exit
    code is 2.

    Examples:

        depth-completion evaluate frames -O "select=kitti_seq_*" -p truth:lines=64 -p truth:lines=16

        depth-completion evaluate drive_bag -c linear -c linear:depth -p hide:4 --out linear_on_drive

        depth-completion evaluate nyu_frames -p points:500 --seeds 3 --max-depth 10

        depth-completion evaluate val_selection_cropped -p truth -c bpnet --weights dmd3c.pth -O rows=256

        depth-completion evaluate frames -c linear -c mspn:sdr_kitti --weights sdr_kitti --prior maps@metric

        depth-completion evaluate drives -c linear -c default -p lines:16 --workers 4

        depth-completion evaluate 2011_09_26_drive_0001_sync -c default -p lines:16 --temporal blend
    """
    from ...evaluation.figures import TrialFigures
    from ...evaluation.protocols import Settings
    from ...evaluation.runner import FramesUntilError
    from ...evaluation.runner import evaluate as run
    from ...fleet.drives import evenly
    from ...fleet.evaluating import EvaluateJob
    from ...fleet.job import Completers
    from ...fleet.run import Fleet

    names = completer or CLASSICAL
    if len(set(names)) < len(names):
        raise ValueError(f"Completers are {', '.join(names)}; each may be given once.")
    blended = temporal_blend(temporal) is not None
    settings = Settings(
        max_depth=max_depth,
        region=_region(region, crop),
        seeds=seeds,
        **feed.as_keywords(),
    )
    if fleet:
        refuse_blend_of_stretches(blended)
        completers, read = Completers(tuple(names), network.as_keywords()), reading.of_reader()
        job = EvaluateJob(completers, tuple(protocol or PROTOCOLS), settings, confidence, structure, read)
        chosen = Fleet(fleet.workers, fleet.ray, stretch, reading.limit, figures)
        _by_fleet(data, job, out, chosen, as_json)
        return
    made = network.make(names)
    reader = reading.open(data)
    count = reading.count(reader)
    drawn = TrialFigures(out / "figures", evenly(count, figures))
    frames = FramesUntilError(frames_with_progress(reader, reading.limit, "evaluating"))
    result = run(
        frames,
        made,
        protocol or PROTOCOLS,
        settings,
        name=reader.name,
        watch=drawn,
        confidence=confidence,
        structure=structure,
        temporal=blended,
    )
    if frames.damage is not None:
        result.damage = sentence(frames.damage)
    result.left_out = dict(reader.skipped)
    print_skipped(reader)
    print_degradations(made.values())
    print_blended(result.over_time)
    _report(result, drawn, out, as_json)
    if frames.damage is not None:
        raise frames.damage


def _report(result, drawn, out: Path, as_json: bool) -> None:
    """Write all files of an evaluation of one drive, and print it."""
    from ...evaluation.html.evaluation import write_html
    from ...evaluation.report import write_report

    files = write_report(result, out, drawn.paths)
    page = write_html(result, out / "report.html", drawn.shown)
    _print_result(result, as_json)
    typer.echo(f"Report: {page} and {files[0].name}", err=as_json)


def _by_fleet(data: Path, job, out: Path, fleet, as_json: bool) -> None:
    """Evaluate all drives of `data`, with one report over all."""
    from ...core.safe.files import write_text
    from ...evaluation.html.evaluation import Extra, write_html
    from ...evaluation.report import table, write_report
    from ...fleet.evaluating import drive_table, merge
    from ...fleet.report import failure_sentence

    job.new_result("")  # says at once what is wrong with the protocols
    out.mkdir(parents=True, exist_ok=True)
    found = by_fleet(data, job, out, fleet, "evaluating")
    merged = merge(found, job, out)
    merged.result.damage = failure_sentence(found)
    files = write_report(merged.result, out, merged.figures)
    several = len(merged.drives) > 1
    rows = drive_table(merged)
    if several:
        heading, _, rest = files[0].read_text(encoding="utf-8").partition("\n\n")
        write_text(files[0], "\n\n".join([heading, "## Drives", table(*rows, left=3), rest]))
    extra = Extra("Drives", *rows) if several else None
    page = write_html(merged.result, out / "report.html", merged.shown, extra)
    _print_result(merged.result, as_json)
    typer.echo(f"Report: {page}, {files[0].name} and fleet.md", err=as_json)
    raise_failures(found)


def _region(region: str | None, crop: str | None) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of --region, or of --crop as it was called before; None without either."""
    if crop is None:
        return None if region is None else _four_pixels("Region", region, "left,top,right,bottom")
    if region is not None:
        raise ValueError("Options --region and --crop are both given; --crop is the former form of --region.")
    left, top, width, height = _four_pixels("Crop", crop, "left,top,width,height")
    converted = left, top, left + width, top + height
    typer.echo(
        f"Option --crop is called --region now, with right and bottom in place of width and height: "
        f"--region {','.join(map(str, converted))}. The old one is still taken, but will go.",
        err=True,
    )
    return converted


def _four_pixels(name: str, text: str, meaning: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if match is None:
        raise ValueError(f"{name} is '{text}'; it must be {meaning} in whole pixels.")
    left, top, third, fourth = map(int, match.groups())
    return left, top, third, fourth


def _print_result(result, as_json: bool) -> None:
    from ...evaluation.report import confidence_table, mean_table, metrics_json, skip_sentences
    from ...evaluation.structure import structure_table

    if as_json:
        typer.echo(metrics_json(result), nl=False)
    else:
        print_table(f"{result.name}: mean over frames", *mean_table(result))
        if result.confidence:
            print_table("confidence", *confidence_table(result.confidence_means()))
        if result.structure:
            print_table("shape", *structure_table(result.structure_means()))
    for text in skip_sentences(result):
        typer.echo(text, err=True)
