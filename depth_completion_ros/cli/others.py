"""`depth-completion demo`, `demo-drive`, `completers` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    frames: Annotated[int, typer.Option(min=2, help="Frames of the drive.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes another street.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for drive, pages and reports.")] = Path(
        "demo"
    ),
    completer: Annotated[
        list[str] | None, typer.Option("--completer", "-c", help="Repeat for more. [the classical ones]")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Frames a second, at most.")] = 10.0,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime", help="Play as a sensor does, whoever keeps up, rather than wait for each frame."
        ),
    ] = False,
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
    code = run_demo(frames=frames, seed=seed, out=out, rate=rate, realtime=realtime, **options)
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


def completers():
    """
    List the completers and their variants.

    Example:

        depth-completion completers
    """
    from ..completion import list_completers
    from ..completion.registry import describe_completer

    for name in list_completers():
        described = describe_completer(name)
        variants = ", ".join(f"{name}:{variant}" for variant in described.variants)
        typer.echo(f"{name:14s} {described.summary}{f' Variants: {variants}.' if variants else ''}")


def doctor(
    bag: Annotated[
        Path | None,
        typer.Argument(metavar="[BAG]", help="rosbag2 to examine; the live graph if not given."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to listen to the live graph.")] = 4.0,
    image: Annotated[str, typer.Option(help="Image topic; the likeliest if not given.")] = "",
    points: Annotated[str, typer.Option(help="PointCloud2 topic; the likeliest if not given.")] = "",
    extrinsics: Annotated[Path | None, typer.Option(help="Calibration file to judge in place of TF.")] = None,
    camera_info_file: Annotated[
        Path | None, typer.Option(help="Calibration file of the camera in place of CameraInfo.")
    ] = None,
    rectified: Annotated[bool, typer.Option("--rectified", help="Images are rectified: use P.")] = False,
    slack: Annotated[float, typer.Option(min=0, help="Seconds that image and cloud may differ.")] = 0.05,
    image_time_offset: Annotated[float, typer.Option(help="Seconds added to the stamps of images.")] = 0.0,
    tf_topics: Annotated[
        str, typer.Option(help="TF topics, commas between them; those of the robot if not given.")
    ] = "",
):
    """
    Say what of ROS, GPU and weights is here, and what is wrong with a bag or the live graph.

    Looks at topics, rates, stamps, clocks, QoS, TF and calibration, and compares the edges of the points
    with those of the images. Exit code 1 if anything is an error.

    Examples:

        depth-completion doctor

        depth-completion doctor drive_bag --points /velodyne_points
    """
    from ..doctor import diagnose

    findings = diagnose(
        bag,
        graph=bag is None,
        seconds=seconds,
        image=image,
        points=points,
        extrinsics=extrinsics,
        camera_info_file=camera_info_file,
        rectified=rectified,
        slack=slack,
        image_time_offset=image_time_offset,
        tf_topics=tf_topics,
    )
    _print_findings(findings)
    raise typer.Exit(1 if any(finding.level == "error" for finding in findings) else 0)


def _print_findings(findings) -> None:
    from rich.console import Console
    from rich.markup import escape

    styles = {"ok": "green", "warning": "yellow", "error": "bold red"}
    console = Console(soft_wrap=True)
    for finding in findings:
        mark = f"[{styles[finding.level]}]{finding.level:7s}[/]"
        console.print(f"{mark} [bold]{escape(finding.subject)}[/]: {escape(finding.sentence)}")
