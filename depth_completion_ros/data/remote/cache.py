"""Fetches what a URL holds to a folder of this machine, by fsspec.

Who may read where is a matter of fsspec and its packages: environment, configuration files, roles.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from depth_completion_ros.core.safe.files import whole_file

from .records import record_of
from .urls import folder_of, is_glob, name_below, path_of, shown

VARIABLE = "DEPTH_COMPLETION_CACHE"


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
    call is quick, also after one that was interrupted; what is gone there goes here too. Each file is whole
    or not there. Where another process fetches the same, this one waits for it.

    Args:
        url: of a file, of a folder with all below it, or a glob (`s3://bucket/2011_*`).

    Raises:
        ImportError: fsspec, or its package for the protocol, is not installed.
        FileNotFoundError: nothing is there; ValueError: a URL that cannot be used.
        OSError: it cannot be fetched, as for want of rights, network or disk.
    """
    if "::" in url:
        raise ValueError(f"'{shown(url)}' is a chain of URLs; it must be a single one.")
    with _sentences(url):
        store, root = _open_store(url)
        folder = folder_of(url, root)
        matches = sorted(store.glob(root)) if is_glob(url) else [root]
        fetched = [_fetch_tree(store, folder, match) for match in matches]
    if not fetched:
        raise FileNotFoundError(f"There is nothing at '{shown(url)}'.")
    return fetched


def fetch_one(url: str) -> Path:
    """The copy of what a URL holds, which must be one thing; raises as `fetch`."""
    fetched = fetch(url)
    if len(fetched) > 1:
        raise ValueError(f"'{shown(url)}' is {len(fetched)} drives; it must be one (--workers takes many).")
    return fetched[0]


def _open_store(url: str):
    """The store that a URL is in, by its host, user and account, and the key there."""
    try:
        import fsspec
    except ModuleNotFoundError:
        raise ImportError(
            f"'{shown(url)}' needs the Python package 'fsspec', which is not installed: "
            "pip install 'depth_completion_ros[remote]'."
        ) from None
    protocol = url.partition("://")[0]
    if protocol not in fsspec.available_protocols() or protocol.startswith("."):  # a dot: as records do
        raise ValueError(
            f"'{shown(url)}' is of a protocol that fsspec does not know; it knows s3, gs, https and others."
        )
    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as error:  # it tells which package to install
        raise ImportError(f"'{shown(url)}' needs a further Python package: {_line(error)}.") from None


def _fetch_tree(store, folder: PurePosixPath, root: str) -> Path:
    """A file, or all files below a folder; FileNotFoundError where nothing is there.

    What is gone is removed first, as a file may have become a folder, or a folder a file.
    """
    top = cache_folder() / folder
    target = top / path_of(root)
    with record_of(cache_folder(), folder / path_of(root)) as record:
        found = _list(store, root)
        for name in record.states.keys() - found.keys():
            _remove(target / name, target)
            record.forget(name)
        for name, (key, state) in found.items():
            file = target / name
            if record.states.get(name) != state or not file.is_file():
                _make_room(file, top)
                with whole_file(file) as unfinished:
                    store.get_file(key, str(unfinished))
                record.note(name, state)
    return target


def _list(store, root: str) -> dict[str, tuple[str, str]]:
    """Key and state of each file at or below a key, by name."""
    # Asked first, as over https a file of any size would be read for what it links to.
    if store.isfile(root):
        return {".": (root, _state(store.info(root)))}
    found = store.find(root, detail=True)
    if not found:
        raise FileNotFoundError(root)
    return {name_below(key, root): (key, _state(info)) for key, info in found.items()}


def _make_room(file: Path, top: Path) -> None:
    """Folders for a file, also where one of them was a file when something else was fetched."""
    for path in file.relative_to(top).parents:
        if path.parts and (top / path).is_file():
            (top / path).unlink()
    file.parent.mkdir(parents=True, exist_ok=True)


def _remove(file: Path, target: Path) -> None:
    """Remove a file, and the folders that are empty then, up to the target."""
    if not file.is_file():
        return
    file.unlink()
    with suppress(OSError):  # of the first that is not empty
        for folder in file.parents:
            if folder.is_relative_to(target):
                folder.rmdir()


def _state(info: dict) -> str:
    """A digest of what a store says of a file, which changes when the file does.

    No more than a digest, as there are stores that say who asked, and with which key.
    """
    return hashlib.sha256(json.dumps(info, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def _sentences(url: str) -> Iterator[None]:
    """Errors of fsspec's packages, which are of any class, as OSError with one sentence."""
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except ValueError as error:
        raise ValueError(str(error).replace(url, shown(url))) from None
    except FileNotFoundError:
        raise FileNotFoundError(f"There is nothing at '{shown(url)}'.") from None
    except Exception as error:
        cause = _line(error).replace(url, shown(url))
        raise OSError(f"'{shown(url)}' cannot be fetched: {cause}.") from error


def _line(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
