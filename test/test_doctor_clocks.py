"""The doctor tells by how much clocks differ, and following its advice pairs every cloud."""

from __future__ import annotations

import re

import numpy as np
import pytest

from depth_completion_ros.doctor.clocks import clocks, estimate, pairs
from depth_completion_ros.doctor.options import Options
from depth_completion_ros.doctor.recording import Stream

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND
IMAGE, POINTS = "/camera/image_raw", "/lidar/points"


def streams(
    ahead_s: float,
    seconds: float = 8,
    image_hz: float = 10,
    latencies_s: tuple[float, float] = (0.0, 0.0),
    jitter_s: float = 0.0,
    phase_s: float = 0.0,
    copied: bool = False,
) -> tuple[Stream, Stream]:
    """Images in UTC and clouds at 10 Hz whose clock is ahead; messages arrive some time after their moment.

    Args:
        phase_s: how much later than an image a cloud is taken.
        jitter_s: of the arrival, normal.
        copied: whether stamps were written as times of receipt, as converters of data sets do.
    """
    rng = np.random.default_rng(0)
    image = Stream(IMAGE, "sensor_msgs/msg/Image")
    cloud = Stream(POINTS, "sensor_msgs/msg/PointCloud2")
    for stream, hz, late, phase, shift in (
        (image, image_hz, latencies_s[0], 0.0, 0.0),
        (cloud, 10.0, latencies_s[1], phase_s, ahead_s),
    ):
        for at in range(round(seconds * hz)):
            moment = BEGIN + round((at / hz + phase) * SECOND)
            stream.stamps.append(moment + round(shift * SECOND))
            arrival = moment + round((late + abs(rng.normal(0, jitter_s))) * SECOND)
            stream.received.append(stream.stamps[-1] if copied else arrival)
    return image, cloud


def advice(image: Stream, cloud: Stream, **options) -> tuple[str, str, float]:
    """Level, sentence and the offset that is advised."""
    (finding,) = clocks(image, cloud, Options(**options))
    found = re.search(r"image_time_offset: (-?[\d.]+) ", finding.sentence)
    return finding.level, finding.sentence, float(found.group(1)) if found else 0.0


@pytest.mark.parametrize("seconds", [3, 8, 60, 200])
@pytest.mark.parametrize("ahead", [37, -37, 18, 19, 7200, -34200])
def test_time_scales_and_zones_are_told_to_the_second_however_long_the_recording(seconds, ahead):
    image, cloud = streams(ahead, seconds, latencies_s=(0.03, 0.11), jitter_s=0.004)
    level, sentence, offset = advice(image, cloud)
    assert level == "error" and offset == ahead
    assert f"with it {len(cloud)} of {len(cloud)} clouds have an image" in sentence
    assert pairs(image, cloud, 50_000_000, round(offset * SECOND)) == len(cloud)


def test_the_cause_is_named():
    assert "TAI, the time of PTP, against UTC" in advice(*streams(37))[1]
    assert "GPS time" in advice(*streams(-18))[1]
    assert "time zone" in advice(*streams(3600))[1]


@pytest.mark.parametrize("seconds", [8, 60])
def test_a_clock_since_boot_is_made_up_for_exactly_where_both_sensors_are_triggered(seconds):
    ahead = -BEGIN / SECOND + 1234.5  # stamps count from when the LiDAR was switched on
    image, cloud = streams(ahead, seconds, latencies_s=(0.02, 0.06), jitter_s=0.002)
    level, sentence, offset = advice(image, cloud)
    assert level == "error"
    assert offset == pytest.approx(ahead, abs=0.001)
    assert f"Stamps of {POINTS} count from the start of a device" in sentence
    assert pairs(image, cloud, 50_000_000, round(offset * SECOND)) == len(cloud)


def test_an_offset_without_known_cause_is_as_exact_as_latencies_are_alike():
    image, cloud = streams(4.321, 30, image_hz=29.97, latencies_s=(0.02, 0.05), jitter_s=0.002)
    level, sentence, offset = advice(image, cloud)
    assert level == "error" and offset == pytest.approx(4.321, abs=0.05)
    assert "as exact as the drivers' latencies are alike" in sentence


def test_a_recording_that_overlaps_itself_is_not_taken_for_paired():
    image, cloud = streams(0.5, 60)
    assert pairs(image, cloud, 50_000_000, 0) > 500
    level, sentence, offset = advice(image, cloud)
    assert level == "warning" and offset == 0.5
    assert "but of another moment" in sentence


def test_with_the_offset_given_nothing_is_wrong_any_more():
    image, cloud = streams(37)
    assert advice(image, cloud, image_time_offset=37.0)[0] == "ok"
    level, _, offset = advice(image, cloud, image_time_offset=18.0)
    assert level == "error" and offset == 37


def test_latencies_of_drivers_are_no_offset():
    image, cloud = streams(0, latencies_s=(0.02, 0.12), phase_s=0.01, jitter_s=0.005)
    level, sentence, _ = advice(image, cloud)
    assert level == "ok"
    assert "80 of 80 clouds have an image within 0.05 s, 10 ms away" in sentence


def test_where_times_of_receipt_are_copies_of_stamps_the_begin_of_both_tells():
    _, sentence, offset = advice(*streams(37, copied=True))
    assert offset == 37
    assert "with it 10 of 80 clouds have an image. Times of receipt are copies of the stamps" in sentence
    assert advice(*streams(0, copied=True))[0] == "ok"


