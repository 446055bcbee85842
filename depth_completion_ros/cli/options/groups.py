"""Options that go together, as one parameter of a command.

    @with_groups
    def complete(data: Data, network: NetworkOptions, feed: FeedOptions): ...

A new option of networks is one more field of `NetworkOptions`, and every command has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, get_type_hints

import typer

from .single import (
    AllowNoncommercial,
    Device,
    Filters,
    Limit,
    MaxRange,
    Precision,
    Prior,
    Ray,
    ReaderOptions,
    Weights,
    Workers,
)

FILTERS = {
    "all": (True, True),
    "see-through": (True, False),
    "isolated": (False, True),
    "none": (False, False),
}


def with_groups(command: Callable) -> Callable:
    """A command with each field of its groups, which are dataclasses, as an option of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    flat = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            flat.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
            continue
        of_group = get_type_hints(groups[name], include_extras=True)
        flat += [
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=each.default,
                annotation=of_group[each.name],
            )
            for each in fields(groups[name])
        ]

    @wraps(command)
    def flattened(**given):
        for name, group in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        return command(**given)

    vars(flattened)["__signature__"] = inspect.Signature(flat)
    flattened.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return flattened


@dataclass(frozen=True)
class NetworkOptions:
    """How completers that are networks are made."""

    device: Device = "auto"
    weights: Weights = None
    prior: Prior = None
    precision: Precision = "auto"
    allow_noncommercial: AllowNoncommercial = False

    def as_keywords(self) -> dict[str, Any]:
        """For `create_completer`."""
        return asdict(self)

    def make(self, texts: Iterable[str], **more) -> dict:
        """Completers by their texts, NAME:VARIANT; their warnings go to stderr."""
        from ...evaluation.runner import make_completers

        made = make_completers(texts, **asdict(self), **more)
        for completer in made.values():
            for sentence in completer.warnings:
                typer.echo(sentence, err=True)
        return made


@dataclass(frozen=True)
class FeedOptions:
    """Which points are fed."""

    filters: Filters = "see-through"
    max_range: MaxRange = float("inf")

    def as_keywords(self) -> dict[str, Any]:
        """`max_range`, `see_through` and `isolated`."""
        return {"max_range": self.max_range, **self.chosen()}

    def chosen(self) -> dict[str, bool]:
        """`see_through` and `isolated`."""
        if self.filters not in FILTERS:
            raise ValueError(f"Filters are '{self.filters}'; they must be one of {', '.join(FILTERS)}.")
        return dict(zip(("see_through", "isolated"), FILTERS[self.filters], strict=True))


@dataclass(frozen=True)
class ReadingOptions:
    """Which frames of a DATA are read, and how."""

    limit: Limit = None
    reader_option: ReaderOptions = None

    def open(self, path: Path):
        """The reader of a DATA path."""
        from ...data.reader import open_reader
        from ..frames import say_where_it_is_fetched

        say_where_it_is_fetched(path)
        return open_reader(path, **self.of_reader())

    def of_reader(self) -> dict[str, object]:
        """Keyword arguments of the -O texts."""
        from ...completion.spec import value_of

        options = {}
        for text in self.reader_option or ():
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise ValueError(f"Reader option '{text}' is not of the form NAME=VALUE.")
            options[name] = value_of(value)
        return options

    def count(self, reader) -> int:
        """Frames that are read of a reader."""
        return len(reader) if self.limit is None else min(self.limit, len(reader))


@dataclass(frozen=True)
class FleetOptions:
    """Whether other processes, here or on a cluster, do the work."""

    workers: Workers = None
    ray: Ray = None

    def __bool__(self) -> bool:
        return bool(self.workers or self.ray)
