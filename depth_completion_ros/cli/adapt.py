"""`depth-completion adapt`: the default network, fitted to one's own robot."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .frames import print_skipped, say_where_it_is_fetched, steps_with_progress
from .options.groups import ReadingOptions
from .options.single import AllowNoncommercial, Device, Ray, ReaderOptions
from .tables import AsJson, print_json, print_table, stdout_for_json

REMINDERS = 200
"""Frames that are taken of each folder of them."""


def adapt(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Drive, frame folder or rosbag2; a folder of such at any depth, a glob in quotes, or a list "
            "(.txt). Also a URL such as s3://bucket/drive, which is fetched.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Name to store the weights under.", show_default=False)],
    licence: Annotated[
        str,
        typer.Option(
            help="Licence of your data, and so of the weights, such as `internal` or CC-BY-4.0.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to store them in. [the weights folder]")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Weights to begin with, a file or stored name. [those that ship]")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol", "-p", help="What to hide for judging, see `evaluate`. [what suits the sensor]"
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=6,
            help="Frames to use at most, evenly spaced, of each drive the same share. [100, or 6 a drive]",
        ),
    ] = None,
    confidence_only: Annotated[
        bool, typer.Option("--confidence-only", help="Calibrate confidence and leave depth as it is.")
    ] = False,
    part: Annotated[
        str, typer.Option(help="What learns: `heads` (last layers), `norms`, or `all` but the image encoder.")
    ] = "all",
    steps: Annotated[int, typer.Option(min=1, help="Steps at most; it ends where nothing is gained.")] = 200,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate. [that of the part]")] = None,
    remind: Annotated[
        list[Path] | None,
        typer.Option(help="Other frames to mix in, with truth or without, to forget less; repeat for more."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is hidden, and in which order.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same command was ended, if it was.")
    ] = False,
    device: Device = "auto",
    allow_noncommercial: AllowNoncommercial = False,
    reader_option: ReaderOptions = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Read drives and judge by so many processes; the fit itself is one."),
    ] = None,
    ray: Ray = None,
    as_json: AsJson = False,
):
    """
    Fit the default network to your own robot: no ground truth, some minutes on a CPU.

    Hides part of each scan (rings, sectors, random points), learns to predict it from the rest and the
    image, and calibrates confidence: the probability that depth is within 5 %. Three fifths of it teach,
    a fifth tells when to stop, a fifth judges, all in stretches of each drive. Weights that are not better
    than before on the last are not written, and the exit code is 2. Several drives give one network.

    Writes NAME.safetensors and NAME.onnx; `-c default,weights=NAME` and the parameter `weights` of the node
    take them. Needs PyTorch and onnx: `pip install 'depth_completion_ros[adapt]'`.

    Examples:

        depth-completion adapt drive_bag --name my_robot --licence internal

        depth-completion adapt "bags/2026-*" --name my_robot --licence internal --workers 4

        depth-completion adapt drive_bag --name my_robot --licence internal --confidence-only

        depth-completion adapt drive_bag --name my_robot --licence internal --json | jq .errors

        depth-completion evaluate other_bag -c default -c default,weights=my_robot -p hide:2 --confidence
    """
    from ..adaptation.judge import NotBetter
    from ..fleet.workers.crew import Crew

    settings_of, frames_of, hiding, recordings, run = _adaptation()
    settings = None
    if not confidence_only:
        settings = settings_of.FitSettings(part=part, steps=steps, rate=rate, seed=seed)
    say_where_it_is_fetched(data)
    sources = recordings.find_sources(data, ReadingOptions(reader_option=reader_option).of_reader())
    reminders = []
    for path in remind or ():
        other = ReadingOptions().open(path)
        loaded = frames_of.load_frames(other, REMINDERS, with_truth=True)
        reminders += [hiding.make_lesson(frame, simulated=True) for frame in loaded]
        print_skipped(other)
    request = run.Request(
        name=name,
        licence=licence,
        folder=out,
        start=weights,
        protocols=tuple(protocol or ()),
        most=frames,
        fit=settings,
        resume=resume,
        device=device,
        allow_noncommercial=allow_noncommercial,
    )
    try:
        with stdout_for_json(as_json), steps_with_progress() as tell:
            say = partial(typer.echo, err=True)
            done = run.adapt(sources, request, reminders, tell, say, Crew(workers, ray))
    except NotBetter as refused:
        if as_json:
            print_json({"stored": None, **_held_out(refused.verdict)})
        raise
    if worse := done.verdict.worse_drives():
        typer.echo(worse, err=True)
    if as_json:
        print_json(_content(done))
    else:
        _print_adapted(done)


def _adaptation():
    """The modules of adaptation, which need PyTorch and onnx."""
    try:
        import onnx  # noqa: F401

        from ..adaptation import frames, hiding, recordings, run, settings
    except ModuleNotFoundError as error:
        if error.name not in ("onnx", "safetensors", "torch"):
            raise
        raise ImportError(
            f"Adapting needs the Python package '{error.name}', which is not installed: "
            "pip install 'depth_completion_ros[adapt]'."
        ) from None
    return settings, frames, hiding, recordings, run


def _content(done) -> dict:
    """All that is known of stored weights, for a program."""
    state, files = done.state, (done.path, done.path.with_suffix(".onnx"))
    return {
        "stored": {"name": done.path.stem, "files": [str(file) for file in files]},
        "frames": dict(zip(("fit", "tune", "judge"), done.frames, strict=True)),
        "steps": None if state is None else {"done": state.step, "best": state.best[1], "looks": state.looks},
        "calibration": asdict(done.calibration),
        **_held_out(done.verdict),
    }


def _held_out(verdict) -> dict:
    """What was found where nothing was chosen by; errors are after / before, confidence (before, after)."""
    from ..evaluation.report import metrics_json

    return {
        **_figures(verdict),
        "drives": [{"drive": name, **_figures(each)} for name, each in verdict.drives.items() if name],
        "evaluation": json.loads(metrics_json(verdict.result)),
    }


def _figures(verdict) -> dict:
    return {
        "errors": verdict.depth,
        "calibration_error": verdict.calibration,
        "ause_rmse": verdict.ause,
    }


def _print_adapted(done) -> None:
    """Say what was gained, and where the weights are."""
    from ..evaluation.report import confidence_table, mean_table

    result = done.verdict.result
    print_table(f"{result.name}: mean over frames", *mean_table(result))
    print_table("confidence", *confidence_table(result.confidence_means()))
    if len(done.recordings) > 1:
        print_table("drives: stretches held out", *_drive_table(done))
    fitted, tuned, judged = done.frames
    typer.echo(f"Frames: {fitted} to fit, {tuned} to tune, {judged} to judge.")
    if done.state is not None:
        typer.echo(f"Best after {done.state.best[1]} of {done.state.step} steps.")
    (before, after), change = done.verdict.calibration, done.verdict.depth
    typer.echo(
        f"Held out, errors are {change:.3f} times those before; calibration error {before:.3f} before, "
        f"{after:.3f} after."
    )
    typer.echo(f"Stored as '{done.path.stem}' in {done.path} and {done.path.with_suffix('.onnx').name}.")


def _drive_table(done) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of what was found on each drive."""
    headings = [
        "drive",
        "fit",
        "tune",
        "judge",
        "errors, after / before",
        "calibration error, before",
        "after",
    ]
    rows = []
    for recording in done.recordings:
        found = done.verdict.drives.get(recording.drive)
        figures = [] if found is None else [found.depth, *found.calibration]
        cells = [f"{figure:.3f}" for figure in figures] or ["-"] * 3
        rows.append([recording.drive, *map(str, recording.parts.sizes), *cells])
    return headings, rows
