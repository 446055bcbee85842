"""URLs of data, in what people and programs give as paths."""

from __future__ import annotations

import re
from pathlib import Path

# A letter alone is a drive of Windows.
_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)", re.DOTALL)
_MAGIC = re.compile(r"[*[]")  # no `?`, behind which is the query of a URL


def url_of(path: str | Path) -> str | None:
    """The URL that a path is meant to be, such as `s3://bucket/drives`; None where it is a path.

    A `Path` of a URL has one stroke where the URL has two (`s3:/bucket`); what is there by that very name is
    no URL.

    Example:
        >>> url_of(Path("s3://bucket/drives/monday")), url_of("drives/monday")
        ('s3://bucket/drives/monday', None)
    """
    match = _URL.fullmatch(str(path))
    if match is None or Path(path).exists():
        return None
    protocol = match["protocol"].lower()
    return f"{protocol}://{'/' if protocol == 'file' else ''}{match['rest']}"


def is_glob(url: str) -> bool:
    """Whether a URL stands for all that matches it."""
    return _MAGIC.search(url) is not None


def parent_of(url: str) -> str:
    """The folder that a URL is in."""
    return url.rpartition("/")[0]
