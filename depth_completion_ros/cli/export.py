"""`depth-completion export`: networks as files of other runtimes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from .frames import print_skipped
from .options.groups import NetworkOptions, ReadingOptions
from .options.single import AllowNoncommercial, ReaderOptions, Weights

COMPARED = 5
"""Frames of a --frames that are compared."""
MOST = 60
"""Frames of it, evenly spaced, that int8 is calibrated and judged on."""


def export(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="NAME or NAME:VARIANT, such as default or mspn_lite; or a prior, such as "
            "depth_anything_v2_small, or the folder of one.",
        ),
    ],
    to: Annotated[str, typer.Option(help="`onnx` (ONNX Runtime, TensorRT) or `openvino`.")] = "onnx",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. [NETWORK.onnx or NETWORK.xml]")
    ] = None,
    size: Annotated[
        str,
        typer.Option(metavar="HEIGHTxWIDTH", help="Of images, where the file is for one size. [any size]"),
    ] = "",
    half: Annotated[
        bool, typer.Option("--fp16", help="Store the weights as float16, in half the space.")
    ] = False,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8", help="Its large convolutions in eight bits, calibrated and judged on --frames."
        ),
    ] = False,
    gate: Annotated[
        float,
        typer.Option(min=0, metavar="PERCENT", help="With --int8: by how much RMSE and MAE may grow."),
    ] = 1.0,
    frames: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Compare on its first frames [made-up frames]; with --int8 what to calibrate and judge by.",
        ),
    ] = None,
    weights: Weights = None,
    allow_noncommercial: AllowNoncommercial = False,
    reader_option: ReaderOptions = None,
):
    """
    Write a network for ONNX Runtime or OpenVINO, if it gives there what it gives in PyTorch.

    Both complete the same frames; where depth differs by more than 0.1 % (2 % with --fp16) at 99.9 % of the
    pixels, nothing is written. With --int8 a fifth of the frames judges, which it was not calibrated on.
    A network's file is taken as `--weights FILE` by every command, and as parameter `weights` by the node,
    and runs without PyTorch; `-c NAME,runtime=...` says in what, where more than one runtime takes it. The
    maps of a prior may differ by 0.1 % (2 % with --fp16) of their range; its file is taken as `--prior FILE`.

    Examples:

        depth-completion export default --to openvino --out default.xml

        depth-completion export mspn_lite --size 375x1242 --fp16 --frames drive_bag

        depth-completion export default --int8 --frames drive_bag --out default_int8.onnx

        depth-completion export depth_anything_v2_small --size 375x1242

        depth-completion complete DATA -c mspn_lite --weights mspn_lite.onnx
    """
    from ..completion.exported.export import SUFFIXES
    from ..completion.prior.registry import is_network

    if to == "tensorrt":
        raise ValueError(
            "Runtime tensorrt builds its engine on the robot from ONNX: export --to onnx, and run that file "
            "with runtime=tensorrt."
        )
    if to not in SUFFIXES:
        raise ValueError(f"Runtime is '{to}'; it must be one of {', '.join(SUFFIXES)}.")
    path = out or _file_name(network, SUFFIXES[to])
    if int8 and (half or frames is None):
        raise ValueError(
            "Option --int8 must be given with --frames DATA, frames such as the robot sees, and without "
            "--fp16."
        )
    prior = is_network(network)
    if prior and (to != "onnx" or int8 or weights):
        raise ValueError(f"Prior '{network}' is written with --to onnx, without --int8 and --weights.")
    shape = _height_width(size) if size else None
    reader = None if frames is None else ReadingOptions(reader_option=reader_option).open(frames)
    if prior:
        found = _export_prior(network, path, reader, half, shape, allow_noncommercial)
    else:
        options = NetworkOptions("cpu", weights, allow_noncommercial=allow_noncommercial)
        made = options.make([network])[network]
        if int8:
            found = _export_int8(made, path, to, reader, gate / 100, shape)
        else:
            found = _export(made, path, to, reader, half, shape)
    if reader is not None:
        print_skipped(reader)
    files = [path, path.with_suffix(".bin")] if to == "openvino" else [path]
    typer.echo(f"{path}, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB: {found}.")


def _export(made, path: Path, to: str, reader, half: bool, shape):
    from ..completion.exported.export import export_network

    return export_network(made, path, to, shape, half, _compared(reader))


def _export_int8(made, path: Path, to: str, reader, gate: float, shape):
    from ..adaptation.frames import load_frames
    from ..adaptation.int8 import export_int8

    return export_int8(made, path, to, list(load_frames(reader, MOST, with_truth=True)), gate, shape)


def _export_prior(network: str, path: Path, reader, half: bool, shape, allow_noncommercial: bool):
    from ..completion.exported.prior import export_prior
    from ..completion.prior import create_prior

    images = [frame.image for frame in _compared(reader)]
    return export_prior(create_prior(network, "cpu", allow_noncommercial), path, shape, half, images)


def _compared(reader) -> list:
    """The first frames with an image; none without a reader, for which frames are made up."""
    if reader is None:
        return []
    frames = list(islice((frame for frame in reader if frame.image is not None), COMPARED))
    if not frames:
        raise ValueError("No frame of --frames has an image to compare on; leave it out for made-up ones.")
    return frames


def _file_name(network: str, suffix: str) -> Path:
    """In this folder, named like the network, or like the folder of a prior."""
    from ..completion.prior.interface import SPACES

    name = network.partition(",")[0]
    text, _, space = name.rpartition("@")
    name = text if text and space in SPACES else name
    return Path(Path(name).resolve().name.replace(":", "_") + suffix)


def _height_width(text: str) -> tuple[int, int]:
    height, cross, width = text.partition("x")
    if not (cross and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"Size is '{text}'; it must be HEIGHTxWIDTH in pixels, such as 375x1242.")
    return int(height), int(width)
