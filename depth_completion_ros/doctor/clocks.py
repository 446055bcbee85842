"""Stamps and clocks: rates, gaps, pairs, and the offset that makes up for clocks that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..core.pairing import Pairing
from .finding import Finding, error, ok, warning
from .options import Options
from .recording import Stream

SECOND = 1_000_000_000
LATENCY_S = 0.15
"""Drivers hand out what they measured within this; a LiDAR that stamps the begin of its sweep needs 0.1."""
KNOWN_S = {
    37.0: "37 s is TAI, the time of PTP, against UTC: a clock that is not told the UTC offset",
    18.0: "18 s is GPS time against UTC",
    19.0: "19 s is TAI, the time of PTP, against GPS time",
    315_964_782.0: "315964782 s is GPS time, counted from 1980, against UTC",
}
"""Differences of time scales, and since when they hold: 2017, the last leap second."""
NEAR_S = 0.3
"""An estimate this close to a known difference is that difference."""
QUARTER_HOUR_S, DAY_S = 900.0, 86400.0
BOOT_S = 1e9
"""Stamps below this (the year 2001) count from when a device was started."""
RHYTHM = 0.6
"""How alike the phases of clouds between images must be to count, from 0 (any) to 1 (all the same)."""
NEARLY_HALF = 0.35
"""Of the time between images: two of them are about as near."""
DRIFT_S = 0.02
"""A change of the offset over a recording that is worth a word."""
DRIFT_TAKES_S = 10.0
"""In a shorter recording a stall of the recorder looks like drift."""
LATENCIES = "It is as exact as the drivers' latencies are alike; check moving objects in `overlay`."


@dataclass(frozen=True)
class Offset:
    """What image_time_offset ought to be.

    Args:
        seconds: to be added to the stamps of images.
        why: a guess at the cause, or empty.
        doubt: what it takes for granted; empty where the cause fixes it.
        drift: seconds by which it changes over the recording.
    """

    seconds: float
    why: str = ""
    doubt: str = ""
    drift: float = 0.0


def stamps(stream: Stream, wall_clock: bool) -> Iterator[Finding]:
    """Rate, and stamps that are zero, repeat, go back, leave gaps or are of another clock."""
    times = np.array(stream.stamps, dtype=np.int64)
    if not len(times):
        return
    zero = int(np.count_nonzero(times == 0))
    if zero:
        yield error(
            stream.topic,
            f"{zero} of {len(times)} stamps are zero; the driver must stamp every message with the "
            "time of measurement.",
        )
    steps = np.diff(times[times != 0])
    backwards, equal = int(np.count_nonzero(steps < 0)), int(np.count_nonzero(steps == 0))
    if backwards:
        yield warning(
            stream.topic,
            f"Stamps go back {backwards} times, by up to {-steps.min() / SECOND:.3f} s; a looping bag "
            "or a driver that mixes clocks. The nodes begin anew each time.",
        )
    if equal:
        yield warning(stream.topic, f"{equal} messages have the stamp of the one before.")
    steps = steps[steps > 0]
    if len(steps):
        yield from _rate(stream, steps)
    away = np.median(np.array(stream.received) - times) / SECOND
    if wall_clock and not zero and abs(away) > 1.0:
        yield warning(
            stream.topic,
            f"Stamps are {abs(away):.1f} s {'older' if away > 0 else 'newer'} than the time at which "
            "messages are received; synchronise the clocks (PTP, chrony), and set use_sim_time when "
            "playing.",
        )


def _rate(stream: Stream, steps: np.ndarray) -> Iterator[Finding]:
    usual = float(np.median(steps))
    gaps = steps[steps > 2.5 * usual]
    sentence = f"{len(stream)} messages at {SECOND / usual:.1f} Hz"
    if len(gaps):
        yield warning(
            stream.topic, f"{sentence}, with {len(gaps)} gaps of up to {gaps.max() / SECOND:.2f} s."
        )
    elif usual > SECOND:
        yield warning(stream.topic, f"{sentence}: less than one a second.")
    else:
        yield ok(stream.topic, f"{sentence}.")


def clocks(image: Stream, cloud: Stream, options: Options) -> Iterator[Finding]:
    """Whether clouds find an image of their own moment, and what offset helps where they do not."""
    subject = f"{image.topic} and {cloud.topic}"
    unstamped = [stream.topic for stream in (image, cloud) if not any(stream.stamps)]
    if unstamped:
        yield error(subject, f"No cloud can have an image: all stamps of {unstamped[0]} are zero.")
        return
    paired = pairs(image, cloud, options.slack_ns, options.offset_ns)
    offset = estimate(image, cloud, without_arrival=not paired)
    within = f"have an image within {options.slack:g} s"
    if offset is not None and abs(offset.seconds - options.image_time_offset) > LATENCY_S + options.slack:
        yield _offset_finding(subject, image, cloud, paired, offset, options)
        return
    if offset is not None and abs(offset.drift) > options.slack and _seconds(cloud) > DRIFT_TAKES_S:
        yield warning(subject, _drift_sentence(offset.drift, _seconds(cloud)))
    away = np.abs(distances(image, cloud, options.offset_ns)) / SECOND
    middle = 1000 * float(np.median(away))
    if not paired:
        yield error(
            subject,
            f"No cloud has an image within {options.slack:g} s; the nearest is {middle:.0f} ms away in the "
            f"median: slack: {np.ceil(np.percentile(away, 95) * 100) / 100:.2f} would pair them.",
        )
        return
    sentence = f"{paired} of {len(cloud)} clouds {within}, {middle:.0f} ms away in the median."
    yield (ok if paired >= 0.9 * len(cloud) else warning)(subject, sentence)


def _offset_finding(
    subject: str, image: Stream, cloud: Stream, paired: int, offset: Offset, options: Options
) -> Finding:
    """That the clocks differ, by how much, why, and what following the advice gives."""
    left = offset.seconds - options.image_time_offset
    late = cloud.topic if left < 0 else image.topic
    number = pairs(image, cloud, options.slack_ns, round(offset.seconds * 1e9))
    found = f"{paired} of {len(cloud)} clouds have" if paired else "No cloud has"
    other = ", but of another moment" if paired else ""
    sentence = (
        f"{found} an image within {options.slack:g} s{other}: {late} arrives {abs(left):.2f} s later after "
        "its stamp than the other, so their clocks differ. "
    )
    if offset.why:
        sentence += f"{offset.why}. "
    sentence += (
        f"image_time_offset: {offset.seconds:.3f} makes up for it (-O image_offset_s=... for bags); with it "
        f"{number} of {len(cloud)} clouds have an image."
    )
    if number < 0.5 * len(cloud) and _is_copied(image, cloud):
        sentence += (
            " Times of receipt are copies of the stamps, so that what belongs together lies as far apart "
            "in the bag, more than a reader holds: write the bag anew with stamps of one clock."
        )
    if offset.doubt:
        sentence += f" {offset.doubt}"
    if abs(offset.drift) > DRIFT_S:
        sentence += f" {_drift_sentence(offset.drift, _seconds(cloud))}"
    return (error if abs(left) > 1 or not paired else warning)(subject, sentence)


def _drift_sentence(drift: float, seconds: float) -> str:
    return (
        f"The offset of the clocks changes by {drift:+.3f} s over this recording, "
        f"{1000 * drift / max(seconds, 1e-9):+.1f} ms a second: synchronise the clocks (PTP, chrony), as no "
        "fixed offset makes up for it; or a driver falls behind."
    )


def _seconds(stream: Stream) -> float:
    """How long a stream was received."""
    return (max(stream.received) - min(stream.received)) / SECOND


def pairs(image: Stream, cloud: Stream, slack_ns: int, offset_ns: int) -> int:
    """How many clouds find an image, by the rule of reader and node."""
    pairing = Pairing(slack_ns, offset_ns)
    events = [(received, 0, stamp) for received, stamp in zip(image.received, image.stamps, strict=True)]
    events += [(received, 1, stamp) for received, stamp in zip(cloud.received, cloud.stamps, strict=True)]
    for _, kind, stamp in sorted(events, key=lambda event: event[0]):
        (pairing.add_points if kind else pairing.add_image)(stamp, None)
    pairing.flush()
    return pairing.paired


def distances(image: Stream, cloud: Stream, offset_ns: int) -> np.ndarray:
    """Stamp of the image that is nearest to each cloud less the cloud's, nanoseconds; not of zero stamps."""
    images, points = np.sort(_stamped(image)[0]) + offset_ns, _stamped(cloud)[0]
    return images[_nearest(images, points)] - points


