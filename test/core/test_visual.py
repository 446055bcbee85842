"""Colours of depth: as told, in the order R, G, B."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros.core.visual import colourise_depth, error_map, overlay_sparse

DEPTH = np.array([[2.0, 4.0, 8.0, 16.0], [32.0, 64.0, np.nan, 0.0]], np.float32)


def rgb(level: int, colour_map: int) -> list[int]:
    return cv2.applyColorMap(np.uint8([[level]]), colour_map)[0, 0, ::-1].tolist()


def test_near_is_bright_far_is_dark_and_unknown_is_black():
    colours = colourise_depth(DEPTH, near=2.0, far=64.0)
    levels = [255, 204, 153, 102, 51, 0]  # evenly spaced in the logarithm
    assert colours.reshape(-1, 3)[:6].tolist() == [rgb(level, cv2.COLORMAP_INFERNO) for level in levels]
    assert not colours[1, 2:].any()
    near, far = colours[0, 0], colours[1, 1]
    assert near[0] > 200 and near[1] > 200 and far.max() < 20  # bright yellow, dark


def test_measured_pixels_lie_on_the_dimmed_image_in_colours_of_their_depth():
    image = np.full((*DEPTH.shape, 3), 100, np.uint8)
    sparse = np.nan_to_num(DEPTH)
    sparse[0, 1:3] = 0
    drawn = overlay_sparse(image, sparse, near=2.0, far=64.0)
    assert drawn[0, 0].tolist() == rgb(255, cv2.COLORMAP_TURBO)
    assert (drawn[0, 1:3] == 82).all() and (drawn[1, 2:] == 82).all()


def test_no_error_is_blue_a_large_one_red_and_a_missing_depth_white():
    truth = np.full((1, 4), 10, np.float32)
    truth[0, 3] = 0
    colours = error_map(np.array([[10, 15, np.nan, 10]], np.float32), truth)
    assert colours[0, 0, 2] > colours[0, 0, 0] and colours[0, 1].tolist() == rgb(255, cv2.COLORMAP_TURBO)
    assert (colours[0, 2] == 255).all() and not colours[0, 3].any()
