"""The drives and bags that a DATA argument means, and the stretches of frames they are cut into."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.safe.files import read_settings
from ..data.reader import FORMATS, open_reader, reader_class
from ..data.remote.cache import fetch, fetch_one
from ..data.remote.urls import parent_of, url_of

LIST_SUFFIXES = (".txt", ".list")
PARTS_OF_A_BAG = 8
"""A bag is cut into so many stretches at most, as each reads over all that was recorded before it."""


@dataclass(frozen=True)
class Drive:
    """A drive, bag or folder of frames.

    Args:
        path: of it, absolute.
        name: its path below what all drives of a run have in common; empty where it is the only one.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Stretch:
    """Frames of a drive that one worker does in one go.

    Args:
        path, drive: path and name of the drive.
        first, last: numbers of the frames, `last` being exclusive; see `Reader.stretch`.
        drawn: numbers of those to draw figures of.
    """

    path: str
    drive: str
    first: int
    last: int
    drawn: tuple[int, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames, at most."""
        return self.last - self.first


def find_drives(data: str | Path) -> list[Drive]:
    """Drives of a path that can be read, a folder with some at any depth, a glob, or a list in a file.

    Args:
        data: a list is a .txt or .list file with a path or glob a line, relative to it; `#` begins a remark.
            All of these may be URLs that fsspec knows, whose drives are fetched here.

    Raises:
        FileNotFoundError, ValueError: nothing is there, or nothing that can be read.
        ImportError, OSError: a URL that cannot be fetched.
    """
    url = url_of(data)
    is_list = Path(data).suffix in LIST_SUFFIXES
    path = fetch_one(url) if url and is_list else Path(data).expanduser()
    if is_list and path.is_file():
        folder = parent_of(url) if url else path.parent
        lines = (line.partition("#")[0].strip() for line in read_settings(path).splitlines())
        found = [each for line in lines if line for each in _matches(_beside(folder, line))]
    else:
        found = _matches(url or path)
    paths = list(dict.fromkeys(each.absolute() for each in found))
    if not paths:
        raise ValueError(f"There is no drive, bag or folder of frames in '{data}'.")
    if len(paths) == 1:
        return [Drive(paths[0], "")]
    common = os.path.commonpath([each.parent for each in paths])
    return [Drive(each, each.relative_to(common).as_posix()) for each in paths]


def _beside(folder: str | Path, line: str) -> str | Path:
    """What a line of a list in a folder means."""
    if url_of(line):
        return line
    return f"{folder}/{line}" if isinstance(folder, str) else folder / Path(line).expanduser()


def _matches(pattern: str | Path) -> list[Path]:
    """Drives at or below the paths that a glob matches; what is there by that very name is no glob."""
    if url := url_of(pattern):
        return [drive for copy in fetch(url) for drive in _below(copy)]
    pattern = Path(pattern)
    root = Path(pattern.anchor)
    matches = [pattern] if pattern.exists() else sorted(root.glob(str(pattern.relative_to(root))))
    if not matches:
        raise FileNotFoundError(f"There is nothing at '{pattern}'.")
    return [drive for match in matches for drive in _below(match)]


def _below(path: Path) -> Iterator[Path]:
    if any(reader_class(name).can_read(path) for name in FORMATS):
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if not child.name.startswith("."):
                yield from _below(child)


def cut(
    drives: Sequence[Drive],
    options: Mapping[str, object],
    frames: int | None,
    limit: int | None = None,
    drawn: int = 0,
) -> tuple[list[Stretch], dict[str, Exception]]:
    """Stretches of all drives, and the errors of those that cannot be opened, by name.

    The cut depends on the data alone, so the results do not depend on who does them.

    Args:
        options: of the readers.
        frames: of a stretch; None for whole drives.
        limit: the first frames of each drive alone.
        drawn: number of frames, evenly spaced over all, to draw figures of.
    """
    stretches: list[Stretch] = []
    failed: dict[str, Exception] = {}
    for drive in drives:
        try:
            reader = open_reader(drive.path, **options)
            count = len(reader) if limit is None else min(limit, len(reader))
        except (ValueError, OSError, LookupError) as error:
            failed[drive.name] = error
            continue
        is_bag = reader_class("rosbag").can_read(drive.path)
        step = count if frames is None else max(frames, -(-count // PARTS_OF_A_BAG) if is_bag else 1)
        for first in range(0, count, step or 1):
            last = min(first + step, count)
            stretches.append(Stretch(str(drive.path), drive.name, first, last))
    return _with_drawn(stretches, drawn), failed


def _with_drawn(stretches: list[Stretch], drawn: int) -> list[Stretch]:
    chosen = evenly(sum(stretch.frames for stretch in stretches), drawn)
    marked, before = [], 0
    for stretch in stretches:
        own = [at - before + stretch.first for at in sorted(chosen) if 0 <= at - before < stretch.frames]
        marked.append(replace(stretch, drawn=tuple(own)))
        before += stretch.frames
    return marked


def evenly(frames: int, wanted: int) -> set[int]:
    """So many indices of frames, evenly spaced, the first one among them."""
    return {at * frames // wanted for at in range(min(wanted, frames))} if wanted else set()
