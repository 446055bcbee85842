"""`depth-completion weights`: weights of networks, stored under names."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .group import Commands, SentenceGroup
from .tables import AsJson, print_json

app = Commands(
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
