"""What the node says of its frames: dropped ones are an error only where none is completed that is wanted."""

from __future__ import annotations

from depth_completion_ros.ros.diagnostics import ERROR, NO_SUBSCRIBER, OK, WARN, Counters, frames_status


def status(done: int = 0, dropped: dict | None = None, unpaired: dict | None = None):
    counters = Counters()
    before = counters.snapshot()
    for _ in range(done):
        counters.begin()
        counters.complete(0.01)
    for cause, number in (dropped or {}).items():
        for _ in range(number):
            counters.begin()
        counters.drop(cause, number)
    return frames_status(counters.snapshot(), before, unpaired or {}, {})


def test_frames_that_are_completed_are_fine():
    assert status(done=10).level == OK
    assert status(done=10, unpaired={"image without points": 20}).level == OK


def test_some_dropped_frames_are_a_warning_and_all_of_them_an_error():
    assert status(done=9, dropped={"no transform": 1}).level == WARN
    assert status(dropped={"no transform": 10}).level == ERROR


def test_a_bag_in_a_loop_that_nobody_listens_to_is_no_error():
    assert status(dropped={NO_SUBSCRIBER: 10}).level == OK
    assert (
        status(dropped={NO_SUBSCRIBER: 10}, unpaired={"time jump": 3, "points without image": 1}).level
        == WARN
    )
    assert status(unpaired={"time jump": 3}).level == WARN


def test_a_fault_that_leaves_nothing_stays_an_error_also_while_time_jumps():
    assert status(dropped={"no transform": 5}, unpaired={"time jump": 3}).level == ERROR


def test_frames_completed_without_points_or_image_are_counted_and_a_warning():
    counters = Counters()
    before = counters.snapshot()
    for without in ("", "points", "points", "image"):
        counters.begin()
        counters.complete(0.01, without)
    now = counters.snapshot()
    said = frames_status(now, before, {}, {})
    assert said.level == WARN
    assert (
        said.message
        == "4 completed since the last report, 2 of them without points, 1 of them without image."
    )
    assert (said.values["completed without points"], said.values["completed without image"]) == (2, 1)
    after = frames_status(now, now, {}, {})
    assert after.level == OK and after.values["completed without points"] == 2
