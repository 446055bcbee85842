"""The completer of the node: made from its parameters, and run on one frame after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from ..completion import create_completer
from ..completion.classical.linear import Linear
from ..completion.interface import Completer, Completion
from ..completion.learned.options import PriorOptions
from ..completion.spec import parse_settings
from ..core import Frame, SparseDepth
from .diagnostics import OK, WARN, Status
from .inputs.drop import Drop
from .temporal import LiveTemporal


def completer_of(settings) -> Completer:
    """The completer that the node's parameters ask for; raises as `create_completer` does."""
    chosen = {each.name: getattr(settings, each.name) for each in fields(PriorOptions)}
    chosen["variant"] = settings.variant or None
    return create_completer(settings.completer, **chosen | parse_settings(settings.settings))


class LiveCompleter:
    """Completes frames, one at a time, in the thread of the worker.

    Args:
        settings: values of the node's parameters.
        warn: `warning` of the node's logger.
        temporal: what each completion goes through.

    Attributes:
        status: what diagnostics say of the completer.
    """

    def __init__(
        self,
        settings,
        completer: Completer,
        warn: Callable[..., None] = lambda sentence, **throttle: None,
        temporal: LiveTemporal | None = None,
    ):
        self._settings, self._completer, self._warn = settings, completer, warn
        self._temporal = temporal
        self._failures = self._told = self._last_stamp = 0
        self.status = self._judged("no frame yet.")

    def warm_up(self, height: int, width: int) -> None:
        """Warm the completer up for images of this size; raises what it raises."""
        self._completer.warm_up(height, width)
        self.status = self._judged("no frame yet.")

    def complete(self, frame: Frame, sparse: SparseDepth) -> Completion:
        """Complete a frame; depth that is less sure than `min_confidence`, a guess, or at an edge is unknown.

        Without an image `linear` stands in for a completer that needs one.

        Raises:
            Drop: the completer failed.
        """
        if frame.stamp_image < self._last_stamp:  # a bag begins again
            self._completer.forget()
        self._last_stamp = frame.stamp_image
        stands_in = frame.image is None and self._completer.needs_image
        completer = Linear() if stands_in else self._completer
        try:
            completion = completer.complete(frame.image, sparse, frame.camera, frame.name)
            if completion.depth.shape != frame.size:
                raise ValueError(f"its depth is {completion.depth.shape}, not {frame.size}")
        except Exception as error:
            raise self._failed(error) from error
        self._failures = 0
        self.status = self._judged("works.")
        if self._temporal is not None:
            completion = self._temporal.apply(frame, sparse, completion)
        asked = self._settings.min_confidence
        # Edges are sought in the whole depth: beside what is cut off for its confidence none could be seen.
        completion = completion.without_edges(self._settings.max_step)
        return completion.above(completer.least_confidence if asked < 0 else asked)

    def _failed(self, error: Exception) -> Drop:
        self._failures += 1
        many = self._failures >= self._settings.failures_until_error
        sentence = f"Completer '{self._completer.name}' failed: {type(error).__name__}: {error}"
        said = f"{self._failures} time(s) in a row; the last: {sentence}"
        self.status = Status("completer", WARN + many, said)
        return Drop("completer failed", sentence)

    def _judged(self, state: str) -> Status:
        """How the completer is, with all that is not as it should be; what is new of that is logged."""
        completer = self._completer
        new = completer.degradations[self._told :]
        if new:
            self._told += len(new)
            self._warn(" ".join(new))
        sentences = [*completer.warnings, *completer.degradations]
        message = " ".join([f"{completer.name}: {state}", *sentences])
        return Status("completer", WARN if sentences else OK, message, completer.report())
