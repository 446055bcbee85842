"""A page of sections in one file, with its style and script inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from ...core.safe.files import write_text


class Page:
    """Collects sections and writes them as one HTML file, which loads nothing from elsewhere.

    Args:
        title: of the window and above all.
        lead: sentences below it.
        warning: what must not be overlooked; empty for nothing.
    """

    def __init__(self, title: str, lead: str, warning: str = ""):
        self._title = title
        self._parts = [f"<p>{escape(lead)}</p>"]
        if warning:
            self._parts.append(f'<p class="warning">{escape(warning)}</p>')

    def section(self, heading: str, *parts: str, note: str = "") -> None:
        """Add a section of elements, with a sentence below its heading; none where there are no elements."""
        if not any(parts):
            return
        said = [f'<p class="note">{escape(note)}</p>'] if note else []
        self._parts += ["<section>", f"<h2>{escape(heading)}</h2>", *said, *parts, "</section>"]

    def write(self, path: str | Path) -> Path:
        """Write the file, whole or not at all, and return its path."""
        path, here = Path(path), Path(__file__)
        text = Template(here.with_suffix(".html").read_text(encoding="utf-8")).substitute(
            title=escape(self._title),
            style=here.with_suffix(".css").read_text(encoding="utf-8"),
            script=here.with_suffix(".js").read_text(encoding="utf-8"),
            body="\n".join(self._parts),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        return path


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 2) -> str:
    """A table that a click on a heading sorts.

    Args:
        left: so many of the first columns are words, all others numbers.
    """
    looks = ["" if at < left else ' class="number"' for at in range(len(headings))]
    head = "".join(
        f'<th{look} scope="col"><button type="button">{escape(heading)}</button></th>'
        for heading, look in zip(headings, looks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{look}>{escape(cell)}</td>" for cell, look in zip(row, looks, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return (
        '<div class="wide"><table class="sortable"><thead><tr>'
        f"{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def charts(elements: Iterable[str]) -> str:
    """Charts beside each other, as many as the window is wide; nothing without any."""
    inside = "".join(elements)
    return f'<div class="charts">{inside}</div>' if inside else ""
