"""`depth-completion init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    from ..doctor.robot.files import START, write_robot
    from ..doctor.robot.found import robot_of

    options = Options(image=image, points=points, rectified=rectified)
    recording, findings = observe(bag, seconds, options)
    if recording is None:
        raise ValueError(" ".join(finding.sentence for finding in findings))
    missing = write_robot(robot_of(recording, options), findings, out)
    wrong = [finding for finding in findings if finding.level == "error"]
    for sentence in missing:
        typer.echo(f"Missing: {sentence}")
    for finding in wrong:
        typer.echo(f"Wrong: {finding.subject}: {finding.sentence}")
    typer.echo(f"Start it with {out / START}")
    raise typer.Exit(1 if missing or wrong else 0)
