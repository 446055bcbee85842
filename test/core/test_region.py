"""Regions: left, top, right, bottom, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core.region import check_region, region_mask


def test_right_and_bottom_are_exclusive_and_what_lies_outside_the_image_is_no_harm():
    mask = region_mask((4, 6), (1, 2, 3, 9))
    v, u = np.nonzero(mask)
    assert mask.shape == (4, 6) and set(u) == {1, 2} and set(v) == {2, 3}
    assert not region_mask((4, 6), (6, 4, 9, 9)).any()
    assert not region_mask((4, 6), (-3, -3, -1, -1)).any()


def test_without_a_region_every_pixel_counts():
    assert region_mask((4, 6), None).all()


@pytest.mark.parametrize("region", [(-1, 0, 4, 4), (0, 0, 0, 5), (3, 0, 2, 5), (0, 4, 5, 4)])
def test_a_region_without_a_pixel_is_refused(region):
    with pytest.raises(ValueError, match="must be left,top,right,bottom"):
        check_region(region)
