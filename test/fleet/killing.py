"""Jobs for tests of the engine; a module, so that the processes of workers can import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from depth_completion_ros.fleet.job import Completers


@dataclass(frozen=True)
class KilledJob:
    """Counts the frames of a stretch; its worker is killed in the middle of one of them.

    Args:
        folder: where every stretch that is begun leaves a line.
        at: first frame of the stretch.
        times: how often.
    """

    folder: Path
    at: int
    times: int
    completers: Completers = field(default_factory=lambda: Completers(()))
    reader_options: Mapping[str, object] = field(default_factory=dict)

    def run(self, stretch, reader, made, folder):
        with (self.folder / f"{stretch.first}.begun").open("a") as file:
            file.write(f"{os.getpid()}\n")
        count = 0
        for _ in reader.stretch(stretch.first, stretch.last):
            count += 1
            begun = len((self.folder / f"{stretch.first}.begun").read_text().split())
            if stretch.first == self.at and begun <= self.times:
                os.kill(os.getpid(), signal.SIGKILL)
        return {"frames": count}, None
