"""What MSPN-SDR, as CompletionFormer before it, BP-Net and PSD do to image, depth and K before training."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F

_GREY = np.float32([0.299, 0.587, 0.114])


# Image, planes and K together --------------------------------------------------------------------


def mirrored(image: np.ndarray, planes: list[np.ndarray], K: np.ndarray):
    """Image, arrays and K as a mirror shows them, left and right exchanged; all of one width."""
    K = K.copy()
    K[0, 2] = image.shape[1] - 1 - K[0, 2]
    return np.ascontiguousarray(image[:, ::-1]), [plane[:, ::-1].copy() for plane in planes], K


def cropped(
    image: np.ndarray, planes: list[np.ndarray], K: np.ndarray, corner: tuple[int, int], size: tuple[int, int]
):
    """The window of `size` (height, width) at `corner` (row, column) of image and arrays, and its K."""
    window = tuple(slice(first, first + side) for first, side in zip(corner, size, strict=True))
    K = K.copy()
    K[:2, 2] -= corner[::-1]
    return image[window], [plane[window] for plane in planes], K


def random_corner(
    shape: tuple[int, int], crop: tuple[int, int], random: np.random.Generator, least_row: int = 0
) -> tuple[int, int]:
    """Row and column at which a random crop begins.

    Args:
        least_row: where there is room below it, the crop begins there or lower.

    Raises:
        ValueError: an image that is smaller than the crop.
    """
    check_crop(shape, crop)
    last_row, last_column = shape[0] - crop[0], shape[1] - crop[1]
    row = int(random.integers(min(least_row, last_row), last_row + 1))
    return row, int(random.integers(0, last_column + 1))


def middle_of_bottom(shape: tuple[int, int], crop: tuple[int, int]) -> tuple[int, int]:
    """Row and column at which the window begins that BP-Net is evaluated on.

    Raises:
        ValueError: an image that is smaller than the crop.
    """
    check_crop(shape, crop)
    return shape[0] - crop[0], (shape[1] - crop[1]) // 2


def check_crop(shape: tuple[int, int], crop: tuple[int, int]) -> None:
    """Refuse, as a ValueError, an image that is smaller than the crop."""
    if shape[0] < crop[0] or shape[1] < crop[1]:
        raise ValueError(f"An image of {shape} is smaller than the crop of {crop} (height, width).")


def resized_K(K: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """K of an image (height, width) at another size; the centres of the outer pixels move inwards."""
    scale = np.array(new[::-1]) / old[::-1]
    K = K.copy()
    K[:2, :2] *= scale[:, None]
    K[:2, 2] = (K[:2, 2] + 0.5) * scale - 0.5
    return K


def turned_K(K: np.ndarray, degrees: float, shape: tuple[int, int]) -> np.ndarray:
    """K of an image (height, width) that `rotated` has turned: its principal point turns with it.

    What is seen turns about the optical axis as well, which changes no distance. Pixels count as square.
    """
    turn = cv2.getRotationMatrix2D(((shape[1] - 1) / 2, (shape[0] - 1) / 2), degrees, 1.0)
    K = K.copy()
    K[:2, 2] = turn @ [*K[:2, 2], 1]
    return K


# Image or planes alone ---------------------------------------------------------------------------


def rotated(plane: np.ndarray, degrees: float, interpolation: int = cv2.INTER_NEAREST) -> np.ndarray:
    """An image or depth turned about its centre, 0 where it does not reach."""
    height, width = plane.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(plane, turn, (width, height), flags=interpolation, borderValue=0)


def resized(plane: np.ndarray, shape: tuple[int, int], mode: str = "bilinear") -> np.ndarray:
    """An image (uint8 H x W x 3) or depth (float32 H x W) at another height and width.

    Args:
        mode: `bilinear` or `bicubic`, which average where they make smaller, as Pillow does; or `nearest`.
    """
    planes = torch.from_numpy(np.atleast_3d(plane).astype(np.float32)).permute(2, 0, 1)[None]
    if mode == "nearest":
        planes = F.interpolate(planes, shape, mode="nearest-exact")
    else:
        planes = F.interpolate(planes, shape, mode=mode, align_corners=False, antialias=True)
    result = planes[0].permute(1, 2, 0).numpy()
    if plane.dtype == np.uint8:
        result = result.round().clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(result.reshape(*shape, *plane.shape[2:]))


def shape_with_short_side(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width with the same proportions and a shorter side of so many pixels."""
    height, width = shape
    return (side, side * width // height) if height <= width else (side * height // width, side)


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """All colours times a factor."""
    return _blend(image, np.float32(0), factor)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Colours moved away from (factor above 1) or towards the mean grey of the image."""
    return _blend(image, np.float32((image @ _GREY).mean().round()), factor)


def saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Colours moved away from (factor above 1) or towards the grey of each pixel."""
    return _blend(image, (image @ _GREY).round()[..., None], factor)


def jittered(image: np.ndarray, amount: float, random: np.random.Generator, shuffle: bool) -> np.ndarray:
    """Brightness, contrast and saturation changed, each by a factor within `amount` of 1.

    Args:
        image: uint8 H x W x 3 RGB.
        shuffle: in an order by chance, else in this one.
    """
    changes = [brightness, contrast, saturation]
    factors = random.uniform(1 - amount, 1 + amount, len(changes))
    order = random.permutation(len(changes)) if shuffle else range(len(changes))
    for at in order:
        image = changes[at](image, float(factors[at]))
    return image


def recoloured_along_axes(image: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """One colour added to all pixels: along the main axes of their colours, as far as these reach (AlexNet).

    The colour is the sum of sqrt(eigenvalue) * eigenvector * N(0, amount) of the covariance.

    Args:
        image: uint8 H x W x 3 RGB.
    """
    values, axes = np.linalg.eigh(np.cov(image.reshape(-1, 3), rowvar=False, dtype=np.float32))
    colour = axes @ (np.sqrt(values.clip(min=0)) * random.normal(0, amount, 3))
    return (image + colour.astype(np.float32)).round().clip(0, 255).astype(np.uint8)


def _blend(image: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
    mixed = image * np.float32(factor) + other * np.float32(1 - factor)
    return mixed.clip(0, 255).astype(np.uint8)
