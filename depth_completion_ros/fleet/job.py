"""What a worker does, whatever starts it."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..completion import Completer
from ..core.safe.errors import sentence
from ..data.reader import Reader, open_reader
from ..evaluation.runner import make_completers
from .drives import Stretch


@dataclass(frozen=True)
class Failure:
    """Something that was not done, or not wholly.

    Args:
        cause: short, the same for all of a kind.
        where: drive, and frames where it is not all of it.
        sentence: what went wrong.
    """

    cause: str
    where: str
    sentence: str


@dataclass
class Outcome:
    """What became of a stretch; all of it can be written as JSON.

    Args:
        content: what the job found out; None where it failed.
        skipped: frames that the reader left out, by cause.
        notices: sentences of the completers, each told once in a run.
        failure: why the stretch, or the rest of it, could not be done.
    """

    content: dict | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    failure: tuple[str, str] | None = None


@dataclass(frozen=True)
class Completers:
    """How a worker makes its completers.

    Args:
        texts: of `completer_from_text`.
        options: for `create_completer`; each goes to the completers that take it.
    """

    texts: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)


class Job(Protocol):
    """One command on one stretch; it is sent to the workers, so it holds values alone."""

    completers: Completers
    reader_options: Mapping[str, object]

    def run(
        self, stretch: Stretch, reader: Reader, made: dict[str, Completer], folder: Path
    ) -> tuple[dict, Exception | None]:
        """Do a stretch: its content for `Outcome`, and the error after which the data gave no more.

        Args:
            folder: empty, of this stretch alone, for its files.
        """


class Work:
    """A job as the task of a worker.

    Args:
        job: what to do.
        folder: of the run; each stretch gets a folder of its own in it.

    Raises:
        ValueError, OSError, ImportError: the completers cannot be made.
    """

    def __init__(self, job: Job, folder: Path):
        self._job, self._folder = job, folder
        self._made = make_completers(job.completers.texts, **job.completers.options)

    def __call__(self, named: tuple[Stretch, str]) -> Outcome:
        """Do a stretch; whatever is wrong with it is told in the outcome.

        Args:
            named: the stretch, and the name of the folder for its files, which is emptied first.
        """
        stretch, name = named
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        outcome = Outcome()
        reader = None
        for completer in self._made.values():
            completer.forget()  # or it would depend on what this worker did before
        try:
            folder.mkdir(parents=True)
            reader = open_reader(stretch.path, **self._job.reader_options)
            with warnings.catch_warnings(record=True) as caught:
                outcome.content, damage = self._job.run(stretch, reader, self._made, folder)
            if damage is not None:
                outcome.failure = "breaks off", sentence(damage)
            outcome.notices = [str(warning.message) for warning in caught]
        except (ValueError, OSError, LookupError, ImportError, MemoryError) as error:
            outcome.failure = "cannot be done", sentence(error)
        if reader is not None:
            outcome.skipped = dict(reader.skipped)
        for completer in self._made.values():
            outcome.notices += [*completer.warnings, *completer.degradations]
        return outcome
