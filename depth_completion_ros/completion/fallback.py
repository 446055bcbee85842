"""What completers do when memory runs out: first what saves memory, at last linear completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..core import SparseDepth
from .classical.linear import Linear
from .device import is_out_of_memory
from .interface import Completion

Result = TypeVar("Result")


class MemoryFallback:
    """Runs the work of a completer; whenever memory runs out, does it again with less.

    Args:
        save_memory: takes the next step that saves memory and tells it as the end of a sentence; None where
            none is left, and linear completion takes over for good.
        last_step: how that is told.

    Attributes:
        degradations: what was given up, a sentence each; for `Completer.degradations`.
        is_linear: whether linear completion has taken over.
    """

    def __init__(
        self,
        save_memory: Callable[[], str | None] = lambda: None,
        last_step: str = "linear completion stands in",
    ):
        self._save_memory, self._last_step = save_memory, last_step
        self.degradations: list[str] = []
        self.is_linear = False

    def attempt(self, work: Callable[[], Result], cause: Callable[[], str]) -> Result | None:
        """What `work` gives, done again after each step that saves memory; None once none is left.

        Args:
            cause: what has happened, as the start of a sentence.
        """
        while not self.is_linear:
            try:
                return work()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Here, as the traceback held on to what was allocated.
            self.give_way(cause())
        return None

    def complete(
        self, work: Callable[[], Completion], sparse: SparseDepth, cause: Callable[[], str]
    ) -> Completion:
        """As `attempt`, and linear completion once no memory can be saved."""
        completion = self.attempt(work, cause)
        return Linear().complete(None, sparse) if completion is None else completion

    def give_way(self, cause: str) -> None:
        """Take the next step that saves memory, and note it."""
        step = self._save_memory()
        if step is None:
            self.is_linear, step = True, self._last_step
        self.degradations.append(f"{cause}; from now on {step}.")
