"""URLs of data, in what people and programs give as paths."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

# A letter alone is a drive of Windows.
_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)", re.DOTALL)
_MAGIC = re.compile(r"[*[]")  # no `?`, behind which is the query of a URL


def url_of(path: str | Path) -> str | None:
    """The URL that a path is meant to be, such as `s3://bucket/drives`; None where it is a path.

    A `Path` of a URL has one stroke where the URL has two (`s3:/bucket`); what is there by that very name is
    no URL.

    Example:
        >>> url_of(Path("s3://bucket/drives/monday")), url_of("drives/monday")
        ('s3://bucket/drives/monday', None)
    """
    match = _URL.fullmatch(str(path))
    if match is None or Path(path).exists():
        return None
    protocol = match["protocol"].lower()
    return f"{protocol}://{'/' if protocol == 'file' else ''}{match['rest']}"


def shown(url: str) -> str:
    """A URL as people and logs may see it: without its password, and without its query, which may hold a key.

    Example:
        >>> shown("sftp://me:secret@host/a"), shown("https://host/a.mcap?key=secret")
        ('sftp://me:***@host/a', 'https://host/a.mcap?...')
    """
    protocol, is_url, rest = url.partition("://")
    if not is_url:
        return url
    place, has_query, _ = rest.partition("?")
    host, stroke, path = place.partition("/")
    user, has_user, host = host.rpartition("@")
    name, has_password, _ = user.partition(":")
    if has_password and protocol != "github":  # there the repository stands in the place of a password
        user = f"{name}:***"
    return f"{protocol}://{user}{has_user}{host}{stroke}{path}{'?...' if has_query else ''}"


def is_glob(url: str) -> bool:
    """Whether a URL stands for all that matches it."""
    return _MAGIC.search(url) is not None


def parent_of(url: str) -> str:
    """The folder that a URL is in."""
    return url.rpartition("/")[0]


def folder_of(url: str, root: str) -> PurePosixPath:
    """Where in the cache the keys of a store lie: by protocol and, where they leave it out, host or account.

    Args:
        root: the key that the store makes of the URL.

    Raises:
        ValueError: a host that leads out of the cache.

    Example:
        >>> str(folder_of("s3://bucket/a", "bucket/a")), str(folder_of("sftp://me:secret@host/a", "/a"))
        ('s3', 'sftp/me@host')
    """
    protocol, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    if "://" in root or root.strip("/") == rest.strip("/"):
        host = ""
    elif protocol != "github":  # there the repository stands in the place of a password
        host = _without_password(host)
    return PurePosixPath(protocol) / _inside(host, url)


def path_of(key: str) -> PurePosixPath:
    """A key of a store, which may be a URL, as a path below the folder of that store.

    A query becomes a folder, as another may mean another file; the name stays, as frames are called by it.

    Raises:
        ValueError: it leads out of that folder.
    """
    _, is_url, rest = key.partition("://")
    if not is_url:
        return _inside(key.strip("/"), key)
    place, has_query, query = rest.partition("?")
    host, stroke, rest = place.partition("/")
    path = _inside(f"{_without_password(host)}{stroke}{rest}".strip("/"), key)
    if not has_query:
        return path
    digest = hashlib.sha256(query.encode()).hexdigest()[:12]
    return path.parent / f"query_{digest}" / path.name


def name_below(key: str, root: str) -> str:
    """The path of a key below a folder with another; ValueError where it is elsewhere."""
    top = path_of(root.partition("?")[0] if "://" in root else root)
    path = path_of(key)
    if not path.is_relative_to(top):
        raise ValueError(f"The name '{shown(key)}' leads out of its folder; it is not fetched.")
    return path.relative_to(top).as_posix()


def _inside(path: str, key: str) -> PurePosixPath:
    if ".." in PurePosixPath(path).parts or "\0" in path:
        raise ValueError(f"The name '{shown(key)}' leads out of its folder; it is not fetched.")
    return PurePosixPath(path)


def _without_password(host: str) -> str:
    user, at, host = host.rpartition("@")
    return f"{user.partition(':')[0]}{at}{host}"
