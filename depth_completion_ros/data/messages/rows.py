"""Bytes between the rows of images and organised clouds, as drivers tell them."""

from __future__ import annotations

import warnings


def row_stride(height: int, row: int, step: int, size: int, what: str) -> int:
    """Bytes from one row to the next.

    Some drivers set a step of zero, or of the whole message. It is repaired, with a warning, where the size
    of the data leaves one reading: rows of equal length with at most half a row of padding.

    Args:
        height: number of rows.
        row: bytes of a row that are used.
        step: what the message says.
        size: bytes of data there are.
        what: the message, for sentences, such as "Image of 640 x 480 rgb8".

    Raises:
        ValueError: rows that do not fit the data, or leave one and more of them over.
    """
    if (step >= row or height == 1) and size >= (height - 1) * step + row:
        if height > 1 and size >= height * step + row:
            raise ValueError(
                f"{what} has {size} bytes, more than {height} rows of {step}; size and step must be those of "
                "the data."
            )
        return step
    stride, rest = divmod(size, height)
    if step not in (0, size) or rest or not row <= stride <= row + row // 2:
        raise ValueError(
            f"{what} has {size} bytes in rows of {step}; it needs {height} rows of at least {row}."
        )
    warnings.warn(f"{what} says rows of {step} bytes; by its size they have {stride}.", stacklevel=4)
    return stride
