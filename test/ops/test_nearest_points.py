"""Every backend of the search for nearest points against all pairs, and all pairs against a literal scan."""

import pytest
import torch
from triton_here import INTERPRETED, ON_GPU, compiled, compiles, in_interpreter, passes_in_interpreter

from depth_completion_ros.ops.nearest_points import nearest_points
from depth_completion_ros.ops.nearest_points.function import LIBRARY

TINY = [(1, 1, 1), (40, 70, 2), (33, 20, 20), (3, 65, 6)]
SIZES = [*TINY, (300, 500, 2), (150, 3000, 16), (700, 17, 3)]
TYPES = [torch.float32, torch.float64]


@pytest.fixture(params=["torch", "cpu", "triton"])
def backend(request):
    if request.param == "triton" and not (ON_GPU or INTERPRETED):
        pytest.skip("needs a GPU; run by the child process of the test of the interpreter")
    if request.param == "cpu" and LIBRARY.load() is None:
        pytest.skip(LIBRARY.state())
    return request.param


def cloud(count, seed, dtype=torch.float32):
    """As a depth image gives it: dense nearby, sparse far away."""
    make = torch.Generator().manual_seed(seed)
    u, v, inverse = torch.rand(3, count, generator=make, dtype=torch.float64)
    depth = 1 / (0.02 + inverse)
    return torch.stack([(u - 0.5) * depth, (v - 0.5) * depth, depth], dim=1).to(dtype)


def search(queries, sources, k, backend):
    device = "cuda" if backend == "triton" and ON_GPU else "cpu"
    return nearest_points(queries.to(device), sources.to(device), k, backend).cpu()


def agrees(queries, sources, k, backend):
    return torch.equal(search(queries, sources, k, backend), nearest_points(queries, sources, k, "reference"))


def scanned(queries, sources, k):
    found = []
    for query in queries.tolist():
        distances = [
            sum((a - b) ** 2 for a, b in zip(query, source, strict=True)) for source in sources.tolist()
        ]
        found.append(sorted(range(len(sources)), key=lambda index: (distances[index], index))[:k])  # noqa: B023
    return torch.tensor(found)


@pytest.mark.parametrize("k", [1, 4, 30])
def test_all_pairs_give_what_a_scan_gives(k):
    queries, sources = cloud(20, 0, torch.float64), cloud(30, 1, torch.float64)
    assert torch.equal(nearest_points(queries, sources, k, "reference"), scanned(queries, sources, k))
    queries, sources = queries.round(), sources.round()  # with many as far
    assert torch.equal(nearest_points(queries, sources, k, "reference"), scanned(queries, sources, k))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("n", "m", "k"), TINY if INTERPRETED else SIZES)
def test_backend_finds_the_same_as_all_pairs(backend, n, m, k, dtype):
    found = search(cloud(n, 0, dtype), cloud(m, 1, dtype), k, backend)
    assert found.dtype == torch.int64 and found.shape == (n, k)
    assert torch.equal(found, nearest_points(cloud(n, 0, dtype), cloud(m, 1, dtype), k, "reference"))


@pytest.mark.parametrize("k", [1, 3, 8])
def test_equal_distances_come_by_index(backend, k):
    """On a lattice, where up to eight are as far; and with every point three times."""
    sources = torch.cartesian_prod(*[torch.arange(4.0)] * 3)
    queries = torch.cartesian_prod(*[torch.tensor([0.0, 1.5])] * 3)
    assert agrees(queries, sources, k, backend)
    shuffled = sources.repeat(3, 1)[torch.randperm(192, generator=torch.Generator().manual_seed(0))]
    assert agrees(queries, shuffled, k, backend)


@pytest.mark.parametrize("dtype", TYPES)
def test_distances_round_alike(backend, dtype):
    """On a sphere about the query, where rounding alone decides."""
    sources = torch.nn.functional.normalize(cloud(300, 2, dtype) - cloud(300, 3, dtype), dim=1)
    distances = sources.square().sum(dim=1)
    assert 1 < len(distances.unique()) < 20
    assert agrees(torch.zeros(1, 3, dtype=dtype), sources, 300 if not INTERPRETED else 8, backend)


def test_all_sources_in_one_place(backend):
    found = search(cloud(5, 0), torch.ones(100, 3), 4, backend)
    assert torch.equal(found, torch.arange(4).expand(5, -1))


def test_distances_that_overflow_come_by_index(backend):
    queries = torch.tensor([[0.0, 0, 0], [3e38, 3e38, 0]])
    sources = torch.tensor([[-3e38, 0, 0], [3e38, 3e38, 0], [-3e38, 1, 1], [1, 2, 3]])
    assert agrees(queries, sources, 4, backend)


def test_clouds_without_volume_and_far_from_the_origin(backend):
    flat = cloud(200, 4) * torch.tensor([1.0, 0, 0])
    assert agrees(flat[:30], flat[30:], 3, backend)
    far = cloud(200, 5) + 1e6
    assert agrees(far[:30], far[30:], 3, backend)


def test_strided_and_empty_queries(backend):
    queries, sources = cloud(60, 0).T.contiguous().T[::2], cloud(90, 1)[::3]
    assert not queries.is_contiguous() and agrees(queries, sources, 2, backend)
    assert search(queries[:0], sources, 2, backend).shape == (0, 2)


def test_any_number_of_threads_gives_the_same():
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        results.append(nearest_points(cloud(700, 0), cloud(400, 1), 3))
    torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_what_does_not_fit_is_refused_in_a_sentence():
    points = cloud(5, 0)
    for wrong in (points[:, :2], points[0], points[None]):
        with pytest.raises(ValueError, match="they must be n x 3 and m x 3"):
            nearest_points(points, wrong, 1)
    for wrong in (points.double(), points.long(), points.half()):
        with pytest.raises(ValueError, match="both must be torch.float32 or torch.float64, on one device"):
            nearest_points(points, wrong, 1)
    with pytest.raises(ValueError, match="no sources; there must be at least one"):
        nearest_points(points, points[:0], 1)
    for k in (0, 6):
        with pytest.raises(ValueError, match=f"k = {k} for 5 sources; it must be 1 to 5"):
            nearest_points(points, points, k)
    for value in ("nan", "inf"):
        broken = points.clone()
        broken[3, 1] = float(value)
        with pytest.raises(ValueError, match="queries with coordinates that are not finite"):
            nearest_points(broken, points, 1)
        with pytest.raises(ValueError, match="sources with coordinates that are not finite"):
            nearest_points(points, broken, 1)
    with pytest.raises(ValueError, match="'fast' of nearest_points is unknown; it must be one of auto"):
        nearest_points(points, points, 1, "fast")


# Triton --------------------------------------------------------------------------------------------


@in_interpreter
def test_triton_passes_the_tests_above_in_the_interpreter():
    passes_in_interpreter(__file__)


@compiles
@pytest.mark.parametrize("number", ["fp32", "fp64"])
def test_triton_kernel_compiles_without_fused_sums(monkeypatch, tmp_path, number):
    from depth_completion_ros.ops.nearest_points import triton_backend

    constants = {"QUERIES": triton_backend.QUERIES, "SOURCES": triton_backend.SOURCES}
    signature = {"queries": f"*{number}", "sources": f"*{number}", "found": "*i64"}
    signature |= dict.fromkeys("nmk", "i32")
    kernel, options = triton_backend.search_kernel, triton_backend.OPTIONS
    code = compiled(monkeypatch, tmp_path, kernel, signature, constants, **options)
    assert code["cubin"]
    assert "fma.rn" not in code["ptx"]
