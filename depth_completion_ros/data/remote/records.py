"""What was fetched, and what its store said of each file then: in a tree that no key can name."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from depth_completion_ros.core.safe.files import read_bytes, write_text

FOLDER = ".records"
"""Below the cache, beside the folders of protocols, none of whose names begins with a dot."""
_OFTEN = 100
"""Files after which a record is written, so that little is fetched again after a kill or a power cut."""


@dataclass
class Record:
    """States of fetched files by their names below what was fetched; `.` where that is a file itself."""

    path: Path
    states: dict[str, str]
    _unwritten: int = field(default=0, init=False)

    def note(self, name: str, state: str) -> None:
        """A file has been fetched."""
        self.states[name] = state
        self._changed()

    def forget(self, name: str) -> None:
        """A file has been removed."""
        del self.states[name]
        self._changed()

    def write(self) -> None:
        """Write what has changed."""
        if self._unwritten:
            write_text(self.path, json.dumps(self.states))
            self._unwritten = 0

    def _changed(self) -> None:
        self._unwritten += 1
        if self._unwritten >= _OFTEN:
            self.write()


@contextmanager
def record_of(cache: Path, place: PurePosixPath) -> Iterator[Record]:
    """The record of a place below the cache: no other process has it meanwhile, and it is written at the end.

    It is written after an error too, so that the next fetch goes on where this one ended.
    """
    path = cache / FOLDER / f"{hashlib.sha256(str(place).encode()).hexdigest()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file of its own, as the record is replaced when it is written; it stays, as others may wait for it.
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = Record(path, _read(path))
        try:
            yield record
        finally:
            record.write()
    finally:
        os.close(lock)


def _read(path: Path) -> dict[str, str]:
    """States of a record; none where it is missing, damaged, or has a name that leads elsewhere."""
    try:
        states = json.loads(read_bytes(path))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    if not isinstance(states, dict):
        return {}
    good = all(isinstance(state, str) and _is_below(name) for name, state in states.items())
    return states if good else {}


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
