"""Diagnostics name the true cause: which stage is slow, what is lost, what is malformed, who has a twin."""

from __future__ import annotations

import gc
import re
import threading
import time
from collections import Counter

import pytest
from robot import CAMERA, START, STEP, Robot, completion_node, image_message, info_message, points_message

from depth_completion_ros.completion.classical.nearest import Nearest
from depth_completion_ros.core import SparseDepth
from depth_completion_ros.ros.diagnostics import OK, WARN, Stream
from depth_completion_ros.ros.diagnostics.stages import (
    DECODE,
    FILTER,
    STAGES,
    TRANSFORM,
    Stages,
    true_cause,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def stages_of(**seconds: float) -> Stages:
    """Stages of ten frames with these times, by the first word of a stage."""
    clock = Clock()
    stages = Stages(clock)
    for _ in range(10):
        with stages.frame(0.5):
            for word, duration in seconds.items():
                with stages.measure(next(stage for stage in STAGES if stage.startswith(word))):
                    clock.now += duration
    return stages


def test_a_stage_done_in_two_parts_counts_as_one():
    clock = Clock()
    stages = Stages(clock)
    with stages.frame(0.0):
        for _ in range(2):
            with stages.measure(TRANSFORM):
                clock.now += 0.03
        with stages.measure(DECODE):
            clock.now += 0.04
    assert stages.slowest == TRANSFORM
    assert stages.sentence == "A frame takes 100 ms, 60 ms of it camera and transform."


def test_the_status_has_the_latency_of_each_stage():
    status = stages_of(decoding=0.01, projection=0.02, completer=0.03).status
    assert status.level == OK
    assert status.values["completer p95 (ms)"] == 30.0 and status.values["waiting p50 (ms)"] == 500.0
    assert Stages().status.message == "No frame has been worked on yet."


def test_processor_time_is_that_of_the_stage_without_what_the_main_thread_does():
    stages = Stages()

    def work():
        with stages.frame(0.0), stages.measure(FILTER):
            end = time.thread_time() + 0.1
            while time.thread_time() < end:
                pass

    worker = threading.Thread(target=work)
    worker.start()
    begin = time.thread_time()
    while worker.is_alive():  # as an executor that receives all the time
        sum(range(1000))
    beside = time.thread_time() - begin
    assert beside > 0.03
    worked_ms = stages.status.values["projection and filter process CPU mean (ms)"]
    assert 99 <= worked_ms < 100 + 1e3 * beside / 2


def test_a_frame_that_does_not_end_is_told_with_its_stage():
    clock = Clock()
    stages = Stages(clock)
    with stages.frame(0.0), stages.measure(FILTER):
        clock.now += 17.0
        assert (stages.status.level, stages.status.message) == (
            WARN,
            "The frame at hand is in projection and filter for 17.0 s.",
        )
    assert stages.status.level == OK


@pytest.mark.parametrize(
    ("drops", "seconds", "lost", "cause"),
    [
        ({"replaced by a newer frame": 5}, {"completer": 0.2, "projection": 0.1}, 0, "completer slow"),
        ({"replaced by a newer frame": 5}, {"completer": 0.1, "projection": 0.2}, 0, "filter slow"),
        ({"replaced by a newer frame": 5}, {"completer": 0.1, "decoding": 0.2}, 0, "decoding slow"),
        ({"replaced by a newer frame": 5}, {"completer": 0.1, "camera": 0.2}, 0, "transform late"),
        ({"points without image": 4}, {"completer": 0.1}, 4, "transport loses"),
        ({"points without image": 4}, {"completer": 0.1}, 0, ""),
        (
            {"image cannot be decoded": 2, "replaced by a newer frame": 1},
            {"completer": 1},
            0,
            "input malformed",
        ),
        ({"camera not calibrated": 2}, {}, 0, "input malformed"),
        ({"no transform": 2}, {}, 0, "transform missing"),
        ({"completer failed": 2}, {}, 0, "completer fails"),
    ],
)
def test_the_cause_is_what_explains_most_drops(drops, seconds, lost, cause):
    assert true_cause(Counter(drops), stages_of(**seconds), lost) == cause


def test_missing_messages_are_counted_by_their_stamps():
    stream = Stream("image", "/image")
    numbers = [*range(20), 23, 24, 26, 27, 400, 401, 3, 4]  # three gaps, the last a pause; then a loop
    for number in numbers:
        stream.message(START + number * STEP)
    assert stream.lost == 3 + 1
    assert stream.status(1, 2.0, False).values["missing by their stamps"] == 4


# A node --------------------------------------------------------------------------------------------


def flood(ros, robot, number: int) -> None:
    for i in range(number):
        robot.send(START + i * STEP)
        ros.spin_until(lambda: False, 0.02)


def test_a_slow_completer_is_named(ros, monkeypatch, capfd):
    complete = Nearest.complete
    monkeypatch.setattr(Nearest, "complete", lambda *given: time.sleep(0.1) or complete(*given))
    robot = Robot(ros)
    completion_node(ros, frame_queue=1)
    robot.connect()
    flood(ros, robot, 30)
    robot.wait_for_status("completion: frames", "WARN", "cause: completer slow")
    robot.wait_for_status("completion: latency", "OK", "of it completer.")
    # On a busy machine the next one comes before the first has reached the completer.
    assert re.search(r"replaced by a newer frame: The first frame is in [a-z ]+\.", capfd.readouterr().err)


def test_a_slow_filter_is_named_and_not_the_completer(ros, monkeypatch):
    project = SparseDepth.from_points.__func__

    def slow(cls, *given, **options):
        time.sleep(0.1)
        return project(cls, *given, **options)

    monkeypatch.setattr(SparseDepth, "from_points", classmethod(slow))
    robot = Robot(ros)
    completion_node(ros, frame_queue=1)
    robot.connect()
    flood(ros, robot, 30)
    robot.wait_for_status("completion: frames", "WARN", "cause: filter slow")
    robot.wait_for_status("completion: completer", "OK", "works")


def test_a_malformed_input_is_named(ros):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    for i in range(3):
        stamp = START + i * STEP
        robot.send(stamp, info=info_message(stamp, CAMERA.resized(80, 48)))
    robot.wait_for_status("completion: frames", "ERROR", "cause: input malformed")


def test_images_that_do_not_arrive_are_named(ros):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    for i in range(40):
        stamp = START + i * STEP
        robot.publishers["camera_info"].publish(info_message(stamp))
        robot.publishers["points"].publish(points_message(stamp))
        if i < 20 or i % 3 == 0:
            robot.publishers["image"].publish(image_message(stamp))
        ros.spin_until(lambda: False, 0.02)
    robot.wait_for_status("completion: frames", "WARN", "cause: transport loses")

    def missing() -> int:
        return int(robot.statuses["completion: input image"][2]["missing by their stamps"])

    assert ros.spin_until(lambda: missing() >= 8)
    assert missing() <= 14


def test_two_nodes_of_one_name_are_an_error_of_both(ros, capfd):
    gc.collect()  # nodes of earlier tests
    robot = Robot(ros)
    completion_node(ros)
    robot.wait_for_status("completion: name", "OK", "No other node is called /completion.")
    second = completion_node(ros)
    robot.wait_for_status("completion: name", "ERROR", "2 nodes are called /completion, and each publishes")
    ros.spin_until(lambda: False, 2.5)
    assert capfd.readouterr().err.count("2 nodes are called") == 2, "told once by each"
    ros.executor.remove_node(second)
    ros._nodes.remove(second)
    second.destroy_node()
    del second
    gc.collect()
    robot.wait_for_status("completion: name", "OK")
