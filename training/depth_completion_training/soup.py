"""`python -m depth_completion_training.soup WEIGHTS... OUT`: the mean of weights that began as the same.

Several trainings that begin from the same weights end in one basin, and their mean errs less than each, most
of all on other data than they were trained on (Wortsman et al., Model soups, ICML 2022).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from .export import write_weights


def soup(files: Sequence[str | Path], out: str | Path) -> None:
    """Write the mean of weights as `export` writes them.

    Args:
        files: at least two `.safetensors` of the same network.
        out: file to write, ending in `.safetensors`.

    Raises:
        FileNotFoundError: one of them is missing.
        ValueError: fewer than two, weights of other networks or licences, or another ending.
    """
    if len(files) < 2 or Path(out).suffix != ".safetensors":
        raise ValueError("A soup is made of two or more .safetensors files, and written to one.")
    tensors, metadata = zip(*map(_read, map(Path, files)), strict=True)
    for file, other, told in zip(files, tensors, metadata, strict=True):
        for name in ("networks", "licence"):
            if told.get(name) != metadata[0].get(name):
                raise ValueError(f"'{file}' and '{files[0]}' differ in their {name}; they must be the same.")
        if {k: v.shape for k, v in other.items()} != {k: v.shape for k, v in tensors[0].items()}:
            raise ValueError(f"'{file}' and '{files[0]}' are not weights of the same network.")
    origins = "; ".join(
        told.get("origin", Path(file).name) for file, told in zip(files, metadata, strict=True)
    )
    kept = {name: metadata[0][name] for name in ("networks", "licence") if name in metadata[0]}
    write_weights(
        {key: _mean([other[key] for other in tensors]) for key in tensors[0]},
        Path(out),
        kept | {"origin": f"mean of {len(files)}: {origins}"},
    )


def _mean(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Of floating-point tensors, in their type; counters are those of the first."""
    if not tensors[0].is_floating_point():
        return tensors[0]
    return torch.stack([tensor.double() for tensor in tensors]).mean(0).to(tensors[0].dtype)


def _read(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    if not file.is_file():
        raise FileNotFoundError(f"There are no weights '{file}'.")
    try:
        with safe_open(file, "pt") as content:
            return {key: content.get_tensor(key) for key in content.keys()}, content.metadata() or {}  # noqa: SIM118
    except Exception as error:
        raise ValueError(f"'{file}' cannot be opened as safetensors ({error}).") from None


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.soup", description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", metavar="WEIGHTS", help=".safetensors of `export`")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, .safetensors")
    given = parser.parse_args(arguments)
    try:
        soup(given.weights, given.out)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(str(error))
    print(f"Wrote '{given.out}', the mean of {len(given.weights)}.")


if __name__ == "__main__":
    main()
