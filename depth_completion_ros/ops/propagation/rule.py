"""How one iteration of masked spatial propagation updates depth."""

from __future__ import annotations

from enum import Enum


class UpdateRule(Enum):
    """What becomes of depth D, given the filtered depth R, the mask M and the sparse depth S.

    The mask is updated alike by all rules: M' is the filtered mask, but stays as it was where S > 0.
    """

    BLEND_AND_INJECT = "D' = M R + (1 - M) D, then S where S > 0"
    INJECT = "D' = R, then S where S > 0"
    PLAIN = "D' = R"

    @property
    def blends(self) -> bool:
        """Whether the mask weighs the filtered depth against the old one."""
        return self is UpdateRule.BLEND_AND_INJECT

    @property
    def injects(self) -> bool:
        """Whether measured pixels are set back to what was measured."""
        return self is not UpdateRule.PLAIN
