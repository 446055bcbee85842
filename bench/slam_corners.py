"""How often the depth at the corners of a drive is the depth that they move with.

A SLAM system reads depth at one pixel, but follows a corner, which is a window of pixels. At the edge of an
object the two can be of different surfaces. Corners are found on eight scales and followed to a later frame;
their depth is triangulated with the poses of the drive.

python bench/slam_corners.py demo/drive -d linear -d default --gates 0,0.3,0.5,0.6 -d truth
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros import Completion
from depth_completion_ros.cli.options.groups import FeedOptions, NetworkOptions
from depth_completion_ros.cli.scoring.slam import Feed, depths_of
from depth_completion_ros.core import Camera, Frame, invert
from depth_completion_ros.data import open_reader
from depth_completion_ros.slam.depths import Depth

LATER, WRONG = 3, 0.1
"""Frames between the two views; the relative error from which on depth is of another surface."""
LEAST_PARALLAX, MOST_RESIDUAL, WINDOW, CELL = 6.0, 0.5, 9, 20
GREEN, RED, BLUE = (80, 220, 80), (40, 40, 255), (255, 140, 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("drive", type=Path, help="with poses and true depth")
    parser.add_argument("-d", "--depth", action="append", help="as of `depth-completion slam`")
    parser.add_argument("--gates", help="as of `depth-completion slam`")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--every", type=int, default=4, help="frames from one that is looked at to the next")
    parser.add_argument(
        "--bands", default="", help="metres, such as 15,30: rows for corners between these too"
    )
    parser.add_argument("--image", type=Path, help="PNG or JPEG to draw the corners of the middle frame into")
    arguments = parser.parse_args()
    reader, depths = (
        open_reader(arguments.drive),
        depths_of(arguments.depth, arguments.gates, NetworkOptions()),
    )
    feed = Feed(arguments.lines, FeedOptions())
    looked_at = range(0, len(reader) - LATER, arguments.every)
    found: dict[str, list] = {depth.label: [] for depth in depths}
    drawn = []
    for index in looked_at:
        frame = reader.read(index)
        corners, triangulated = followed(frame, reader.read(index + LATER))
        given = given_at(frame, feed, depths, corners)
        for label, depth in given.items():
            found[label].append((depth, triangulated))
        if index == looked_at[len(looked_at) // 2]:
            drawn = [draw(frame, corners, depth / triangulated, label) for label, depth in given.items()]
    corners = sum(len(each[1]) for each in next(iter(found.values())))
    print(f"{corners} corners of {len(looked_at)} frames; shares of all of them, then of those with depth")
    print(f"{'depth':32s} with depth    right | right   farther   nearer   mean")
    edges = [0.0, *(float(edge) for edge in arguments.bands.split(",") if edge), np.inf]
    for label, pairs in found.items():
        given, triangulated = (np.concatenate(part) for part in zip(*pairs, strict=True))
        print(f"{label:32s} " + row(given, triangulated))
        for near, far in pairwise(edges) if arguments.bands else ():
            band = (triangulated >= near) & (triangulated < far)
            print(f"  {f'{near:g} to {far:g} m':30s} " + row(given[band], triangulated[band]))
    if arguments.image:
        cv2.imwrite(str(arguments.image), np.vstack(drawn), [cv2.IMWRITE_JPEG_QUALITY, 70])


def row(given: np.ndarray, triangulated: np.ndarray) -> str:
    """Shares of corners, and the mean of the relative errors on inverse depth, which moves the camera."""
    known = given > 0
    ratio = given[known] / triangulated[known]
    right, farther = np.abs(ratio - 1) <= WRONG, ratio > 1 + WRONG
    shares = known.mean(), right.sum() / len(given), right.mean(), farther.mean(), (ratio < 1 - WRONG).mean()
    shift = np.clip(1 / ratio - 1, -0.5, 0.5).mean()
    return "{:10.1%} {:8.1%} | {:5.1%} {:9.1%} {:8.1%} {:+.3f}".format(*shares, shift)


def followed(frame: Frame, later: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Corners N x 2 of a frame that stand still and are seen in a later one; their triangulated depth N."""
    first, second = (cv2.cvtColor(each.image, cv2.COLOR_RGB2GRAY) for each in (frame, later))
    corners = spread_corners(first)
    size = {"winSize": (WINDOW, WINDOW), "maxLevel": 4}
    ends, there, _ = cv2.calcOpticalFlowPyrLK(first, second, corners[:, None], None, **size)
    back, again, _ = cv2.calcOpticalFlowPyrLK(second, first, ends, None, **size)
    returned = np.linalg.norm(back[:, 0] - corners, axis=1) < MOST_RESIDUAL
    ends, good = ends[:, 0], (there[:, 0] == 1) & (again[:, 0] == 1) & returned
    depth, residual, parallax = triangulate(corners, ends, frame.camera, motion(frame, later))
    good &= (depth > 0) & (residual < MOST_RESIDUAL) & (parallax > LEAST_PARALLAX)
    good &= exists_near(frame.ground_truth, corners, depth)
    return corners[good], depth[good]


