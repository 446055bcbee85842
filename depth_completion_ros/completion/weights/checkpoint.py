"""Checkpoints: whether a file is sound, what is in it, and whether it fits a network."""

from __future__ import annotations

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.safe.files import check_is_file
from .tensors import check_tensors, content_hash, number_kind

if TYPE_CHECKING:
    import torch

_WEIGHTS_UNDER = ("net", "state_dict", "model")
"""Where trainers keep the weights beside optimiser, arguments and the like."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights of a network.

    Args:
        state_dict: tensors on the CPU by the network's own keys.
        description: the file and what kind it is, for people.
        metadata: what was noted when the weights were stored, such as `licence`; see `weights_folder`.
    """

    state_dict: dict[str, torch.Tensor]
    description: str
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def shapes(self) -> Shapes:
        """Keys and shapes of all tensors."""
        return {key: tuple(tensor.shape) for key, tensor in self.state_dict.items()}


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Open a checkpoint without running any code that may be in it.

    Args:
        path: safetensors, or what `torch.save` wrote: a state dict, or a dict that has one under `net`
            (as the official files of MSPN), `state_dict` or `model`. A prefix `module.` is taken off.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, is no checkpoint, or holds more than data; in a sentence.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no checkpoint '{path}'.")
    check_is_file(path)
    with path.open("rb") as file:
        start = file.read(64)
    metadata: dict[str, str] = {}
    if start.startswith(b"PK\x03\x04"):
        _check_archive(path)
        kind, state_dict = "PyTorch", _state_dict(path, _load_pickled(path))
    elif start.startswith(b"\x80\x02"):
        kind, state_dict = "old PyTorch", _state_dict(path, _load_pickled(path))
    elif start[8:9] == b"{":
        kind = "safetensors"
        state_dict, metadata = _load_safetensors(path)
    else:
        raise ValueError(f"'{path}' is no checkpoint: {_looks_like(start)}.")
    check_tensors(path, state_dict)
    noted = metadata.get("content_sha256")
    if noted and noted != content_hash(state_dict):
        raise ValueError(
            f"'{path}' is damaged or was changed: its values are not those of which it notes the SHA-256; "
            "import it again."
        )
    return Checkpoint(state_dict, f"'{path.name}' ({kind})", metadata)


