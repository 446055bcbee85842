"""The network of MSPN-lite: its parts against plain ones, and what holds for any image and any points."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from synthetic import camera_image  # noqa: E402

from depth_completion_ros.completion.mspn_lite.completer import SHIPPED  # noqa: E402
from depth_completion_ros.completion.mspn_lite.network import MSPNLite, _bend, _enlarged  # noqa: E402
from depth_completion_ros.completion.mspn_lite.plane import linear_plane  # noqa: E402
from depth_completion_ros.completion.prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

TENSORS, PARAMETERS = 230, 4_969_847
"""Of the state dict; other numbers mean that stored weights no longer fit."""


@pytest.fixture(scope="module")
def network() -> MSPNLite:
    """With the weights that ship with the package."""
    network = MSPNLite()
    network.load_state_dict(load_file(SHIPPED))
    return network.eval()


def inputs(shape: tuple[int, int], points: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """What the network takes of an image of a leaning plane with a box before it."""
    random = np.random.default_rng([*shape, points, seed])
    v, u = np.mgrid[: shape[0], : shape[1]] / max(shape)
    truth = (4 + 9 * u + 5 * v + 3 * seed).astype(np.float32)
    truth[shape[0] // 3 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 3
    sparse = np.zeros(shape, np.float32)
    chosen = random.choice(truth.size, points, replace=False)
    sparse.flat[chosen] = truth.flat[chosen]
    rgb = (camera_image(shape, seed) / np.float32(255) - IMAGENET_MEAN) / IMAGENET_STD
    plane = linear_plane(sparse) if points else np.full(shape, 10, np.float32)
    maps = {"sparse": sparse, "plane": plane, "prior": truth * np.float32(1.1)}
    maps = {name: torch.from_numpy(value)[None, None] for name, value in maps.items()}
    return {"rgb": torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1)[None], **maps}


def without_prior(maps: dict) -> dict:
    return {name: value for name, value in maps.items() if name != "prior"}


@torch.no_grad()
def depth_of(network: MSPNLite, maps: dict) -> torch.Tensor:
    return network(**maps).depth


# Sizes and points --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 2), (31, 31), (64, 96), (65, 97)])
def test_any_size_gives_finite_depth_of_that_size(network, shape):
    maps = inputs(shape, max(1, shape[0] * shape[1] // 30))
    with torch.no_grad():
        prediction = network(**maps)
    for values in (prediction.depth, prediction.spread, prediction.base):
        assert values.shape == (1, 1, *shape) and values.isfinite().all()
    assert (prediction.depth > 0).all()
    sizes = [log.shape[-1] for log in prediction.coarse]
    assert sizes == [-(-shape[1] // 32) * 32 // factor for factor in (8, 4, 2)]


def test_an_image_is_continued_by_its_last_rows_and_columns_without_points(network):
    maps = inputs((40, 50), 60)
    rows, columns = [min(v, 39) for v in range(64)], [min(u, 49) for u in range(64)]
    larger = {name: x[..., rows, :][..., columns] for name, x in maps.items()}
    larger["sparse"][..., 40:, :] = larger["sparse"][..., 50:] = 0
    expected = depth_of(network, larger)[..., :40, :50]
    torch.testing.assert_close(depth_of(network, maps), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("factor", [0.01, 7.0, 300.0])
@pytest.mark.parametrize("points", [1, 200])
def test_a_scene_of_another_scale_has_its_depth_times_that(network, factor, points):
    maps = inputs((48, 64), points)
    scaled = {name: x if name == "rgb" else x * factor for name, x in maps.items()}
    torch.testing.assert_close(depth_of(network, scaled), depth_of(network, maps) * factor, rtol=1e-4, atol=0)


def test_without_points_depth_is_finite_and_at_the_scale_of_the_plane(network):
    maps = without_prior(inputs((48, 64), 0))
    depth = depth_of(network, maps)
    assert depth.isfinite().all() and 1 < depth.log().mean().exp() < 100
    farther = depth_of(network, maps | {"plane": 5 * maps["plane"]})
    torch.testing.assert_close(farther, 5 * depth, rtol=1e-4, atol=0)


def test_a_batch_of_different_images_equals_its_images_alone(network):
    cases = [inputs((40, 64), points, seed) for seed, points in enumerate((1, 900, 0))]
    batch = {name: torch.cat([maps[name] for maps in cases]) for name in cases[0]}
    expected = torch.cat([depth_of(network, maps) for maps in cases])
    torch.testing.assert_close(depth_of(network, batch), expected, rtol=1e-4, atol=0)


def test_a_prior_of_zeros_is_none_and_another_one_counts(network):
    maps = inputs((48, 64), 30)
    none = depth_of(network, without_prior(maps))
    assert torch.equal(depth_of(network, maps | {"prior": torch.zeros_like(maps["prior"])}), none)
    assert ((depth_of(network, maps) / none).log().abs() > 1e-4).float().mean() > 0.5


@pytest.mark.parametrize("name", ["rgb", "sparse", "plane"])
def test_every_input_counts(network, name):
    maps, other = inputs((48, 64), 200), inputs((48, 64), 200, seed=1)
    assert not torch.allclose(
        depth_of(network, maps), depth_of(network, maps | {name: other[name]}), rtol=1e-3
    )


# Weights -----------------------------------------------------------------------------------------


def test_the_state_dict_stays_what_stored_weights_fit():
    with torch.device("meta"):
        network = MSPNLite()
    assert len(network.state_dict()) == TENSORS
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS


def test_the_weights_that_ship_are_small_whole_and_free():
    assert SHIPPED.stat().st_size <= 16 * 2**20
    with safe_open(SHIPPED, "pt") as file:
        metadata = file.metadata()
    assert metadata["licence"] == "Apache-2.0" and metadata["networks"] == "mspn_lite:general"
    assert all(value.isfinite().all() for value in load_file(SHIPPED).values())


def test_folded_norms_leave_the_depth_as_it_is(network):
    folded, maps = deepcopy(network), inputs((48, 64), 100)
    folded.fold()
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(depth_of(folded, maps), depth_of(network, maps), rtol=1e-4, atol=0)


def test_a_new_network_gives_the_plane_with_the_measurements_in_it():
    torch.manual_seed(0)
    network, maps = MSPNLite().eval(), inputs((64, 96), 300)
    depth, measured = depth_of(network, maps), maps["sparse"] > 0
    off = (depth / maps["plane"]).log().abs()
    assert off.median() < 0.02
    wrong = maps | {"sparse": maps["sparse"] * (1 + (torch.arange(96) > 48))}  # twice as far as the plane
    drawn = (depth_of(network, wrong) / maps["plane"]).log()[measured & (torch.arange(96) > 52)]
    assert drawn.median() > 0.8 * np.log(2)


def test_training_reaches_every_parameter():
    torch.manual_seed(0)
    network = MSPNLite().train()
    maps = [inputs((64, 64), points, seed) for seed, points in enumerate((20, 400))]
    prediction = network(**{name: torch.cat([x[name] for x in maps]) for name in maps[0]})
    parts = [prediction.depth.log(), prediction.spread, *prediction.coarse]
    sum(part.square().mean() for part in parts).backward()
    still = [name for name, x in network.named_parameters() if x.grad is None or not x.grad.any()]
    assert still == []
    assert all(x.grad.isfinite().all() for x in network.parameters())


# Bending -----------------------------------------------------------------------------------------


def test_a_bent_base_meets_the_measurements_and_stays_between_their_distances():
    random = torch.Generator().manual_seed(0)
    base, log = (torch.rand(2, 1, 9, 14, generator=random) for _ in range(2))
    measured = (torch.rand(2, 1, 9, 14, generator=random) < 0.1).float()
    bend = _bend(base, log * measured, measured)
    there, missing = measured > 0, log - base
    torch.testing.assert_close((base + bend)[there], log[there])
    for image in range(2):
        lacks = missing[image][there[image]]
        assert lacks.min() - 1e-6 <= bend[image].min() and bend[image].max() <= lacks.max() + 1e-6
    assert not _bend(base, torch.zeros_like(log), torch.zeros_like(measured)).any()


# Enlarging ---------------------------------------------------------------------------------------


def around(x: torch.Tensor) -> torch.Tensor:
    """The pixel itself, and its left, right, upper and lower neighbour; at the border itself for none."""
    left = torch.cat([x[..., :1], x[..., :-1]], dim=3)
    right = torch.cat([x[..., 1:], x[..., -1:]], dim=3)
    above = torch.cat([x[..., :1, :], x[..., :-1, :]], dim=2)
    below = torch.cat([x[..., 1:, :], x[..., -1:, :]], dim=2)
    return torch.cat([x, left, right, above, below], dim=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 7)])
def test_an_enlarged_pixel_lies_between_the_old_one_and_its_neighbours(shape):
    random = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, *shape, generator=random)
    large = _enlarged(x, 5 * torch.randn(2, 20, *shape, generator=random))
    assert large.shape == (2, 1, 2 * shape[0], 2 * shape[1])
    low, high = (f(around(x), 1, keepdim=True) for f in (torch.amin, torch.amax))
    low, high = (y.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) for y in (low, high))
    assert (large >= low - 1e-6).all() and (large <= high + 1e-6).all()


def test_each_of_the_four_new_pixels_may_take_any_of_the_five_old_ones():
    x = torch.arange(20.0).reshape(1, 1, 4, 5)
    for new in range(4):
        for old in range(5):
            weights = torch.zeros(1, 5, 4, 4, 5)
            weights[:, old, new] = 100
            large = _enlarged(x, weights.reshape(1, 20, 4, 5))
            found, expected = large[..., new // 2 :: 2, new % 2 :: 2], around(x)[:, old : old + 1]
            torch.testing.assert_close(found, expected)
