"""Errors as people read them."""

from __future__ import annotations


def sentence(error: Exception) -> str:
    """What an error says, as a sentence of one line."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: '{error.filename}'" if error.filename else error.strerror
    elif isinstance(error, ModuleNotFoundError) and error.name:
        text = f"This needs the Python package '{error.name}', which is not installed"
    else:
        text = str(error) or type(error).__name__
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
