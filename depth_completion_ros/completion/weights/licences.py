"""Which licences of weights allow what."""

from __future__ import annotations

import re


def refuse_noncommercial(what: str, licence: str, allowed: bool) -> None:
    """Raise unless a licence permits commercial use, or the user has said that theirs is none.

    Args:
        what: the weights, as the sentence names them.
        licence: SPDX identifier or text; an empty one forbids nothing.

    Raises:
        ValueError: a licence for non-commercial use only, and not `allowed`.
    """
    if not allowed and re.search(r"\bNC\b|non-?\s?commercial", licence, re.IGNORECASE):
        raise ValueError(
            f"{what} is for non-commercial use only ({licence}); set allow_noncommercial where yours is such."
        )