def _is_copied(*streams: Stream) -> bool:
    """Whether times of receipt are copies of the stamps, as converters of data sets write them."""
    both = map(_stamped, streams)
    return all(np.abs(received - stamps).max(initial=0) <= SECOND // 1000 for stamps, received in both)


def _stamped(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Stamps and times of receipt of the messages that have a stamp, nanoseconds."""
    stamps, received = np.array(stream.stamps, np.int64), np.array(stream.received, np.int64)
    return stamps[stamps > 0], received[stamps > 0]


def estimate(image: Stream, cloud: Stream, without_arrival: bool = False) -> Offset | None:
    """The offset that the times of arrival tell, made exact by what is known of clocks and of rhythm.

    A message arrives a little after its moment, whatever its stamp says, so that the difference of the
    two delays is the offset but for latencies. Stamps alone cannot tell it: streams that are apart by
    less than the recording is long still overlap. Messages whose stamp is zero tell nothing.

    Args:
        without_arrival: where times of receipt are copies of the stamps (converted bags), guess by the
            begin of both streams.
    """
    (images, images_at), (clouds, clouds_at) = _stamped(image), _stamped(cloud)
    if not len(images) or not len(clouds):
        return None
    if not _is_copied(image, cloud):
        lags = images_at - images, clouds_at - clouds
        # Against the image that arrives with a cloud, as a bag in a loop jumps for both at once.
        apart = (lags[0][_nearest(images_at, clouds_at)] - lags[1]) / SECOND
        return _exact(image, cloud, float(np.median(apart)), _drift(apart))
    if not without_arrival:
        return None
    return _exact(image, cloud, (clouds.min() - images.min()) / SECOND, 0.0)


def _drift(apart: np.ndarray) -> float:
    """By how much a series changes from its begin to its end, 0 where it does not do so steadily."""
    if len(apart) < 3:
        return 0.0
    first, middle, last = (float(np.median(third)) for third in np.array_split(apart, 3))
    change = last - first
    steady = abs(middle - (first + last) / 2) < 0.25 * abs(change)
    return 1.5 * change if steady else 0.0  # the middles of the thirds are two thirds apart


def _nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Index of the time, of a list in order, that is nearest to each wanted one."""
    after = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(wanted - times[before] < times[after] - wanted, before, after)


def _exact(image: Stream, cloud: Stream, seconds: float, drift: float) -> Offset:
    """An estimate made exact where the cause is known, or where both streams are triggered together."""
    for known, why in KNOWN_S.items():
        if abs(abs(seconds) - known) < NEAR_S:
            return Offset(float(np.copysign(known, seconds)), why, "", drift)
    zone = QUARTER_HOUR_S * round(seconds / QUARTER_HOUR_S)
    if zone and abs(zone) <= DAY_S and abs(seconds - zone) < NEAR_S:
        return Offset(zone, "Whole quarter hours are a time zone: a driver stamps local time", "", drift)
    why = ""
    for stream, other in ((image, cloud), (cloud, image)):
        if max(stream.stamps) < BOOT_S * SECOND < max(other.stamps):
            why = (
                f"Stamps of {stream.topic} count from the start of a device or program, so the offset "
                "holds until it is started again; have the driver stamp with system time"
            )
    seconds, doubt = _in_rhythm(image, cloud, seconds)
    return Offset(seconds, why, doubt, drift)


def _in_rhythm(image: Stream, cloud: Stream, seconds: float) -> tuple[float, str]:
    """An estimate moved so that clouds fall onto images where both keep the same phase, and its doubt.

    It is moved to the nearest image. Where two are about as near, to the one with which clouds arrive
    later than images: a LiDAR hands out its points when the sweep is over.
    """
    away = distances(image, cloud, round(seconds * SECOND)) / SECOND
    steps = np.diff(np.sort(_stamped(image)[0]))
    if len(away) < 4 or not steps.any():
        return seconds, LATENCIES
    period = float(np.median(steps[steps > 0])) / SECOND
    phase = complex(np.exp(2j * np.pi * away / period).mean())
    rhythm = float(np.angle(phase)) / (2 * np.pi) * period
    if abs(phase) < RHYTHM or abs(rhythm) > LATENCY_S:
        return seconds, LATENCIES
    other = rhythm - float(np.copysign(period, rhythm))
    if rhythm > NEARLY_HALF * period:
        rhythm, other = other, rhythm
    doubt = "It takes images and clouds to be of the same moments, as those of triggered sensors are"
    if abs(other) < LATENCY_S and abs(abs(rhythm) / period - 0.5) < 0.25:
        doubt += f"; {seconds - other:.3f}, one image off, may be right as well"
    return seconds - rhythm, f"{doubt}. Check moving objects in `overlay`."
