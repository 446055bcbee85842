"""Who hears what the completion node tells, in a thread of its own: never behind, whatever the robot does."""

from __future__ import annotations

import threading
import time

from account import Account
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from depth_completion_ros.ros.outcomes import listen

IMAGE_STATUS = "completion: input image"
"""Of the node's diagnostics, with how many images it has received."""


class Listener(Node):
    """Puts what became of each image into an account, from the beginning until `stop`."""

    def __init__(self, account: Account):
        super().__init__("listener")
        self._account = account
        listen(self, self._on_outcome, lambda number: account.miss(number, time.monotonic()))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="listener")
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._ends.set()
        self._thread.join()
        self.destroy_node()

    def _spin(self) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(self)
        while not self._ends.is_set():
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()

    def _on_outcome(self, outcome) -> None:
        self._account.end(outcome.stamp, outcome.cause, time.monotonic())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == IMAGE_STATUS:
                self._account.received = int(_value(status, "received"))


def _value(status, key: str) -> str:
    return next(pair.value for pair in status.values if pair.key == key)
