"""Files: read only where they are files, and written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from .limits import TEXT_BYTES


def read_bytes(path: Path) -> bytes:
    """Content of a file.

    Raises:
        FileNotFoundError: it is missing, in a sentence.
        ValueError: a folder, pipe or device, which could be without end, or larger than memory.
    """
    check_is_file(path)
    try:
        return path.read_bytes()
    except MemoryError:
        raise ValueError(f"File '{path}' of {path.stat().st_size} bytes does not fit into memory.") from None


def check_is_file(path: Path) -> None:
    """FileNotFoundError where nothing is there, ValueError where it is no regular file."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"File '{path}' is missing.") from None
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero in it
        raise ValueError(
            f"File '{path}' cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise ValueError(f"'{path}' is {kind}; it must be a file.")


def read_text(path: Path, limit: int | None = None) -> str:
    """Text of a file in UTF-8, with or without the mark of Windows, or in Latin-1.

    Args:
        limit: bytes at most; None for any number.

    Raises:
        FileNotFoundError, ValueError: as `read_bytes`; no text, or more of it than allowed.
    """
    check_is_file(path)
    if limit is not None:
        TEXT_BYTES.check(path.stat().st_size, f"File '{path}'", limit)
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if 0 in data:
            raise ValueError(f"File '{path}' is not text.") from None
        return data.decode("latin-1")  # of old Windows, for remarks with umlauts


def read_settings(path: Path) -> str:
    """Text of a file of settings, such as YAML or JSON, of at most `TEXT_BYTES`; raises as `read_text`."""
    return read_text(path, TEXT_BYTES.value())


def read_json(path: Path):
    """Content of a file of settings in JSON.

    Raises:
        FileNotFoundError, ValueError: as `read_settings`; no JSON, nested too deep, or an entry given twice.
    """
    return parse_json(read_settings(path), f"File '{path}'")


def parse_json(text: str, name: str):
    """Content of JSON that `name` holds; ValueError as of `read_json`."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, name))
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} cannot be read, it is no JSON: {error}.") from None
    except RecursionError:
        raise ValueError(f"{name} is nested too deep.") from None


def _once(pairs: list[tuple[str, object]], name: str) -> dict[str, object]:
    """A mapping of entries, none of which may come twice with different values."""
    content: dict[str, object] = {}
    for key, value in pairs:
        if key in content and content[key] != value:
            raise ValueError(
                f"{name} has the entry '{key}' twice, with different values; it must be given once."
            )
        content[key] = value
    return content


def read_array(path: Path) -> np.ndarray:
    """Array of a .npy file, of numbers and as large as its file says; raises as `read_bytes`."""
    check_is_file(path)
    refusal = ValueError(f"File '{path}' is no array of NumPy, or damaged.")
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _read_later_header
            shape, _, dtype = read(file)
            left = path.stat().st_size - file.tell()
            if dtype.hasobject or min(shape, default=1) < 0 or _product(shape) * dtype.itemsize > left:
                raise refusal
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, TypeError, SyntaxError, MemoryError, OverflowError, RecursionError):
        raise refusal from None


def _read_later_header(file):
    return np.lib.format.read_array_header_2_0(file)


def _product(shape: tuple[int, ...]) -> int:
    """Number of entries, without overflow."""
    count = 1
    for size in shape:
        count *= size
    return count


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A path beside a file to write to: at the end it takes the file's place, after an error it is gone.

    So a full disk, a signal or a failure leaves what was there before, and nobody sees half a file. A pipe or
    device is written to as it is.

    Example:
        >>> with whole_file(tmp_path / "report.json") as unfinished:
        ...     _ = unfinished.write_text("{}")
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(f"'{path}' is a folder; it must be a file to be written.")
        yield path
        return
    path = path.resolve()  # a link stays one
    handle, name = tempfile.mkstemp(
        prefix=f".{path.name[:100]}.", suffix=f".unfinished{path.suffix}", dir=path.parent
    )
    unfinished = Path(name)
    try:
        os.close(handle)
        yield unfinished
        unfinished.chmod(_mode_of(path))
        _flush(unfinished)
        unfinished.replace(path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError) and error.errno and error.filename in (None, name):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_bytes(path: str | Path, data: bytes | memoryview) -> None:
    """Write a file, whole or not at all; OSError where it cannot be."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 with line ends as they are, whole or not at all; OSError where it cannot be."""
    write_bytes(path, text.encode())


def _mode_of(path: Path) -> int:
    """Permissions of the file that is replaced, or those that a new one gets."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _flush(path: Path) -> None:
    """Onto the disk before the name changes, else a power cut may leave an empty file under the name."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
