"""Monocular priors by name or path."""

from __future__ import annotations

from pathlib import Path

from ..weights.licences import refuse_noncommercial
from .folder_prior import ENDINGS, FolderPrior
from .interface import SPACES, MonocularPrior, untold
from .known import KNOWN, hub_folder


def list_priors() -> list[str]:
    """Names that `create_prior` takes, beside paths."""
    return ["none", *KNOWN]


def is_network(spec: str) -> bool:
    """Whether a text of `create_prior` names a network of `transformers`."""
    text, at, _ = spec.rpartition("@")
    return spec in KNOWN or (Path(text if at else spec) / "config.json").is_file()


def create_prior(
    spec: str, device: str = "auto", allow_noncommercial: bool = False, side: int = 0
) -> MonocularPrior | None:
    """Make a prior from one text.

    ============================  ================================================================
    text                          prior
    ============================  ================================================================
    empty or `none`               none
    a name of `list_priors()`     weights of the Hugging Face hub, from the local cache if there
    `FOLDER` or `FOLDER@SPACE`    network of `transformers` (a folder with config.json)
    `FILE.onnx@SPACE`             network in an ONNX file; one that was exported tells its space
    `FOLDER@SPACE`                predictions made beforehand, files named like the frames
    ============================  ================================================================

    SPACE says what a prediction means, see `MonocularPrior`: `disparity`, `depth` or `metric`.

    Args:
        spec: the text.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        allow_noncommercial: load weights whose licence is not known to permit commercial use.
        side: pixels of the network's input along the shorter side, where the network leaves it open;
            0 for what it was trained at.

    Raises:
        ValueError: no such prior, a licence that was not allowed, or files that are no prior.
        FileNotFoundError: no such file, or weights neither in the cache nor to be fetched.
        ImportError: a Python package is missing.
    """
    if spec in ("", "none"):
        return None
    if spec in KNOWN:
        return _known(spec, device, allow_noncommercial, side)
    text, at, space = spec.rpartition("@")
    path = Path(text if at else spec)
    if at and space not in SPACES:
        raise ValueError(f"Prior '{spec}' ends in '@{space}'; it must be one of @{', @'.join(SPACES)}.")
    space = space if at else None
    if (path / "config.json").is_file() or path.suffix == ".onnx":
        prior = _network(path, space, device, side)
        refuse_noncommercial(f"Prior '{spec}'", prior.licence, allow_noncommercial)
        return prior
    if path.is_dir():
        if space is None:
            raise ValueError(untold(spec))
        return FolderPrior(path, space)
    raise ValueError(
        f"Prior '{spec}' is unknown; it must be one of {', '.join(list_priors())}, or the path of a "
        f"transformers folder (config.json), of an ONNX file, or of a folder of maps ({', '.join(ENDINGS)})."
    )


def _network(path: Path, space: str | None, device: str, side: int) -> MonocularPrior:
    """Of a folder of `transformers`, or of an ONNX file."""
    if path.suffix == ".onnx":
        from .onnx_prior import OnnxPrior

        return OnnxPrior(path, space, device=device, side=side)
    from .transformers_prior import TransformersPrior

    return TransformersPrior(path, space=space, device=device, side=side)


def _known(name: str, device: str, allow_noncommercial: bool, side: int) -> MonocularPrior:
    from .transformers_prior import TransformersPrior

    prior = KNOWN[name]
    if not prior.commercial and not allow_noncommercial:
        free = ", ".join(f"{n} ({p.licence})" for n, p in KNOWN.items() if p.commercial)
        raise ValueError(
            f"The licence of prior '{name}' is {prior.licence}, which is not known to permit commercial use: "
            f"set allow_noncommercial to true if yours is none, or take {free}."
        )
    folder = hub_folder(prior.hub_id)
    return TransformersPrior(folder, name, prior.licence, prior.space, device, side)
