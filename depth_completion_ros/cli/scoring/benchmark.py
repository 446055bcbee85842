"""`depth-completion benchmark` and `submission`: published protocols, and the files that a server takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ..frames import frames_with_progress, print_degradations, print_skipped
from ..options.groups import NetworkOptions, ReadingOptions, with_groups
from ..options.single import CompleterName, Limit
from ..tables import AsJson, print_json, print_table
from .evaluate import Figures

SHAPE = 352, 1216
"""Height and width of the images of the test."""
SELECTION = "test_depth_completion_anonymous"


@with_groups
def benchmark(
    *,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Such as psd:VOID1500.")] = None,
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="Its data, as published.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print all benchmarks and end.")] = False,
    completer: Annotated[
        list[str] | None,
        typer.Option("--completer", "-c", help="NAME or NAME:VARIANT; repeat for more. [default]"),
    ] = None,
    feed: Annotated[str | None, typer.Option(help="Feed something else than the benchmark does.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")] = Path("benchmark"),
    figures: Figures = 2,
    limit: Limit = None,
    network: NetworkOptions,
    as_json: AsJson = False,
):
    """
    Score completers as papers do: their images, what they feed and score, their metrics, their numbers.

    Benchmarks are those of PSD (`psd:SET`), DepthLab (`depthlab:SET`) and Marigold-DC (`marigold-dc:SET`).
    What is missing in FOLDER is said in a sentence, with where to download it. Other feeds:

    - `files`: the measurement of the data; `files:NAME` from the folder NAME of PSD-val's patterns.
    - `points:N`, `share:P`: random pixels of the truth; `shuffled:N` as Marigold-DC draws them.
    - `shapes:P`, `strokes:P`, `circles:P`, `squares:P`: all but random shapes, P per cent of the truth.
    - `speckles:P`, `corners:N`: pseudo-holes, and clusters of points at N Harris corners.

    Settings that PSD has for a set alone are given to the completer `psd`.

    Writes what `evaluate` writes, and into `report.html` and `report.md` the comparison that is printed.

    Examples:

        depth-completion benchmark --list

        depth-completion benchmark psd:VOID1500 PSD-val -c linear -c default --limit 50

        depth-completion benchmark depthlab:NYUv2 nyu_labeled_extracted --feed circles:50 -c linear

        depth-completion benchmark marigold-dc:KITTI depth_selection -c bpnet --weights dmd3c.pth
    """
    from ...evaluation.benchmarks import BENCHMARKS, find_benchmark, listing, parse_feed, score
    from ...evaluation.figures import TrialFigures
    from ...evaluation.report import table
    from ...fleet.drives import evenly

    if listed:
        headings, rows = listing(BENCHMARKS.values())
        if as_json:
            print_json([dict(zip(headings, row, strict=True)) for row in rows])
            return
        typer.echo(table(headings, rows, left=len(headings)))
        return
    if name is None or folder is None:
        raise ValueError("A benchmark needs its name and the folder of its data; --list prints the names.")
    chosen = find_benchmark(name)
    fed = parse_feed(feed or chosen.feeds[0])
    reader = chosen.open(folder, fed)
    names = completer or ["default"]
    made = network.make(names, **_settings(chosen, names))
    count = ReadingOptions(limit).count(reader)
    drawn = TrialFigures(out / "figures", evenly(count, figures))
    found = score(chosen, fed, frames_with_progress(reader, limit, "scoring"), made, drawn)
    found.evaluation.left_out = dict(reader.skipped)
    print_skipped(reader)
    print_degradations(made.values())
    _report(found, out, drawn, as_json)


def _settings(chosen, names: list[str]) -> dict:
    """What a paper sets for this data alone, as far as one of the completers takes it."""
    from ...completion.registry import options_of
    from ...completion.spec import parse_completer

    taken = set().union(*(options_of(parse_completer(name)[0]) for name in names))
    return {option: value for option, value in chosen.network.items() if option in taken}


def _report(found, out: Path, drawn, as_json: bool) -> None:
    """Print the comparison and write it, with what every evaluation writes, into a folder."""
    from ...core.safe.files import write_text
    from ...evaluation.benchmarks.score import comparison_table, remarks
    from ...evaluation.html.evaluation import Extra, write_html
    from ...evaluation.report import metrics_json, skip_sentences, table, write_report

    title, beside = found.evaluation.name, "Beside published numbers"
    headings, rows = comparison_table(found)
    if as_json:
        comparison = [dict(zip(headings, row, strict=True)) for row in rows]
        print_json({"comparison": comparison, **json.loads(metrics_json(found.evaluation))})
    else:
        print_table(title, headings, rows, sections=False)
    for text in [*remarks(found), *skip_sentences(found.evaluation)]:
        typer.echo(text, err=True)
    report = write_report(found.evaluation, out, drawn.paths)[0]
    heading, _, rest = report.read_text(encoding="utf-8").partition("\n\n")
    parts = [heading, f"## {beside}", table(*comparison_table(found)), *remarks(found), rest]
    write_text(report, "\n\n".join(parts))
    extra = Extra(beside, *comparison_table(found), note=" ".join(remarks(found)))
    page = write_html(found.evaluation, out / "report.html", drawn.shown, extra)
    typer.echo(f"Report: {page} and {report.name}", err=as_json)


@with_groups
def submission(
    *,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help=f"Folder `{SELECTION}`, or one that holds it.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path("submission"),
    completer: CompleterName = "default",
    limit: Limit = None,
    network: NetworkOptions,
):
    """
    Complete the test frames of KITTI depth completion to the files that its server takes.

    Writes one PNG for each frame, 0000000000.png and on: 16 bit, 1216 x 352, metres x 256, rounded. 0 is
    unknown, as is depth beyond what 16 bits hold (256 m). Zip what is in the folder and upload it.

    Examples:

        depth-completion submission test_depth_completion_anonymous -c bpnet --weights dmd3c.pth --out dmd3c

        depth-completion submission kitti_depth -c linear
    """
    import numpy as np

    from ...data.files import write_depth

    made = network.make([completer])[completer]
    reader = ReadingOptions(reader_option=[f"split={SELECTION}"]).open(data)
    out.mkdir(parents=True, exist_ok=True)
    written = unknown = 0
    for frame in frames_with_progress(reader, limit, "completing"):
        _refuse_other_than_test(frame)
        depth = made(frame).depth
        unknown += write_depth(out / f"{frame.name}.png", depth) + np.count_nonzero(np.isnan(depth))
        written += 1
    print_skipped(reader)
    print_degradations([made])
    if unknown:
        typer.echo(f"{unknown} pixels of {written} frames are unknown, 0 in the files.", err=True)
    typer.echo(f"{written} frames completed by {completer}, in {out}.")


def _refuse_other_than_test(frame) -> None:
    if not re.fullmatch(r"\d{10}", frame.name):
        raise ValueError(f"Frame '{frame.name}' is none of the test; those are called by ten digits.")
    if frame.size != SHAPE:
        raise ValueError(
            f"Frame {frame.name} is {frame.size[1]} x {frame.size[0]}; those of the test are "
            f"{SHAPE[1]} x {SHAPE[0]}."
        )
