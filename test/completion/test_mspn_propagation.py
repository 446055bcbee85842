"""The propagation of MSPN: its layer against a plain one, and how often it runs."""

from __future__ import annotations

import mspn_fill
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import mspn_reference  # noqa: E402

from depth_completion_ros.completion.mspn import iteration_count  # noqa: E402
from depth_completion_ros.completion.mspn.propagation import Propagation  # noqa: E402
from depth_completion_ros.ops.propagation import UpdateRule  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def layers(channels: int, layers: int, rule: UpdateRule, dtype=torch.float64) -> Propagation:
    """Propagation with deterministic weights."""
    made = Propagation(channels, layers, rule)
    shapes = {f"prop_layer.{key}": x.shape for key, x in made.state_dict().items()}
    weights = mspn_fill.filled(shapes)
    made.load_state_dict({key.removeprefix("prop_layer."): x for key, x in weights.items()})
    return made.to(dtype)


def scene(channels: int, size: tuple[int, int], points: int, dtype=torch.float64):
    """Guidance, depth to begin with, and sparse depth."""
    maps = mspn_fill.inputs(*size, points)
    guide = torch.from_numpy(mspn_fill.uniform(f"guide {size}", (1, channels, *size)))
    return tuple(x.to(dtype) for x in (guide, maps["prior"], maps["sparse"]))


def reference(propagation: Propagation, guide, depth, sparse, counts, rule):
    """The same by the plain implementation."""
    for layer, count in zip((propagation.mspn, getattr(propagation, "mspn_2nd", None)), counts, strict=False):
        depth, mask = mspn_reference.propagate_layer(
            layer.state_dict(), guide, depth, sparse, count, rule.blends, rule.injects
        )
    return depth, mask


@pytest.mark.parametrize("rule", UpdateRule)
@pytest.mark.parametrize(("size", "points"), [((13, 13), 3), ((29, 37), 40), ((9, 30), 12), ((2, 5), 1)])
def test_a_layer_equals_the_plain_one(rule, size, points):
    propagation, maps = layers(16, 1, rule), scene(16, size, points)
    depth, mask = propagation(*maps, [7])
    expected_depth, expected_mask = reference(propagation, *maps, [7], rule)
    torch.testing.assert_close(depth, expected_depth, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(mask, expected_mask, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", UpdateRule)
def test_a_layer_keeps_to_the_plain_one_in_single_precision(rule):
    single, double = layers(64, 1, rule, torch.float32), layers(64, 1, rule)
    depth, mask = single(*scene(64, (31, 40), 60, torch.float32), [6])
    expected_depth, expected_mask = reference(double, *scene(64, (31, 40), 60), [6], rule)
    torch.testing.assert_close(depth.double(), expected_depth, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mask.double(), expected_mask, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", UpdateRule)
def test_the_second_layer_starts_from_the_measured_pixels_again_and_runs_six_times(rule):
    propagation, maps = layers(16, 2, rule), scene(16, (20, 33), 25)
    depth, mask = propagation(*maps, [9])
    expected_depth, expected_mask = reference(propagation, *maps, [9, 6], rule)
    torch.testing.assert_close(depth, expected_depth, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(mask, expected_mask, rtol=1e-10, atol=1e-10)


def test_gradients_equal_those_of_the_plain_layer():
    rule = UpdateRule.BLEND_AND_INJECT
    propagation, (guide, depth, sparse) = layers(8, 1, rule), scene(8, (15, 18), 30)
    leaves = [guide.requires_grad_(), depth.requires_grad_(), *propagation.mspn.parameters()]
    weights = dict(propagation.mspn.named_parameters())
    found = propagation(guide, depth, sparse, [6])
    expected = mspn_reference.propagate_layer(weights, guide, depth, sparse, 6, True, True)
    looks = [torch.from_numpy(mspn_fill.uniform(name, (1, 1, 15, 18))) for name in ("depth", "mask")]
    sums = [sum((x * look).sum() for x, look in zip(maps, looks, strict=True)) for maps in (found, expected)]
    for a, b in zip(*(torch.autograd.grad(x, leaves) for x in sums), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


# Number of iterations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "iterations"),
    [
        (1, 88),
        (2, 62),
        (5, 39),
        (10, 28),
        (20, 20),
        (50, 13),
        (100, 9),
        (150, 7),
        (192, 7),
        (193, 6),
        (500, 6),
    ],
)
def test_iterations_at_the_size_of_nyu(points, iterations):
    assert iteration_count(228, 304, points) == iterations


@pytest.mark.parametrize(("height", "enough"), [(252, 849), (240, 809)])
def test_iterations_at_the_sizes_of_kitti(height, enough):
    assert iteration_count(height, 1216, enough) == 6
    assert iteration_count(height, 1216, enough - 1) == 7
    for scan in (14000, 22000):
        assert 10 <= iteration_count(height, 1216, scan * 1 // 64) <= 13
        assert 7 <= iteration_count(height, 1216, scan * 2 // 64) <= 9
        assert all(iteration_count(height, 1216, scan * lines // 64) == 6 for lines in range(4, 65))


def test_iterations_are_the_published_formula_in_single_precision():
    points = torch.arange(1, 1001)
    spacing = (228 * 304 / points) ** 0.5 - 1
    expected = (torch.floor(spacing * 2 / 6) + 1).clamp(min=6).int().tolist()
    assert [iteration_count(228, 304, n) for n in range(1, 1001)] == expected


def test_no_iteration_without_points_and_no_negative_number_of_points():
    assert iteration_count(228, 304, 0) == 0
    assert iteration_count(4, 4, np.int64(16)) == 6
    with pytest.raises(ValueError, match="points is -1; it must be 0 or more"):
        iteration_count(228, 304, -1)
