"""Completers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature

from .classical.linear import Linear
from .classical.morphological import Morphological
from .classical.nearest import Nearest
from .interface import Completer
from .learned.options import PriorOptions

# A new completer is one line here; what needs PyTorch is told by module and class, and imported when it is
# asked for.
COMPLETERS: dict[str, type[Completer] | str] = {
    "default": "efficient_spn.completer:EfficientSPNCompleter",
    "nearest": Nearest,
    "linear": Linear,
    "morphological": Morphological,
    "mspn_lite": "mspn_lite.completer:MSPNLiteCompleter",
    "efficient_spn": "efficient_spn.completer:EfficientSPNCompleter",
    "mspn": "mspn.completer:MSPNCompleter",
    "bpnet": "bpnet.completer:BPNetCompleter",
    "depthlab": "depthlab.completer:DepthLabCompleter",
    "marigold_dc": "marigold_dc.completer:MarigoldDCCompleter",
    "psd": "psd.completer:PSDCompleter",
    "propagation": "psd.classical:PropagationCompleter",
    "prior": "prior.completer:AlignedPrior",
}

_INSTALL = {
    "onnxruntime": "onnxruntime",
    "torch": "'depth_completion_ros[torch]'",
    "safetensors": "'depth_completion_ros[torch]'",
    "diffusers": "'depth_completion_ros[diffusion]'",
    "transformers": "'depth_completion_ros[diffusion]'",
}
"""Packages that completers need, and what pip is to install for them."""
STANDS_IN = (
    "The default network needs the Python package 'onnxruntime', which is not installed, so linear "
    "completion stands in: pip install onnxruntime."
)
"""What is told where `default_is_replaced`."""
_TYPES = {
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "str": ((str,), "a text"),
}
"""Types of settings by the words of annotations: what a value may be, and how that is said."""


@dataclass(frozen=True)
class Description:
    """What a completer is, in a line, and its variants, the usual one first."""

    summary: str
    variants: tuple[str, ...]


def list_completers() -> list[str]:
    """Names that `create_completer` takes."""
    return list(COMPLETERS)


def describe_completer(name: str) -> Description:
    """What a completer is, without making it; of one that cannot be imported, what is missing."""
    try:
        kind = _kind(name)
    except ImportError as error:
        return Description(str(error), ())
    return Description((kind.__doc__ or "").strip().splitlines()[0], kind.variants)


def options_of(name: str) -> dict[str, Parameter]:
    """What a completer can be asked for: the fields of its `Options`, or what its constructor takes."""
    kind = _kind(name)
    return dict(signature(getattr(kind, "Options", kind)).parameters)


def exportable() -> list[str]:
    """Names of the completers whose network `depth-completion export` can write."""
    return [name for name in COMPLETERS if getattr(_kind(name), "exports", False)]


def default_is_replaced() -> bool:
    """Whether `linear` stands in for the network of `default`, which nothing can run."""
    return not (find_spec("onnxruntime") or find_spec("torch"))


def create_completer(
    name: str = "default",
    variant: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    prior: str | None = None,
    **options: object,
) -> Completer:
    """Make a completer by name.

    Args:
        name: one of `list_completers()`; `default` is `efficient_spn`, or `linear` where neither ONNX Runtime
            nor PyTorch is installed.
        variant: one of the completer's variants; its first when None.
        weights: path or stored name of a learned completer's weights; None for those that ship with
            the package, or for seeded random ones of a network that has none.
        device: `auto`, `cpu`, `cuda` or `cuda:N`; the classical completers run on the CPU.
        prior: what `create_prior` takes, for completers with a monocular prior.
        options: `options_of(name)`: those of all networks (`NetworkOptions`), of those with a prior
            (`PriorOptions`), and of this completer alone, such as the `steps` of a diffusion. An option of
            networks with its default is ignored by a completer without one.

    Raises:
        ValueError: an unknown name or variant, or an option that this completer does not take.
        FileNotFoundError: no such weights.
        ImportError: a learned completer without PyTorch, or `default` with options of its network where that
            cannot run, with what to install.
    """
    is_replaced = name == "default" and default_is_replaced()
    name = "linear" if is_replaced else name
    kind = _kind(name)
    if variant is not None and variant not in kind.variants:
        allowed = f"one of {', '.join(kind.variants)}" if kind.variants else "left out"
        raise ValueError(f"Variant '{variant}' of completer '{name}' is unknown; it must be {allowed}.")
    given = {
        "weights": str(weights) if weights else None,
        "prior": None if prior in ("", "none") else prior,
        "device": device,
    }
    if kind.variants:
        given["variant"] = variant or kind.variants[0]
    try:
        taken = _taken(name, given | options)
    except ValueError as error:
        if is_replaced:  # what was asked for is of the network
            raise ImportError(f"{STANDS_IN} {error}") from None
        raise
    with _what_is_missing(name):
        completer = kind.create(**taken)
    if is_replaced:
        completer.warnings = [STANDS_IN]
    return completer


def networks() -> dict[str, Callable[[], object]]:
    """Every network that a file of weights may belong to: 'completer:variant' to a function that makes it."""
    found: dict[str, Callable[[], object]] = {}
    for name in COMPLETERS:
        kind = _kind(name)
        if name == "default" or getattr(kind, "weights_are_a_folder", False):
            continue
        if hasattr(kind, "make_network"):
            for variant in kind.variants:
                found[f"{name}:{variant}"] = partial(kind.make_network, variant)
    return found


def _kind(name: str) -> type[Completer]:
    if name not in COMPLETERS:
        raise ValueError(f"Completer '{name}' is unknown; it must be one of {', '.join(COMPLETERS)}.")
    kind = COMPLETERS[name]
    if isinstance(kind, str):
        module, _, class_name = kind.partition(":")
        with _what_is_missing(name):
            return getattr(import_module(f".{module}", __package__), class_name)
    return kind


@contextmanager
def _what_is_missing(name: str) -> Iterator[None]:
    """Says what to install where a completer lacks a package of an extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _INSTALL:
            raise
        raise ImportError(
            f"Completer '{name}' needs the Python package '{error.name}', which is not installed: "
            f"pip install {_INSTALL[error.name]}."
        ) from None


