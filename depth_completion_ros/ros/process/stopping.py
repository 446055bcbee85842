"""How a process of ours is asked to end, and ends: by a signal, or because its parent is gone.

Imports nothing slow, so that signals are taken before anything slow is imported.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PARENT = "DEPTH_COMPLETION_PARENT"
"""Variable with the process id of a launch or demo whose end must end the node too."""
END_LIMIT_S = 4.0
"""How long ending may take; then the stacks of all threads are printed and the process is gone."""
FRAME_LIMIT_S = 2.5
"""How long the frame at hand may take then."""
_PR_SET_PDEATHSIG = 1


class Interrupted(BaseException):
    """Raised by a signal while a node is made; no `Exception`, so that nobody takes it for a failure."""


class Stop:
    """A request to end. Unlike `threading.Event` it has no lock, so that a second signal, which may come
    while the first is handled in the same thread, cannot wait for itself.

    Attributes:
        by_signal: whether a signal asked for it.
    """

    def __init__(self):
        self._requested = False
        self._phase, self._exit_code = "running", 0
        self._parent: int | None = None
        self.by_signal = False

    def is_set(self) -> bool:
        """Whether to end, by a signal or as the parent is gone."""
        if self._parent is not None and os.getppid() != self._parent:
            self._requested = True
        return self._requested

    def set(self) -> None:
        """Ask for the end."""
        self._requested = True

    def take_signals(self) -> Stop:
        """Let SIGINT, SIGTERM and the end of the parent ask for the end from here on.

        A SIGINT that came before, and that `QUIET_START` held back, is taken now.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self._watch_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return self

    @contextmanager
    def importing(self, exit_code: int = 0) -> Iterator[None]:
        """While there is nothing to clean up, a signal ends the process at once, without a word.

        So does one that came before, or a parent that is gone.
        """
        self._exit_code = exit_code
        if self.is_set():
            os._exit(exit_code)
        with self._in_phase("importing"):
            yield

    @contextmanager
    def making(self) -> Iterator[None]:
        """While a node is made, which may take minutes, a signal raises `Interrupted`."""
        with self._in_phase("making"):
            if self._requested:
                raise Interrupted
            yield

    def limit_the_end(self) -> None:
        """Begin to end; what is left of the process after `END_LIMIT_S` shows its stacks and is gone."""
        if sys.stderr is not None:
            faulthandler.dump_traceback_later(END_LIMIT_S, exit=True)

    def leave(self) -> None:
        """The last words are said; signals that still come must not change the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def _in_phase(self, phase: str) -> Iterator[None]:
        before, self._phase = self._phase, phase
        try:
            yield
        finally:
            self._phase = before

    def _on_signal(self, number, frame) -> None:
        if self._phase == "importing":
            os._exit(self._exit_code)
        if not self._requested:
            self.limit_the_end()
        self._requested = self.by_signal = True
        if self._phase == "making":
            self._phase = "running"  # so that cleaning up is not interrupted by a second signal
            raise Interrupted

    def _watch_parent(self) -> None:
        given = os.environ.get(PARENT, "")
        if not given.isdecimal():
            return
        if sys.platform.startswith("linux"):
            # Also ends a node that is busy with something else than `is_set`.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == int(given):
            self._parent = int(given)
        elif not _is_alive(int(given)):
            self._requested = True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


stop = Stop()
"""The one of this process."""
