"""`depth-completion view`: frames and completed depth on a time line, in Rerun."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Annotated

import typer

from .frames import frames_with_progress, print_degradations, print_skipped
from .options.groups import FeedOptions, NetworkOptions, ReadingOptions, with_groups
from .options.single import MinConfidence, Stride


@with_groups
def view(
    *,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Data set, frame folder or rosbag2; none with --live."),
    ] = None,
    completer: Annotated[
        list[str] | None,
        typer.Option(
            "--completer", "-c", help="NAME or NAME:VARIANT; repeat to see them side by side. [default]"
        ),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Show what completion nodes publish now.")] = False,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            help="With --live: of the completion node; repeat to see several side by side. [all there are]"
        ),
    ] = None,
    fixed_frame: Annotated[
        str, typer.Option(help="With --live: frame of /tf in which the camera moves, such as odom.")
    ] = "",
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a file (.rrd) in place of showing; `rerun FILE` shows it."),
    ] = None,
    web: Annotated[
        bool,
        typer.Option("--web", help="Show it in the browser, as is done anyway where there is no desktop."),
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=1024, max=65534, help="With --web: of the page; the data comes from the next one."),
    ] = 9090,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            "-p",
            help="What is fed and what depth is compared with, as in `evaluate`. [truth, where there is one]",
        ),
    ] = "",
    min_confidence: MinConfidence = None,
    feed: FeedOptions,
    stride: Stride = 4,
    reading: ReadingOptions,
    network: NetworkOptions,
):
    """
    Look at frames with Rerun: image, points, completed depth, confidence, source, errors, clouds, path.

    Several completers stand side by side on one time line. Opens a window, or serves a page where there is
    no desktop (on another machine: `ssh -L 9090:localhost:9090 -L 9091:localhost:9091 ROBOT`, then open the
    address that is printed). Depth is kept as 16-bit PNG, to 4 mm and below 256 m.

    `--live` shows what running completion nodes publish, until Ctrl-C.

    Needs Rerun: `pip install "depth-completion-ros[view]"`.

    Examples:

        depth-completion view demo/drive

        depth-completion view drive_bag -c linear -c default -p hide:2 --limit 50

        depth-completion view drive_bag --save drive.rrd

        depth-completion view --live --fixed-frame odom --web
    """
    from ..viewer.stream import RerunStream

    _refuse_contradictions(live, data, save, web, completer, protocol, namespace or fixed_frame)
    stream = RerunStream("live" if data is None else data.resolve().name, stride)

    def place(plan):
        return _place(stream, plan, save, web, port)

    if live:
        _view_live(stream, namespace or (), fixed_frame, reading.limit, place)
        return
    made = network.make(completer or ["default"])
    reader = reading.open(data)
    _view_data(
        stream,
        next(iter(reader)),
        frames_with_progress(reader, reading.limit, "completing"),
        made,
        protocol,
        feed.as_keywords(),
        min_confidence,
        place,
    )
    print_skipped(reader)
    print_degradations(made.values())


def _refuse_contradictions(live, data, save, web, completers, protocol, of_live) -> None:
    if live == (data is not None):
        given = "DATA and --live are both given" if live else "Neither DATA nor --live is given"
        raise ValueError(f"{given}; one of them says what to look at.")
    if save is not None and web:
        raise ValueError("Options --save and --web are both given; one of them says where to show it.")
    if live:
        if completers or protocol:
            raise ValueError(
                "With --live nothing is completed here, so --completer and --protocol do not apply."
            )
    elif of_live:
        raise ValueError("Options --namespace and --fixed-frame are those of --live, which is not given.")
    if completers and len(set(completers)) < len(completers):
        raise ValueError(f"Completers are {', '.join(completers)}; each may be given once.")


def _place(stream, plan, save: Path | None, web: bool, port: int) -> AbstractContextManager:
    """Where the stream goes."""
    from ..viewer.destination import has_desktop, to_browser, to_file, to_window

    if save is not None:
        return to_file(stream, plan, save)
    if web or not has_desktop():
        return to_browser(stream, plan, port, typer.echo)
    return to_window(stream, plan)


def _view_data(stream, first, frames, made: dict, text: str, settings: dict, min_confidence, place) -> None:
    """Complete and show frames; `text` is a protocol, or empty for the truth if there is one."""
    from ..evaluation.protocols import Settings, parse_protocol
    from ..evaluation.runner import FramesUntilError
    from ..viewer.blueprint import make_blueprint
    from ..viewer.frames import FrameViewer, camera_pose

    text = text or ("" if first.ground_truth is None else "truth")
    protocol = parse_protocol(text) if text else None

    viewer = FrameViewer(stream, made, protocol, Settings(**settings), min_confidence)
    whole, stopped = FramesUntilError(frames), None
    plan = make_blueprint(list(made), scored=protocol is not None, T_world_cam=camera_pose(first))
    with place(plan) as stay:
        try:
            viewer.run(whole)
        except (KeyboardInterrupt, SystemExit) as signal:
            stopped = signal  # what has been told until then is kept
        for reason, count in viewer.unscored.items():
            typer.echo(f"{count} of {viewer.count} frames cannot serve {protocol.text}: {reason}.", err=True)
        typer.echo(f"{viewer.count} frames completed by {', '.join(made)}.")
        if stopped is None:
            with suppress(KeyboardInterrupt):  # the usual end
                stay()
    if stopped is not None:
        raise stopped
    if whole.damage is not None:
        raise whole.damage


def _view_live(stream, namespaces, fixed_frame: str, limit: int | None, place) -> None:
    import numpy as np

    from ..viewer.blueprint import make_blueprint
    from ..viewer.live import LiveViewer, find_nodes, viewer_node

    with viewer_node() as (node, executor):
        nodes = find_nodes(node, executor, namespaces)
        viewer = LiveViewer(node, stream, nodes, fixed_frame, lambda text: typer.echo(text, err=True))
        pose = None if fixed_frame else np.eye(4)
        with place(make_blueprint(viewer.names, scored=viewer.scored, live=True, T_world_cam=pose)):
            typer.echo(f"Showing {', '.join(viewer.names)}; Ctrl-C ends it.")
            with suppress(KeyboardInterrupt, SystemExit):
                while limit is None or viewer.count < limit:
                    executor.spin_once(timeout_sec=0.1)
            typer.echo(f"{viewer.count} depth images of {viewer.names[0]} shown.")
