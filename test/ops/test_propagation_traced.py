"""The propagation as an exporter follows it: the same depth, in ONNX too, for any number of iterations."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion.mspn.propagation import (  # noqa: E402
    iteration_count,
    traced_iteration_count,
)
from depth_completion_ros.ops.propagation import UpdateRule, propagate  # noqa: E402
from depth_completion_ros.ops.propagation.traced import propagate_traced  # noqa: E402


def layer(height=15, width=21, channels=4):
    """Arguments of `propagate` up to sparse depth."""
    make = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, channels, height, width, generator=make) / 3 for _ in range(2))
    a, b = (torch.randn(1, 1, height, width, generator=make) / 9 for _ in range(2))
    rpb = torch.randn(25, 25, generator=make) / 9
    depth = 1 + 5 * torch.rand(1, 1, height, width, generator=make)
    sparse = 1.1 * depth * (torch.rand(depth.shape, generator=make) > 0.9)
    return q, k, a, b, torch.tensor(0.01), rpb, depth, sparse


@pytest.mark.parametrize("rule", UpdateRule)
def test_it_gives_what_the_propagation_gives(rule):
    given = layer()
    for iterations in (0, 1, 7):
        expected = propagate(*given, iterations, rule, backend="torch")
        found = propagate_traced(*given, torch.tensor(iterations), rule)
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)


def test_the_number_of_iterations_follows_the_points_as_it_does_outside_of_a_graph():
    for height, width in ((15, 21), (64, 96), (352, 1216)):
        for points in (0, 1, 2, 3, 9, 50, 300):
            sparse = torch.zeros(1, 1, height, width)
            sparse.view(-1)[:points] = 5
            assert int(traced_iteration_count(sparse)) == iteration_count(height, width, points)


def test_in_onnx_the_loop_runs_as_often_as_the_points_ask_for():
    pytest.importorskip("onnx", reason="onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    *constants, depth, sparse = layer()

    class Refine(torch.nn.Module):
        def forward(self, depth, sparse):
            iterations = (sparse > 0).sum() // 5
            return torch.cat(
                propagate_traced(*constants, depth, sparse, iterations, UpdateRule.INJECT), dim=1
            )

    file, network = io.BytesIO(), Refine().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (depth, sparse), file, input_names=["depth", "sparse"], opset_version=17, dynamo=False
        )
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    few = sparse.clone()
    few[..., ::2, :] = 0
    assert int((few > 0).sum()) // 5 < int((sparse > 0).sum()) // 5
    for points in (sparse, few):
        (found,) = session.run(None, {"depth": depth.numpy(), "sparse": points.numpy()})
        np.testing.assert_allclose(found, network(depth, points).numpy(), rtol=1e-5, atol=1e-5)
