"""Recordings of a robot: read and parted, by this process or by workers, and what is made of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..core import Frame
from ..core.safe.errors import sentence
from ..data.reader import Reader, open_reader
from ..fleet.drives import find_drives
from ..fleet.workers.crew import Crew
from ..fleet.workers.engine import ready
from .frames import FEWEST, Parts, load_frames, part_frames
from .hiding import Lesson, Question, make_lesson, protocols_for, questions_for

USUAL_FRAMES = 100
MOST_TUNING, MOST_JUDGING = 6, 12
"""Frames that are looked at while fitting, of all drives together, and frames of each drive that judge."""


@dataclass(frozen=True, eq=False)
class Source:
    """A drive to adapt to.

    Args:
        path: of it.
        drive: its name among several; empty where it is the only one.
        options: of its reader.
    """

    path: Path
    drive: str = ""
    options: Mapping[str, object] = field(default_factory=dict)

    def open(self) -> Reader:
        """Its reader; raises as `open_reader`."""
        return open_reader(self.path, **self.options)


def find_sources(data: str | Path, options: Mapping[str, object]) -> list[Source]:
    """All drives that `find_drives` finds; raises as it does."""
    return [Source(drive.path, drive.name, options) for drive in find_drives(data)]


@dataclass(eq=False)
class Recording:
    """What was read of a drive.

    Args:
        drive: its name among several.
        name: what a report calls it.
        parts: its frames; None where it cannot be used.
        failure: why, as a sentence.
        notices: sentences of its reader.
    """

    drive: str
    name: str
    parts: Parts | None = None
    failure: str = ""
    notices: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        """Of the frames that teach, each once among all drives."""
        return [f"{self.drive}/{frame.name}" if self.drive else frame.name for frame in self.parts.fit]


@dataclass(frozen=True)
class Reading:
    """Reads the frames of a drive and parts them, as the task of a worker; tells what is wrong in its result.

    Args:
        most: frames that are taken, evenly spaced.
    """

    most: int

    def __call__(self, source: Source, tell: Callable[[int, int], None] = lambda *_: None) -> Recording:
        found = Recording(source.drive, source.drive)
        try:
            reader = source.open()
            found.name = source.drive or reader.name
            number = min(len(reader), self.most)
            with warnings.catch_warnings(record=True) as caught:
                frames = list(_counted(load_frames(reader, self.most), number, tell))
            found.notices = [*(str(each.message) for each in caught), *reader.left_out()]
            found.parts = part_frames(frames)
        except (ValueError, OSError, LookupError, ImportError, MemoryError) as error:
            found.failure = sentence(error)
        return found


def _counted(frames: Iterator[Frame], number: int, tell: Callable[[int, int], None]) -> Iterator[Frame]:
    for done, frame in enumerate(frames, start=1):
        yield frame
        tell(done, number)


def read_recordings(
    sources: Sequence[Source], most: int | None, crew: Crew, tell: Callable[[str, int, int], None]
) -> tuple[list[Recording], int]:
    """All recordings in order, also those that cannot be used, and the number of workers that were lost.

    Args:
        most: frames of all together, of each drive the same share.

    Raises:
        ValueError: they are too few to be parted; or as `Crew.do`.
    """
    count = len(sources)
    most = max(USUAL_FRAMES, FEWEST * count) if most is None else most
    if count > 1 and most < FEWEST * count:
        raise ValueError(
            f"Frames to use are {most} of {count} drives; it takes {FEWEST} of each, so --frames must be "
            f"{FEWEST * count} or more."
        )
    read = Reading(most // count)
    if not crew:
        said = "reading" if count == 1 else "reading drive {} of {}"
        return [
            read(source, partial(tell, said.format(number, count)))
            for number, source in enumerate(sources, start=1)
        ], 0
    found: dict[Source, Recording] = {}

    def done(source: Source, recording: Recording) -> None:
        found[source] = recording
        tell("reading", len(found), count)

    did = crew.do(sources, ready(read), done, _given_up)
    return [found[source] for source in sources], did.lost


def _given_up(source: Source, why: str) -> Recording:
    what = "it" if source.drive else f"'{source.path}'"
    return Recording(source.drive, source.drive, failure=f"The worker that reads {what} was lost {why}")


@dataclass(frozen=True, eq=False)
class Material:
    """What is learned from, of all drives that can be used.

    Args:
        recordings: of these.
        protocols: texts of what is hidden for tuning and judging.
        lessons: what teaches.
        tuning: what confidence is calibrated on.
        questions: by protocol, what tells when to stop.
        judging: frames that judge, by drive.
    """

    recordings: list[Recording]
    protocols: tuple[str, ...]
    lessons: list[Lesson]
    tuning: list[Lesson]
    questions: dict[str, list[Question]]
    judging: dict[str, list[Frame]]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of frames that fit, tune and judge."""
        fit, tune, judge = map(
            sum, zip(*(recording.parts.sizes for recording in self.recordings), strict=True)
        )
        return fit, tune, judge

    @property
    def name(self) -> str:
        """What the weights say that they were fitted to."""
        count = len(self.recordings)
        return self.recordings[0].name if count == 1 else f"{count} drives"


def make_material(recordings: Sequence[Recording], protocols: Sequence[str]) -> Material:
    """Put all recordings together; one that turns out not to be of use gets its `failure`.

    Args:
        protocols: those that suit the sensors when empty.

    Raises:
        ValueError: none is of use, with the sentence of the first.
    """
    usable = [recording for recording in recordings if not recording.failure]
    suiting = (text for recording in usable for text in protocols_for(recording.parts.fit[0]))
    protocols = tuple(protocols or dict.fromkeys(suiting))
    share = max(1, MOST_TUNING // max(1, len(usable)))
    tuning, questions = {}, {}
    for recording in usable:
        tuning[recording] = [make_lesson(frame) for frame in recording.parts.tune]
        questions[recording] = questions_for(some(tuning[recording], share), protocols)
        if not questions[recording]:
            recording.failure = (
                f"No frame of {recording.name} has points that can be hidden by {', '.join(protocols)}; name "
                "others with --protocol."
            )
    usable = [recording for recording in usable if not recording.failure]
    if not usable:
        first = recordings[0]
        raise ValueError(
            first.failure if len(recordings) == 1 else f"No drive is of use; '{first.drive}': {first.failure}"
        )
    asked = {text: [q for each in usable for q in questions[each].get(text, ())] for text in protocols}
    return Material(
        usable,
        protocols,
        [make_lesson(frame) for recording in usable for frame in recording.parts.fit],
        [lesson for recording in usable for lesson in tuning[recording]],
        {text: each for text, each in asked.items() if each},
        {recording.drive: some(recording.parts.judge, MOST_JUDGING) for recording in usable},
    )


def some(all_of: list, most: int) -> list:
    """At most so many, evenly spaced."""
    if len(all_of) <= most:
        return all_of
    return [all_of[at * len(all_of) // most] for at in range(most)]
