"""`depth-completion export`: networks as files of other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options.groups import NetworkOptions, ReadingOptions
from .options.single import AllowNoncommercial, ReaderOptions, Weights

COMPARED = 5
"""Frames of a --frames that are compared."""


def export(
    network: Annotated[
        str,
        typer.Argument(metavar="NETWORK", help="NAME or NAME:VARIANT, such as default or mspn_lite."),
    ],
    to: Annotated[str, typer.Option(help="`onnx` (ONNX Runtime) or `openvino`.")] = "onnx",
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
    frames: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Compare on its first frames. [made-up frames]")
    ] = None,
    weights: Weights = None,
    allow_noncommercial: AllowNoncommercial = False,
    reader_option: ReaderOptions = None,
):
    """
    Write a network for ONNX Runtime or OpenVINO, if it gives there what it gives in PyTorch.

    Both complete the same frames; where depth differs by more than 0.1 % (2 % with --fp16) at 99.9 % of the
    pixels, nothing is written. The file is taken as `--weights FILE` by every command, and as parameter
    `weights` by the node, and runs without PyTorch, on the CPU.

    Examples:

        depth-completion export default --to openvino --out default.xml

        depth-completion export mspn_lite --size 375x1242 --fp16 --frames drive_bag

        depth-completion complete DATA -c mspn_lite --weights mspn_lite.onnx
    """
    from itertools import islice

    from ..completion.exported.export import SUFFIXES, export_network

    if to not in SUFFIXES:
        raise ValueError(f"Runtime is '{to}'; it must be one of {', '.join(SUFFIXES)}.")
    path = out or Path(network.partition(",")[0].replace(":", "_") + SUFFIXES[to])
    reading = ReadingOptions(COMPARED, reader_option)
    given = None if frames is None else list(islice(reading.open(frames), reading.limit))
    made = NetworkOptions("cpu", weights, allow_noncommercial=allow_noncommercial).make([network])[network]
    parity = export_network(made, path, to, _height_width(size) if size else None, half, given or ())
    files = [path, path.with_suffix(".bin")] if to == "openvino" else [path]
    typer.echo(f"{path}, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB: {parity}.")


def _height_width(text: str) -> tuple[int, int]:
    height, cross, width = text.partition("x")
    if not (cross and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"Size is '{text}'; it must be HEIGHTxWIDTH in pixels, such as 375x1242.")
    return int(height), int(width)
