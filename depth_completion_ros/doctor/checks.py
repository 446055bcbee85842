"""What is wrong with a recording: its topics, stamps, calibration and transforms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..core import Frame, SparseDepth, TransformError
from .finding import Finding, error, ok, warning
from .recording import Recording, Stream

SECOND = 1_000_000_000


def examine(
    recording: Recording,
    *,
    image: str = "",
    points: str = "",
    extrinsics: str | Path | None = None,
    rectified: bool = False,
    slack: float = 0.05,
) -> list[Finding]:
    """Judge a recording; the arguments are those of `diagnose`."""
    findings = list(_topics(recording, image, points))
    pictures = _wanted(recording.of("image", "compressed"), image)
    clouds = _wanted(recording.of("points"), points)
    infos = recording.of("camera_info")
    for stream in (*pictures, *clouds, *infos):
        findings += _messages(stream)
    for stream in (*pictures, *clouds):
        findings += _stamps(stream, recording.wall_clock)
    info = _info_of(pictures[0], infos) if pictures else None
    if pictures:
        findings += _calibration(pictures[0], info, rectified)
    if pictures and clouds and len(pictures[0]) and len(clouds[0]):
        findings += _pairs(pictures[0], clouds[0], slack)
        findings += _extrinsics(recording, pictures[0], clouds[0], info, extrinsics)
    return findings


def _wanted(streams: list[Stream], topic: str) -> list[Stream]:
    """The stream of a topic, or all of them, those that brought something first."""
    if topic:
        return [stream for stream in streams if stream.topic == topic]
    return sorted(streams, key=lambda stream: len(stream) == 0)


def _info_of(picture: Stream, infos: list[Stream]) -> Stream | None:
    """The CameraInfo beside an image topic, as image_transport finds it, else the only one."""
    place = picture.topic.rsplit("/", 2 if picture.kind == "compressed" else 1)[0]
    beside = [info for info in infos if info.topic.rsplit("/", 1)[0] == place]
    return beside[0] if beside else infos[0] if len(infos) == 1 else None


def _topics(recording: Recording, image: str, points: str) -> Iterator[Finding]:
    there = ", ".join(sorted([*recording.streams, *recording.others])) or "none"
    needs = (
        ("image", ("image", "compressed"), image),
        ("camera info", ("camera_info",), ""),
        ("points", ("points",), points),
    )
    for what, kinds, topic in needs:
        found = _wanted(recording.of(*kinds), topic)
        if not found:
            named = f"{what} on '{topic}'" if topic else f"{what} topic"
            yield error("topics", f"The {recording.name} has no {named}; its topics are {there}.")
        elif len(found) > 1:
            names = ", ".join(stream.topic for stream in found)
            yield ok("topics", f"{len(found)} {what} topics ({names}); {found[0].topic} is paired.")


def _messages(stream: Stream) -> Iterator[Finding]:
    """Silence, what cannot be decoded, and clouds without points."""
    if not len(stream):
        yield error(stream.topic, "Not one message came; is the driver running and its QoS compatible?")
    for sentence, number in stream.faults.items():
        yield error(stream.topic, f"{number} of {len(stream)} messages: {sentence}")
    if stream.empty:
        level = error if stream.empty == len(stream) else warning
        yield level(stream.topic, f"{stream.empty} of {len(stream)} clouds hold no finite point.")
    if "" in stream.frame_ids:
        yield error(stream.topic, "The frame_id is empty, so no transform can be looked up.")
    if len(stream.frame_ids) > 1:
        names = ", ".join(sorted(stream.frame_ids))
        yield warning(stream.topic, f"The frame_id changes between {names}; one topic, one frame.")


def _stamps(stream: Stream, wall_clock: bool) -> Iterator[Finding]:
    """Rate, and stamps that are zero, repeat, go back, leave gaps or are of another clock."""
    stamps = np.array(stream.stamps, dtype=np.int64)
    if not len(stamps):
        return
    zero = int(np.count_nonzero(stamps == 0))
    if zero:
        yield error(
            stream.topic,
            f"{zero} of {len(stamps)} stamps are zero; the driver must stamp every message with the "
            "time of measurement.",
        )
    steps = np.diff(stamps[stamps != 0])
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
    away = np.median(np.array(stream.received) - stamps) / SECOND
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


def _pairs(picture: Stream, cloud: Stream, slack: float) -> Iterator[Finding]:
    """How far the nearest image is from each cloud, in stamps and in delay."""
    subject = f"{picture.topic} and {cloud.topic}"
    images, points = np.sort(np.array(picture.stamps)), np.array(cloud.stamps)
    after = np.clip(np.searchsorted(images, points), 1, len(images) - 1) if len(images) > 1 else 0
    offsets = np.stack([images[after] - points, images[np.maximum(after - 1, 0)] - points])
    nearest = np.take_along_axis(offsets, np.abs(offsets).argmin(axis=0)[None], 0)[0] / SECOND
    paired = np.abs(nearest) <= slack
    middle = float(np.median(nearest))
    if not paired.any():
        yield error(
            subject,
            f"No cloud has an image within {slack:g} s; the nearest is {abs(middle):.3f} s "
            f"{'later' if middle > 0 else 'earlier'}. Where that is constant, image_time_offset: "
            f"{-middle:.3f} makes up for it.",
        )
        return
    sentence = (
        f"{np.count_nonzero(paired)} of {len(points)} clouds have an image within {slack:g} s, "
        f"{1000 * np.median(np.abs(nearest)):.0f} ms away in the median."
    )
    yield (ok if paired.mean() >= 0.9 else warning)(subject, sentence)
    delays = [np.median(np.array(s.received) - np.array(s.stamps)) / SECOND for s in (picture, cloud)]
    shift = float(delays[0] - delays[1])
    # A LiDAR that stamps the begin of its sweep comes a sweep later than it says.
    if abs(shift) > 0.15 + slack:
        late = picture.topic if shift > 0 else cloud.topic
        yield warning(
            subject,
            f"{late} arrives {abs(shift):.2f} s later after its stamp than the other, so one of the two "
            "clocks is probably off; check moving objects in `overlay`, then image_time_offset.",
        )


def _calibration(picture: Stream, info: Stream | None, rectified: bool) -> Iterator[Finding]:
    """Whether the CameraInfo is that of the image."""
    if info is None or not info.cameras:
        if info is not None and not info.faults and len(info):
            yield error(info.topic, "No CameraInfo could be read.")
        return
    if len(info.cameras) > 1:
        yield warning(info.topic, f"The calibration changes {len(info.cameras) - 1} times on the way.")
    if picture.sizes and not picture.sizes & info.sizes:
        (width, height), (w, h) = next(iter(picture.sizes)), next(iter(info.sizes))
        yield error(
            info.topic,
            f"CameraInfo is of {w} x {h} pixels but {picture.topic} of {width} x {height}; calibrate at "
            "the size that is used, or resize the two together (image_proc's resize).",
        )
    if picture.frame_ids and info.frame_ids and picture.frame_ids != info.frame_ids:
        frames = [next(iter(sorted(s.frame_ids))) for s in (info, picture)]
        yield warning(
            info.topic,
            f"CameraInfo is in frame '{frames[0]}' but {picture.topic} in '{frames[1]}'; that of the "
            "image is used.",
        )
    camera = info.cameras[-1]
    if "rect" in picture.topic.rsplit("/", 1)[-1] and not rectified and not camera.is_rectified:
        yield warning(
            picture.topic,
            "The name says rectified, yet the CameraInfo has distortion that would be applied once "
            "more; set rectified: true.",
        )
    yield ok(
        info.topic,
        f"{camera.width} x {camera.height}, {camera.distortion_model}, focal length "
        f"{camera.K[0, 0]:.0f} pixels.",
    )


def _extrinsics(
    recording: Recording, picture: Stream, cloud: Stream, info: Stream | None, file: str | Path | None
) -> Iterator[Finding]:
    """Whether the LiDAR can be put in front of the camera, and lands in its image."""
    camera_frame, lidar_frame = (min(s.frame_ids) for s in (picture, cloud))
    subject = f"{lidar_frame or '?'} to {camera_frame or '?'}"
    if file is None:
        failures = []
        for stamp in cloud.stamps:
            try:
                T = recording.lookup(camera_frame, lidar_frame, stamp)
            except TransformError as failure:
                failures.append(str(failure))
        if len(failures) == len(cloud):
            advice = "Publish it, or give a calibration file."
            yield error(subject, f"{failures[0]} {advice}")
            return
        if failures:
            yield warning(subject, f"For {len(failures)} of {len(cloud)} clouds: {failures[0]}")
    else:
        from ..data.calibration.extrinsics_file import read_extrinsics

        try:
            T = read_extrinsics(file, camera_frame, lidar_frame)
        except (OSError, ValueError) as failure:
            yield error(subject, str(failure))
            return
    if info is not None and info.cameras and cloud.clouds:
        yield from _view(subject, T, info, cloud)


def _view(subject: str, T: np.ndarray, info: Stream, cloud: Stream) -> Iterator[Finding]:
    from ..data.calibration.extrinsics import check_direction

    camera, (_, first) = info.cameras[-1], cloud.clouds[0]
    wrong_way = check_direction(T, camera, first.points)
    if wrong_way:
        yield error(subject, wrong_way)
        return
    frame = Frame(camera=camera, points=first.points, T_cam_lidar=T)
    sparse = SparseDepth.from_points(frame, see_through=False, isolated=False)
    share = sparse.count / (camera.width * camera.height)
    if sparse.count == 0:
        yield error(
            subject,
            f"Not one of {len(first.points)} points falls into the image; the transform or the "
            "calibration is wrong.",
        )
    else:
        yield ok(subject, f"{sparse.count} of {len(first.points)} points in view, {share:.1%} of pixels.")
