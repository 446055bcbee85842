"""Deterministic weights and inputs, which the golden numbers of the MSPN network were made with."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import torch


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """A state dict with every tensor drawn from its own key, so that no order of keys matters.

    Matrices are scaled by their fan-in, norms lie near one, and the 1x1 convolutions of the propagation
    are small enough that no softmax saturates.
    """
    return {key: _tensor(key, tuple(shape)) for key, shape in shapes.items()}


def _tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    unit = uniform(key, shape)  # mean 0, variance 1
    if key.endswith("running_var"):
        value = 1 + 0.3 * unit
    elif len(shape) == 1:
        value = 0.1 * unit
        value += ("norm" in key or "bn" in key or ".1." in key) and key.endswith("weight")
    elif key.endswith(("beta", "gamma")):
        value = 0.4 + 0.1 * unit
    elif "pos_embed" in key or key.endswith("rpb"):
        value = 0.3 * unit
    elif key.startswith("prop_layer"):
        value = 0.35 * unit / np.sqrt(shape[1])
    elif key.startswith("backbone.dec") and key.endswith("0.0.weight"):  # transposed, stride 2
        value = unit / np.sqrt(shape[0] * 9 / 4)
    else:
        value = unit / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(value.astype(np.float32))


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32 of mean 0 and variance 1, drawn by PCG64 from the CRC-32 of a name."""
    generator = np.random.Generator(np.random.PCG64(crc32(name.encode())))
    return (generator.random(shape, np.float32) - np.float32(0.5)) * np.float32(12**0.5)


def inputs(height: int, width: int, points: int) -> dict[str, torch.Tensor]:
    """One synthetic image of the given size: rgb, sparse with so many points, prior (metres)."""
    name = f"{height}x{width}"
    rgb = uniform(f"rgb {name}", (1, 3, height, width))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    truth = 3 + np.sin(rows / 9) + np.cos(columns / 7) + 0.05 * columns / 7
    prior = 1.1 * truth - 0.2 + 0.05 * uniform(f"prior {name}", (height, width))
    order = np.argsort(uniform(f"points {name}", (height * width,)), kind="stable")
    sparse = np.zeros(height * width, np.float32)
    sparse[order[:points]] = truth.ravel()[order[:points]]
    maps = {"sparse": sparse.reshape(height, width), "prior": prior}
    maps = {name: torch.from_numpy(value.astype(np.float32))[None, None] for name, value in maps.items()}
    return {"rgb": torch.from_numpy(rgb), **maps}


def digest(tensor: torch.Tensor, samples: int = 12) -> dict[str, list[float]]:
    """What is kept of a tensor: values at evenly spread places, its sum, and its sum of squares."""
    flat = tensor.detach().double().flatten()
    places = torch.linspace(0, flat.numel() - 1, samples).long()
    return {"values": flat[places].tolist(), "sums": [flat.sum().item(), flat.square().sum().item()]}
