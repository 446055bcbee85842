"""Writes a network for another runtime, after it was shown to give what PyTorch gives."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...core import Frame
from ...core.safe.files import write_bytes
from ..device import CPU
from ..interface import Completer, Completion
from ..learned.completer import LearnedCompleter
from ..registry import exportable
from .graph import Graph, to_onnx
from .half import with_metadata
from .openvino_runner import write_openvino
from .parity import Parity, compare, sample_frames, sparse_of
from .runtimes import SUFFIXES as RUNTIME_OF
from .runtimes import is_exported, open_runner, require

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
USUAL = 256, 512
"""Height and width that a network for any size is made at."""
SECOND = 0.75
"""Of the size: a network for any size is compared at this one too."""


def export_network(
    completer: LearnedCompleter,
    path: Path,
    to: str,
    size: tuple[int, int] | None = None,
    half: bool = False,
    frames: Sequence[Frame] = (),
) -> Parity:
    """Write the network of a completer to a file that its `weights` take; how far it is from PyTorch.

    Args:
        completer: on the CPU, in float32.
        path: with the suffix of `SUFFIXES[to]`.
        size: height and width of the images that the file is for; None for any.
        half: whether weights are stored as float16.
        frames: to compare on; made up where there are none.

    Raises:
        ValueError: the network cannot be exported, or gives something else than PyTorch, or a wrong argument.
        ImportError: onnx, or what runs the file, is not installed.
    """
    check_export(completer, path, to, size)
    any_size, size = size is None, size or USUAL
    completer.run_in_pytorch()
    image, planes, points = recorded(completer, sample_frames(*size, count=1))[-1]

    def forward(rgb, *maps):
        return completer.forward(rgb, *maps, points=points)

    graph = Graph(forward, completer.inference_network, completer.mean, completer.std)
    onnx_file = to_onnx(graph, len(planes), image.shape[:2], any_size, completer.searched(planes[0]))
    metadata = {
        "network": f"{completer.name}:{completer.variant}",
        "weights": completer.weights_from,
        "licence": completer.licence,
        "inner_size": str(completer.inner_size),
        "size": "any" if any_size else f"{image.shape[1]} x {image.shape[0]}",
    }
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        write_files(onnx_file, made, to, metadata, half)
        parity = _parity(completer, made, size, any_size, frames)
        if not parity.agrees(half):
            hint = ", or give --size" if any_size else ""
            raise ValueError(f"'{path}' is not written: {parity}. Use PyTorch for this network{hint}.")
        for file in sorted(Path(folder).iterdir()):
            write_bytes(path.with_suffix(file.suffix), file.read_bytes())
    return parity


def write_files(onnx_file: bytes, path: Path, to: str, metadata: dict[str, str], half: bool = False) -> None:
    """Write ONNX as the file, or the two files, of a runtime, with texts in it."""
    if to == "onnx":
        write_bytes(path, with_metadata(onnx_file, metadata, half))
    else:
        write_openvino(onnx_file, path, metadata, half)


def recorded(completer: LearnedCompleter, frames: Sequence[Frame]) -> list[tuple]:
    """What the network of a completer sees of frames: image, planes and number of points of each."""
    recorder = _Recorder(completer.runner)
    _completions(completer, recorder, frames)
    completer.runner = recorder.runner
    return recorder.inputs


def check_export(completer: Completer, path: Path, to: str, size: tuple[int, int] | None) -> None:
    """Refuse what cannot be exported at all."""
    if to not in SUFFIXES or path.suffix != SUFFIXES[to]:
        allowed = ", ".join(f"{name} (*{suffix})" for name, suffix in SUFFIXES.items())
        raise ValueError(f"'{path}' cannot be written for '{to}'; it must be one of {allowed}.")
    require(to)
    if not isinstance(completer, LearnedCompleter) or is_exported(completer.options.weights):
        raise ValueError(f"Completer '{completer.name}' has no network in PyTorch that could be exported.")
    if not completer.exports:
        raise ValueError(
            f"Completer '{completer.name}' searches or samples by what was measured, which the exporter of "
            f"PyTorch cannot follow; it must be one of {', '.join(exportable())}."
        )
    if completer.exports_at_one_size and not size:
        raise ValueError(
            f"Completer '{completer.name}' can only be exported for images of one size: give it as --size."
        )
    if size and completer.size_varies:
        raise ValueError(
            f"Completer '{completer.name}' sees images at sizes that depend on what was measured, so it "
            "is exported for any size: leave --size out."
        )


def _parity(completer, made: Path, size, any_size: bool, frames: Sequence[Frame]) -> Parity:
    frames = list(frames) or sample_frames(*size)
    if any_size:
        frames += sample_frames(*(round(SECOND * side) for side in size))
    pytorch, runner = completer.runner, open_runner(made, RUNTIME_OF[made.suffix], CPU, "float32")
    exported = partial(completer.run_exported, runner)
    expected = _completions(completer, pytorch, frames)
    given = _completions(completer, exported, frames)
    completer.runner = pytorch
    return compare(list(zip(expected, given, strict=True)))


def _completions(completer, runner, frames: Sequence[Frame]) -> list[Completion]:
    completer.runner = runner
    completer.forget()
    return [completer.complete(f.image, sparse_of(f), f.camera, f.name) for f in frames]


class _Recorder:
    """Runs, and keeps the inputs of each frame: image, planes and number of points."""

    def __init__(self, runner):
        self.runner = runner
        self.inputs: list[tuple] = []

    def __call__(self, image, planes, *, points):
        self.inputs.append((image.copy(), [plane.copy() for plane in planes], points))
        return self.runner(image, planes, points=points)
