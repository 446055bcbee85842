"""Why a frame is not completed."""

from __future__ import annotations


class Drop(Exception):
    """A frame that cannot be completed.

    Args:
        cause: short name under which it is counted.
        sentence: what is wrong, for the operator.
    """

    def __init__(self, cause: str, sentence: str):
        super().__init__(sentence)
        self.cause = cause
