"""Runs nodes in this process until they end or a signal asks them to, and leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence

from .transport import use_large_message_profile

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""As malloc.h has them."""


def run(*make_nodes: Callable[[], object], args: Sequence[str] | None = None) -> int:
    """Make the nodes, spin them in one executor of the main thread, and clean up.

    Signals are taken here rather than by rclpy, which would shut the context down under a running
    executor and a worker that publishes. So the frame at hand is finished first and then the
    nodes are destroyed.

    Args:
        make_nodes: functions that return a node; one with a true attribute `finished` ends the run.
        args: command line with ROS arguments; that of the process when None.

    Returns:
        exit code: 0 after a signal or a normal end, 1 when a node could not be made.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    use_large_message_profile()
    keep_freed_memory()
    # PyTorch's idle threads otherwise spin on cores that drivers and other nodes need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.signals import SignalHandlerOptions

    nodes: list = []
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # of a type that rclpy does not export
        print(f"The ROS arguments cannot be used: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    try:
        for make in make_nodes:
            nodes.append(make())
        spin(nodes, stop)
        return 0
    except (ValueError, FileNotFoundError, ParameterException) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for node in reversed(nodes):
            node.destroy_node()
        rclpy.try_shutdown()


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


def spin(nodes: Sequence, stop: threading.Event) -> None:
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
