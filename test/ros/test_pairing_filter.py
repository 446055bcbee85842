"""The pairing filter in a chain of message_filters, case by case what the stock one gets wrong."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("sensor_msgs", reason="the ROS message packages are not installed")

from sensor_msgs.msg import Image, PointCloud2  # noqa: E402

from depth_completion_ros.core.pairing import Pairing  # noqa: E402
from depth_completion_ros.ros.inputs.pairing_filter import PairingFilter  # noqa: E402
from depth_completion_ros.ros.wheels.packages import message_filters  # noqa: E402

START_MS = 100_000


def message(kind, ms):
    made = kind()
    made.header.stamp.sec, made.header.stamp.nanosec = divmod(ms * 1_000_000, 10**9)
    return made


def stamp_ms(msg):
    return msg.header.stamp.sec * 1000 + msg.header.stamp.nanosec // 1_000_000


class Chain:
    """Two heads, the filter, and the stamps in milliseconds of what it called back with."""

    def __init__(self, slack_ms=0, callback=None, logger=None, **options):
        self.images, self.points = message_filters.SimpleFilter(), message_filters.SimpleFilter()
        pairing = Pairing(slack_ms * 1_000_000, **options)
        self.pairs = []
        self.pairs_before_jumps = []
        self.filter = PairingFilter(
            self.images,
            self.points,
            pairing,
            logger,
            lambda: self.pairs_before_jumps.append(len(self.pairs)),
        )
        if callback:
            self.filter.registerCallback(callback)
        self.filter.registerCallback(self._store)

    def _store(self, image, points):
        self.pairs.append((stamp_ms(image), stamp_ms(points)))

    def image(self, ms):
        self.images.signalMessage(message(Image, ms))

    def cloud(self, ms):
        self.points.signalMessage(message(PointCloud2, ms))

    def both(self, ms):
        self.image(ms)
        self.cloud(ms)


class Log:
    def __init__(self):
        self.errors = []

    def error(self, text):
        self.errors.append(text)


def test_slack_is_inclusive():
    chain = Chain(slack_ms=0)
    chain.both(START_MS)
    assert chain.pairs == [(START_MS, START_MS)]


def test_exact_partners_win_when_clouds_are_delivered_first():
    chain = Chain(slack_ms=60)
    for ms in range(START_MS, START_MS + 1000, 50):
        if ms % 100 == 0:
            chain.cloud(ms)
        chain.image(ms)
    assert chain.pairs == [(ms, ms) for ms in range(START_MS, START_MS + 1000, 100)]


def test_output_never_goes_back_in_time():
    chain = Chain(slack_ms=60)
    for ms in (0, 100, 200):
        chain.cloud(START_MS + ms)
    for ms in (10, 40, 90, 160, 190, 400):
        chain.image(START_MS + ms)
    assert chain.pairs == sorted(chain.pairs)
    assert chain.pairs == [
        (START_MS + 10, START_MS),
        (START_MS + 90, START_MS + 100),
        (START_MS + 190, START_MS + 200),
    ]


def test_output_continues_after_a_looping_bag():
    chain = Chain()
    for _ in range(3):
        for ms in range(START_MS, START_MS + 2000, 100):
            chain.both(ms)
    assert len(chain.pairs) == 60
    assert chain.filter.time_jumps == 2
    assert chain.pairs_before_jumps == [20, 40], "told of each jump before the pairs that follow it"


def test_a_slow_callback_does_not_hold_up_the_other_input():
    entered, leave = threading.Event(), threading.Event()

    def slow(image, points):
        entered.set()
        assert leave.wait(10)

    chain = Chain(callback=slow)
    worker = threading.Thread(target=chain.both, args=(START_MS,))
    worker.start()
    assert entered.wait(10)
    started = time.monotonic()
    for ms in range(START_MS + 100, START_MS + 600, 100):
        chain.both(ms)
    assert time.monotonic() - started < 1.0
    assert chain.filter.paired == 6 and chain.pairs == []
    leave.set()
    worker.join(10)
    assert chain.pairs == [(ms, ms) for ms in range(START_MS, START_MS + 600, 100)]


def test_pairs_that_wait_for_a_slow_callback_are_bounded_and_counted():
    entered, leave = threading.Event(), threading.Event()

    def slow(image, points):
        entered.set()
        assert leave.wait(10)

    chain = Chain(callback=slow, max_points=3)
    worker = threading.Thread(target=chain.both, args=(START_MS,))
    worker.start()
    assert entered.wait(10)
    for ms in range(START_MS + 100, START_MS + 1100, 100):
        chain.both(ms)
    leave.set()
    worker.join(10)
    assert chain.filter.dropped == {"callback too slow": 2 * 7}
    assert chain.filter.paired == len(chain.pairs) == 4
    assert chain.pairs[-1] == (START_MS + 1000, START_MS + 1000)


def test_an_exception_in_a_callback_is_logged_and_stops_nothing():
    def broken(image, points):
        raise RuntimeError("lens cap is on")

    log = Log()
    chain = Chain(callback=broken, logger=log)
    for ms in range(START_MS, START_MS + 500, 100):
        chain.both(ms)
    assert len(chain.pairs) == chain.filter.callback_errors == 5
    assert "lens cap is on" in log.errors[0]


def test_a_callback_may_feed_the_filter_itself():
    chain = Chain(callback=lambda image, points: stamp_ms(image) < START_MS + 300 and chain.both(
        stamp_ms(image) + 100
    ))  # fmt: skip
    chain.both(START_MS)
    assert [image for image, _ in chain.pairs] == [START_MS + ms for ms in (0, 100, 200, 300)]


def test_messages_that_found_no_partner_are_counted_by_cause():
    chain = Chain()
    chain.image(0)
    chain.image(START_MS)
    chain.cloud(START_MS + 10)
    chain.image(START_MS + 20)
    assert chain.filter.dropped == {
        "stamp is zero": 1,
        "image without points": 1,
        "points without image": 1,
    }
    assert chain.filter.received == (3, 1)
    assert chain.filter.pending == 1


def test_long_queues_cost_little():
    chain = Chain(slack_ms=60, max_images=1000, max_points=1000, wait_ns=10**12)
    started = time.perf_counter()
    for ms in range(START_MS, START_MS + 20_000, 20):
        chain.cloud(ms)
    for ms in range(START_MS, START_MS + 20_000, 20):
        chain.image(ms)
    assert len(chain.pairs) == 1000
    assert time.perf_counter() - started < 2.0


def test_silence_flushes_what_waits_and_reset_drops_it():
    chain = Chain(slack_ms=50)
    chain.image(START_MS)
    chain.cloud(START_MS + 10)
    chain.filter.flush_if_silent(60.0)
    assert chain.pairs == []
    chain.filter.flush_if_silent(0.0)
    assert chain.pairs == [(START_MS, START_MS + 10)]
    chain.cloud(START_MS + 200)
    chain.filter.reset("deactivated")
    assert chain.filter.dropped["deactivated"] == 1
    assert chain.filter.pending == 0


def test_many_threads_give_every_pair_once_and_in_order():
    chain = Chain(max_images=500, max_points=500, wait_ns=10**12)

    def run(feed):
        for ms in range(START_MS, START_MS + 5000, 10):
            feed(ms)

    threads = [threading.Thread(target=run, args=(feed,)) for feed in (chain.image, chain.cloud)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    filtered = chain.filter
    assert chain.pairs == sorted(set(chain.pairs))
    assert all(image == points for image, points in chain.pairs)
    assert 2 * filtered.paired + filtered.dropped.total() + filtered.pending == 1000


def test_live_topics_are_paired(ros):
    talker, listener = ros.node("talker"), ros.node("listener")
    image_publisher = talker.create_publisher(Image, "image", 10)
    points_publisher = talker.create_publisher(PointCloud2, "points", 10)
    pairs = []
    filtered = PairingFilter(
        message_filters.Subscriber(listener, Image, "image", qos_profile=10),
        message_filters.Subscriber(listener, PointCloud2, "points", qos_profile=10),
        Pairing(0),
        listener.get_logger(),
    )
    filtered.registerCallback(lambda *pair: pairs.append([stamp_ms(msg) for msg in pair]))
    both = (image_publisher, points_publisher)
    assert ros.spin_until(lambda: all(p.get_subscription_count() == 1 for p in both))
    for ms in range(START_MS, START_MS + 500, 100):
        points_publisher.publish(message(PointCloud2, ms))
        image_publisher.publish(message(Image, ms))
    assert ros.spin_until(lambda: len(pairs) == 5)
    assert pairs == [[ms, ms] for ms in range(START_MS, START_MS + 500, 100)]
