"""Completers and their settings as texts, as command lines and parameters of nodes have them."""

from __future__ import annotations

from ast import literal_eval


def parse_completer(text: str) -> tuple[str, str | None, dict[str, object]]:
    """Name, variant and settings of a text NAME[:VARIANT][,SETTING=VALUE ...].

    Such as `linear`, `mspn:sdr_nyu` or `depthlab,steps=4,strength=1`; without a variant that is None.

    Raises:
        ValueError: a setting without a value.
    """
    first, _, settings = text.partition(",")
    name, _, variant = first.strip().partition(":")
    return name, variant or None, parse_settings(settings)


def parse_settings(text: str) -> dict[str, object]:
    """Settings of a text such as `steps=4,strength=1`, with numbers and true or false as such; no lists.

    Raises:
        ValueError: a setting without a value.
    """
    settings = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise ValueError(f"Setting '{part}' is not of the form NAME=VALUE.")
        settings[name] = value_of(value)
    return settings


def value_of(text: str) -> object:
    """Numbers, lists and true/false as such, all else as text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, (int, float, list)) else text
