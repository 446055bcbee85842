"""`depth-completion weights` and `export`: weights of networks, under names or for other runtimes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .group import SentenceGroup
from .options import AllowNoncommercial, ReaderOptions, Weights, make_completers, open_data
from .tables import AsJson, print_json

COMPARED = 5
"""Frames of a --frames that are compared."""

app = typer.Typer(
    cls=SentenceGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check weights of networks, store them under names, and list them.",
)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Safetensors, or a PyTorch checkpoint (.pt, .pth).")
    ],
    name: Annotated[str, typer.Option(help="Name to store it under. [that of the file]")] = "",
    network: Annotated[
        str,
        typer.Option(
            metavar="NAME:VARIANT", help="What it is for, where several networks fit. [by the file's name]"
        ),
    ] = "",
    licence: Annotated[
        str,
        typer.Option(
            help="Licence of the weights, such as MIT or CC-BY-NC-4.0. [what the file says of itself]"
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to store it in. [the weights folder]")
    ] = None,
    drop_unexpected: Annotated[
        bool, typer.Option("--drop-unexpected", help="Leave out what --network has no place for.")
    ] = False,
):
    """
    Check a checkpoint and store it: keys and shapes must be those of a known network.

    Stores safetensors with file name, SHA-256 and licence, in `~/.local/share/depth_completion_ros/weights`
    or `$DEPTH_COMPLETION_WEIGHTS`. No code in FILE is run. Afterwards `--weights NAME`, and the parameter
    `weights` of the node, take it.

    Examples:

        depth-completion weights import SDR_NYU.pt --licence MIT

        depth-completion weights import best.pth --name mine --network mspn:sdr_kitti
    """
    from ..completion.weights.folder import import_weights

    if drop_unexpected and not network:
        raise ValueError("--drop-unexpected needs --network NAME:VARIANT.")
    stored = import_weights(file, out, name, network, licence, drop_unexpected)
    typer.echo(
        f"{stored.origin}: weights of {' or '.join(stored.networks)}, {stored.parameters:,} parameters, "
        f"SHA-256 {stored.sha256}."
    )
    typer.echo(f"Stored as '{stored.name}' in {stored.path}, licence {stored.licence or 'not given'}.")


@app.command("list")
def list_(as_json: AsJson = False):
    """
    List the stored weights.

    Examples:

        depth-completion weights list

        depth-completion weights list --json
    """
    from ..completion.weights.folder import list_weights, weights_folder

    found = list_weights()
    if as_json:
        print_json([{"name": stored.name, **asdict(stored)} for stored in found])
        return
    for stored in found:
        typer.echo(
            f"{stored.name:24s} {' or '.join(stored.networks) or 'unknown'}, "
            f"licence {stored.licence or 'not given'}, from {stored.origin or stored.path.name}, "
            f"SHA-256 {stored.sha256[:12] or 'not noted'}"
        )
    if not found:
        typer.echo(f"No weights are stored in {weights_folder()}.")


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
    given = None if frames is None else list(islice(open_data(frames, reader_option), COMPARED))
    options = {"weights": weights, "device": "cpu", "allow_noncommercial": allow_noncommercial}
    made = make_completers([network], **options)[network]
    parity = export_network(made, path, to, _height_width(size) if size else None, half, given or ())
    files = [path, path.with_suffix(".bin")] if to == "openvino" else [path]
    typer.echo(f"{path}, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB: {parity}.")


def _height_width(text: str) -> tuple[int, int]:
    height, cross, width = text.partition("x")
    if not (cross and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ValueError(f"Size is '{text}'; it must be HEIGHTxWIDTH in pixels, such as 375x1242.")
    return int(height), int(width)
