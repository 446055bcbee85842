"""The command `depth-completion`. Whatever is slow to import is imported where it is used."""

from __future__ import annotations

from typing import Annotated

import typer

from . import adapt, bags, complete, demo, doctor, export, view, weights
from .group import Commands, DataCommand, SentenceGroup
from .scoring import benchmark, evaluate, mapping, slam

app = Commands(
    name="depth-completion",
    cls=SentenceGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("demo-drive")(demo.demo_drive)
app.command("complete", cls=DataCommand)(complete.complete)
app.command("evaluate", cls=DataCommand)(evaluate.evaluate)
app.command("benchmark")(benchmark.benchmark)
app.command("submission")(benchmark.submission)
app.command("adapt", cls=DataCommand)(adapt.adapt)
app.command("slam", cls=DataCommand)(slam.slam)
app.command("map", cls=DataCommand)(mapping.make_map)
app.command("replay", cls=DataCommand)(bags.replay)
app.command("convert", cls=DataCommand)(bags.convert)
app.command("completers")(complete.completers)
app.add_typer(weights.app, name="weights")
app.command("export", cls=DataCommand)(export.export)
app.command("view", cls=DataCommand)(view.view)
app.command("doctor")(doctor.doctor)
app.command("init")(doctor.init)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def depth_completion(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
):
    """
    Dense depth from a camera and a LiDAR, without ROS running.

    A DATA path may be a KITTI raw drive, a KITTI object or depth completion folder, a folder of
    frames with `calib.json`, or a rosbag2; the format is found by itself.

    Start with:

        depth-completion demo

        depth-completion complete DATA --out results

        depth-completion view DATA

        depth-completion evaluate DATA -c nearest -c linear -p lines:16 -p lines:8

        depth-completion benchmark --list

        depth-completion slam DATA -d sparse -d default

        depth-completion map DATA -d sparse -d default

        depth-completion convert DATA drive_bag

        depth-completion replay drive_bag dense_bag

        depth-completion adapt drive_bag --name my_robot --licence internal

        depth-completion weights import SDR_NYU.pt

        depth-completion export default --to openvino

        depth-completion doctor drive_bag

        depth-completion init drive_bag

    `depth-completion COMMAND --help` explains a command and shows examples. For live topics:
    `ros2 launch depth_completion_ros camera_lidar.launch.py`.
    """
