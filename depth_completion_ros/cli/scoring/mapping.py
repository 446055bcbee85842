"""`depth-completion map`: what completed depth is worth to a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..frames import frames_with_progress, print_degradations, print_skipped
from ..options.groups import FeedOptions, NetworkOptions, ReadingOptions, with_groups
from ..options.single import Data
from ..tables import AsJson, print_table
from .slam import DepthNames, Gates, depths_of


@with_groups
def make_map(
    *,
    data: Data,
    depth: DepthNames = None,
    gates: Gates = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report and meshes.")] = Path("map"),
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            "-p",
            help="What is fed and what the map is compared with, as in `evaluate`. "
            "[truth, or hide:2 without]",
        ),
    ] = "",
    voxel: Annotated[float, typer.Option(metavar="METRES", help="Side of a voxel of the surface.")] = 0.05,
    cell: Annotated[
        float, typer.Option(metavar="METRES", help="Side of a cell of the occupancy grid.")
    ] = 0.2,
    map_range: Annotated[
        float, typer.Option(metavar="METRES", help="Depth beyond is neither mapped nor compared.")
    ] = 30.0,
    feed: FeedOptions,
    reading: ReadingOptions,
    network: NetworkOptions,
    as_json: AsJson = False,
):
    """
    Fuse several kinds of depth of a drive into maps, and score these.

    Each kind becomes a surface (TSDF) and an occupancy grid. They are made at the poses of the data, or of
    KISS-ICP where it has none, so that they differ by depth alone. On the demo drive the surface is compared
    with the exact geometry; elsewhere with the truth of the protocol, such as the LiDAR lines that were held
    back.

    Prints accuracy, completeness, F-score, free space turned into obstacle and obstacles missed. Writes
    `report.md`, `map.json`, `maps.png`, `gates.png` where a completer has three gates or more, and a mesh
    (PLY) of each kind. Needs Open3D.

    Examples:

        depth-completion map demo/drive -d sparse -d default -d truth

        depth-completion map demo/drive -d default --gates 0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9

        depth-completion map drive_bag -d linear -d default -p hide:2
    """
    from ...demo.drive.surface import surface_of
    from ...evaluation.protocols import Settings, parse_protocol
    from ...extras.open3d import import_open3d
    from ...slam.mapping.report import map_table, write_map_report
    from ...slam.mapping.run import MapSettings, run_mapping

    import_open3d()  # before the drive is read
    settings = MapSettings(voxel=voxel, cell=cell, max_range=map_range)
    reader = reading.open(data)
    first = next(iter(reader))
    chosen = parse_protocol(protocol or ("hide:2" if first.ground_truth is None else "truth"))
    feeding = Settings(**feed.as_keywords())
    depths = depths_of(depth, gates, network)
    result = run_mapping(
        lambda: frames_with_progress(reader, reading.limit, "reading"),
        depths,
        lambda frame: _trial(chosen, frame, feeding),
        out,
        settings,
        surface=surface_of(getattr(reader, "drive", data)),
        name=reader.name,
        fed=chosen.text,
        say=lambda sentence: typer.echo(sentence, err=True),
    )
    report = write_map_report(result, out)
    print_skipped(reader)
    print_degradations(each.completer for each in depths if each.completer is not None)
    if as_json:
        typer.echo((out / "map.json").read_text(encoding="utf-8"), nl=False)
    else:
        print_table(f"Maps of {result.name}; poses: {result.reference.name}", *map_table(result), False)
    typer.echo(f"Report: {report}", err=as_json)


def _trial(protocol, frame, settings):
    """What of a frame is fed, and what it is compared with; a ValueError where the frame has not both."""
    from ...evaluation.protocols import CannotServe

    try:
        return protocol.trial(frame, settings)
    except CannotServe as error:
        raise ValueError(f"Frame {frame.name} cannot serve protocol {protocol.text}: {error}.") from None
