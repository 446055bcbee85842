"""Errors of other libraries in one sentence."""

from __future__ import annotations


def first_line(error: Exception) -> str:
    """The first line of what an error says, without a full stop; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
