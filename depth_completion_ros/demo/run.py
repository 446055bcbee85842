"""`depth-completion demo`: the demo drive through the live nodes, once for each completer."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from ..core import SparseDepth
from ..core.safe.files import write_text
from ..ros.transport import use_large_message_profile
from .plan import Plan
from .processes import make_drive, play
from .report import demo_table, title, write_demo_html

COMPLETERS = ("nearest", "linear", "morphological", "default")
DRIVE_RATE = 10.0
NAMESPACE = "/depth_completion_demo"
SAMPLE_FRAMES, SAMPLE_STRIDE = 5, 3
"""Of the bag for Foxglove, which is to stay small: frames, and pixels from point to point of the cloud."""


def run_demo(
    frames: int = 40,
    seed: int = 0,
    out: str | Path = "demo",
    completers: Sequence[str] = COMPLETERS,
    rate: float = 10.0,
    realtime: bool = False,
) -> int:
    """Play the demo drive through the live nodes once for each completer, and show how it went.

    Prints a table and writes into `out`: the drive (kept for the next time), `report.html` (one file that
    compares all), `results.json`, and for each completer a folder with a page (image, LiDAR, depth, error)
    and `report.json`.

    Args:
        rate: frames a second at most; the drive was recorded at 10.
        realtime: play as a sensor does, whoever keeps up, rather than wait for each frame.

    Returns:
        exit code: 0, or 1 with a sentence printed where not every frame was completed.
    """
    try:
        return _run(frames, seed, Path(out).absolute(), completers, rate, realtime)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(frames: int, seed: int, out: Path, completers: Sequence[str], rate: float, realtime: bool) -> int:
    plans = [
        Plan(completer=name, rate=rate / DRIVE_RATE, realtime=realtime, out=str(out / name), evaluate=True)
        for name in completers
    ]
    for plan in plans:
        plan.check()
    drive = make_drive(out / "drive", frames, seed)
    # A robot on the same network must not notice; a domain that the user chose stays.
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    use_large_message_profile()
    results: dict = {"frames": frames, "seed": seed, "rate": rate, "realtime": realtime, "completers": {}}
    code, reports = 0, {}
    for plan in plans:
        print(f"\nPlaying {frames} frames through '{plan.completer}' ...", flush=True)
        prepared = plan.playing(drive).prepared()
        code = max(code, play(prepared, NAMESPACE))
        report = json.loads((prepared.out / "report.json").read_text())
        reports[plan.completer] = report
        short = {key: value for key, value in report.items() if key not in ("per_frame", "images")}
        results["completers"][plan.completer] = short
    write_text(out / "results.json", json.dumps(results, indent=2) + "\n")
    _print_table(results)
    page = write_demo_html(reports, results, out)
    print(f"Report: {page}; a page for each completer, and results.json, are beside it.")
    _write_sample(drive, out / "sample", completers[-1])
    _run_slam(drive, out / "slam", completers[-1])
    return code


def _write_sample(drive: Path, out: Path, completer: str) -> None:
    """Write a bag of the first frames with all outputs, for Foxglove; the one of an earlier run goes."""
    from ..data.reader import open_reader
    from ..evaluation.outputs import OUTPUTS
    from ..evaluation.replay import replay
    from ..evaluation.runner import completer_from_text

    if (out / "metadata.yaml").is_file():
        shutil.rmtree(out)
    frames = islice(open_reader(drive), SAMPLE_FRAMES)
    outputs = [output.name for output in OUTPUTS if output.name != "image_mm"]
    options = {"stride": SAMPLE_STRIDE, "compression": "storage", "with_inputs": True}
    replay(frames, completer_from_text(completer), out, outputs=outputs, **options)
    print(f"A sample to open in Foxglove: {out / out.name}.mcap, with config/foxglove_layout.json.")


def _run_slam(drive: Path, out: Path, completer: str) -> None:
    """Show where ORB-SLAM3 believes to have driven, on measured, completed and true depth; if it is there."""
    if not all(find_spec(name) for name in ("orbslam3", "evo")):
        print('With pip install "depth-completion-ros[slam]" the demo ends with trajectories of ORB-SLAM3.')
        return
    from ..data.reader import open_reader
    from ..evaluation.report import table
    from ..evaluation.runner import completer_from_text
    from ..slam.depths import parse_depths
    from ..slam.page import write_slam_html
    from ..slam.report import slam_table, write_slam_report
    from ..slam.run import run_slam

    print("\nRunning ORB-SLAM3 ...", flush=True)
    reader = open_reader(drive)
    depths = parse_depths(("sparse", completer, "truth"), completer_from_text)
    fed = "all that was measured"
    try:
        result = run_slam(
            lambda: reader, depths, SparseDepth.from_points, out, repeats=1, name=reader.name, fed=fed
        )
    except ChildProcessError as error:  # an extra; the nodes did what they should
        print(error, file=sys.stderr)
        return
    write_slam_report(result, out)
    page = write_slam_html(result, out / "report.html")
    print(table(*slam_table(result), left=1))
    print(f"Trajectories from above are in {page}")


def _print_table(results: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    headings, rows = demo_table(results)
    table = Table(title=title(results))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("completer", "dropped") else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
