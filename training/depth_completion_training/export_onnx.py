"""`python -m depth_completion_training.export_onnx WEIGHTS OUT`: EfficientSPN as an ONNX file for the CPU."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from depth_completion_ros.completion.efficient_spn.network import EfficientSPN
from depth_completion_ros.completion.efficient_spn.onnx_file import to_onnx
from depth_completion_ros.completion.weights.checkpoint import load_into, read_checkpoint
from depth_completion_ros.core.safe.files import whole_file

LARGE = 1024
"""Numbers from which on an array is stored as float16."""


def export_onnx(weights: str | Path, out: str | Path) -> None:
    """Write the network with the weights of a safetensors file as ONNX, for images of any size.

    Large arrays are stored as float16, in half the space; ONNX Runtime computes in float32.

    Raises:
        FileNotFoundError, ValueError: no such weights, or those of another network.
    """
    network = EfficientSPN()
    checkpoint = read_checkpoint(weights)
    load_into(network, checkpoint)
    model = onnx.load_from_string(to_onnx(network))
    helper.set_model_props(model, checkpoint.metadata)
    store_as_half(model.graph)
    with whole_file(out) as unfinished:
        onnx.save(model, unfinished)


def store_as_half(graph: onnx.GraphProto) -> None:
    """Replace large float32 constants by float16 ones that are cast when the file is loaded."""
    casts = []
    for array in graph.initializer:
        if array.data_type != TensorProto.FLOAT or math.prod(array.dims) < LARGE:
            continue
        name = array.name
        half = numpy_helper.to_array(array).astype(np.float16)
        array.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [array.name], [name], to=TensorProto.FLOAT))
    for cast in casts:
        graph.node.insert(0, cast)


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
