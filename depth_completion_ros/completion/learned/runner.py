"""Runs a network on its device, with one upload and one download a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch

from ..device import Device


class NetworkRunner:
    """Runs a function of an image and planes of depth on a device.

    Image and planes travel together in one page-locked buffer, kept from frame to frame, and the image
    is normalised where it arrives. The results travel back together as well.

    Args:
        forward: takes the normalised image, 1 x 3 x H x W, the planes, 1 x 1 x H x W each, all float32,
            and the keyword arguments of the call; gives results of 1 x 1 x H x W each.
        mean, std: of the normalisation, in [0, 1], red, green, blue.
    """

    def __init__(
        self,
        forward: Callable[..., Sequence[torch.Tensor]],
        device: Device,
        mean: Sequence[float],
        std: Sequence[float],
    ):
        self._forward, self._device = forward, torch.device(str(device))
        self._mean, self._std = (
            torch.tensor(values, device=self._device).reshape(1, 3, 1, 1) * 255 for values in (mean, std)
        )
        self._up = self._down = torch.empty(0)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, planes: Sequence[np.ndarray], **known) -> np.ndarray:
        """Results of one frame.

        Args:
            image: uint8 H x W x 3 RGB.
            planes: float32 H x W each.

        Returns:
            float32 results x H x W, of its own memory.
        """
        height, width = image.shape[:2]
        depths = 4 * len(planes) * height * width  # bytes; first, as float32 must lie at multiples of 4
        self._up = self._buffer(self._up, depths + image.size, torch.uint8)
        packed = self._up.numpy()
        packed[:depths].view(np.float32).reshape(-1, height, width)[:] = planes
        cv2.split(image, list(packed[depths:].reshape(3, height, width)))
        there = self._up.to(self._device, non_blocking=True)
        pixels = there[depths:].reshape(1, 3, height, width)
        maps = there[:depths].view(torch.float32).reshape(len(planes), 1, 1, height, width)
        # The next frame is packed after this one has come back, so the upload has then ended.
        results = self._forward((pixels - self._mean) / self._std, *maps, **known)
        results = torch.cat([result.float() for result in results], dim=1)
        self._down = self._buffer(self._down, results.numel(), torch.float32)
        self._down.copy_(results.reshape(-1), non_blocking=True)
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()
        return self._down.numpy().reshape(-1, height, width).copy()

    def _buffer(self, buffer: torch.Tensor, size: int, dtype: torch.dtype) -> torch.Tensor:
        """The buffer, or another where the size has changed; page-locked where a GPU reads it."""
        if buffer.numel() == size and buffer.dtype is dtype:
            return buffer
        return torch.empty(size, dtype=dtype, pin_memory=self._device.type == "cuda")
