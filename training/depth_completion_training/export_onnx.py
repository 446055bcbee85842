"""`python -m depth_completion_training.export_onnx WEIGHTS OUT`: EfficientSPN as an ONNX file for the CPU."""

from __future__ import annotations

import argparse
from pathlib import Path

from depth_completion_ros.completion.efficient_spn.network import EfficientSPN
from depth_completion_ros.completion.efficient_spn.onnx_file import network_to_onnx
from depth_completion_ros.completion.exported.half import with_metadata
from depth_completion_ros.completion.weights.checkpoint import load_into, read_checkpoint
from depth_completion_ros.core.safe.files import write_bytes


def export_onnx(weights: str | Path, out: str | Path) -> None:
    """Write the network with the weights of a safetensors file as ONNX, for images of any size.

    Large arrays are stored as float16, in half the space; ONNX Runtime computes in float32.

    Raises:
        FileNotFoundError, ValueError: no such weights, or those of another network.
    """
    network = EfficientSPN()
    checkpoint = read_checkpoint(weights)
    load_into(network, checkpoint)
    write_bytes(out, with_metadata(network_to_onnx(network), checkpoint.metadata, half=True))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser("depth_completion_training.export_onnx", description=__doc__)
    parser.add_argument("weights", type=Path, metavar="WEIGHTS", help="what `export` wrote")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, .onnx")
    given = parser.parse_args()
    export_onnx(given.weights, given.out)
    print(f"Wrote '{given.out}'.")


if __name__ == "__main__":
    main()
