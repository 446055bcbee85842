"""Weights of monocular priors on the Hugging Face hub, and how they come to this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .interface import first_line

CONNECT_TIMEOUT = 5.0
"""Seconds in which the hub must answer, or there is no network."""
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class KnownPrior:
    """A prior on the hub.

    Args:
        hub_id: of the repository.
        licence: SPDX identifier as its model card states it, or what is known instead.
        space: see `MonocularPrior`.
        commercial: whether that licence is known to permit commercial use.
    """

    hub_id: str
    licence: str
    space: str
    commercial: bool


def _depth_anything_v2() -> dict[str, KnownPrior]:
    """Relative and metric weights of Depth Anything V2 (Yang et al., NeurIPS 2024).

    The cards of the relative ones state their licences. Those of the metric ones state none, and the
    question at https://github.com/DepthAnything/Depth-Anything-V2/issues/245 has no answer.
    """
    licences = {"small": "Apache-2.0", "base": "CC-BY-NC-4.0", "large": "CC-BY-NC-4.0"}
    known = {}
    for size, licence in licences.items():
        hub_id = f"depth-anything/Depth-Anything-V2-{size.title()}-hf"
        known[f"depth_anything_v2_{size}"] = KnownPrior(hub_id, licence, "disparity", size == "small")
    for place in ("indoor", "outdoor"):
        for size, licence in licences.items():
            known[f"depth_anything_v2_metric_{place}_{size}"] = KnownPrior(
                f"depth-anything/Depth-Anything-V2-Metric-{place.title()}-{size.title()}-hf",
                f"not stated (trained on from weights under {licence})",
                "metric",
                False,
            )
    return known


KNOWN = _depth_anything_v2()


def hub_folder(hub_id: str) -> Path:
    """Folder with config.json and safetensors of a hub repository, from the local cache or the network.

    Raises:
        ImportError: huggingface_hub is not installed.
        FileNotFoundError: the cache has not all of it and the hub cannot be reached or lacks it.
    """
    try:
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:
        raise ImportError(
            f"Prior '{hub_id}' needs the Python package 'huggingface_hub': "
            "pip install 'depth_completion_ros[prior]'."
        ) from None
    try:
        return _download(hf_hub_download, hub_id, local_files_only=True)
    except LocalEntryNotFoundError:
        pass
    try:
        # A download without network retries for half a minute; one plain request tells at once.
        HfApi().model_info(hub_id, timeout=CONNECT_TIMEOUT)
        return _download(hf_hub_download, hub_id)
    except Exception as error:  # of the HTTP library, which differs between versions of the hub's package
        raise FileNotFoundError(
            f"Weights '{hub_id}' are not in the local cache and cannot be fetched ({first_line(error)}): "
            f"copy config.json and {WEIGHTS} of https://huggingface.co/{hub_id} into a folder and give its "
            "path as the prior; with HF_HUB_OFFLINE=1 the network is not tried."
        ) from None


def _download(download, hub_id: str, **options) -> Path:
    download(hub_id, WEIGHTS, **options)
    return Path(download(hub_id, "config.json", **options)).parent