def load_into(network: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """Put the weights of a checkpoint into a network, all of them or none.

    Raises:
        ValueError: missing or unexpected keys, or other shapes; the sentence names what they would fit.
    """
    problem = misfit(checkpoint.shapes, shapes_of(network))
    if problem:
        fitting = identify(checkpoint.shapes)
        hint = f" These are weights of {' or '.join(fitting)}." if fitting else ""
        raise ValueError(f"{checkpoint.description} does not fit: {problem}.{hint}")
    check_numbers(checkpoint, network)
    network.load_state_dict(checkpoint.state_dict)


def check_numbers(checkpoint: Checkpoint, network: torch.nn.Module) -> None:
    """A ValueError where whole numbers stand for floating point ones, or the other way round."""
    for key, wanted in network.state_dict().items():
        given = checkpoint.state_dict.get(key, wanted)
        if given.is_floating_point() != wanted.is_floating_point():
            raise ValueError(
                f"{checkpoint.description} does not fit: '{key}' is of {number_kind(given)}; it must be of "
                f"{number_kind(wanted)}."
            )


def misfit(given: Shapes, wanted: Shapes) -> str:
    """Why weights do not fit a network, as the second half of a sentence; empty when they do."""
    missing = [key for key in wanted if key not in given]
    unexpected = [key for key in given if key not in wanted]
    other = [key for key in wanted if key in given and given[key] != wanted[key]]
    if len(missing) > len(wanted) / 2:
        shared = len(wanted) - len(missing)
        return f"it is of another network, only {shared} of whose {len(wanted)} tensors it has"
    if other:
        key = other[0]
        return (
            f"it is of another architecture, with '{key}' {_shape(given[key])} in place of "
            f"{_shape(wanted[key])}{_and_more(other)}"
        )
    if missing:
        return f"of {len(wanted)} tensors it lacks '{missing[0]}'{_and_more(missing)}"
    if unexpected:
        return f"the network has no place for '{unexpected[0]}'{_and_more(unexpected)}"
    return ""


def identify(shapes: Shapes) -> list[str]:
    """The networks, as 'completer:variant', whose keys and shapes are exactly these."""
    return [name for name, wanted in known_shapes().items() if not misfit(shapes, wanted)]


def known_shapes() -> dict[str, Shapes]:
    """Keys and shapes of every network of this package by 'completer:variant'."""
    return {name: shapes_of(network) for name, network in known_networks().items()}


@cache
def known_networks() -> dict[str, torch.nn.Module]:
    """Every network of this package by 'completer:variant', without values."""
    import torch

    from ..registry import networks

    with torch.device("meta"):  # costs no memory and draws no random numbers
        return {name: make() for name, make in networks().items()}


def shapes_of(network: torch.nn.Module) -> Shapes:
    """Keys and shapes of a network."""
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


# Files -------------------------------------------------------------------------------------------


def _check_archive(path: Path) -> None:
    """Whether a zip file is whole and no larger than it is; PyTorch looks at neither."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            too_much = _beyond_the_file(entries, size)
            damaged = None if too_much else archive.testzip()
    except Exception as error:  # broken bytes surface as errors of any kind
        raise ValueError(f"'{path}' is damaged or cut off ({error}); get it again.") from None
    if too_much:
        raise ValueError(
            f"'{path}' of {size} bytes is no checkpoint: {too_much}; torch.save stores tensors as they are."
        )
    if damaged:
        raise ValueError(f"'{path}' is damaged: the check sum of '{damaged}' is wrong; get it again.")
    names = [entry.filename for entry in entries]
    if not any(name.endswith("/data.pkl") for name in names):
        raise ValueError(f"'{path}' is no checkpoint: it is a zip file of something else.")
    if any(name.endswith("/constants.pkl") for name in names):
        raise ValueError(f"'{path}' is a TorchScript program; what is needed is a state dict.")


def _beyond_the_file(entries: list[zipfile.ZipInfo], size: int) -> str:
    """What of a zip file would take more memory than the file has bytes; empty where nothing does."""
    compressed = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    if compressed:
        return f"'{compressed[0]}' is compressed"
    total = sum(entry.file_size for entry in entries)
    return f"its entries state {total} bytes" if total > size else ""


def _load_pickled(path: Path) -> object:
    import torch

    torch.serialization.add_safe_globals([argparse.Namespace])  # plain values, left by trainers
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        culprit = re.search(r"GLOBAL (\S+)|class/\w+ (\S+)", str(error))
        if culprit is None:
            raise ValueError(
                f"'{path}' is damaged or cut off, or holds more than weights; get it again."
            ) from None
        raise ValueError(
            f"'{path}' holds more than weights ({culprit[1] or culprit[2]}) and is not opened, as that could "
            "run code on this machine; ask its author for safetensors or a plain state dict."
        ) from None
    except Exception as error:  # broken bytes surface as errors of any kind
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else "it ends too early"
        raise ValueError(f"'{path}' is damaged or cut off ({reason}); get it again.") from None


def _state_dict(path: Path, content: Any) -> dict[str, torch.Tensor]:
    """The weights in what a pickle held, without the prefix of data-parallel training."""
    import torch

    if isinstance(content, Mapping):
        content = next((content[key] for key in _WEIGHTS_UNDER if key in content), content)
    tensors = isinstance(content, Mapping) and content
    if not tensors or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in tensors.items()):
        raise ValueError(
            f"'{path}' is no checkpoint: it holds {_content(content)}, not tensors by key or such under "
            f"{', '.join(_WEIGHTS_UNDER)}."
        )
    if all(key.startswith("module.") for key in content):
        content = {key.removeprefix("module."): tensor for key, tensor in content.items()}
    return dict(content)


def _load_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            state_dict = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, no mapping
            return state_dict, file.metadata() or {}
    except (SafetensorError, ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise ValueError(f"'{path}' is damaged or cut off ({reason}); get it again.") from None


# Words -------------------------------------------------------------------------------------------


def _looks_like(start: bytes) -> str:
    if not start:
        return "it is empty"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, as a download that was refused leaves"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, in place of the file itself"
    return f"it begins with {start[:8]!r}, neither safetensors nor PyTorch"


def _content(content: object) -> str:
    if isinstance(content, Mapping):
        return f"a dict with {', '.join(map(repr, list(content)[:4])) or 'nothing'}"
    return f"a {type(content).__name__}"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a scalar"


def _and_more(keys: list[str]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""
