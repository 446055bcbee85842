"""Which licences of weights allow what."""

from __future__ import annotations

import re
from pathlib import Path

from ...core.safe.files import read_text


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


def unknown_licence(what: str) -> str:
    """The sentence that asks for the licence of weights that do not tell theirs."""
    return (
        f"The licence of the weights {what} is not known: see that it permits your use. "
        "`depth-completion weights import --licence ...` notes it, allow_noncommercial says that any will do."
    )


def licence_of_folder(folder: Path) -> str:
    """What the model card of a folder, README.md, names as its licence; empty where it names none."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    found = re.search(r"(?mi)^licen[sc]e(?:_name)?:[ \t]*['\"]?([^'\"\n]+)", read_text(card)[:10_000])
    return found[1].strip() if found else ""
