"""The pairing policy, on stamps alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from depth_completion_ros.core.pairing import Pairing

MS = 1_000_000
SECOND = 1000 * MS
START = 100 * SECOND


def feed(pairing, messages):
    """Feed ("image" | "points", stamp) messages, whose items are their stamps; the pairs."""
    pairs = []
    for kind, stamp in messages:
        pairs += (pairing.add_image if kind == "image" else pairing.add_points)(stamp, stamp)
    return pairs


def stream(kind, period_ms, count, start=START, jitter=None):
    stamps = [start + round(i * period_ms * MS) for i in range(count)]
    if jitter is not None:
        stamps = [stamp + int(jitter.uniform(-0.4, 0.4) * period_ms * MS) for stamp in stamps]
    return [(kind, stamp) for stamp in stamps]


def arrive(*streams, delays=None):
    """Messages of streams in the order of their arrival, each stream delayed by its own time."""
    delays = delays or [0] * len(streams)
    arrivals = [
        (stamp + delay, order, kind, stamp)
        for order, (messages, delay) in enumerate(zip(streams, delays, strict=True))
        for kind, stamp in messages
    ]
    return [(kind, stamp) for _, _, kind, stamp in sorted(arrivals)]


def assert_nothing_is_lost_from_the_books(pairing):
    for one in (pairing.images, pairing.points):
        assert one.received == pairing.paired + one.alone + one.dropped.total() + len(one.stamps)


def test_equal_stamps_pair_without_slack_as_soon_as_both_are_there():
    pairing = Pairing(0)
    assert feed(pairing, [("points", START), ("image", START)]) == [(START, START)]
    assert feed(pairing, [("image", 2 * START), ("points", 2 * START)]) == [(2 * START, 2 * START)]
    assert pairing.dropped.total() == 0


@pytest.mark.parametrize("side", [-1, 1])
def test_slack_is_inclusive(side):
    stamp = START + side * 20 * MS
    messages = [("image", stamp), ("points", START), ("image", START + SECOND)]
    messages.sort(key=lambda message: message[1])
    assert feed(Pairing(20 * MS), messages) == [(stamp, START)]
    assert feed(Pairing(20 * MS - 1), messages) == []


def test_nearest_image_wins_over_the_first_within_the_slack():
    """20 Hz images, 10 Hz clouds, clouds delivered first: the stock filter takes the wrong one."""
    images, points = stream("image", 50, 21), stream("points", 100, 10)
    pairs = feed(Pairing(60 * MS), arrive(images, points, delays=[5 * MS, 0]))
    assert pairs == [(stamp, stamp) for _, stamp in points]


@pytest.mark.parametrize("late", ["image", "points"])
@pytest.mark.parametrize("lag_ms", [0, 40, 500])
def test_one_stream_may_lag_half_a_second(late, lag_ms):
    images, points = stream("image", 1000 / 30, 300), stream("points", 100, 100)
    delays = [lag_ms * MS, 0] if late == "image" else [0, lag_ms * MS]
    pairing = Pairing(20 * MS)
    pairs = feed(pairing, arrive(images, points, delays=delays))
    assert len(pairs) >= 99
    assert all(abs(image - cloud) < MS for image, cloud in pairs)
    assert pairing.points.dropped.total() == 0


def test_a_pair_does_not_wait_for_the_next_image_when_the_interval_is_known():
    early = [("image", START), ("points", START + 5 * MS)]
    assert feed(Pairing(50 * MS), early) == []
    assert feed(Pairing(50 * MS, image_interval_ns=33 * MS), early) == [(START, START + 5 * MS)]
    nearer_may_come = [("image", START), ("points", START + 20 * MS)]
    assert feed(Pairing(50 * MS, image_interval_ns=33 * MS), nearer_may_come) == []


def test_a_cloud_that_no_image_can_reach_any_more_is_dropped_at_once():
    pairing = Pairing(10 * MS)
    feed(pairing, [("points", START), ("image", START + 11 * MS)])
    assert pairing.points.dropped == {"points without image": 1}
    assert pairing.pending == 1


def test_camera_offset_is_added_to_image_stamps():
    pairing = Pairing(0, image_offset_ns=-30 * MS)
    assert feed(pairing, [("image", START + 30 * MS), ("points", START)]) == [(START + 30 * MS, START)]


def test_an_image_is_used_once_and_output_never_goes_back():
    pairing = Pairing(50 * MS)
    pairs = feed(
        pairing,
        [("image", START - 20 * MS), ("image", START + 5 * MS)]
        + [("points", START), ("points", START + 6 * MS)]
        + [("image", START + 40 * MS), ("image", START + SECOND)],
    )
    assert pairs == [(START + 5 * MS, START), (START + 40 * MS, START + 6 * MS)]
    assert pairing.images.dropped["image without points"] == 1


def test_output_does_not_depend_on_how_the_streams_interleave():
    random = np.random.default_rng(0)
    images = stream("image", 33, 60, jitter=random)
    points = stream("points", 70, 27, jitter=random)
    results = []
    for lag_ms in range(-400, 401, 50):
        delays = [max(0, lag_ms) * MS, max(0, -lag_ms) * MS]
        pairing = Pairing(15 * MS)
        results.append(feed(pairing, arrive(images, points, delays=delays)) + pairing.flush())
    assert len(results[0]) > 15
    assert all(result == results[0] for result in results)


def test_a_bag_in_a_loop_continues_at_once_and_is_counted():
    one_round = arrive(stream("image", 1000 / 30, 90), stream("points", 100, 30))
    pairing = Pairing(20 * MS)
    for round_number in range(3):
        pairs = feed(pairing, one_round)
        assert len(pairs) >= 29, f"round {round_number}"
        assert pairs[0][1] == START
    assert pairing.time_jumps >= 2
    assert_nothing_is_lost_from_the_books(pairing)


@pytest.mark.parametrize("frames", [2, 3])
def test_even_a_bag_of_a_few_frames_in_a_loop_is_paired(frames):
    one_round = arrive(stream("image", 33, frames), stream("points", 33, frames))
    pairing = Pairing(10 * MS)
    pairs = feed(pairing, one_round * 20)
    assert len(pairs) >= 20
    assert all(image == cloud for image, cloud in pairs)


@pytest.mark.parametrize("kind", ["image", "points"])
def test_a_stamp_in_the_far_future_costs_a_few_pairs_only(kind):
    messages = arrive(stream("image", 1000 / 30, 300), stream("points", 100, 100))
    messages.insert(150, (kind, START + 3600 * SECOND))
    pairing = Pairing(20 * MS)
    pairs = feed(pairing, messages)
    assert len(pairs) >= 96
    assert pairing.time_jumps == 1
    assert_nothing_is_lost_from_the_books(pairing)


def test_every_cause_of_loss_has_a_name():
    pairing = Pairing(5 * MS, max_images=3)
    feed(pairing, [("image", 0), ("points", 0)])
    feed(pairing, [("image", START), ("image", START), ("image", START + 40 * MS)])
    feed(pairing, [("image", START + 20 * MS)])
    feed(pairing, [("image", START + (50 + i) * MS) for i in range(3)])
    assert pairing.dropped == {
        "stamp is zero": 2,
        "repeated stamp": 1,
        "out of order": 1,
        "queue full": 2,
    }
    pairing.reset("deactivated")
    assert pairing.dropped["deactivated"] == 3
    assert_nothing_is_lost_from_the_books(pairing)


@pytest.mark.parametrize(
    ("silent", "cause"),
    [("points", "image without points"), ("image", "points without image")],
)
def test_a_silent_stream_is_named_and_memory_stays_bounded(silent, cause):
    other = "image" if silent == "points" else "points"
    pairing = Pairing(20 * MS, max_images=30, max_points=20)
    feed(pairing, stream(other, 50, 500))
    assert pairing.pending <= 30
    assert pairing.dropped == {cause: 500 - pairing.pending}


def test_more_clouds_than_may_wait_are_dropped_as_queue_full():
    pairing = Pairing(MS, max_points=5)
    feed(pairing, stream("points", 10, 12))
    assert pairing.dropped == {"queue full": 7}
    assert pairing.pending == 5


def test_after_the_camera_has_died_the_last_image_is_still_used():
    pairing = Pairing(50 * MS)
    pairs = feed(pairing, [("image", START), *stream("points", 100, 20, start=START + 10 * MS)])
    assert pairs == [(START, START + 10 * MS)]


def test_flush_decides_everything_with_what_is_there():
    pairing = Pairing(50 * MS)
    feed(pairing, [("image", START), ("points", START + MS), ("points", START + 200 * MS)])
    assert pairing.flush() == [(START, START + MS)]
    assert pairing.pending == 0
    assert pairing.dropped == {"points without image": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"slack_ns": -1},
        {"max_images": 0},
        {"max_points": 0},
        {"wait_ns": 0},
        {"image_interval_ns": -1},
    ],
)
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="Pairing"):
        Pairing(**{"slack_ns": 0, **wrong})


@pytest.mark.parametrize("seed", range(200))
def test_every_message_of_a_random_stream_ends_in_a_pair_or_in_one_cause(seed):
    random = np.random.default_rng(seed)
    pairing = Pairing(
        int(random.integers(0, 60)) * MS,
        int(random.integers(-30, 30)) * MS,
        max_images=int(random.integers(1, 12)),
        max_points=int(random.integers(1, 12)),
        wait_ns=int(random.integers(1, 600)) * MS,
        image_interval_ns=int(random.integers(0, 20)) * MS,
    )
    now, pairs, seen = START, [], []
    for _ in range(400):
        now += int(random.integers(0, 30)) * MS
        stamp = now + int(random.integers(-30, 1)) * MS
        event = random.random()
        if event < 0.01:
            now = START + int(random.integers(0, 20)) * SECOND
        elif event < 0.02:
            stamp = 0
        elif event < 0.03:
            stamp += 1000 * SECOND
        add = pairing.add_image if random.random() < 0.6 else pairing.add_points
        jumps = pairing.time_jumps
        new = add(stamp, stamp)
        if pairing.time_jumps != jumps:
            seen.append(len(pairs))
        pairs += new
        if random.random() < 0.005:
            pairs += pairing.flush()
        assert len(pairing.images.stamps) <= pairing.max_images
        assert len(pairing.points.stamps) <= pairing.max_points
        assert_nothing_is_lost_from_the_books(pairing)
    assert len(pairs) == pairing.paired
    for image, cloud in pairs:
        assert abs(image + pairing.image_offset_ns - cloud) <= pairing.slack_ns
    for start, end in itertools.pairwise([0, *seen, len(pairs)]):
        for column in zip(*pairs[start:end], strict=True):
            assert list(column) == sorted(set(column))


@pytest.mark.parametrize("seed", range(30))
def test_each_cloud_gets_the_image_that_a_search_over_all_finds(seed):
    """Streams that keep their order, against looking at all images with hindsight."""
    random = np.random.default_rng(seed)
    images = stream("image", random.integers(20, 60), 80, jitter=random)
    points = stream("points", random.integers(60, 150), 25, jitter=random)
    slack = int(random.integers(0, 40)) * MS
    pairing = Pairing(slack)
    lags = [int(random.integers(0, 400)) * MS, int(random.integers(0, 400)) * MS]
    pairs = feed(pairing, arrive(images, points, delays=lags)) + pairing.flush()

    left, expected = [stamp for _, stamp in images], []
    for _, cloud in points:
        best = min(left, key=lambda stamp: (abs(stamp - cloud), stamp), default=None)
        if best is not None and abs(best - cloud) <= slack:
            expected.append((best, cloud))
            left = [stamp for stamp in left if stamp > best]
    assert pairs == expected


@pytest.mark.parametrize("kind", ["image", "points"])
def test_the_newest_message_is_taken_alone_and_older_ones_are_dropped(kind):
    pairing = Pairing(20 * MS)
    cause = "image without points" if kind == "image" else "points without image"
    messages = stream(kind, 100, 3)
    feed(pairing, messages)
    newest = messages[-1][1]
    assert pairing.take_alone(newest) == [(newest, None) if kind == "image" else (None, newest)]
    assert dict(pairing.dropped) == {cause: 2}
    assert pairing.pending == 0
    both = arrive(stream("image", 100, 5, START + SECOND), stream("points", 100, 5, START + SECOND))
    assert len(feed(pairing, both)) == 5
    assert_nothing_is_lost_from_the_books(pairing)


def test_what_was_paired_or_refused_is_not_taken_alone():
    pairing = Pairing(20 * MS)
    assert feed(pairing, [("points", START), ("image", START)]) == [(START, START)]
    assert pairing.take_alone(START) == []
    feed(pairing, [("image", START + 100 * MS), ("image", 0)])
    assert pairing.take_alone(0) == []
    assert_nothing_is_lost_from_the_books(pairing)


def test_large_messages_wait_within_the_limit_of_memory():
    pairing = Pairing(MS, max_bytes=1000, size_of=len)
    for number in range(1, 8):
        pairing.add_image(number * MS, bytes(300))
    assert len(pairing.images.items) == 3 and pairing.images.dropped == {"queue full": 4}
    pairing.add_image(8 * MS, bytes(5000))
    assert [len(item) for item in pairing.images.items] == [5000], "the newest stays, however large"
    pairing = Pairing(MS, max_bytes=1000, size_of=len)
    for number in range(1, 8):
        pairing.add_points(number * MS, bytes(300))
    assert len(pairing.points.items) == 3 and pairing.points.dropped == {"queue full": 4}
