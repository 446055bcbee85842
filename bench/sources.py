"""Errors by source of data and protocol, as in docs/results.md, and a page of images.

    python bench/sources.py FRAMES [--page page.png] [--select 'nyu_*'] [--completer NAME] [--weights FILE]
    python bench/sources.py evaluation/metrics.csv

FRAMES is a folder of frame folders, whose names begin with their source; `metrics.csv` is that of
`depth-completion evaluate`. RMSE / MAE in millimetres, mean over frames; bold: the lowest RMSE. The last
two columns are the first completer's RMSE and MAE over the lowest of the others; below them their
geometric means by source, and over all sources, each counting alike.

The page has a row for the first frame of each source: lines:16 where it has rings, else points:500.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from depth_completion_ros import create_completer
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.reader import Reader
from depth_completion_ros.evaluation.report import table
from depth_completion_ros.evaluation.runner import completer_from_text, evaluate

CLASSICAL = ("nearest", "linear", "morphological")
PROTOCOLS = ("truth", "hide:2", "lines:16", "lines:8", "lines:4", "points:500", "points:100", "points:20")
SOURCES = {
    "kitti_seq": "KITTI raw sequence",
    "kitti_obj": "KITTI object",
    "kitti_dcgt": "KITTI depth annotation",
    "nusc": "nuScenes",
    "pjlab": "PJLab (Pandar64)",
    "ddad": "DDAD (Luminar)",
    "acfr": "ACFR (VLP-16, fisheye)",
    "nyu": "NYUv2 (Kinect)",
    "marigold": "Marigold-DC sample",
    "tof": "phone ToF",
    "arkit": "ARKit LiDAR",
}
"""How the names of frames begin to what their source is called; others go by their first word."""
Errors = dict[tuple[str, str], dict[str, np.ndarray]]
"""(source, protocol) to completer to RMSE and MAE, frames x 2."""


def source_of(frame: str) -> str:
    known = next((name for prefix, name in SOURCES.items() if frame.startswith(prefix)), None)
    return known or re.match(r"[^_\d]*", frame)[0] or frame


def frames_of(path: Path, select: str | None) -> Reader:
    return open_reader(path, **({"select": select} if select else {}))


def place(source: str) -> tuple[int, str]:
    """Key that sorts sources as in `SOURCES`, others after them."""
    known = list(SOURCES.values())
    return (known.index(source) if source in known else len(known)), source


def by_source(rows: Iterable[tuple[str, str, str, float, float]]) -> Errors:
    """Errors of (frame, protocol, completer, RMSE, MAE); sources by `place`, the rest as they come."""
    found: dict = defaultdict(lambda: defaultdict(list))
    for frame, protocol, completer, *errors in rows:
        if np.isfinite(errors).all():
            found[source_of(frame), protocol][completer].append(errors)
    protocols = list(PROTOCOLS)

    def order(key: tuple[str, str]):
        source, protocol = key
        return place(source), protocols.index(protocol) if protocol in protocols else len(protocols)

    return {
        key: {name: np.array(errors) for name, errors in found[key].items()}
        for key in sorted(found, key=order)
    }


def markdown(errors: Errors) -> str:
    """The table by source and protocol, and that of the mean ratios."""
    completers = list(dict.fromkeys(name for cell in errors.values() for name in cell))
    rows, ratios = [], defaultdict(list)
    for (source, protocol), cell in errors.items():
        means = {name: values.mean(axis=0) for name, values in cell.items()}
        best = min(means, key=lambda name: means[name][0])
        texts = {name: f"{rmse:.0f} / {mae:.0f}" for name, (rmse, mae) in means.items()}
        texts[best] = f"**{texts[best]}**"
        ratio = means[completers[0]] / np.min([means[name] for name in completers[1:]], axis=0)
        ratios[source].append(ratio)
        cells = [texts[name] for name in completers] + [f"{value:.2f}" for value in ratio]
        rows.append([source, str(len(cell[best])), f"`{protocol}`", *cells])
    headings = ["data", "frames", "protocol", *completers, "RMSE ratio", "MAE ratio"]
    means = {source: np.exp(np.log(values).mean(axis=0)) for source, values in ratios.items()}
    summary = [[source, f"{rmse:.2f}", f"{mae:.2f}"] for source, (rmse, mae) in means.items()]
    over_all = np.exp(np.log(list(means.values())).mean(axis=0))
    summary.append(["**all, each source alike**", *(f"**{value:.2f}**" for value in over_all)])
    what = f"{completers[0]} / best of {', '.join(completers[1:])}"
    return table(headings, rows, 3) + "\n\n" + table([what, "RMSE ratio", "MAE ratio"], summary, 1)


def rows_of_csv(path: Path) -> list[tuple[str, str, str, float, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            (row["frame"], row["protocol"], row["completer"], float(row["rmse_mm"]), float(row["mae_mm"]))
            for row in csv.DictReader(file)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--page", type=Path, help="PNG file of images to draw, instead of the table")
    parser.add_argument("--select", help="names of frame folders, such as kitti_seq_*")
    parser.add_argument("--completer", default="default", help="that is set beside the classical ones")
    parser.add_argument("--weights", help="of it; those that ship with the package")
    arguments = parser.parse_args()
    if arguments.data.suffix == ".csv":
        print(markdown(by_source(rows_of_csv(arguments.data))))
        return
    frames = frames_of(arguments.data, arguments.select)
    compared = completer_from_text(arguments.completer, weights=arguments.weights)
    completers = {arguments.completer: compared} | {name: create_completer(name) for name in CLASSICAL}
    if arguments.page:
        from source_page import draw_page

        first = {}
        for frame in frames:
            first.setdefault(source_of(frame.name), frame)
        order = sorted(first, key=place)
        draw_page({source: first[source] for source in order}, completers, arguments.page)
        return
    result = evaluate(frames, completers, PROTOCOLS)
    rows = ((r.frame, r.protocol, r.completer, r.metrics.rmse_mm, r.metrics.mae_mm) for r in result.rows)
    print(markdown(by_source(rows)))


if __name__ == "__main__":
    main()
