"""Parts of a network that lie in one folder, as their authors published them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...core.safe.files import read_json
from ..prior.interface import first_line
from ..weights.checkpoint import Checkpoint, load_into, read_checkpoint
from ..weights.folder import weights_folder

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL

Network = TypeVar("Network", bound="torch.nn.Module")
ENDINGS = (".safetensors", ".pth", ".pt", ".bin")


def open_folder(text: str, contents: str) -> Path:
    """The folder of a path, or of a name in the folder in which weights are stored.

    Args:
        contents: what it must hold, for the sentence.

    Raises:
        FileNotFoundError: there is none.
    """
    folders = Path(text).expanduser(), weights_folder() / text
    for folder in folders:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"There is no folder '{text}'; it must hold {contents}.")


def read_part(folder: Path, stem: str) -> Checkpoint:
    """The checkpoint `stem` of a folder: safetensors if there, else a pickle, of which no code is run.

    Raises:
        FileNotFoundError: none of the files is there.
        ValueError: it is no checkpoint.
    """
    files = [folder / f"{stem}{ending}" for ending in ENDINGS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"Folder '{folder}' lacks {stem}.pth (or {stem}.safetensors).")
    return read_checkpoint(found)


def load_part(folder: Path, stem: str, make: Callable[[], Network], prefix: str = "") -> Network:
    """A network with the weights of `stem`, all of them; it is not given random ones before.

    Args:
        prefix: taken off the keys where all of them have it.

    Raises:
        FileNotFoundError, ValueError: see `read_part`; or the weights do not fit.
    """
    import torch

    checkpoint = read_part(folder, stem)
    if prefix and all(key.startswith(prefix) for key in checkpoint.state_dict):
        bare = {key.removeprefix(prefix): tensor for key, tensor in checkpoint.state_dict.items()}
        checkpoint = replace(checkpoint, state_dict=bare)
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    load_into(network, checkpoint)
    return network


def load_vae(folder: Path) -> AutoencoderKL:
    """The VAE of the folder `vae`, in the layout of `diffusers`, of any age.

    Raises:
        FileNotFoundError, ValueError: it is not there, or not whole.
    """
    from diffusers.models import AutoencoderKL

    # Without accelerate, which `diffusers` would otherwise ask for.
    return load_subfolder(folder, "vae", AutoencoderKL, low_cpu_mem_usage=False)


def load_subfolder(folder: Path, name: str, kind: type[Network], **options) -> Network:
    """A network of `diffusers` or `transformers` from a folder in a folder; none of its weights may miss.

    Raises:
        FileNotFoundError, ValueError: it is not there, or not whole.
    """
    place = folder / name
    if not (place / "config.json").is_file():
        raise FileNotFoundError(f"Folder '{folder}' lacks {name}/config.json and the weights beside it.")
    try:
        network, loaded = kind.from_pretrained(
            str(place), local_files_only=True, output_loading_info=True, **options
        )
    except Exception as error:  # of many kinds, by what is broken
        raise ValueError(f"'{place}' cannot be loaded: {first_line(error)}.") from None
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise ValueError(f"'{place}' lacks {len(missing)} of the network's tensors, such as '{missing[0]}'.")
    return network


def scheduler_config(folder: Path) -> dict | None:
    """What `scheduler/scheduler_config.json` says; None where it is not there.

    Raises:
        ValueError: it is no JSON, or of networks that do not predict v.
    """
    file = folder / "scheduler" / "scheduler_config.json"
    if not file.is_file():
        return None
    config = read_json(file)
    if not isinstance(config, dict):
        raise ValueError(f"File '{file}' is a {type(config).__name__}; it must be a mapping.")
    kind = config.get("prediction_type", "epsilon")
    if kind != "v_prediction":
        raise ValueError(f"The scheduler of '{file}' is of '{kind}'; it must be of 'v_prediction'.")
    return config
