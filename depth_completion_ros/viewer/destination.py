"""Where a stream goes: a file, Rerun's window on the desktop, or a page for the browser."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ..core.safe.files import whole_file
from .stream import RerunStream, import_rerun

SUFFIX = ".rrd"
Stay = Callable[[], None]
"""What a destination gives: waits, once all is told, for as long as it must be there to be looked at."""
MEMORY = "25%"
"""Of the machine, which frames may take that wait for a browser; the oldest go."""


def has_desktop() -> bool:
    """Whether a window can be opened here."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


@contextmanager
def to_file(stream: RerunStream, blueprint, path: Path) -> Iterator[Stay]:
    """Write what is told meanwhile to a file, whole or not at all.

    Raises:
        ValueError: a name that does not end with .rrd, which Rerun tells its files by.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"File '{path}' is to be written for Rerun; its name must end with {SUFFIX}.")
    with whole_file(path) as unfinished:
        stream.recording.save(unfinished, default_blueprint=blueprint)
        yield _no_stay
        stream.recording.flush()
        stream.recording.disconnect()


@contextmanager
def to_window(stream: RerunStream, blueprint) -> Iterator[Stay]:
    """Show what is told in Rerun's window, which stays."""
    stream.recording.spawn(default_blueprint=blueprint, hide_welcome_screen=True)
    yield _no_stay
    stream.recording.flush()


@contextmanager
def to_browser(stream: RerunStream, blueprint, port: int, say: Callable[[str], None]) -> Iterator[Stay]:
    """Serve what is told as a page, as long as this lasts.

    Args:
        port: of the page; the data comes from the next one.
        say: told where the page is.

    Raises:
        ValueError: a port is taken.
    """
    for number in (port, port + 1):
        _check_free(number)
    uri = stream.recording.serve_grpc(
        grpc_port=port + 1, default_blueprint=blueprint, server_memory_limit=MEMORY
    )
    import_rerun().serve_web_viewer(web_port=port, open_browser=has_desktop(), connect_to=uri)
    say(f"Open http://localhost:{port}?url={quote(uri, safe='')} in a browser; Ctrl-C ends it.")

    def stay() -> None:
        stream.recording.flush()
        say("All frames are there.")
        threading.Event().wait()

    yield stay


def _no_stay() -> None:
    """A file and a window stay by themselves."""


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            raise ValueError(
                f"Port {port} is taken, perhaps by another `view`; the page needs it and the next "
                "one, or two others of --port."
            ) from None