def _taken(name: str, given: dict[str, object]) -> dict[str, object]:
    """The options that a completer takes; a ValueError for one that it does not and that is asked for."""
    takes = options_of(name)
    usual = {each.name: each.default for each in fields(PriorOptions)}
    for option, value in given.items():
        if option in takes:
            _check_type(name, option, value, takes[option].annotation)
        elif option in usual and (value or None) == (usual[option] or None):
            continue
        elif option == "device" and value != "cpu":
            raise ValueError(f"Completer '{name}' is classical and runs on the CPU, not on '{value}'.")
        elif option not in ("device", "allow_noncommercial"):
            shown = f"'{value}'" if isinstance(value, str) else value
            hint = " Completer 'mspn_lite' takes one." if option == "prior" else ""
            raise ValueError(
                f"Completer '{name}' takes no {option.replace('_', ' ')}, but got {shown}.{hint}"
            )
    return {option: value for option, value in given.items() if option in takes}


def _check_type(name: str, option: str, value: object, annotation: str) -> None:
    """A ValueError for a value that is not of an annotation such as `int` or `bool | None`."""
    words = annotation.split(" | ")
    kinds = [_TYPES[word] for word in words if word in _TYPES]
    if not kinds or not set(words) <= {*_TYPES, "None"} or (value is None and "None" in words):
        return
    if not any(type(value) in types for types, _ in kinds):
        allowed = " or ".join(said for _, said in kinds)
        raise ValueError(f"Setting '{option}' of completer '{name}' is '{value}'; it must be {allowed}.")
