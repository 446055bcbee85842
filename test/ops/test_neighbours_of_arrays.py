"""The search on arrays, compiled and in NumPy alone, against the operator of PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from depth_completion_ros.ops import neighbours, neighbours_of_arrays
from depth_completion_ros.ops.neighbours_of_arrays import (
    LIBRARY,
    nearest_in_numpy,
    nearest_measured,
    of_levels,
)

SIZES = [
    (1, 1, 1.0),
    (9, 11, 0.1),
    (5, 18, 0.03),
    (17, 23, 0.5),
    (24, 31, 1.0),
    (64, 7, 0.02),
    (30, 50, 0.002),
]


@pytest.fixture(params=[nearest_measured, nearest_in_numpy])
def search(request):
    if request.param is nearest_measured and LIBRARY.load() is None:
        pytest.skip(LIBRARY.state())
    return request.param


def reference(measured: np.ndarray) -> np.ndarray:
    return neighbours.nearest_measured(torch.from_numpy(measured.copy())[None], "reference")[0].numpy()


@pytest.mark.parametrize(("height", "width", "share"), SIZES)
def test_it_finds_what_all_pairs_find(search, height, width, share):
    measured = np.random.default_rng(height * width).random((height, width)) < share
    found = search(measured)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, reference(measured))


@pytest.mark.parametrize("count", range(6))
def test_few_points_fill_all_places(search, count):
    measured = np.zeros((9, 10), bool)
    measured.flat[[80, 7, 44, 43, 12][:count]] = True
    np.testing.assert_array_equal(search(measured), reference(measured))


def test_a_view_is_searched_as_it_is_seen(search):
    measured = (np.random.default_rng(3).random((18, 22)) < 0.2).T[::2]
    np.testing.assert_array_equal(search(measured), reference(measured))


def test_levels_are_those_of_the_operator():
    measured = np.random.default_rng(0).random((32, 64)) < 0.05
    expected = neighbours.of_levels(torch.from_numpy(measured)[None])
    for found, wanted in zip(of_levels(measured, 6), expected, strict=True):
        np.testing.assert_array_equal(found, wanted[0].numpy())


def test_without_a_compiler_numpy_searches(monkeypatch):
    monkeypatch.setattr(neighbours_of_arrays.LIBRARY, "load", lambda: None)
    measured = np.random.default_rng(1).random((12, 20)) < 0.1
    np.testing.assert_array_equal(nearest_measured(measured), reference(measured))


@pytest.mark.parametrize("threads", ["1", "3", "", "none"])
def test_without_pytorch_it_works_whatever_the_environment_says_of_threads(
    without_torch, monkeypatch, threads
):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    (line,) = without_torch("""
import numpy as np
from depth_completion_ros.ops.neighbours_of_arrays import nearest_in_numpy, nearest_measured
measured = np.random.default_rng(1).random((12, 20)) < 0.1
print((nearest_measured(measured) == nearest_in_numpy(measured)).all())
""")
    assert line == "True"


def test_without_pytorch_it_takes_a_thread_for_each_core_that_it_may_use(without_torch, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (line,) = without_torch("""
import os
from depth_completion_ros.ops.cpu_library import _threads
allowed = os.sched_getaffinity(0)
found = [_threads()]
os.sched_setaffinity(0, {min(allowed)})
print(found == [len(allowed)], _threads())
""")
    assert line == "True 1"
