"""What became of each image is told on depth/frames: completed with its latency, or the cause of the drop."""

from __future__ import annotations

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from robot import CAMERA, START, STEP, Robot, completion_node, image_message, info_message, points_message

from depth_completion_ros.ros.outcomes import COMPLETED, Outcome, OutcomePublisher, listen


class Told:
    """Collects outcomes."""

    def __init__(self, ros):
        self.node = ros.node("outcomes")
        self.outcomes: list[Outcome] = []
        listen(self.node, self.outcomes.append)

    def connect(self, ros, completion) -> None:
        publisher = completion._outcomes._publisher
        assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)

    def of(self, stamp: int) -> list[str]:
        return [outcome.cause for outcome in self.outcomes if outcome.stamp == stamp]


class Console:
    """What was said on stderr so far."""

    def __init__(self, capfd):
        self._capfd = capfd
        self._said = ""

    def has(self, words: str) -> bool:
        return words in self.text

    @property
    def text(self) -> str:
        self._said += self._capfd.readouterr().err
        return self._said


def test_every_image_has_one_outcome(ros):
    robot, told = Robot(ros), Told(ros)
    node = completion_node(ros)
    robot.connect()
    told.connect(ros, node)
    robot.send(START)
    assert ros.spin_until(lambda: told.of(START) == [COMPLETED])
    assert 0 < told.outcomes[0].latency_ms < 10_000
    robot.send(START + STEP, image=_empty_image(START + STEP))
    assert ros.spin_until(lambda: told.of(START + STEP) == ["image cannot be decoded"])
    assert told.outcomes[1].latency_ms is None and told.outcomes[1].reason
    for i in (2, 3):  # cameras are faster than LiDARs
        robot.publishers["camera_info"].publish(info_message(START + i * STEP))
        robot.publishers["image"].publish(image_message(START + i * STEP))
    robot.publishers["points"].publish(points_message(START + 3 * STEP))
    assert ros.spin_until(lambda: told.of(START + 3 * STEP) == [COMPLETED])
    assert ros.spin_until(lambda: told.of(START + 2 * STEP) == ["image without points"])
    robot.publishers["image"].publish(image_message(START + 3 * STEP))
    assert ros.spin_until(lambda: told.of(START + 3 * STEP) == [COMPLETED, "repeated stamp"])


def test_a_listener_knows_how_many_outcomes_it_has_missed(ros):
    teller, listener = ros.node("teller"), ros.node("listener")
    outcomes: list[Outcome] = []
    missed: list[int] = []
    listen(listener, outcomes.append, missed.append)
    publisher = OutcomePublisher(teller)
    assert ros.spin_until(lambda: publisher._publisher.get_subscription_count() == 1)
    header = image_message(START).header
    publisher.dropped(header, "no transform")
    assert ros.spin_until(lambda: len(outcomes) == 1)
    for _ in range(1100):  # more than wait for a listener that does not spin
        publisher.dropped(header, "no transform")
    assert ros.spin_until(lambda: outcomes[-1].number == 1101)
    assert 0 < sum(missed) == 1101 - len(outcomes)
    other = OutcomePublisher(ros.node("teller_after_a_restart"))
    assert ros.spin_until(lambda: other._publisher.get_subscription_count() == 1)
    before = len(outcomes), sum(missed)
    for _ in range(2):
        other.dropped(header, "no transform")
    assert ros.spin_until(lambda: len(outcomes) == before[0] + 2)
    assert sum(missed) == before[1]


def _empty_image(stamp: int):
    message = image_message(stamp)
    message.data = message.data[: CAMERA.width]
    return message


def test_a_frame_that_nobody_wants_is_told_too(ros, capfd):
    robot, told = Robot(ros, outputs=()), Told(ros)
    node = completion_node(ros)
    robot.connect()
    told.connect(ros, node)
    robot.send(START)
    assert ros.spin_until(lambda: told.of(START) == ["nobody subscribes"])
    console = Console(capfd)
    assert ros.spin_until(lambda: console.has("Nobody subscribes to any output"))


def test_frames_that_wait_when_the_node_is_deactivated_are_told_and_the_totals_are_said(ros, capfd):
    robot, told = Robot(ros), Told(ros)
    node = completion_node(ros)
    robot.connect()
    told.connect(ros, node)
    robot.send(START)
    robot.wait_for_outputs(1)
    robot.publishers["image"].publish(image_message(START + STEP))
    assert ros.spin_until(lambda: node._inputs.pairing.pending == 1)
    node.trigger_deactivate()
    assert ros.spin_until(lambda: told.of(START + STEP) == ["deactivated"])
    said = capfd.readouterr().err
    assert "Completed 1 of 1 frames, latency p50 " in said
    assert "dropped: unpaired, deactivated (1)." in said


def test_after_shutdown_diagnostics_say_finalized(ros):
    robot = Robot(ros)
    node = completion_node(ros)
    node.trigger_shutdown()
    robot.wait_for_status("completion: life cycle", "OK", "Finalized.")


def test_silent_inputs_are_told_once_on_the_console_and_so_is_their_return(ros, capfd):
    robot = Robot(ros)
    completion_node(ros, stale_after=0.5)
    robot.connect()
    robot.send(START)
    robot.wait_for_outputs(1)
    console = Console(capfd)
    assert ros.spin_until(lambda: console.has("Nothing received for "))
    assert all(console.has(f"/{name} (1 publisher(s))") for name in ("image", "points", "camera_info"))
    ros.spin_until(lambda: False, 1.5)
    assert console.text.count("Nothing received for ") == 1
    for number in range(1, 100):  # until a look of the node, once a second, comes while they are fresh
        robot.send(START + number * STEP)
        if ros.spin_until(lambda: console.has("Received again: /image"), 0.1):
            break
    assert console.has("Received again: /image")


def test_stamps_of_a_recording_without_its_clock_are_named(ros, capfd):
    robot = Robot(ros)
    completion_node(ros)
    robot.connect()
    robot.send(START)  # a quarter of an hour after 1970
    robot.wait_for_outputs(1)
    message = robot.wait_for_status("completion: stamps", "WARN", "years before this node's clock")
    assert "use_sim_time" in message
    assert "years before this node's clock" in capfd.readouterr().err


def test_the_completer_is_warm_before_the_node_is_active(ros, capfd, monkeypatch):
    from depth_completion_ros.completion.classical.nearest import Nearest

    sizes = []
    monkeypatch.setattr(Nearest, "warm_up", lambda self, height, width: sizes.append((height, width)))
    node = completion_node(ros, autostart=False)
    node.trigger_configure()
    assert sizes == [(64, 96)]
    assert "Warmed 'nearest' up at 96 x 64 in " in capfd.readouterr().err
    other = completion_node(ros, autostart=False, warm_up_size=[160, 96])
    other.trigger_configure()
    assert sizes[1:] == [(96, 160)]
    assert np.all(np.array(sizes) > 0)


def test_a_message_that_is_no_outcome_is_counted_as_missed_and_ends_nothing():
    heard, missed = [], []

    class Node:
        def create_subscription(self, kind, topic, callback, profile):
            self.callback = callback

    node = Node()
    listen(node, heard.append, missed.append)
    forged = DiagnosticStatus(message="completed", values=[KeyValue(key="number", value="many")])
    node.callback(DiagnosticArray(status=[forged]))
    node.callback(DiagnosticArray())
    assert missed == [1, 1] and not heard
