"""Every backend of the neighbour search against all pairs, and all pairs against a literal scan."""

import pytest
import torch
import torch.nn.functional as F
from triton_here import INTERPRETED, ON_GPU, compiled, compiles, in_interpreter, passes_in_interpreter

from depth_completion_ros.ops.neighbours import nearest_measured, of_levels, offsets_of
from depth_completion_ros.ops.neighbours.function import LIBRARY

TINY = [(1, 1, 1.0), (9, 11, 0.1), (5, 18, 0.03), (3, 4, 1.0)]
SIZES = [*TINY, (17, 23, 0.5), (24, 31, 1.0), (64, 7, 0.02), (40, 80, 0.05), (30, 50, 0.002)]
GOLDEN = {
    (0, 0): [(0, 0), (4, 5), (9, 4), (3, 11)],
    (31, 47): [(31, 46), (26, 47), (30, 52), (36, 45)],
    (63, 95): [(62, 92), (57, 93), (63, 86), (58, 87)],
    (10, 18): [(11, 21), (12, 15), (7, 16), (6, 22)],
    (10, 27): [(10, 27), (15, 26), (5, 28), (11, 21)],
}
"""Of BP-Net's own kernel, in order; the last two have ties."""


@pytest.fixture(params=["torch", "cpu", "triton"])
def backend(request):
    if request.param == "triton" and not (ON_GPU or INTERPRETED):
        pytest.skip("needs a GPU; run by the child process of the test of the interpreter")
    if request.param == "cpu" and LIBRARY.load() is None:
        pytest.skip(LIBRARY.state())
    return request.param


def mask(height, width, share, batch=2):
    make = torch.Generator().manual_seed(height * width)
    return torch.rand(batch, height, width, generator=make) < share


def search(measured, backend):
    device = "cuda" if backend == "triton" and ON_GPU else "cpu"
    return nearest_measured(measured.to(device), backend).cpu()


def scanned(measured):
    """What a scan makes of one image that inserts every point before those that are as far or farther."""
    points = measured.nonzero().tolist()
    height, width = measured.shape
    found = torch.empty(4, height, width, dtype=torch.int64)
    for y in range(height):
        for x in range(width):
            kept = []
            for row, column in points:
                distance = (row - y) ** 2 + (column - x) ** 2
                place = sum(other < distance for other, _ in kept)
                kept = [*kept[:place], (distance, row * width + column), *kept[place:]][:4]
            kept += (4 - len(kept)) * kept[-1:]
            found[:, y, x] = torch.tensor([index for _, index in kept])
    return found


@pytest.mark.parametrize(("height", "width", "share"), [(6, 9, 0.3), (5, 7, 1.0), (7, 6, 0.08)])
def test_all_pairs_give_what_a_scan_gives(height, width, share):
    measured = mask(height, width, share, batch=1)
    assert torch.equal(nearest_measured(measured, "reference")[0], scanned(measured[0]))


@pytest.mark.parametrize(("height", "width", "share"), TINY if INTERPRETED else SIZES)
def test_backend_finds_the_same_as_all_pairs(backend, height, width, share):
    measured = mask(height, width, share)
    assert torch.equal(search(measured, backend), nearest_measured(measured, "reference"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_few_points_fill_all_places(backend, count):
    measured = torch.zeros(1, 9, 10, dtype=torch.bool)
    measured.view(-1)[[80, 7, 44, 43, 12][:count]] = True
    found = search(measured, backend)
    assert torch.equal(found, nearest_measured(measured, "reference"))
    for slot in range(max(count, 1), 4):
        assert torch.equal(found[:, slot], found[:, slot - 1])
    if count == 0:
        assert (offsets_of(found, 10) == 0).all()


@pytest.mark.skipif(INTERPRETED, reason="takes the interpreter minutes")
def test_golden_values(backend):
    row, column = torch.arange(64)[:, None], torch.arange(96)
    found = search(((7 * column + 13 * row) % 29 == 0)[None], backend)[0]
    for (y, x), expected in GOLDEN.items():
        assert [divmod(m, 96) for m in found[:, y, x].tolist()] == expected


def test_points_far_away_in_a_corner(backend):
    measured = torch.zeros(1, 13, 20, dtype=torch.bool)
    measured[0, -2:, -3:] = True
    assert torch.equal(search(measured, backend), nearest_measured(measured, "reference"))


def test_strided_and_empty_masks(backend):
    measured = mask(22, 9, 0.2).transpose(1, 2)[:, :, ::2]
    assert torch.equal(search(measured, backend), nearest_measured(measured, "reference"))
    assert search(measured[:0], backend).shape == (0, 4, 9, 11)


def test_levels_are_pooled(backend):
    measured = mask(8, 16, 0.1)
    found = of_levels(measured.to("cuda" if backend == "triton" and ON_GPU else "cpu"), 3, backend)
    for level, indices in enumerate(found):
        pooled = F.max_pool2d(measured[:, None].float(), 2**level)[:, 0] > 0
        assert torch.equal(indices.cpu(), nearest_measured(pooled, "reference"))


def test_any_number_of_threads_gives_the_same():
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        results.append(nearest_measured(mask(40, 30, 0.1)))
    torch.set_num_threads(before)
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_offsets_lead_to_the_neighbours():
    measured = mask(7, 12, 0.2)
    indices = nearest_measured(measured)
    offsets = offsets_of(indices, 12)
    assert offsets.shape == (2, 2, 4, 7, 12) and offsets.dtype == torch.float32
    column = torch.arange(12) + offsets[:, 0]
    row = torch.arange(7)[:, None] + offsets[:, 1]
    assert torch.equal((row * 12 + column).long(), indices)


def test_what_does_not_fit_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"shape \(4, 4\) and torch.bool; it must be B x H x W"):
        nearest_measured(torch.ones(4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="torch.float32; it must be"):
        nearest_measured(torch.ones(1, 4, 4))
    with pytest.raises(ValueError, match="36 x 32 pixels for 4 levels; both must be multiples of 8"):
        of_levels(mask(36, 32, 0.1), 4)
    with pytest.raises(ValueError, match="for a width of 5; they must be B x 4 x H x 5"):
        offsets_of(nearest_measured(mask(3, 4, 0.5)), 5)
    with pytest.raises(
        ValueError, match="'fast' of neighbours is unknown; it must be one of auto, reference"
    ):
        nearest_measured(mask(3, 4, 0.5), "fast")


@compiles
def test_triton_off_the_gpu_is_refused():
    with pytest.raises(ValueError, match="'triton' of neighbours needs a GPU, but got tensors on cpu"):
        nearest_measured(mask(3, 4, 0.5), "triton")


@in_interpreter
def test_triton_passes_the_tests_above_in_the_interpreter():
    passes_in_interpreter(__file__)


@compiles
def test_triton_kernel_compiles(monkeypatch, tmp_path):
    from depth_completion_ros.ops.neighbours.triton_backend import search_kernel

    signature = {"before": "*i32", "cells": "*i32", "found": "*i64", "height": "i32", "width": "i32"}
    constants = {"TILE_ROWS": 8, "TILE_COLUMNS": 8}
    assert compiled(monkeypatch, tmp_path, search_kernel, signature, constants, num_warps=1)["cubin"]
