"""Runs nodes in this process until they end or a signal asks them to, and leaves nothing behind."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from ..transport import use_large_message_profile
from .stopping import Interrupted, Stop, stop

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""As malloc.h has them."""


def run(
    *make_nodes: Callable[[], object], args: Sequence[str] | None = None, interrupted_code: int = 0
) -> NoReturn:
    """Make the nodes, spin them in one executor of the main thread, clean up, and end the process.

    Signals are taken here rather than by rclpy, which would shut the context down under a running
    executor and a worker that publishes. So the frame at hand is finished first and then the
    nodes are destroyed. A second signal changes nothing.

    Args:
        make_nodes: functions that return a node; one with a true attribute `finished` ends the run, and
            an attribute `exit_code`, where a node has it, is the exit code.
        args: command line with ROS arguments; that of the process when None.
        interrupted_code: exit code where a signal came while a node was made.

    The exit code is 0 after a signal or a normal end, 1 when a node could not be made.
    """
    stop.take_signals()
    use_large_message_profile()
    keep_freed_memory()
    # PyTorch's idle threads otherwise spin on cores that drivers and other nodes need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with stop.importing(interrupted_code):
        import rclpy

    nodes: list = []
    try:
        code = _run(make_nodes, args, nodes)
    except Interrupted:
        code = interrupted_code
    finally:
        if not stop.by_signal:
            stop.limit_the_end()
        for node in reversed(nodes):
            node.destroy_node()
        if len(nodes) < len(make_nodes):
            gc.collect()  # a node that is half made lets go of its participant, and that of its shared memory
        try:
            rclpy.try_shutdown()
        except Exception:  # of a node that is half made, and so lacks what its end needs
            if len(nodes) == len(make_nodes):
                raise
        stop.leave()
    code = max([code, *(getattr(node, "exit_code", 0) for node in nodes)])
    _end(code)


def _end(code: int) -> NoReturn:
    """End at once: all is closed, and Python's own end takes seconds with PyTorch on a busy machine.

    It would also wait for a worker that is still busy.
    """
    main = threading.main_thread()
    busy = [t.name for t in threading.enumerate() if t is not main and not t.daemon]
    if busy:
        print(f"Ending without: {', '.join(busy)}, still busy with a frame.", file=sys.stderr)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):  # whoever read it is gone
            stream.flush()
    os._exit(code)


def _run(make_nodes: Sequence[Callable[[], object]], args: Sequence[str] | None, nodes: list) -> int:
    """Make and spin the nodes, which are put into a list as they come."""
    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.signals import SignalHandlerOptions

    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # of a type that rclpy does not export
        print(f"The ROS arguments cannot be used: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    try:
        for make in make_nodes:
            with stop.making():
                nodes.append(make())
        spin(nodes, stop)
    except (ValueError, FileNotFoundError, ParameterException) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def keep_freed_memory() -> None:
    """Have glibc keep what large arrays leave, as each frame needs as much again.

    Else it goes back to the system, which hands it out anew page by page: a tenth of the time of a frame.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, 512 << 20)


def spin(nodes: Sequence, stop: Stop | threading.Event) -> None:
    """Spin nodes in one single-threaded executor until `stop` is set or one has `finished`.

    An exception that escapes a callback is logged, and the nodes live on.
    """
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=nodes[0].context)
    try:
        for node in nodes:
            executor.add_node(node)
        while not stop.is_set() and not any(getattr(node, "finished", False) for node in nodes):
            try:
                executor.spin_once(timeout_sec=0.1)
            except Exception:
                if not executor.context.ok():
                    return
                nodes[0].get_logger().error(f"A callback failed:\n{traceback.format_exc()}")
    finally:
        for node in nodes:
            executor.remove_node(node)
        executor.shutdown()
