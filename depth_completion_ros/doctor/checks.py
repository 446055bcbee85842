"""What is wrong with a recording: its topics, stamps, calibration and transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..core import Frame, SparseDepth, TransformError
from ..core.transform_tree import OTHER_CLOCK_NS
from ..data.bag.topics import CAMERA_INFO
from ..data.messages import doubt_of_rectified
from .alignment import alignment
from .clocks import clocks, stamps
from .finding import Finding, error, ok, warning
from .options import Options
from .recording import Recording, Stream


def examine(recording: Recording, options: Options) -> list[Finding]:
    """Judge a recording."""
    findings = list(_topics(recording, options))
    topics = recording.topics
    image, points = (
        [t] if t else there
        for t, there in ((options.image, topics.images()), (options.points, topics.points()))
    )
    images = [recording.streams[topic] for topic in image if topic in recording.streams]
    clouds = [recording.streams[topic] for topic in points if topic in recording.streams]
    infos = [recording.streams[topic] for topic in topics.of("camera_info")]
    for stream in (*images, *clouds, *infos):
        findings += _messages(stream)
    for stream in (*images, *clouds):
        findings += stamps(stream, recording.wall_clock)
    info = None
    if images:
        info, of_file = _info_of(images[0], recording, options)
        findings += [*of_file, *_calibration(images[0], info, options.rectified)]
    if images and clouds and len(images[0]) and len(clouds[0]):
        in_time = list(clocks(images[0], clouds[0], options))
        T_cam_lidar, in_place = _extrinsics(recording, images[0], clouds[0], info, options)
        findings += in_time + in_place
        # Where more is wrong already, the edges would only say so once more.
        if info and info.cameras and not any(f.level == "error" for f in (*in_time, *in_place)):
            findings += alignment(recording, info.cameras[-1], T_cam_lidar)
    return findings


def _info_of(image: Stream, recording: Recording, options: Options) -> tuple[Stream | None, list[Finding]]:
    """The CameraInfo of an image topic, where it is clear which it is, or a file in place of it."""
    file = options.camera_info_file
    if not file:
        found = recording.topics.camera_infos(image.topic)
        return (recording.streams[found[0]] if len(found) == 1 else None), []
    if not image.sizes:
        return None, []
    from ..data.calibration.camera_file import read_camera_file

    size = next(iter(image.sizes))
    try:
        of_file = read_camera_file(file, image.topic)
        camera = of_file.camera(*size, options.rectified)
    except (OSError, ValueError) as failure:
        return None, [error(str(file), str(failure))]
    doubt = of_file.doubt(image.topic, options.rectified)
    stream = Stream(str(file), CAMERA_INFO, sizes={size}, cameras=[camera])
    return stream, [warning(image.topic, doubt)] if doubt else []


def _topics(recording: Recording, options: Options) -> Iterator[Finding]:
    """What is missing, and what a command would want to be told."""
    topics = recording.topics
    there = ", ".join(sorted([*recording.streams, *recording.others])) or "none"
    needs = [
        ("image", topics.images(), options.image, topics.of("image", "compressed")),
        ("points", topics.points(), options.points, topics.of("points")),
    ]
    for what, found, given, allowed in needs:
        if given and given not in allowed:
            yield error("topics", f"{topics.name} has no {what} on '{given}'; its topics are {there}.")
        elif not given and not found:
            depth = topics.depths() if what == "points" and recording.is_bag else []
            advice = f" Depth can stand for it: -O sparse_depth_topic={depth[0]}" if depth else ""
            yield error("topics", f"{topics.name} has no {what} topic; its topics are {there}.{advice}")
        elif not given and len(found) > 1:
            choose = f"; commands want one: -O {what}_topic={found[0]}" * recording.is_bag
            sentence = f"{len(found)} {what} topics ({', '.join(found)}); {found[0]} is looked at{choose}."
            yield (warning if recording.is_bag else ok)("topics", sentence)
    infos = topics.camera_infos(options.image or next(iter(topics.images()), ""))
    if options.camera_info_file:
        pass  # stands for it
    elif not infos:
        sentence = f"{topics.name} has no camera info topic; its topics are {there}."
        advice = " A calibration file can stand for it: -O camera_info_file=..." * recording.is_bag
        yield error("topics", sentence + advice)
    elif len(infos) > 1:
        yield warning(
            "topics",
            f"None of the camera info topics ({', '.join(infos)}) stands beside the images"
            + "; commands want one: -O camera_info_topic=..." * recording.is_bag
            + ".",
        )
    for topic in topics.depths():
        yield ok(topic, "Images of depth, which can serve as ground truth: -O ground_truth_topic=...")


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


def _calibration(image: Stream, info: Stream | None, rectified: bool) -> Iterator[Finding]:
    """Whether the CameraInfo is that of the image."""
    if info is None or not info.cameras:
        if info is not None and not info.faults and len(info):
            yield error(info.topic, "No CameraInfo could be read.")
        return
    if len(info.cameras) > 1:
        yield warning(info.topic, f"The calibration changes {len(info.cameras) - 1} times on the way.")
    if image.sizes and not image.sizes & info.sizes:
        (width, height), (w, h) = next(iter(image.sizes)), next(iter(info.sizes))
        yield error(
            info.topic,
            f"CameraInfo is of {w} x {h} pixels but {image.topic} of {width} x {height}; calibrate at "
            "the size that is used, or resize the two together (image_proc's resize).",
        )
    if image.frame_ids and info.frame_ids and image.frame_ids != info.frame_ids:
        frames = [next(iter(sorted(s.frame_ids))) for s in (info, image)]
        yield warning(
            info.topic,
            f"CameraInfo is in frame '{frames[0]}' but {image.topic} in '{frames[1]}'; that of the "
            "image is used.",
        )
    camera = info.cameras[-1]
    doubt = None if info.info is None else doubt_of_rectified(info.info, image.topic, rectified)
    if doubt:
        yield warning(image.topic, doubt)
    yield ok(
        info.topic,
        f"{camera.width} x {camera.height}, {camera.distortion_model}, focal length "
        f"{camera.K[0, 0]:.0f} pixels.",
    )


def _extrinsics(
    recording: Recording, image: Stream, cloud: Stream, info: Stream | None, options: Options
) -> tuple[Callable[[int], np.ndarray], list[Finding]]:
    """T_cam_lidar by stamp; and whether the LiDAR can be put before the camera and lands in its image."""
    camera_frame, lidar_frame = (min(s.frame_ids) for s in (image, cloud))
    subject = f"{lidar_frame or '?'} to {camera_frame or '?'}"
    T, findings = None, []

    def by_tf(stamp: int) -> np.ndarray:
        """By the clock of the LiDAR or else by that of the camera, as the reader does."""
        try:
            return recording.lookup(camera_frame, lidar_frame, stamp)
        except TransformError:
            if abs(options.offset_ns) < OTHER_CLOCK_NS:
                raise
            return recording.lookup(camera_frame, lidar_frame, stamp - options.offset_ns)

    file = options.extrinsics
    if file is None:
        failures = []
        for stamp in cloud.stamps:
            try:
                T = by_tf(stamp)
            except TransformError as failure:
                failures.append(str(failure))
        if len(failures) == len(cloud):
            return by_tf, [error(subject, f"{failures[0]} Publish it, or give a calibration file.")]
        if failures:
            findings.append(warning(subject, f"For {len(failures)} of {len(cloud)} clouds: {failures[0]}"))
    else:
        from ..data.calibration.extrinsics_file import read_extrinsics

        try:
            T = read_extrinsics(file, camera_frame, lidar_frame)
        except (OSError, ValueError) as failure:
            return by_tf, [error(subject, str(failure))]
    if info is not None and info.cameras and cloud.clouds:
        findings += _view(subject, T, info, cloud)
    return (by_tf if file is None else lambda stamp: T), findings


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
