"""The pipeline: two threads at once, the newest items, nothing lost without being told."""

from __future__ import annotations

import threading
import time

import pytest

from depth_completion_ros.ros.threads.pipeline import Pipeline


def ignore(item, error):
    raise AssertionError(f"{item} failed") from error


def twice(item: int) -> int:
    return 2 * item


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_next_item_is_prepared_while_one_is_finished():
    second_prepared, done = threading.Event(), []

    def prepare(item):
        if item == 2:
            second_prepared.set()
        return twice(item)

    def finish(item, prepared):
        assert second_prepared.wait(10), "nothing is prepared meanwhile"
        done.append((item, prepared))

    pipeline = Pipeline(prepare, finish, ignore)
    pipeline.start()
    assert pipeline.put(1) is None
    wait_until(lambda: pipeline._second.pending)  # 1 is prepared, and its place free
    assert pipeline.put(2) is None
    wait_until(lambda: len(done) == 2)
    assert pipeline.stop() == [] and pipeline.pending == 0
    assert done == [(1, 2), (2, 4)]


def test_a_slow_end_gets_the_newest_items_and_nothing_is_prepared_for_nothing():
    prepared, finished, replaced = [], [], []

    def prepare(item):
        prepared.append(item)
        return twice(item)

    def finish(item, twofold):
        time.sleep(0.03)
        finished.append(item)

    pipeline = Pipeline(prepare, finish, ignore)
    pipeline.start()
    for item in range(100):
        if (old := pipeline.put(item)) is not None:
            replaced.append(old)
        time.sleep(0.003)
    left = pipeline.stop()
    assert sorted(finished + replaced + left) == list(range(100))
    assert finished == sorted(finished) and len(replaced) > len(finished) > 2
    assert set(prepared) <= {*finished, *left} and len(prepared) - len(finished) <= 1


@pytest.mark.parametrize("where", ["prepare", "finish"])
def test_an_exception_in_either_thread_is_told_with_its_item_and_both_go_on(where):
    told, done = [], []

    def fail(name, item):
        if name == where and item == "bad":
            raise RuntimeError("no")

    pipeline = Pipeline(
        lambda item: fail("prepare", item),
        lambda item, _: (fail("finish", item), done.append(item)),
        lambda item, error: told.append((item, str(error))),
        size=3,
    )
    pipeline.start()
    for item in ("good", "bad", "fine"):
        assert pipeline.put(item) is None
    wait_until(lambda: done == ["good", "fine"])
    assert pipeline.stop() == [] and told == [("bad", "no")]


def test_stopping_finishes_what_is_at_hand_and_gives_back_what_waits_in_either_place():
    begun, go_on = threading.Event(), threading.Event()

    def finish(item, _):
        begun.set()
        assert go_on.wait(10)

    pipeline = Pipeline(twice, finish, ignore, size=5)
    pipeline.start()
    pipeline.put(0)
    assert begun.wait(10)
    for item in (1, 2, 3):
        pipeline.put(item)
    wait_until(lambda: pipeline._second.waiting == 1)  # 1 is prepared, and no other while it waits
    assert pipeline.pending == 4
    threading.Timer(0.05, go_on.set).start()
    assert pipeline.stop() == [1, 2, 3]
    assert not any(thread.name == "completion worker" for thread in threading.enumerate())


def test_an_item_that_takes_too_long_is_not_waited_for_beyond_the_limit():
    go_on = threading.Event()
    pipeline = Pipeline(twice, lambda item, _: go_on.wait(10), ignore)
    pipeline.start()
    pipeline.put(0)
    wait_until(lambda: pipeline._begun is not None)
    assert pipeline.stop(0.01) == []
    go_on.set()
    wait_until(lambda: not any(t.name == "completion worker" for t in threading.enumerate()))
