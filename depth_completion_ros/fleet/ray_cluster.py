"""Workers as actors of a Ray cluster: the same work on many machines.

All nodes need this package and the same paths of data and results, as of a network file system.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from .drives import Stretch
from .engine import WorkerLost
from .job import ONE_THREAD, Job, Outcome, Work


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
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConnectionError(
                f"There is no Ray cluster at '{address}' ({str(error).splitlines()[0].rstrip('.')}); start "
                "one with `ray start --head`, or give its address."
            ) from None
    return int(ray.cluster_resources().get("CPU", 0))


class RayWorker:
    """An actor with one CPU and, where completers are to run on `cuda`, one GPU."""

    def __init__(self, job: Job, folder: Path):
        import ray

        needs_gpu = str(job.completers.options.get("device", "")).startswith("cuda")
        options = {"num_cpus": 1, "num_gpus": int(needs_gpu), "max_restarts": 0}
        environment = {"env_vars": ONE_THREAD}
        self._actor = ray.remote(_Actor).options(**options, runtime_env=environment).remote(job, str(folder))

    def begin(self) -> Future[None]:
        return _told(self._actor.begin.remote())

    def do(self, stretch: Stretch, name: str) -> Future[Outcome]:
        return _told(self._actor.do.remote(stretch, name))

    def end(self) -> None:
        import ray

        with suppress(ray.exceptions.RayError):
            ray.kill(self._actor)


class _Actor:
    def __init__(self, job: Job, folder: str):
        self._job, self._folder = job, Path(folder)

    def begin(self) -> None:
        self._work = Work(self._job, self._folder)

    def do(self, stretch: Stretch, name: str) -> Outcome:
        return self._work.do(stretch, name)


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
