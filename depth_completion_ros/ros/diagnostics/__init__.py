"""What a node counts about itself, and what it says on /diagnostics (REP 107)."""

from .counters import NO_SUBSCRIBER, Counters, Counts, frames_status, totals
from .status import ERROR, OK, STALE, WARN, DiagnosticsPublisher, Status
from .stream import Stream, publishers_of, stream_statuses

__all__ = [
    "ERROR",
    "NO_SUBSCRIBER",
    "OK",
    "STALE",
    "WARN",
    "Counters",
    "Counts",
    "DiagnosticsPublisher",
    "Status",
    "Stream",
    "frames_status",
    "publishers_of",
    "stream_statuses",
    "totals",
]
