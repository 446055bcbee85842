"""The worker: newest items win, nothing is lost without being told, and it always stops."""

from __future__ import annotations

import threading

from depth_completion_ros.ros.worker import Worker


def ignore(item, error):
    raise AssertionError(f"{item} failed") from error


class Gate:
    """A handler that waits on each item until let through."""

    def __init__(self):
        self.done, self.begun, self.open = [], threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, item):
        self.begun.release()
        assert self.open.acquire(timeout=10)
        self.done.append(item)


def test_a_slow_handler_gets_the_newest_items_and_the_replaced_come_back():
    gate = Gate()
    worker = Worker(gate, ignore, size=2)
    worker.start()
    assert worker.put(0) is None
    assert gate.begun.acquire(timeout=10)  # item 0 is worked on, the queue is empty
    assert [worker.put(item) for item in (1, 2, 3, 4)] == [None, None, 1, 2]
    assert worker.pending == 3
    for _ in range(3):
        gate.open.release()
    for _ in range(2):
        assert gate.begun.acquire(timeout=10)
    worker.stop()
    assert gate.done == [0, 3, 4]


def test_stopping_finishes_the_item_at_hand_and_gives_back_the_rest():
    gate = Gate()
    worker = Worker(gate, ignore, size=5)
    worker.start()
    for item in range(3):
        worker.put(item)
    assert gate.begun.acquire(timeout=10)
    threading.Timer(0.05, gate.open.release).start()
    assert worker.stop() == [1, 2]
    assert gate.done == [0] and worker.pending == 0
    assert not any(thread.name == "completion worker" for thread in threading.enumerate())


def test_an_exception_is_reported_and_the_worker_goes_on():
    errors, done = [], threading.Event()

    def handle(item):
        if item == "bad":
            raise RuntimeError("no")
        done.set()

    worker = Worker(handle, lambda item, error: errors.append((item, str(error))), size=2)
    worker.start()
    worker.put("bad")
    worker.put("good")
    assert done.wait(10)
    worker.stop()
    assert errors == [("bad", "no")]


def test_it_can_start_again_and_stop_twice():
    seen = []
    arrived = threading.Event()
    worker = Worker(lambda item: (seen.append(item), arrived.set()), ignore)
    assert worker.stop() == []
    for item in range(2):
        arrived.clear()
        worker.start()
        worker.put(item)
        assert arrived.wait(10)
        worker.stop()
    worker.stop()
    assert seen == [0, 1]
