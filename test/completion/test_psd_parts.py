"""Parts of PSD against what can be said by hand: blocks, channels, alignment, propagation, images."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import psd_reference as reference  # noqa: E402

from depth_completion_ros.completion.psd.alignment import align_inverse_depth  # noqa: E402
from depth_completion_ros.completion.psd.guide import SparseMean, resampled  # noqa: E402
from depth_completion_ros.completion.psd.network import rays_of  # noqa: E402
from depth_completion_ros.completion.psd.propagation import (  # noqa: E402
    MODES,
    Propagation,
    propagate_in_space,
)
from depth_completion_ros.completion.psd.resize import foundation_size, spline_resize  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_mean_of_a_block_is_a_little_too_low():
    sparse = torch.zeros(1, 1, 4, 4)
    sparse[..., 1, 2], sparse[..., 3, 0] = 2, 4
    assert SparseMean()(sparse).item() == pytest.approx(2.99998498, abs=1e-7)


def test_rows_and_columns_left_over_are_dropped():
    sparse = torch.zeros(1, 1, 10, 11)
    sparse[..., 9, 5] = sparse[..., 3, 10] = 7
    mean = SparseMean()(sparse)
    assert mean.shape == (1, 1, 2, 2) and not mean.any()


@pytest.mark.parametrize(("known", "wanted", "step"), [(256, 16, 16), (128, 32, 4)])
def test_channels_are_means_of_two(known, wanted, step):
    features = torch.randn(1, known, 3, 4)
    found = resampled(features, wanted, (3, 4))
    lower = features[:, step // 2 - 1 :: step]
    torch.testing.assert_close(found, (lower + features[:, step // 2 :: step]) / 2)


@pytest.mark.parametrize(("known", "wanted"), [(256, 9), (64, 16), (8, 16), (64, 9)])
def test_resampling_is_trilinear(known, wanted):
    features = torch.randn(2, known, 5, 7, dtype=torch.float64)
    expected = reference.trilinear(features, wanted, (11, 12))
    torch.testing.assert_close(resampled(features, wanted, (11, 12)), expected)


# Alignment -----------------------------------------------------------------------------------------


def prediction() -> torch.Tensor:
    return torch.rand(1, 1, 20, 30, generator=torch.Generator().manual_seed(1)) + 0.1


def measured(depth: torch.Tensor, number: int) -> torch.Tensor:
    chosen = torch.randperm(depth.numel(), generator=torch.Generator().manual_seed(2))[:number]
    sparse = torch.zeros(depth.numel())
    sparse[chosen] = depth.flatten()[chosen]
    return sparse.view_as(depth)


@pytest.mark.parametrize("official", [True, False])
def test_a_prediction_up_to_scale_and_shift_is_brought_to_metres_within_the_measured_range(official):
    truth = 1 / (0.3 * prediction() + 0.02)
    sparse = measured(truth, 60)
    depth = align_inverse_depth(prediction(), sparse, official)
    torch.testing.assert_close(
        depth, truth.clamp(sparse[sparse > 0].min(), sparse.max()), rtol=1e-4, atol=1e-4
    )


def test_every_image_of_a_batch_is_aligned_by_its_own_points():
    truth = 1 / (0.3 * prediction() + 0.02)
    sparse = torch.cat([measured(truth, 60), measured(5 * truth, 60)])
    near, far = align_inverse_depth(torch.cat([prediction()] * 2), sparse)
    torch.testing.assert_close(far, 5 * near, rtol=1e-4, atol=1e-4)


def test_officially_three_points_give_the_farthest_and_otherwise_the_line_or_the_mean():
    sparse = torch.zeros(1, 1, 20, 30)
    sparse[..., 3, 4], sparse[..., 5, 6], sparse[..., 7, 8] = 2, 4, 8
    assert torch.equal(align_inverse_depth(prediction(), sparse, True), torch.full((1, 1, 20, 30), 8.0))
    upside_down = sparse.where(sparse > 0, 0) * 0
    p = prediction()
    upside_down[..., :4] = 1 + p[..., :4]  # farther where the prediction says nearer
    level = align_inverse_depth(p, upside_down)
    expected = 1 / (1 / upside_down[upside_down > 0]).mean()
    torch.testing.assert_close(level, expected.expand_as(level))


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_few_points_give_a_constant_or_what_lies_between_them(official, number):
    depth = align_inverse_depth(prediction(), measured(torch.full((1, 1, 20, 30), 6.0), number), official)
    assert torch.allclose(depth, torch.tensor(6.0 if number else 1.0))


# Propagation ---------------------------------------------------------------------------------------


def scene():
    """Points on a plane in space, two measured on the left that differ from two on the right in looks."""
    points = rays_of(torch.eye(3)[None], 4, 8) * 5
    guide = torch.zeros(1, 2, 4, 8)
    guide[:, 0, :, :4], guide[:, 1, :, 4:] = 1, 1
    sparse = torch.zeros(1, 1, 4, 8)
    sparse[..., 1, 3], sparse[..., 1, 4] = 2, 9
    return points, guide, torch.full((1, 1, 4, 8), 5.0), sparse


def test_of_the_nearest_points_the_most_similar_is_taken_and_officially_the_least():
    points, guide, dense, sparse = scene()
    like, unlike = (propagate_in_space(points, guide, dense, sparse, official=o) for o in (False, True))
    left, kept = torch.arange(8) < 4, sparse > 0
    torch.testing.assert_close(like, torch.where(left, 2.0, 9.0).where(~kept, dense))
    torch.testing.assert_close(unlike, torch.where(left, 9.0, 2.0).where(~kept, dense))
    assert torch.equal(like[kept], dense[kept]), "measured pixels are left to the step in the image"


def test_without_a_measured_pixel_depth_in_space_stays():
    points, guide, dense, sparse = scene()
    assert torch.equal(propagate_in_space(points, guide, dense, sparse * 0), dense)


def test_the_mean_of_several_stays_within_what_was_measured_unless_official():
    torch.manual_seed(0)
    points, guide = torch.randn(1, 3, 12, 16), torch.randn(1, 12, 12, 16)
    sparse = measured(1 + 9 * torch.rand(1, 1, 12, 16), 30)
    dense = torch.full_like(sparse, 5.0)
    found = propagate_in_space(points, guide, dense, sparse, neighbours=3)
    assert found.min() >= sparse[sparse > 0].min() and found.max() <= sparse.max()
    expected = reference.in_space(points, guide, dense, sparse, 3)
    found = propagate_in_space(points, guide, dense, sparse, 3, official=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_with_guides_above_zero_every_pixel_is_a_mean_of_its_neighbours():
    torch.manual_seed(0)
    guide, dense = torch.rand(1, 5, 9, 13) + 0.1, 1 + torch.rand(1, 1, 9, 13)
    sparse = measured(2 + torch.rand(1, 1, 9, 13), 10)
    from depth_completion_ros.ops.cosine_propagation import cosine_affinity, cosine_propagate

    assert cosine_affinity(guide)[:, 4].abs().max() < 1e-6
    held = torch.where(sparse > 0, sparse, dense)
    most = torch.nn.functional.max_pool2d(held, 3, 1, 1)
    least = -torch.nn.functional.max_pool2d(-held, 3, 1, 1)
    found = cosine_propagate(guide, dense, sparse, 1)
    assert (found <= most + 1e-5).all() and (found >= least - 1e-5).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_that_of_the_plain_form(mode):
    torch.manual_seed(0)
    height, width = 37, 50
    guide, inverse = torch.rand(1, 8, 3, 4).double(), torch.rand(1, 1, 28, 42).double()
    sparse = measured(1 + 9 * torch.rand(1, 1, height, width), 120).double()
    K = torch.tensor([[[40.0, 0, 25], [0, 40, 18], [0, 0, 1]]]).double()
    aligned, expected = reference.propagate(guide, inverse, sparse, K, 3, mode)
    carry = Propagation(aligned, guide, sparse, SparseMean()(sparse), rays_of(K, height, width), 3, True)
    torch.testing.assert_close(carry(aligned, mode), expected, rtol=1e-5, atol=1e-5)


# Images ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((228, 304), (392, 518)),
        ((480, 640), (392, 518)),
        ((256, 1216), (392, 1862)),
        ((352, 1216), (392, 1358)),
        ((512, 1024), (392, 784)),
        ((375, 1242), (392, 1302)),
        ((1656, 2464), (392, 588)),
        ((1400, 1400), (392, 392)),
    ],
)
def test_sizes_are_those_of_the_official_code(size, expected):
    assert foundation_size(*size) == expected


def pattern() -> np.ndarray:
    v, u, c = np.mgrid[:6, :8, :3]
    return ((37 * v + 59 * u + 83 * c + 11 * u * v) % 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "at_places", "mean"),
    [
        ((9, 5), [10.071193, 185.362172, 83.038615, 184.592039], 127.507708),
        ((4, 12), [6.320104, 102.210534, 110.402296, 190.878663], 128.034542),
    ],
)
def test_images_are_resized_as_by_scikit_image(size, at_places, mean):
    """Figures of `gaussian_filter` and `zoom(order=3, mode="mirror", grid_mode=True)` of SciPy 1.17."""
    found = spline_resize(pattern(), size)
    assert found.shape == (3, *size) and found.dtype == np.float32
    places = found[[0, 1, 2, 0], [0, 2, 3, -1], [0, 3, 4, -1]]
    np.testing.assert_allclose([*places, found.mean()], [*at_places, mean], atol=1e-4)


def test_an_image_of_one_pixel_or_of_one_colour_stays_so():
    assert (spline_resize(np.full((1, 1, 3), 77, np.uint8), (14, 28)) == 77).all()
    np.testing.assert_allclose(spline_resize(np.full((30, 41, 3), 9, np.uint8), (14, 28)), 9, atol=1e-4)
