"""What MSPN-lite fills and propagates with, against loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros import SparseDepth, create_completer  # noqa: E402
from depth_completion_ros.completion.mspn_lite.fill import membrane, pyramid  # noqa: E402
from depth_completion_ros.completion.mspn_lite.plane import linear_plane  # noqa: E402
from depth_completion_ros.completion.mspn_lite.propagation import propagate  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPES = [(1, 1), (1, 7), (6, 1), (2, 3), (8, 8), (13, 22)]


def some(shape: tuple[int, int], share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Values, 0 where not measured, and the mask; at least one is measured."""
    random = np.random.default_rng([*shape, seed])
    measured = random.random(shape) < share
    measured.flat[random.integers(measured.size)] = True
    values = np.where(measured, random.uniform(1, 5, shape), 0)
    return tuple(torch.from_numpy(x.astype(float))[None, None] for x in (values, measured))


# Fill --------------------------------------------------------------------------------------------


def slow_pyramid(values: np.ndarray, measured: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    levels = [(values, measured)]
    while min(values.shape) > 1:
        shape = tuple(-(-side // 2) for side in values.shape)
        coarse, known = np.zeros(shape), np.zeros(shape)
        for v, u in np.ndindex(shape):
            block = np.s_[2 * v : 2 * v + 2, 2 * u : 2 * u + 2]
            inside = values[block][measured[block] > 0]
            if inside.size:
                coarse[v, u], known[v, u] = inside.mean(), 1
        values, measured = coarse, known
        levels.append((values, measured))
    return levels


def slow_membrane(levels: list[tuple[np.ndarray, np.ndarray]], sweeps: int) -> np.ndarray:
    values, measured = levels[-1]
    surface = np.where(measured > 0, values, values[measured > 0].mean())
    for values, measured in levels[-2::-1]:
        start = np.zeros(values.shape)
        for v, u in np.ndindex(values.shape):
            start[v, u] = bilinear(surface, (v + 0.5) / 2 - 0.5, (u + 0.5) / 2 - 0.5)
        surface = np.where(measured > 0, values, start)
        for _ in range(sweeps):
            surface = np.where(measured > 0, values, mean_of_neighbours(surface))
    return surface


def bilinear(x: np.ndarray, v: float, u: float) -> float:
    rows, columns = (
        np.clip([np.floor(at), np.floor(at) + 1], 0, side - 1)
        for at, side in zip((v, u), x.shape, strict=True)
    )
    (a, b), (c, d) = x[np.ix_(rows.astype(int), columns.astype(int))]
    down, right = v - np.floor(v), u - np.floor(u)
    return (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d)


def mean_of_neighbours(x: np.ndarray) -> np.ndarray:
    wide = np.pad(x, 1, "edge")
    return (wide[1:-1, :-2] + wide[1:-1, 2:] + wide[:-2, 1:-1] + wide[2:, 1:-1]) / 4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0, 0.1, 1])
def test_pyramid_and_membrane_equal_the_slow_ones_and_keep_what_is_measured(shape, share):
    values, measured = some(shape, share)
    levels = pyramid(values, measured)
    expected = slow_pyramid(values[0, 0].numpy(), measured[0, 0].numpy())
    assert len(levels) == len(expected)
    for level, slow in zip(levels, expected, strict=True):
        for found, plane in zip(level, slow, strict=True):
            np.testing.assert_allclose(found[0, 0], plane, rtol=1e-12)
    for sweeps in (0, 4):
        surface = membrane(levels, sweeps)
        np.testing.assert_allclose(surface[0, 0], slow_membrane(expected, sweeps), rtol=1e-12)
        assert torch.equal(surface[measured > 0], values[measured > 0])


def test_with_many_sweeps_the_membrane_is_the_harmonic_surface():
    shape, (values, measured) = (7, 9), some((7, 9), 0.1)
    size = values.numel()
    matrix, right = np.eye(size), values.numpy().ravel() * measured.numpy().ravel()
    for row in np.flatnonzero(measured.numpy().ravel() == 0):
        v, u = divmod(row, shape[1])
        for dv, du in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            near = min(max(v + dv, 0), shape[0] - 1) * shape[1] + min(max(u + du, 0), shape[1] - 1)
            matrix[row, near] -= 0.25
    expected = np.linalg.solve(matrix, right).reshape(shape)
    np.testing.assert_allclose(membrane(pyramid(values, measured), 2000)[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_measured_alike_everywhere_fills_alike_and_nothing_fills_with_zero(shape):
    _, measured = some(shape, 0.2)
    np.testing.assert_allclose(
        membrane(pyramid(3 * measured, measured)), np.full((1, 1, *shape), 3), rtol=1e-12
    )
    nothing = torch.zeros_like(measured)
    assert not membrane(pyramid(nothing, nothing)).any()


def test_images_of_a_batch_are_filled_apart():
    pairs = [some((11, 14), share, seed) for seed, share in enumerate((0.0, 0.5))]
    together = membrane(pyramid(*(torch.cat(parts) for parts in zip(*pairs, strict=True))))
    for index, pair in enumerate(pairs):
        torch.testing.assert_close(together[index : index + 1], membrane(pyramid(*pair)))


@pytest.mark.parametrize("shape", [*SHAPES, (61, 83)])
@pytest.mark.parametrize("points", [1, 3, None])
def test_the_plane_is_positive_and_within_what_is_measured(shape, points):
    sparse = np.zeros(shape, np.float32)
    random = np.random.default_rng(0)
    chosen = random.choice(sparse.size, min(sparse.size, points or sparse.size), replace=False)
    sparse.flat[chosen] = random.uniform(2, 50, len(chosen))
    plane = linear_plane(sparse)
    assert plane.shape == shape and plane.dtype == np.float32
    low, high = sparse[sparse > 0].min(), sparse[sparse > 0].max()
    assert low * 0.999 <= plane.min() and plane.max() <= high * 1.001


def test_the_plane_is_nearly_that_of_linear_completion():
    v, u = np.mgrid[:120, :160]
    truth = (1 / (0.02 + 0.0005 * v + 0.0002 * u)).astype(np.float32)
    sparse = np.where(np.random.default_rng(0).random(truth.shape) < 0.05, truth, 0).astype(np.float32)
    linear = create_completer("linear")(None, SparseDepth(sparse)).depth
    assert np.median(np.abs(linear_plane(sparse) / linear - 1)) < 0.03


# Propagation -------------------------------------------------------------------------------------


def slow_propagate(depth, mass, affinity, measured, trust, iterations, dilations) -> np.ndarray:
    """The formula, pixel by pixel, for one image of H x W."""
    height, width = depth.shape
    for _ in range(iterations):
        new_depth, new_mass = np.zeros_like(depth), np.zeros_like(mass)
        for v, u in np.ndindex(depth.shape):
            total = weight = 0.0
            for at, dilation in enumerate(dilations):
                for k in range(9):
                    y, x = v + (k // 3 - 1) * dilation, u + (k % 3 - 1) * dilation
                    if 0 <= y < height and 0 <= x < width:
                        share = affinity[9 * at + k, v, u] * mass[y, x]
                        total, weight = total + share * depth[y, x], weight + share
            spread = total / max(weight, 1e-6)
            new_depth[v, u] = spread + trust[v, u] * (measured[v, u] - spread)
            new_mass[v, u] = weight + trust[v, u] * (1 - weight)
        depth, mass = new_depth, new_mass
    return depth


def maps(shape: tuple[int, int], dilations: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """What `propagate` takes, of random numbers in double precision."""
    random = torch.Generator().manual_seed(seed)

    def rand(channels: int) -> torch.Tensor:
        return torch.rand(1, channels, *shape, generator=random, dtype=torch.float64)

    affinity = (3 * rand(9 * dilations)).softmax(dim=1)
    hit = (rand(1) < 0.2).double()
    trust = rand(1) * hit
    return {
        "depth": 4 * rand(1) - 2,
        "mass": 0.05 + 0.95 * rand(1),
        "affinity": affinity,
        "measured": rand(1) * hit,
        "trust": trust,
    }


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 3), (9, 11)])
@pytest.mark.parametrize("dilations", [(1,), (1, 3)])
def test_propagation_equals_the_slow_one(shape, dilations):
    given = maps(shape, len(dilations))
    planes = [x[0].numpy() if name == "affinity" else x[0, 0].numpy() for name, x in given.items()]
    for iterations in (1, 4):
        slow = slow_propagate(*planes, iterations, dilations)
        found = propagate(**given, iterations=iterations, dilations=dilations)
        np.testing.assert_allclose(found[0, 0], slow, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_small_differences():
    given = [x.requires_grad_() for x in maps((3, 4), 2).values()]
    assert torch.autograd.gradcheck(lambda *x: propagate(*x, 3, (1, 3)), given, fast_mode=True)


def test_full_trust_pins_what_is_measured_and_draws_all_to_it_in_the_end():
    given = maps((6, 7), 1)
    given["trust"], given["measured"] = torch.zeros_like(given["mass"]), torch.full_like(given["mass"], 9.0)
    given["trust"][..., 2, 3] = 1
    assert propagate(**given, iterations=1, dilations=(1,))[0, 0, 2, 3] == 9
    np.testing.assert_allclose(
        propagate(**given, iterations=400, dilations=(1,)), np.full((1, 1, 6, 7), 9), rtol=1e-3
    )


def test_without_trust_depth_stays_among_that_of_its_neighbours_also_at_the_border():
    given = maps((6, 7), 2)
    given["trust"] = torch.zeros_like(given["trust"])
    level = propagate(
        **{**given, "depth": torch.full_like(given["depth"], 2.5)}, iterations=5, dilations=(1, 3)
    )
    torch.testing.assert_close(level, torch.full_like(level, 2.5))
    found = propagate(**given, iterations=5, dilations=(1, 3))
    assert given["depth"].min() <= found.min() and found.max() <= given["depth"].max()


def test_what_has_no_mass_has_no_part():
    given = maps((5, 5), 1)
    given["mass"][..., 2, 2] = 0
    moved = {**given, "depth": given["depth"].clone()}
    moved["depth"][..., 2, 2] += 100
    found, other = (propagate(**x, iterations=1, dilations=(1,)) for x in (given, moved))
    assert torch.equal(found, other)
