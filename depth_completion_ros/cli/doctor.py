"""`depth-completion doctor` and `init`: what is wrong with a robot, and how the node is started on it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


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
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print level, subject and sentence of each finding as JSON."),
    ] = False,
):
    """
    Say what of ROS, GPU and weights is here, and what is wrong with a bag or the live graph.

    Looks at topics, rates, stamps, clocks, QoS, TF and calibration, and compares the edges of the points
    with those of the images. Exit code 1 if anything is an error.

    Examples:

        depth-completion doctor

        depth-completion doctor drive_bag --points /velodyne_points

        depth-completion doctor --json
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
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print_findings(findings)
    raise typer.Exit(1 if any(finding.level == "error" for finding in findings) else 0)


def init(
    bag: Annotated[
        Path | None,
        typer.Argument(metavar="[BAG]", help="rosbag2 of the robot; the live graph if not given."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path("my_robot"),
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to listen to the live graph.")] = 4.0,
    image: Annotated[str, typer.Option(help="Image topic; the likeliest if not given.")] = "",
    points: Annotated[str, typer.Option(help="PointCloud2 topic; the likeliest if not given.")] = "",
    rectified: Annotated[bool, typer.Option("--rectified", help="Images are rectified: use P.")] = False,
):
    """
    Look at a robot, live or in a bag, and write how the completion node is started on it.

    Writes a script with the arguments of `camera_lidar.launch.py`, a parameter file with what differs from
    the defaults and with the doctor's findings as comments, and a calibration file to fill in where TF does
    not tell where the LiDAR is. Exit code 1 if something is missing or wrong.

    Examples:

        depth-completion init

        depth-completion init drive_bag --out my_robot
    """
    from ..doctor import observe
    from ..doctor.options import Options
    from ..doctor.robot.files import PARAMETERS, START, write_robot
    from ..doctor.robot.found import robot_of

    options = Options(image=image, points=points, rectified=rectified)
    recording, findings = observe(bag, seconds, options)
    if recording is None:
        raise ValueError(" ".join(finding.sentence for finding in findings))
    robot = robot_of(recording, options)
    missing = write_robot(robot, findings, out)
    wrong = [finding for finding in findings if finding.level == "error"]
    doubtful = sum(finding.level == "warning" for finding in findings)
    place = "a file, as TF does not tell it" if robot.needs_extrinsics else "TF"
    typer.echo(f"Images {robot.image}, points {robot.points}; the place of the LiDAR comes from {place}.")
    for name, (value, why) in robot.parameters.items():
        typer.echo(f"Set {name}: {value} ({why})")
    if doubtful:
        typer.echo(f"Warnings of the doctor that stand in {out / PARAMETERS}: {doubtful}")
    for sentence in missing:
        typer.echo(f"Missing: {sentence}")
    for finding in wrong:
        typer.echo(f"Wrong: {finding.subject}: {finding.sentence}")
    typer.echo(f"Start it with {out / START}")
    raise typer.Exit(1 if missing or wrong else 0)


def _print_findings(findings) -> None:
    from rich.console import Console
    from rich.markup import escape

    styles = {"ok": "green", "warning": "yellow", "error": "bold red"}
    console = Console(soft_wrap=True)
    for finding in findings:
        mark = f"[{styles[finding.level]}]{finding.level:7s}[/]"
        console.print(f"{mark} [bold]{escape(finding.subject)}[/]: {escape(finding.sentence)}")
