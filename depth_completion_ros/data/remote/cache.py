"""Fetches what a URL holds to a folder of this machine, by fsspec.

Who may read where is a matter of fsspec and its packages: environment, configuration files, roles.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from depth_completion_ros.core.safe.files import whole_file, write_text

from .urls import is_glob

VARIABLE = "DEPTH_COMPLETION_CACHE"
_STATE = ".fetched.json"
"""Ends the name of the file, beside what was fetched, that says what each of its files was then."""


def cache_folder() -> Path:
    """Where fetched data lies: $DEPTH_COMPLETION_CACHE, or a folder among the user's caches."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "depth_completion_ros" / "data"


def fetch(url: str) -> list[Path]:
    """Copies of what a URL holds: one, or of a glob one for each match, in order.

    A file is fetched only where it is new or has changed since, by what its store says of it, so the next
    call is quick; what is gone there goes here too. Each file is whole or not there.

    Args:
        url: of a file, of a folder with all below it, or a glob (`s3://bucket/2011_*`).

    Raises:
        ImportError: fsspec, or its package for the protocol, is not installed.
        FileNotFoundError: nothing is there; ValueError: a URL that cannot be used.
        OSError: it cannot be fetched, as for want of rights, network or disk.
    """
    protocol = url.partition("://")[0]
    if "::" in url:
        raise ValueError(f"'{url}' is a chain of URLs; it must be a single one.")
    with _sentences(url):
        store = _store(url, protocol)
        root = store._strip_protocol(url)
        matches = sorted(store.glob(root)) if is_glob(url) else [root]
        fetched = [_fetch_tree(store, protocol, match) for match in matches]
    if not fetched:
        raise FileNotFoundError(f"There is nothing at '{url}'.")
    return fetched


def fetch_one(url: str) -> Path:
    """The copy of what a URL holds, which must be one thing; raises as `fetch`."""
    fetched = fetch(url)
    if len(fetched) > 1:
        raise ValueError(f"'{url}' is {len(fetched)} drives; it must be one (--workers takes many).")
    return fetched[0]


def _store(url: str, protocol: str):
    try:
        import fsspec
    except ModuleNotFoundError:
        raise ImportError(
            f"'{url}' needs the Python package 'fsspec', which is not installed: "
            "pip install 'depth_completion_ros[remote]'."
        ) from None
    if protocol not in fsspec.available_protocols():
        raise ValueError(
            f"'{url}' is of a protocol that fsspec does not know; it knows s3, gs, https and others."
        )
    try:
        return fsspec.filesystem(protocol)
    except ImportError as error:  # it tells which package to install
        raise ImportError(f"'{url}' needs a further Python package: {_line(error)}.") from None


def _fetch_tree(store, protocol: str, root: str) -> Path:
    """A file, or all files below a folder; FileNotFoundError where nothing is there."""
    # Asked first, as over https a file of any size would be read for what it links to.
    found = {root: store.info(root)} if store.isfile(root) else store.find(root, detail=True)
    if not found:
        raise FileNotFoundError(root)
    base = _inside(root)
    target = cache_folder() / protocol / base
    states = {}
    for key, info in found.items():
        states[_inside(key).relative_to(base).as_posix()] = key, _state(info)
    record = target.with_name(f".{target.name}{_STATE}")
    before = json.loads(record.read_text()) if record.exists() else {}
    for name, (key, state) in states.items():
        file = target / name if name != "." else target
        if before.get(name) != state or not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(file) as unfinished:
                store.get_file(key, str(unfinished))
    for name in before.keys() - states.keys():
        (target / name).unlink(missing_ok=True)
    now = {name: state for name, (_, state) in states.items()}
    if now != before:
        write_text(record, json.dumps(now))
    return target


def _inside(key: str) -> PurePosixPath:
    """A key of a store, or a URL, as a path below the cache; ValueError where it leads out of it."""
    _, is_url, rest = key.partition("://")
    path = PurePosixPath((rest.partition("?")[0] if is_url else key).strip("/"))
    if ".." in path.parts or "\0" in key:
        raise ValueError(f"The name '{key}' leads out of its folder; it is not fetched.")
    return path


def _state(info: dict) -> str:
    """What a store says of a file, which changes when the file does."""
    return json.dumps(info, sort_keys=True, default=str)


@contextmanager
def _sentences(url: str) -> Iterator[None]:
    """Errors of fsspec's packages, which are of any class, as OSError with one sentence."""
    try:
        yield
    except (ImportError, ValueError, MemoryError):
        raise
    except FileNotFoundError:
        raise FileNotFoundError(f"There is nothing at '{url}'.") from None
    except Exception as error:
        raise OSError(f"'{url}' cannot be fetched: {_line(error)}.") from error


def _line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
