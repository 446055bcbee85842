"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, what it is, and a sentence that says why and what to do."""

    level: Literal["ok", "warning", "error"]
    subject: str
    sentence: str


def ok(subject: str, sentence: str) -> Finding:
    """A finding that needs nothing done."""
    return Finding("ok", subject, sentence)


def warning(subject: str, sentence: str) -> Finding:
    """A finding that costs quality or will bite somebody."""
    return Finding("warning", subject, sentence)


def error(subject: str, sentence: str) -> Finding:
    """A finding with which no correct depth comes out."""
    return Finding("error", subject, sentence)
