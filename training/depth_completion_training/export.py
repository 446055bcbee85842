"""`python -m depth_completion_training.export CKPT OUT`: the weights of a checkpoint, for the package."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from depth_completion_ros.completion.weights.checkpoint import identify, known_shapes, misfit
from depth_completion_ros.completion.weights.folder import save_weights

PREFIX = "network."
"""Of the network's weights in the state dict of a `CompletionTask`."""


def export(
    checkpoint: str | Path, out: str | Path, licence: str, network: str = "", half: bool = False
) -> tuple[str, ...]:
    """Write the weights of a training's checkpoint as safetensors with their origin and licence.

    They are the averaged ones, as in validation. `depth-completion weights import` takes the file, and so
    does `create_completer(..., weights=FILE)`.

    Args:
        checkpoint: `last.ckpt` or `best.ckpt` of a run.
        out: file to write, ending in `.safetensors`.
        licence: of the weights, such as Apache-2.0.
        network: 'completer:variant' that they are for; where empty, all that they fit.
        half: store kernels and matrices as float16, in half the space.

    Returns:
        the networks that the file says it is for, as 'completer:variant'.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: no checkpoint of a training, weights that fit no network or not the one given, no
            licence, or another ending.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"Weights are to be written to '{out}'; the name must end in .safetensors.")
    state_dict, metadata = weights_of(checkpoint, licence, half)
    networks = _networks(checkpoint, state_dict, network)
    metadata = {"networks": " ".join(networks)} | metadata
    write_weights(state_dict, out, metadata)
    return networks


def weights_of(
    checkpoint: Path, licence: str, half: bool = False
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Averaged weights of a training's network, and where they come from as metadata of a file.

    Args:
        checkpoint, licence, half: see `export`.

    Raises:
        FileNotFoundError, ValueError: no checkpoint of a training, or no licence.
    """
    if not licence.strip():
        raise ValueError("Weights need a licence, such as Apache-2.0.")
    content = _read(checkpoint)
    state_dict = {
        key.removeprefix(PREFIX): tensor
        for key, tensor in content["state_dict"].items()
        if key.startswith(PREFIX)
    }
    if half:  # not what has one dimension: variances of batch norms span more than float16 does
        state_dict = {key: t.half() if t.ndim > 1 else t for key, t in state_dict.items()}
    with checkpoint.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    origin = f"{checkpoint.name} after {content['global_step']} steps"
    return state_dict, {"origin": origin, "sha256": sha256, "licence": licence.strip()}


def write_weights(state_dict: Mapping[str, torch.Tensor], out: Path, metadata: dict[str, str]) -> None:
    """Write tensors as safetensors, whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    save_weights({key: tensor.detach().cpu() for key, tensor in state_dict.items()}, out, metadata)


def _read(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint '{path}'.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"'{path}' cannot be opened as a checkpoint ({reason}).") from None
    keys = content.get("state_dict", {}) if isinstance(content, Mapping) else {}
    if not any(key.startswith(PREFIX) for key in keys):
        raise ValueError(f"'{path}' is no checkpoint of a training: it holds no weights under '{PREFIX}'.")
    return content


def _networks(path: Path, state_dict: Mapping[str, torch.Tensor], network: str) -> tuple[str, ...]:
    shapes = {key: tuple(tensor.shape) for key, tensor in state_dict.items()}
    if not network:
        fitting = tuple(identify(shapes))
        if not fitting:
            raise ValueError(f"'{path}' fits none of the known networks ({', '.join(known_shapes())}).")
        return fitting
    if network not in known_shapes():
        raise ValueError(f"Network '{network}' is unknown; it must be one of {', '.join(known_shapes())}.")
    problem = misfit(shapes, known_shapes()[network])
    if problem:
        raise ValueError(f"'{path}' does not fit {network}: {problem}.")
    return (network,)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="last.ckpt or best.ckpt of a run")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, .safetensors")
    parser.add_argument("--licence", required=True, help="of the weights, such as Apache-2.0")
    parser.add_argument(
        "--network", default="", metavar="COMPLETER:VARIANT", help="that they are for, where several fit"
    )
    parser.add_argument("--half", action="store_true", help="store kernels as float16, in half the space")
    given = parser.parse_args(arguments)
    try:
        networks = export(given.checkpoint, given.out, given.licence, given.network, given.half)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
    print(f"Wrote '{given.out}', weights of {' or '.join(networks)}.")


if __name__ == "__main__":
    main()
