"""The convolutions of an ONNX file in eight bits."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

CHANNELS, SIDE = 16, 3
"""Of convolutions that are quantised, at least: smaller ones take longer in eight bits than in float32, and
those with few channels read depth in metres or pixels."""


def quantised(onnx_file: bytes, inputs: Sequence[Sequence[np.ndarray]]) -> bytes:
    """The file with its large convolutions in int8, each channel by its own scale, and all else as it was.

    What they see is uint8, between the least and the largest value that is met in `inputs`. Convolutions that
    no other one follows, from which depth is made, stay in float32, and so do depthwise ones.

    Args:
        inputs: of frames to calibrate by, for each the arrays that the file takes, in order.

    Raises:
        ValueError: it has no convolution that is worth it.
        ImportError: onnx is not installed.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(onnx_file)
    chosen = _worth_it(model.graph)
    if not chosen:
        raise ValueError("This network has no convolution that would gain by int8.")
    names = [each.name for each in model.graph.input]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        made = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            str(made),
            _Calibration(dict(zip(names, arrays, strict=True)) for arrays in inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=chosen,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return made.read_bytes()


def _worth_it(graph) -> list[str]:
    """Names of the convolutions to quantise."""
    sizes = {array.name: array.dims for array in graph.initializer}
    last = _last_convolutions(graph)
    found = []
    for node in graph.node:
        size = sizes.get(node.input[1]) if node.op_type == "Conv" else None
        if size and min(size[:2]) >= CHANNELS and min(size[2:]) >= SIDE and node.name not in last:
            found.append(node.name)  # of a depthwise one size[1] is 1
    return found


def _last_convolutions(graph) -> set[str]:
    """Names of the convolutions that reach the output by no other one."""
    makers = {output: node for node in graph.node for output in node.output}
    found, seen = set(), set()
    waiting = [output.name for output in graph.output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op_type == "Conv":
            found.add(node.name)
        else:
            waiting.extend(node.input)
    return found


class _Calibration:
    """Hands inputs to the quantiser one by one."""

    def __init__(self, inputs: Iterable[dict[str, np.ndarray]]):
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that the quantiser logs about graphs in general."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
