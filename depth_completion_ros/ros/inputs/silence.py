"""Says on the console when inputs fall silent, and when they speak again."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..diagnostics import Stream

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

    def judge(
        self, streams: Collection, publishers_of: Callable[[Stream], tuple[int, str]], stale_after: float
    ) -> None:
        """Look at the `Stream`s of a node, given `diagnostics.publishers_of` of that node."""
        silent, back = [], []
        for stream in streams:
            limit = stale_after if stream.count else max(stale_after, FIRST_MESSAGE_S)
            if stream.silent_for <= limit:
                if stream.topic in self._silent:
                    back.append(stream.topic)
            elif stream.topic not in self._silent:
                silent.append(stream)
        if silent:
            self._silent.update(stream.topic for stream in silent)
            known = [(stream, *publishers_of(stream)) for stream in silent]
            names = [f"{stream.topic} ({_who(count)})" for stream, count, _ in known]
            others = [f" {stream.of_another_type(other)}" for stream, _, other in known if other]
            seconds = min(stream.silent_for for stream in silent)
            self._logger.warning(
                f"Nothing received for {seconds:.1f} s on {', '.join(names)}.{''.join(others)}"
            )
        if back:
            self._silent.difference_update(back)
            self._logger.info(f"Received again: {', '.join(back)}.")


def _who(publishers: int) -> str:
    return f"{publishers} publisher(s)" if publishers else "nobody publishes it"
