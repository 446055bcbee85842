"""What is said of one parameter of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One parameter of a node.

    Args:
        default: also gives the type: bool, int, float, str, or list of one of them.
        minimum, maximum: inclusive limits of numbers.
        unit: of numbers.
        choices: what a string may be; anything when empty.
        lengths: how many entries a list may have.
        live: whether a change while the node runs takes effect with the next frame.
        formerly: names that the parameter had before; they are still taken, with a warning.
    """

    name: str
    default: bool | int | float | str | list
    description: str
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    live: bool = False
    formerly: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What is allowed, in words that follow 'it must be'."""
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str):
            return f"one of {', '.join(self.choices)}" if self.choices else "a string"
        entry = self.default[0] if isinstance(self.default, list) else self.default
        if isinstance(entry, str):
            return f"a list of {' or '.join(map(str, self.lengths))} of {', '.join(self.choices)}"
        kind = "integer" if isinstance(entry, int) else "number"
        limits = ""
        if self.minimum is not None and self.maximum is not None:
            limits = f" from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            limits = f" of at least {self.minimum:g}"
        limits += f" {self.unit}" if self.unit else ""
        if isinstance(self.default, list):
            return f"a list of {' or '.join(map(str, self.lengths))} {kind}s{limits}"
        return f"{'an' if kind == 'integer' else 'a'} {kind}{limits}"
