"""`python -m depth_completion_training.export_depthlab CKPT OUT --parts FOLDER`: for completer depthlab."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from .export import weights_of, write_weights

FILES = {
    "denoising_unet": ("estimation.", ""),
    "reference_unet": ("reference.", ""),
    "mapping_layer": ("mapping.", "mapping_layer."),
}
"""Prefix of the keys in a checkpoint, and in the file, as DepthLab's authors publish them."""
PARTS = ("vae", "image_encoder", "scheduler")
"""Folders of what is frozen and so not in a checkpoint; without the last, the schedule is Marigold's."""


def export_depthlab(
    checkpoint: str | Path, out: str | Path, parts: str | Path, licence: str, half: bool = False
) -> None:
    """Write the weights of a checkpoint of `TrainedDepthLab` and copy what is frozen beside them.

    `create_completer("depthlab", weights=OUT)` takes the folder.

    Args:
        checkpoint: `last.ckpt` or `best.ckpt` of a run.
        out: folder to write, which must not be there.
        parts: the folder that the training started from, with `vae`, `image_encoder` and `scheduler`.
        licence: of the weights, such as Apache-2.0.
        half: store kernels and matrices as float16, in half the space.

    Raises:
        FileNotFoundError: no such checkpoint, or a part is missing.
        FileExistsError: `out` is there.
        ValueError: no checkpoint of DepthLab's training, or no licence.
    """
    checkpoint, out, parts = Path(checkpoint), Path(out), Path(parts)
    if out.exists():
        raise FileExistsError(f"'{out}' is there already; name another folder.")
    for name in PARTS[:2]:
        if not (parts / name / "config.json").is_file():
            raise FileNotFoundError(f"Folder '{parts}' lacks {name}/config.json and the weights beside it.")
    weights, metadata = weights_of(checkpoint, licence, half)
    files = {
        name: {new + key.removeprefix(old): x for key, x in weights.items() if key.startswith(old)}
        for name, (old, new) in FILES.items()
    }
    if not all(files.values()) or sum(map(len, files.values())) != len(weights):
        raise ValueError(f"'{checkpoint}' is no checkpoint of a training of DepthLab.")
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name, state_dict in files.items():
        write_weights(state_dict, unfinished / f"{name}.safetensors", metadata)
    for name in PARTS:
        if (parts / name).is_dir():
            shutil.copytree(parts / name, unfinished / name)
    unfinished.rename(out)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.export_depthlab", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="last.ckpt or best.ckpt of a run")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--parts", type=Path, required=True, help="folder with vae and image_encoder")
    parser.add_argument("--licence", required=True, help="of the weights, such as Apache-2.0")
    parser.add_argument("--half", action="store_true", help="store kernels as float16, in half the space")
    given = parser.parse_args(arguments)
    try:
        export_depthlab(given.checkpoint, given.out, given.parts, given.licence, given.half)
    except (ValueError, FileNotFoundError, FileExistsError) as error:
        sys.exit(str(error))
    print(f"Wrote '{given.out}', weights of depthlab.")


if __name__ == "__main__":
    main()
