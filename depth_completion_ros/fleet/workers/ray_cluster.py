"""Workers as actors of a Ray cluster: the same work on many machines.

All nodes need this package and the same paths of data and results, as of a network file system.
"""

from __future__ import annotations

import os
import socket
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from .engine import ONE_THREAD, MakeTask, WorkerLost, begun

_PATIENCE_S = 10.0
"""How long a node may take to answer at all."""


def connect(address: str) -> int:
    """Connect to a cluster and give the number of its CPUs.

    Args:
        address: `auto` for the cluster of this machine (`ray start`), `host:6379`, or `ray://host:10001`.

    Raises:
        ImportError, ConnectionError: Ray is not installed, or there is no cluster.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ImportError("--ray needs Ray, which is not installed: pip install 'ray>=2.40'.") from None
    if not ray.is_initialized():
        try:
            _reach(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (OSError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"There is no Ray cluster at '{address}' ({str(error).splitlines()[0].rstrip('.')}); start "
                "one with `ray start --head`, or give its address."
            ) from None
    return int(ray.cluster_resources().get("CPU", 0))


def _reach(address: str) -> None:
    """OSError where nothing listens at `host:port`; Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S).close()


class RayWorker:
    """An actor with one CPU and so many GPUs."""

    def __init__(self, make: MakeTask, gpus: int = 0):
        import ray

        options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0}
        environment = {"env_vars": ONE_THREAD}
        made = ray.remote(_Actor).options(**options, runtime_env=environment)
        self._actor = made.remote(make, str(Path.cwd()))

    def begin(self) -> Future[None]:
        return _told(self._actor.begin.remote())

    def do(self, item: Any) -> Future[Any]:
        return _told(self._actor.do.remote(item))

    def end(self) -> None:
        import ray

        with suppress(ray.exceptions.RayError):
            ray.kill(self._actor)


class _Actor:
    """What an actor does, in the folder of who started it, so that relative paths mean the same."""

    def __init__(self, make: MakeTask, folder: str):
        self._make = make
        with suppress(OSError):  # where no path is relative, it need not be there
            os.chdir(folder)

    def begin(self) -> None:
        self._task = begun(self._make)

    def do(self, item: Any) -> Any:
        return self._task(item)


def _told(reference) -> Future:
    """A future that ends with `WorkerLost` where Ray has lost the actor, and with the actor's own errors."""
    from ray.exceptions import RayError, RayTaskError

    told: Future = Future()

    def tell(of: Future) -> None:
        error = of.exception()
        if isinstance(error, RayTaskError):
            told.set_exception(error.cause if isinstance(error.cause, Exception) else error)
        elif isinstance(error, RayError):
            told.set_exception(WorkerLost(f"Ray has lost its actor ({type(error).__name__})."))
        elif error is not None:
            told.set_exception(error)
        else:
            told.set_result(of.result())

    reference.future().add_done_callback(tell)
    return told