def spread_corners(grey: np.ndarray) -> np.ndarray:
    """Corners float32 N x 2: FAST on eight scales, of each scale the strongest one in each cell."""
    detector, found = cv2.FastFeatureDetector.create(12), []
    for level in range(8):
        scale = 1.2**level
        size = round(grey.shape[1] / scale), round(grey.shape[0] / scale)
        strongest: dict[tuple[int, int], cv2.KeyPoint] = {}
        for point in detector.detect(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)):
            cell = int(point.pt[0] // CELL), int(point.pt[1] // CELL)
            if cell not in strongest or point.response > strongest[cell].response:
                strongest[cell] = point
        found += [np.float32(point.pt) * np.float32(scale) for point in strongest.values()]
    return np.array(found, np.float32)


def motion(frame: Frame, later: Frame) -> np.ndarray:
    """4 x 4 from the camera of a frame to that of a later one."""
    return invert(later.T_world_cam) @ frame.T_world_cam


def triangulate(corners: np.ndarray, ends: np.ndarray, camera: Camera, T: np.ndarray):
    """Depth N that moves corners to their ends best, the pixels left then, and those it moves them by."""
    rays = camera.unproject(corners) @ T[:3, :3].T
    target, t = camera.unproject(ends), T[:3, 3]
    # The point is ray + t / depth, seen along the target: cross product 0, linear in 1 / depth.
    slope = target[:, :2] * t[2] - t[:2]
    inverse = (slope * (rays[:, :2] - target[:, :2] * rays[:, 2:])).sum(axis=1) / (slope**2).sum(axis=1)
    moved, f = rays + inverse[:, None] * t, camera.K[0, 0]
    residual = f * np.linalg.norm(moved[:, :2] / moved[:, 2:] - target[:, :2], axis=1)
    parallax = f * np.linalg.norm(moved[:, :2] / moved[:, 2:] - rays[:, :2] / rays[:, 2:], axis=1)
    with np.errstate(divide="ignore"):
        return 1 / inverse, residual, parallax


def exists_near(truth: np.ndarray, corners: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Whether the window of each corner has a surface of that depth; what moves by itself has none."""
    known = np.where(truth > 0, truth, np.float32(np.nan))
    u, v = corners.round().astype(int).T
    reach = WINDOW // 2
    padded = np.pad(known, reach, constant_values=np.nan)
    rows, columns = np.mgrid[:WINDOW, :WINDOW].reshape(2, -1)
    windows = padded[v[:, None] + rows, u[:, None] + columns]
    return (np.abs(windows / depth[:, None] - 1) < WRONG / 2).any(axis=1)


def given_at(frame: Frame, feed: Feed, depths: list[Depth], corners: np.ndarray) -> dict[str, np.ndarray]:
    """The gated depth at corners by the label of the depth, read as ORB-SLAM3 does: coordinates cut off."""
    sparse, (u, v) = feed(frame), corners.astype(int).T
    made: dict[str, Completion] = {}
    for depth in depths:
        if depth.base not in made:
            made[depth.base] = depth.complete(frame, sparse)
    planes = [(each, made[each.base]) for each in depths]
    return {each.label: each.gated(plane.depth, plane.confidence)[v, u] for each, plane in planes}


def draw(frame: Frame, corners: np.ndarray, ratio: np.ndarray, title: str) -> np.ndarray:
    """The image, darkened, with corners in green (right), blue (told farther) and red (told nearer)."""
    canvas = np.ascontiguousarray(frame.image[..., ::-1] // 2 + 40)
    for (u, v), share in zip(corners, ratio, strict=True):
        if share > 0:
            colour = BLUE if share > 1 + WRONG else RED if share < 1 - WRONG else GREEN
            cv2.circle(canvas, (round(u), round(v)), 3, colour, -1)
    cv2.putText(canvas, title, (10, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return canvas


if __name__ == "__main__":
    main()
