"""`depth-completion demo` and `demo-drive`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .tables import AsJson, stdout_for_json


def demo(
    frames: Annotated[int, typer.Option(min=2, help="Frames of the drive.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes another street.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for drive, pages and reports.")] = Path(
        "demo"
    ),
    completer: Annotated[
        list[str] | None,
        typer.Option("--completer", "-c", help="Repeat for more. [nearest, linear, morphological, default]"),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Frames a second, at most.")] = 10.0,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime", help="Play as a sensor does, whoever keeps up, rather than wait for each frame."
        ),
    ] = False,
    as_json: AsJson = False,
):
    """
    Make a street drive and run the nodes on it over real DDS; ends by itself.

    Prints what came in and out, what was dropped and why, latency, and errors against the true
    depth, and writes a page with images. Needs rclpy; nothing is downloaded.

    Examples:

        depth-completion demo

        depth-completion demo --frames 30 --completer linear --rate 5
    """
    from ..demo.run import run_demo

    options = {"completers": completer} if completer else {}
    results = out / "results.json"
    before = results.stat().st_mtime_ns if results.exists() else None
    with stdout_for_json(as_json):
        code = run_demo(frames=frames, seed=seed, out=out, rate=rate, realtime=realtime, **options)
    # Exit code 1 is also that of frames that were dropped: then there are results, of this run.
    if as_json and results.exists() and results.stat().st_mtime_ns != before:
        typer.echo(results.read_text(encoding="utf-8"), nl=False)
    raise typer.Exit(code or 0)


def demo_drive(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the drive; one drive a folder.")],
    frames: Annotated[int, typer.Option(min=2, help="Frames, ten a second; a lap takes about 480.")] = 500,
    route: Annotated[
        str, typer.Option(help="loop: around a block, with turns, stops and a tunnel; street: straight on.")
    ] = "loop",
    lines: Annotated[int, typer.Option(help="Lines of the LiDAR: 64, 32 or 16.")] = 64,
    speed: Annotated[float, typer.Option(help="m/s on straights.")] = 9.0,
    scan_s: Annotated[
        float,
        typer.Option(
            help="Seconds that a scan takes; 0.1 as a LiDAR does, 0 as where that has been corrected."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another town.")] = 0,
    width: Annotated[int, typer.Option(min=32, help="Of the image, pixels.")] = 1242,
    height: Annotated[int, typer.Option(min=32, help="Of the image, pixels.")] = 375,
):
    """
    Make a longer drive than that of `demo`, with true depth and poses, to be read as a KITTI raw drive.

    Cars and people move; the car that carries the sensors turns, brakes, stands and drives through a tunnel,
    and comes back to where it began. Frames are written one by one. Needs Open3D.

    Examples:

        depth-completion demo-drive loop64

        depth-completion demo-drive loop16 --lines 16 --scan-s 0.1

        depth-completion demo-drive fast --route street --speed 25 --frames 100 --scan-s 0.1
    """
    from ..demo.make_drive import Progress, make_drive_into

    recipe = {"frames": frames, "route": route, "lines": lines, "speed": speed, "scan_s": scan_s}
    drive = make_drive_into(out, progress=Progress(), seed=seed, width=width, height=height, **recipe)
    typer.echo(f"The drive is in {drive}")
