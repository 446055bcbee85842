"""Weights of an ONNX file in half the space."""

from __future__ import annotations

import math

import numpy as np

LARGE = 1024
"""Numbers from which on an array is stored as float16."""


def with_metadata(onnx_file: bytes, metadata: dict[str, str], half: bool) -> bytes:
    """An ONNX file with texts in it, and its large arrays as float16 where `half`.

    They are cast to float32 when the file is loaded, so it computes in float32 all the same.
    """
    import onnx

    model = onnx.load_from_string(onnx_file)
    onnx.helper.set_model_props(model, metadata)
    if half:
        _store_as_half(model.graph)
    return model.SerializeToString()


def _store_as_half(graph) -> None:
    from onnx import TensorProto, helper, numpy_helper

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
