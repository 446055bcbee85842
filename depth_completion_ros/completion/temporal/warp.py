"""What an earlier frame knew of the points that are seen now."""

from __future__ import annotations

import cv2
import numpy as np

from ...core import Camera


def look_back(
    depth: np.ndarray, camera: Camera, T_past_now: np.ndarray, at: tuple | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera saw, from where it was, the points that it sees now.

    Args:
        depth: float32 H x W of now, metres along z, NaN where unknown.
        camera: of both moments.
        T_past_now: 4 x 4 from the optical frame of now to that of the past.
        at: rows and columns of some pixels; None for the whole image.

    Returns:
        pixels (u, v), float32 H x W x 2, or N x 2 of those at `at`, -1 where a point is unknown or was not in
        front of the lens; and the depth along z at which the camera would have seen it.
    """
    z = depth if at is None else depth[at]
    x, y = camera.rays if at is None else (rays[at] for rays in camera.rays)
    points = cv2.merge([x * z, y * z, z]).reshape(-1, 1, 3)
    points = cv2.transform(points, np.asarray(T_past_now, np.float32)[:3])[:, 0]
    pixels, seen = camera.project(points)
    pixels[~seen] = -1
    return pixels.reshape(*z.shape, 2), points[:, 2].reshape(z.shape)


def recall(
    past: np.ndarray, planes: list[np.ndarray], depth: np.ndarray, camera: Camera, T_past_now: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The depth that an earlier frame had where the points that are seen now were in it (an inverse warp).

    A point that something else hid then gets the depth of that, which the caller tells by comparing.

    Args:
        past: float32 H x W nearness of the past, 1 / depth along z in 1/m, NaN where unknown.
        planes: further values of its pixels, float32 H x W.
        depth, camera, T_past_now: as in `look_back`.

    Returns:
        nearness that the past gives to each pixel of now, NaN where it knows none (and below 0 for what would
        be behind the camera), and the planes.
    """
    pixels, expected = look_back(depth, camera, T_past_now)
    # 1 / z is linear on a plane; a mean with what is unknown is unknown, even with a weight of 0.
    wider = cv2.copyMakeBorder(past, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
    there = cv2.remap(wider, pixels, None, cv2.INTER_LINEAR, borderValue=float("nan"))
    # As far as from there, but for what the camera moved: 1 / (1 / there + moved).
    moved = depth - expected
    moved *= there
    moved += 1
    with np.errstate(divide="ignore"):
        np.divide(there, moved, out=moved)
    return moved, [cv2.remap(plane, pixels, None, cv2.INTER_NEAREST) for plane in planes]


def contradicting(
    past: np.ndarray, pixels: np.ndarray, depth: np.ndarray, window: int, ratio: np.float32
) -> tuple[np.ndarray, np.ndarray]:
    """Which measured points an earlier frame was wrong about, and which it spoke of at all.

    It was wrong where a point is nearer than all that it had around, as something came there, or farther, as
    a beam went through.

    Args:
        past: as in `recall`.
        pixels, depth: N x 2 and N, where and how far away the earlier camera would have seen the points, as
            `look_back` gives them.
        window: pixels along a side of what is around, odd.
        ratio: by how many times a point must be nearer or farther.

    Returns:
        two masks N.
    """
    around = np.ones((window, window), np.uint8)
    with np.errstate(invalid="ignore"):
        u, v = np.clip(np.floor(pixels + np.float32(0.5)), -1, 2**30).astype(np.intp).T
        now = 1 / depth
    inside = (u >= 0) & (v >= 0) & (u < past.shape[1]) & (v < past.shape[0])
    at = np.where(inside, v, 0), np.where(inside, u, 0)
    known = np.nan_to_num(past)
    nearest, farthest = cv2.dilate(known, around)[at], cv2.erode(known, around)[at]
    spoke = inside & (nearest > 0)
    # Beside what is unknown `farthest` is 0, and no point is beyond it.
    return spoke & ((now > ratio * nearest) | (now * ratio < farthest)), spoke
