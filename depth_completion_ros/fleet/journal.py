"""What of a run is done, on disk, so that one that was ended goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from .. import __version__
from ..core.safe.files import read_json, write_text
from .drives import Stretch
from .job import Job, Outcome

FOLDER = ".stretches"
"""Inside the folder of the results."""


class Journal:
    """The stretches of a run that are done; a file for each.

    A stretch is known by its drive, the sizes and times of that drive's files, and its frames: what has
    changed is done again.

    Args:
        out: folder of the results, where one is made for the journal.
        job: what is done.

    Raises:
        ValueError: the folder has results of another command or other settings.
    """

    def __init__(self, out: Path, job: Job):
        self.folder = out / FOLDER
        self._states: dict[str, str] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {"version": __version__, "command": type(job).__name__, **asdict(job)}
        text = json.dumps(settings, indent=1, default=str, sort_keys=True)
        file = self.folder / "settings.json"
        if not file.exists():
            write_text(file, text)
        elif (before := read_json(file)) != json.loads(text):
            other = [name for name in settings if before.get(name) != json.loads(text)[name]]
            raise ValueError(
                f"'{out}' has results of other settings ({', '.join(other)}), which cannot be mixed with "
                "these: choose another --out, or remove that folder."
            )

    def name(self, stretch: Stretch) -> str:
        """Name of the record of a stretch, and of the folder for its files."""
        if stretch.path not in self._states:
            self._states[stretch.path] = _state(stretch.path)
        return f"{self._states[stretch.path]}-{stretch.first:07d}-{stretch.last:07d}"

    def files(self, stretch: Stretch) -> Path:
        """Folder of the files that a stretch has made."""
        return self.folder / self.name(stretch)

    def outcome(self, stretch: Stretch) -> Outcome | None:
        """What became of a stretch; None where it is not known. What failed is tried again."""
        file = self.folder / f"{self.name(stretch)}.json"
        if not file.exists():
            return None
        outcome = Outcome(**read_json_of_any_size(file))
        return None if outcome.failure and outcome.content is None else outcome

    def note(self, stretch: Stretch, outcome: Outcome) -> None:
        """Keep what became of a stretch."""
        write_text(self.folder / f"{self.name(stretch)}.json", json.dumps(asdict(outcome)))


def read_json_of_any_size(file: Path) -> dict:
    """Content of a file of our own."""
    return json.loads(file.read_text(encoding="utf-8"))


def _state(path: str) -> str:
    """A drive and the sizes and times of its files, in a few letters."""
    root = Path(path)
    files = sorted(file for file in root.rglob("*") if file.is_file()) if root.is_dir() else [root]
    digest = hashlib.sha256(str(root).encode())
    for file in files:
        stat = file.stat()
        digest.update(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
