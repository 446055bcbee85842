"""What every reader offers, and finding the one that understands a path."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from depth_completion_ros.core import Frame
from depth_completion_ros.core.safe.pixels import ImageError

from .deskew import Deskew
from .remote.cache import fetch_one
from .remote.urls import url_of

FORMATS = {
    "kitti_depth": ".kitti_depth:KittiDepth",
    "kitti_raw": ".kitti_raw:KittiRaw",
    "kitti_object": ".kitti_object:KittiObject",
    "void": ".void:Void",
    "diode": ".diode:Diode",
    "nyu": ".nyu:Nyu",
    "frame_folder": ".frame_folder:FrameFolder",
    "rosbag": ".bag.reader:RosBag",
}
"""Names of the formats, and their readers as module:class, imported when they are asked. The first that
matches a path wins."""


class NoFrame(LookupError):
    """A frame that a data set lists but cannot give; the message says what was looked for.

    Args:
        cause: short name under which it is counted.
        sentence: what is missing, and where.
    """

    def __init__(self, cause: str, sentence: str):
        super().__init__(sentence)
        self.cause = cause


class Reader(ABC):
    """Frames of a data set or bag; can be iterated again and again, always in the same order.

    A bag is a stream: its frames come one after the other, and which they are is known only after reading.
    Data sets have a number for each frame, see `IndexedReader`.

    Attributes:
        name: what a report calls the data.
        skipped: number of frames that an iteration left out, by cause.
        deskew: what takes the LiDAR's motion out of scans; None for formats without times of points.
    """

    layout: str
    """What a folder of this format holds, for messages."""

    def __init__(self, name: str):
        self.name = name
        self.skipped: Counter[str] = Counter()
        self.deskew: Deskew | None = None

    @classmethod
    @abstractmethod
    def can_read(cls, path: Path) -> bool:
        """Whether a path looks like this format, which does not yet mean that it is complete."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames there are, or at most are where that is known only after reading."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """All frames in order; ValueError after the last where there was none, with the reason."""

    @abstractmethod
    def stretch(self, first: int, last: int) -> Iterator[Frame]:
        """Frames number `first` to `last - 1`, the same that an iteration gives under these numbers.

        Stretches that follow one another up to `len` give together what an iteration gives and `skipped`
        counts, each counting its own. A number without a frame is left out, all of them too. After the last
        frame an error as of an iteration, where the data breaks off.
        """

    def describe(self) -> str:
        """What is read, in one line."""
        return f"{len(self)} frames of {self.name}"

    def left_out(self) -> list[str]:
        """What the last iteration left out or could not deskew, by cause, as sentences."""
        missed = self.deskew.missed if self.deskew is not None and self.deskew.done else Counter[str]()
        return [
            *(f"Left out by the reader: {count} x {cause}." for cause, count in sorted(self.skipped.items())),
            *(f"Scans that are not deskewed: {count} x {cause}." for cause, count in sorted(missed.items())),
        ]

    @classmethod
    def options(cls) -> list[str]:
        """Names of the options of this format."""
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


class IndexedReader(Reader):
    """Frames of a data set, read by their number in any order; iteration is built on that."""

    @abstractmethod
    def read(self, index: int) -> Frame:
        """Frame number `index`, from 0 to `len(self) - 1`.

        Raises:
            NoFrame, ImageError: a file of this frame is missing, or its image is damaged, which an iteration
                counts and goes on.
            FileNotFoundError, ValueError: a file is missing or broken that should not be.
        """

    def __iter__(self) -> Iterator[Frame]:
        given = 0
        for frame in self.stretch(0, len(self)):
            given += 1
            yield frame
        if not given:
            causes = ", ".join(f"{count} x {cause}" for cause, count in self.skipped.items())
            why = f"{causes}; the first: {self._first_failure}" if causes else "it lists none."
            raise ValueError(f"There is no frame in {self.name}: {why}")

    def stretch(self, first: int, last: int) -> Iterator[Frame]:
        self.skipped.clear()
        self._first_failure: Exception | None = None
        for index in range(first, min(last, len(self))):
            try:
                frame = self.read(index)
            except (NoFrame, ImageError) as error:
                self.skipped[getattr(error, "cause", "image not readable")] += 1
                self._first_failure = self._first_failure or error
                continue
            yield frame


def open_reader(path: str | Path, **options) -> Reader:
    """Open a data set, a folder of frames or a bag, whichever the path holds.

    Args:
        path: of a KITTI raw drive, a KITTI object or depth completion folder, VOID, DIODE or NYUv2, a
            frame folder, or a rosbag2 folder or file; or a URL that fsspec knows, such as s3://bucket/drive,
            which is fetched first.
        options: keyword arguments of the reader of that format (`Reader.options` lists them).

    Raises:
        FileNotFoundError: nothing is there, or a file of the format is missing.
        ValueError: no format fits, or an option or file is wrong.
        ImportError, OSError: a URL that cannot be fetched.
    """
    url = url_of(path)
    path = fetch_one(url) if url else Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is nothing at '{path}'.")
    for name in FORMATS:
        reader = reader_class(name)
        if not reader.can_read(path):
            continue
        unknown = [option for option in options if option not in reader.options()]
        if unknown:
            raise ValueError(
                f"Option '{unknown[0]}' is unknown for {name} ('{path}'); "
                f"allowed are {', '.join(reader.options()) or 'none'}."
            )
        return reader(path, **options)
    known = "; ".join(f"{name} ({reader_class(name).layout})" for name in FORMATS)
    raise ValueError(f"'{path}' holds none of the formats that can be read: {known}.")


def reader_class(name: str) -> type[Reader]:
    """The reader of a format of `FORMATS`."""
    if name not in FORMATS:
        raise ValueError(f"Format '{name}' is unknown; it must be one of {', '.join(FORMATS)}.")
    module, _, class_name = FORMATS[name].partition(":")
    return getattr(import_module(module, __package__), class_name)