def test_sensors_out_of_step_need_more_slack():
    image, cloud = streams(0, phase_s=0.05, image_hz=5)
    level, sentence, _ = advice(image, cloud, slack=0.01)
    assert level == "error" and "the nearest is 50 ms away in the median: slack: 0.0" in sentence


def test_clocks_that_drift_are_told():
    image, cloud = streams(37, 60)
    cloud.stamps = [stamp + round(at * 0.0005 * SECOND) for at, stamp in enumerate(cloud.stamps)]
    assert estimate(image, cloud).drift == pytest.approx(0.3, abs=0.01)
    assert "changes by +0.300 s over this recording, +5.0 ms a second" in advice(image, cloud)[1]


@pytest.mark.parametrize(("ms_a_second", "told"), [(5, True), (-5, True), (0.5, False), (0, False)])
def test_clocks_that_begin_together_and_drift_apart_are_told_beside_the_pairs(ms_a_second, told):
    image, cloud = streams(0, 30, latencies_s=(0.03, 0.08), jitter_s=0.004)
    cloud.stamps = [stamp + round(at / 10 * ms_a_second * 1e6) for at, stamp in enumerate(cloud.stamps)]
    findings = list(clocks(image, cloud, Options()))
    drifts = [re.search(r"(\S+) ms a second", f.sentence) for f in findings if f.level == "warning"]
    assert [float(drift[1]) for drift in drifts] == [pytest.approx(ms_a_second, abs=0.11)] * told
    assert len(findings) == 1 + told and "clouds have an image within" in findings[-1].sentence


@pytest.mark.parametrize("ahead", [0.0, 4.0])
def test_a_driver_that_is_slow_once_is_no_drift(ahead):
    image, cloud = streams(ahead, 30)
    cloud.received[200:250] = [received + SECOND // 5 for received in cloud.received[200:250]]
    assert estimate(image, cloud).drift == 0


def test_where_all_stamps_are_zero_nothing_is_advised():
    image, cloud = streams(0)
    cloud.stamps = [0] * len(cloud)
    assert estimate(image, cloud) is None
    level, sentence, _ = advice(image, cloud)
    assert level == "error" and sentence.endswith(f"all stamps of {POINTS} are zero.")


@pytest.mark.parametrize("ahead", [0, 18, 4.5])
@pytest.mark.parametrize("of", [0, 1], ids=["images", "clouds"])
def test_some_stamps_of_zero_change_no_advice(ahead, of):
    pair = streams(ahead, 10, latencies_s=(0.02, 0.04))
    pair[of].stamps = [stamp * (at % 5 > 2) for at, stamp in enumerate(pair[of].stamps)]
    assert estimate(*pair).seconds == pytest.approx(ahead, abs=0.021)
    _, sentence, offset = advice(*pair)
    assert offset == pytest.approx(ahead, abs=0.001)
    assert "40 of 100 clouds have an image" in sentence
    if of and not ahead:  # as it was with copied times, where the begin tells
        pair[1].received, pair[0].received = pair[1].stamps[:], pair[0].stamps[:]
        assert abs(estimate(*pair, without_arrival=True).seconds) < 0.5


@pytest.mark.parametrize("ahead", [4.5, -4.5, -BEGIN / SECOND + 1234.5])
def test_latencies_half_an_image_apart_lose_no_frame_and_both_answers_are_told(ahead):
    image, cloud = streams(ahead, 8, latencies_s=(0.03, 0.08), jitter_s=0.004, phase_s=0.003)
    _, sentence, offset = advice(image, cloud)
    assert offset == pytest.approx(ahead, abs=0.004)
    assert pairs(image, cloud, 50_000_000, round(offset * SECOND)) == len(cloud)
    assert f"{offset - 0.1:.3f}, one image off, may be right as well" in sentence


def test_stamps_that_jitter_still_show_the_rhythm():
    image, cloud = streams(4.3, 8, latencies_s=(0.03, 0.08), jitter_s=0.004)
    rng = np.random.default_rng(1)
    for stream in (image, cloud):
        stream.stamps = [stamp + round(rng.normal(0, 0.01) * SECOND) for stamp in stream.stamps]
    offset = advice(image, cloud)[2]
    assert offset == pytest.approx(4.3, abs=0.01)
    assert pairs(image, cloud, 50_000_000, round(offset * SECOND)) == len(cloud)


@pytest.mark.parametrize(
    ("ahead", "cause"),
    [(20700, "time zone"), (86400, "time zone"), (-315_964_782, "GPS time, counted from 1980")],
)
def test_rarer_clocks_are_told_to_the_second_too(ahead, cause):
    _, sentence, offset = advice(*streams(ahead, 8, latencies_s=(0.03, 0.11), jitter_s=0.004))
    assert offset == ahead and cause in sentence


def test_a_bag_in_a_loop_has_no_offset():
    image, cloud = streams(0, seconds=9, image_hz=29, latencies_s=(0.01, 0.05), jitter_s=0.003)
    for stream in (image, cloud):
        stream.stamps = [BEGIN + (stamp - BEGIN) % (3 * SECOND) for stamp in stream.stamps]
    assert abs(estimate(image, cloud).seconds) < 0.1
    assert advice(image, cloud)[0] != "error"
