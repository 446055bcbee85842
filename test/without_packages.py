"""Python as it is where some packages are not installed: to be imported first in a process of its own."""

from __future__ import annotations

import sys


class Hidden:
    """A finder that does not find some packages, as if they were not installed."""

    def __init__(self, finder, names: frozenset[str]):
        self._finder, self._names = finder, names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self._names:
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self._finder, name)


def hide(names) -> None:
    """Hide packages from all that is imported from here on."""
    hidden = frozenset(names)
    loaded = [name for name in sys.modules if name.partition(".")[0] in hidden]
    assert not loaded, f"{loaded} are imported already"
    sys.meta_path[:] = [Hidden(finder, hidden) for finder in sys.meta_path]
