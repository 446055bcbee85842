"""Completers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature

from .interface import Completer
from .linear import Linear
from .morphological import Morphological
from .nearest import Nearest

# What needs PyTorch is told by module and class, and imported when it is asked for.
_COMPLETERS: dict[str, type[Completer] | str] = {
    "default": "mspn_lite.completer:MSPNLiteCompleter",
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
    "prior": "aligned_prior:AlignedPrior",
}

_EXTRAS = {"torch": "torch", "safetensors": "torch", "diffusers": "diffusion", "transformers": "diffusion"}
"""Packages that completers need, and the extra that brings them."""
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
    return list(_COMPLETERS)


def describe_completer(name: str) -> Description:
    """What a completer is, without making it; of one that cannot be imported, what is missing."""
    try:
        kind = _kind(name)
    except ImportError as error:
        return Description(str(error), ())
    return Description((kind.__doc__ or "").strip().splitlines()[0], kind.variants)


def options_of(name: str) -> dict[str, Parameter]:
    """What the constructor of a completer takes by name, with what it hands on to its base."""
    bases = _kind(name).__mro__
    makers = [vars(base)["__init__"] for base in reversed(bases) if "__init__" in vars(base)]
    taken = [parameter for make in makers for parameter in signature(make).parameters.values()]
    named = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
    return {parameter.name: parameter for parameter in taken if parameter.kind in named}


def create_completer(
    name: str = "default",
    variant: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    prior: str | None = None,
    *,
    allow_noncommercial: bool = False,
    precision: str = "auto",
    inner_size: int = 0,
    max_gpu_memory: float = 0.0,
    prior_every: int = 1,
    prior_side: int = 0,
    compiled: bool = False,
    **settings: object,
) -> Completer:
    """Make a completer by name.

    Args:
        name: one of `list_completers()`; `default` is `mspn_lite`, or `linear` where PyTorch is not
            installed.
        variant: one of the completer's variants; its first when None.
        weights: path or stored name of a learned completer's weights; None for those that ship with
            the package, or for seeded random ones of a network that has none.
        device: `auto`, `cpu`, `cuda` or `cuda:N`; the classical completers run on the CPU.
        prior: what `create_prior` takes, for completers with a monocular prior.
        allow_noncommercial: load weights whose licence forbids commercial use.
        precision: `auto`, `float32`, `bfloat16` or `float16`, of a network.
        inner_size: largest height and width in pixels at which a network works, 0 for any; its depth
            is enlarged to that of the image.
        max_gpu_memory: GiB of the GPU that this process may take, 0 for all.
        prior_every: the prior looks at every so many frames; between them its last look is aligned
            to the points anew.
        prior_side: shorter side of the prior's input in pixels, 0 for what it was trained at.
        compiled: compile the network (`torch.compile`): minutes at the first frame of a size, faster
            ones from then on.
        settings: of this completer alone, such as the `steps` of a diffusion; see its class.

    Raises:
        ValueError: an unknown name or variant, or an option that this completer does not take.
        FileNotFoundError: no such weights.
        ImportError: a learned completer without PyTorch, with what to install.
    """
    lacking = [package for package in ("torch", "safetensors") if find_spec(package) is None]
    stands_in = name == "default" and bool(lacking)
    name = "linear" if stands_in else name
    kind = _kind(name)
    if variant is not None and variant not in kind.variants:
        allowed = f"one of {', '.join(kind.variants)}" if kind.variants else "left out"
        raise ValueError(f"Variant '{variant}' of completer '{name}' is unknown; it must be {allowed}.")
    given = {
        "variant": variant or (kind.variants[0] if kind.variants else None),
        "weights": weights or None,
        "prior": None if prior in ("", "none") else prior,
        "allow_noncommercial": allow_noncommercial,
        "precision": precision,
        "inner_size": inner_size,
        "max_gpu_memory": max_gpu_memory,
        "prior_every": prior_every,
        "prior_side": prior_side,
        "compiled": compiled,
        "device": device,
        **settings,
    }
    with _what_is_missing(name):
        completer = kind(**_taken(name, given))
    if stands_in:
        completer.warnings = [
            f"The default network needs the Python package '{lacking[0]}', which is not installed, so linear "
            "completion stands in: pip install 'depth_completion_ros[torch]'."
        ]
    return completer


def networks() -> dict[str, Callable[[], object]]:
    """Every network that a file of weights may belong to: 'completer:variant' to a function that makes it."""
    found = {}
    for name in _COMPLETERS:
        kind = _kind(name)
        if name == "default" or getattr(kind, "weights_are_a_folder", False):
            continue
        if hasattr(kind, "make_network"):
            for variant in kind.variants:
                found[f"{name}:{variant}"] = lambda kind=kind, variant=variant: kind.make_network(variant)
    return found


def _kind(name: str) -> type[Completer]:
    if name not in _COMPLETERS:
        raise ValueError(f"Completer '{name}' is unknown; it must be one of {', '.join(_COMPLETERS)}.")
    kind = _COMPLETERS[name]
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
        if error.name not in _EXTRAS:
            raise
        raise ImportError(
            f"Completer '{name}' needs the Python package '{error.name}', which is not installed: "
            f"pip install 'depth_completion_ros[{_EXTRAS[error.name]}]'."
        ) from None


def _taken(name: str, given: dict[str, object]) -> dict[str, object]:
    """The options that the constructor takes; a ValueError for one that it does not and that is asked for."""
    takes = options_of(name)
    asked_for_nothing = signature(create_completer).parameters
    for option, value in given.items():
        if option in takes:
            continue
        if option in asked_for_nothing and (value or None) == (asked_for_nothing[option].default or None):
            continue
        if option == "device" and value != "cpu":
            raise ValueError(f"Completer '{name}' is classical and runs on the CPU, not on '{value}'.")
        if option not in ("device", "allow_noncommercial"):
            shown = f"'{value}'" if isinstance(value, str) else value
            raise ValueError(f"Completer '{name}' takes no {option.replace('_', ' ')}, but got {shown}.")
    taken = {option: value for option, value in given.items() if option in takes}
    for option, value in taken.items():
        if option not in asked_for_nothing:
            _check_type(name, option, value, takes[option].annotation)
    return taken


def _check_type(name: str, option: str, value: object, annotation: str) -> None:
    """A ValueError for a value that is not of an annotation such as `int` or `bool | None`."""
    kinds = [_TYPES[word] for word in annotation.split(" | ") if word in _TYPES]
    if kinds and not any(type(value) in types for types, _ in kinds):
        allowed = " or ".join(words for _, words in kinds)
        raise ValueError(f"Setting '{option}' of completer '{name}' is '{value}'; it must be {allowed}.")
