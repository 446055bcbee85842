"""`python -m depth_completion_training.small_checkpoint CKPT OUT`: a checkpoint in half the space.

For a training that has to move to another machine: `fit ... --ckpt_path OUT` goes on from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from depth_completion_ros.core.safe.files import whole_file


def halve(content: Any, dtype: torch.dtype) -> Any:
    """The same with its matrices and kernels as `dtype`; vectors, such as variances of norms, stay."""
    if isinstance(content, torch.Tensor):
        large = content.ndim > 1 and content.dtype is torch.float32
        return content.to(dtype) if large else content
    if isinstance(content, dict):
        return {key: halve(value, dtype) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return type(content)(halve(value, dtype) for value in content)
    return content


def shrink_checkpoint(checkpoint: str | Path, out: str | Path) -> None:
    """Write a checkpoint of a training with weights as float16 and moments of the optimiser as bfloat16.

    Moments span more orders of magnitude than float16 does. Both become float32 again where they are loaded.
    """
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    states = content.pop("optimizer_states")
    small = halve(content, torch.float16) | {"optimizer_states": halve(states, torch.bfloat16)}
    with whole_file(out) as unfinished:
        torch.save(small, unfinished)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.small_checkpoint", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="last.ckpt of a run")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, .ckpt")
    given = parser.parse_args()
    shrink_checkpoint(given.checkpoint, given.out)
    print(f"Wrote '{given.out}', {given.out.stat().st_size / 2**20:.1f} MiB.")


if __name__ == "__main__":
    main()
