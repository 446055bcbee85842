"""Says on the console when an input falls silent, and when it speaks again."""

from __future__ import annotations

FIRST_MESSAGE_S = 5.0
"""How long the first message may take before its absence is told; sensors start after nodes."""


class SilenceLog:
    """Tells of each input once that it is silent, and once that it is back.

    Args:
        logger: has `info` and `warning`, as that of a node.
    """

    def __init__(self, logger):
        self._logger = logger
        self._silent: set[str] = set()

    def judge(self, stream, publishers: int, stale_after: float) -> None:
        """Look at a `Stream` of diagnostics, given how many publishers its topic has."""
        limit = stale_after if stream.count else max(stale_after, FIRST_MESSAGE_S)
        silent = stream.silent_for > limit
        if silent and stream.name not in self._silent:
            self._silent.add(stream.name)
            why = "nobody publishes it" if publishers == 0 else f"{publishers} publisher(s) known"
            self._logger.warning(f"Nothing received on {stream.topic} for {stream.silent_for:.1f} s; {why}.")
        elif not silent and stream.name in self._silent:
            self._silent.remove(stream.name)
            self._logger.info(f"{stream.topic} is back.")
