"""The folder in which weights are stored under names, with their origin and licence."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.safe.files import whole_file
from .checkpoint import (
    Checkpoint,
    Shapes,
    check_numbers,
    identify,
    known_networks,
    known_shapes,
    misfit,
    read_checkpoint,
)
from .tensors import content_hash

if TYPE_CHECKING:
    import torch

VARIABLE = "DEPTH_COMPLETION_WEIGHTS"
"""Environment variable with the folder."""


def weights_folder() -> Path:
    """Where weights are stored: $DEPTH_COMPLETION_WEIGHTS, or a folder among the user's data."""
    chosen = os.environ.get(VARIABLE)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(chosen).expanduser() if chosen else data / "depth_completion_ros" / "weights"


@dataclass(frozen=True)
class StoredWeights:
    """Weights in a file of safetensors.

    Args:
        networks: what they are weights of, as 'completer:variant'; empty when nobody knows.
        origin: name of the file that they were made from, and `sha256` of its bytes.
        licence: as the user gave it; empty when not.
    """

    path: Path
    networks: tuple[str, ...] = ()
    origin: str = ""
    sha256: str = ""
    licence: str = ""

    @property
    def parameters(self) -> int:
        """Number of trained values of the network."""
        return sum(values.numel() for values in known_networks()[self.networks[0]].parameters())

    @property
    def name(self) -> str:
        """What `weights=` takes."""
        return self.path.stem

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself."""
        return {
            "networks": " ".join(self.networks),
            "origin": self.origin,
            "sha256": self.sha256,
            "licence": self.licence,
        }


def list_weights() -> list[StoredWeights]:
    """All weights in the folder, by name; what is none is left out."""
    there = (file for file in sorted(weights_folder().glob("[!.]*.safetensors")) if file.is_file())
    return list(filter(None, map(_stored, there)))


def open_weights(text: str) -> Checkpoint:
    """The checkpoint of a path or a stored name.

    Raises:
        FileNotFoundError: see `find_weights`.
        ValueError: a file that cannot be used, see `read_checkpoint`.
    """
    return read_checkpoint(find_weights(text))


def find_weights(text: str) -> Path:
    """The file of a path or a stored name, or the folder that some networks take; does not read it.

    Raises:
        FileNotFoundError: there is none; the sentence lists the stored names.
    """
    path, folder = Path(text).expanduser(), weights_folder()
    for file in (path, folder / f"{text}.safetensors"):
        if file.is_file():
            return file
    for directory in (path, folder / text):
        if directory.is_dir():
            return directory
    if "/" in text or path.suffix:
        raise FileNotFoundError(f"There is no checkpoint '{text}'.")
    names = ", ".join(entry.name for entry in list_weights()) or "none"
    raise FileNotFoundError(
        f"Weights '{text}' are neither a file nor stored in '{weights_folder()}' (there: {names}); "
        "`depth-completion weights import` stores them."
    )


def import_weights(
    file: str | Path,
    folder: Path | None = None,
    name: str = "",
    network: str = "",
    licence: str = "",
    drop_unexpected: bool = False,
) -> StoredWeights:
    """Check a checkpoint against the known networks and store it as safetensors with what is known of it.

    Args:
        folder: where to; `weights_folder()` when None.
        name: to store it under; from the file's name when empty.
        network: 'completer:variant' that it is for, where several fit and neither file nor name tells.
        licence: of the weights, such as MIT or CC-BY-NC-4.0; what the file says of itself when empty.
        drop_unexpected: leave out what `network` has no place for.

    Raises:
        ValueError: it fits no known network, or not the one given.
        FileExistsError: other weights are stored under this name.
    """
    file = Path(file).expanduser()
    checkpoint = read_checkpoint(file)
    state_dict = checkpoint.state_dict
    if drop_unexpected:
        wanted = _shapes_of(network)
        state_dict = {key: tensor for key, tensor in state_dict.items() if key in wanted}
    checkpoint = replace(checkpoint, state_dict=state_dict)
    stored = StoredWeights(
        path=(folder or weights_folder()) / f"{file_name(name or file.stem)}.safetensors",
        networks=_networks_of(checkpoint, network, file.stem),
        origin=file.name,
        sha256=_sha256(file),
        licence=licence or checkpoint.metadata.get("licence", ""),
    )
    check_numbers(checkpoint, known_networks()[stored.networks[0]])
    there = _stored(stored.path) if stored.path.is_file() else None
    if there and there.sha256 != stored.sha256:
        raise FileExistsError(f"Other weights are stored in '{stored.path}' already; give another name.")
    stored.path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(state_dict, stored.path, stored.metadata)
    return stored


def save_weights(state_dict: Mapping[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write safetensors, whole or not at all, with the hash of its values, which readers compare."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    own = {key: tensor.clone().contiguous() for key, tensor in state_dict.items()}  # some share memory
    with whole_file(path) as unfinished:
        try:
            save_file(own, unfinished, metadata | {"content_sha256": content_hash(own)})
            _sort_metadata(unfinished)
        except SafetensorError as error:
            raise OSError(f"'{path}' cannot be written ({error}).") from None


def _sort_metadata(path: Path) -> None:
    """Put what a file says of itself in order: the library draws one, and the same would be other bytes."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= size:  # else it is written otherwise than known, and stays as it is
            file.seek(8)
            file.write(text.ljust(size))


def _stored(path: Path) -> StoredWeights | None:
    """What a file says of itself; None where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            noted = file.metadata() or {}
    except (SafetensorError, OSError):
        return None
    networks = tuple(noted.get("networks", "").split())
    return StoredWeights(path, networks, *(noted.get(key, "") for key in ("origin", "sha256", "licence")))


def _networks_of(checkpoint: Checkpoint, network: str, stem: str) -> tuple[str, ...]:
    """What a checkpoint is for: the network given, else those that fit, as the file or its name tells."""
    if network:
        problem = misfit(checkpoint.shapes, _shapes_of(network))
        if problem:
            hint = " or ".join(identify(checkpoint.shapes))
            hint = f" These are weights of {hint}." if hint else ""
            raise ValueError(f"{checkpoint.description} does not fit {network}: {problem}.{hint}")
        return (network,)
    fitting = identify(checkpoint.shapes)
    if not fitting:
        nearest = max(known_shapes(), key=lambda name: _shared(checkpoint.shapes, known_shapes()[name]))
        problem = misfit(checkpoint.shapes, known_shapes()[nearest])
        raise ValueError(
            f"{checkpoint.description} fits none of the known networks ({', '.join(known_shapes())}); "
            f"the nearest is {nearest}, but {problem}."
        )
    noted = checkpoint.metadata.get("networks", "").split()
    told = [name for name in fitting if name in noted] or [
        name for name in fitting if name.split(":")[1] in file_name(stem)
    ]
    return tuple(told or fitting)


def _shapes_of(network: str) -> Shapes:
    if network not in known_shapes():
        allowed = ", ".join(known_shapes())
        raise ValueError(f"Network '{network}' is unknown; it must be one of {allowed}.")
    return known_shapes()[network]


def _shared(given: Shapes, wanted: Shapes) -> int:
    """Tensors in common, less those that the network has no place for."""
    same = sum(given.get(key) == shape for key, shape in wanted.items())
    return same - sum(key not in wanted for key in given)


def file_name(name: str) -> str:
    """A name in small letters, digits, `_` and `-`."""
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_") or "weights"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
