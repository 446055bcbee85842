"""Who does the work: processes of this machine, or actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import engine
from .processes import ProcessWorker


@dataclass(frozen=True)
class Crew:
    """Who does the work.

    Args:
        workers: number of them; None for one a CPU of the cluster, or one process.
        ray: address of a Ray cluster; None for processes of this machine.
    """

    workers: int | None = None
    ray: str | None = None

    def __bool__(self) -> bool:
        return bool(self.workers or self.ray)

    def do(
        self,
        items: Iterable[Hashable],
        make: engine.MakeTask,
        done: Callable[[Any, Any], None],
        given_up: Callable[[Any, str], Any],
        gpus: int = 0,
    ) -> Done:
        """`engine.run` by these workers, each of which calls `make` once.

        Args:
            gpus: that each actor of a cluster needs.

        Raises:
            ImportError, ConnectionError: Ray is not installed, or there is no cluster; and as `engine.run`.
        """
        start: Callable[[], engine.Worker] = partial(ProcessWorker, make)
        count = self.workers or 1
        if self.ray is not None:
            from .ray_cluster import RayWorker, connect

            cpus = connect(self.ray)  # in any case, or Ray would begin a cluster of its own
            count = self.workers or cpus
            start = partial(RayWorker, make, gpus)
        return Done(count, engine.run(items, start, count, done, given_up))


@dataclass(frozen=True)
class Done:
    """What came of it.

    Args:
        workers: that did it.
        lost: of them on the way.
    """

    workers: int
    lost: int
