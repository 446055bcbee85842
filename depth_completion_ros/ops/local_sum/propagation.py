"""The refinement of CSPN++: three local sums repeated, each drawn back to what was measured, then mixed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..backends import choose_backend
from .function import LIBRARY, SIZES, check, local_sum, precision_of


def propagate(
    depth: Tensor,
    sparse: Tensor,
    weights: Mapping[int, Tensor],
    gates: Tensor,
    mixing: Tensor,
    iterations: int,
    backend: str = "auto",
) -> tuple[Tensor, Tensor, Tensor]:
    """Depth before, halfway through and after `iterations` of three propagations side by side.

    With h_K = depth to begin with, K = 3, 5, 7, every iteration makes
    h_K <- (1 - gate_K) local_sum(h_K, weights_K) + gate_K sparse, and a snapshot is the sum of
    mixing_K h_K over K; the first one is `depth` as it is.

    Where a gradient is asked for, autograd goes through `local_sum`, which keeps three maps an iteration
    and adds up the gradients of all weights. Without one, on the CPU, one kernel runs all iterations over
    a few rows at a time, so that weights are read from memory once instead of once an iteration.

    Args:
        depth, sparse: B x 1 x H x W metres; sparse counts only where its gate is not 0.
        weights: B x K^2 x H x W for K = 3, 5, 7, as `local_sum` takes them: normalised, with the centre.
        gates, mixing: B x 3 x H x W, for K = 3, 5, 7 in this order.
        iterations: an even number, at least 2.
        backend: as `local_sum` takes it.

    Returns:
        Three maps, B x 1 x H x W in float32, or in float64 where depth or weights are.

    Raises:
        ValueError: a shape, type or device does not fit; the backend is unknown or not at hand.

    Source: CSPN++ (Cheng et al., AAAI 2020) as BP-Net (Tang et al., CVPR 2024) has it.
    """
    _check_inputs(depth, sparse, weights, gates, mixing, iterations)
    backend = choose_backend(LIBRARY, __package__, backend, depth).__name__.rpartition(".")[2]
    backend = backend.removesuffix("_backend")
    kinds = [precision_of(depth, weights[size]) for size in SIZES]
    precision = torch.float64 if torch.float64 in kinds else torch.float32
    depth, sparse, gates, mixing = (x.to(precision) for x in (depth, sparse, gates, mixing))
    inputs = depth, sparse, *weights.values(), gates, mixing
    training = torch.is_grad_enabled() and any(x.requires_grad for x in inputs)
    if backend == "cpu" and depth.numel() and not training:
        from .cpu_backend import propagate as fused

        return depth, *fused(depth, sparse, [weights[size] for size in SIZES], gates, mixing, iterations)
    return _step_by_step(depth, sparse, weights, gates, mixing, iterations, backend)


def _step_by_step(depth, sparse, weights, gates, mixing, iterations, backend):
    states = [depth] * len(SIZES)
    snapshots = [depth]
    kept, injected = (1 - gates).split(1, dim=1), (gates * sparse).split(1, dim=1)
    for iteration in range(1, iterations + 1):
        states = [
            torch.addcmul(injected[n], kept[n], local_sum(states[n], weights[size], backend))
            for n, size in enumerate(SIZES)
        ]
        if iteration in (iterations // 2, iterations):
            snapshots.append((mixing * torch.cat(states, dim=1)).sum(dim=1, keepdim=True))
    return tuple(snapshots)


def _check_inputs(depth, sparse, weights, gates, mixing, iterations) -> None:
    if sorted(weights) != list(SIZES):
        raise ValueError(f"Propagation got weights for {sorted(weights)}; it must be {list(SIZES)}.")
    for size in SIZES:
        check(depth, weights[size])
        if weights[size].shape[1] != size**2:
            raise ValueError(f"Propagation got {weights[size].shape[1]} weights for K = {size}.")
    batch, _, height, width = depth.shape
    for name, x, channels in (("sparse", sparse, 1), ("gates", gates, 3), ("mixing", mixing, 3)):
        if x.shape != (batch, channels, height, width) or x.device != depth.device:
            raise ValueError(
                f"Propagation got {name} of shape {tuple(x.shape)} on {x.device}; it must be "
                f"{(batch, channels, height, width)} on {depth.device}."
            )
    if iterations < 2 or iterations % 2:
        raise ValueError(f"Propagation got {iterations} iterations; it must be an even number, at least 2.")
