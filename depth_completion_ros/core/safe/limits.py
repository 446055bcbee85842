"""How large input may be, in one place: no size that a file or message declares is believed beyond these.

Each limit is an environment variable, read when it is asked for; nodes have parameters for those that concern
them, which are used in place of the variable.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The largest size of one kind.

    Args:
        variable: environment variable that sets another.
        usual: where it is not set.
        of: what is limited, for sentences and tables.
        meaning: of what, for tables.
    """

    variable: str
    usual: int
    of: str
    meaning: str

    def value(self) -> int:
        """The limit that holds now; ValueError where the variable is no positive whole number."""
        text = os.environ.get(self.variable, "").strip()
        if not text:
            return self.usual
        if not text.isdigit() or not int(text):
            raise ValueError(f"Variable {self.variable} is '{text}'; it must be a whole number above 0.")
        return int(text)

    def check(self, size: int, what: str, limit: int | None = None) -> None:
        """A ValueError where a size is beyond the limit, or beyond the one given in its place."""
        limit = limit or self.value()
        if size > limit:
            raise ValueError(f"{what} has {size} {self.of}; at most {limit} are allowed ({self.variable}).")


IMAGE_PIXELS = Limit(
    "DEPTH_COMPLETION_MAX_IMAGE_PIXELS", 1 << 26, "pixels", "an image, depth image or camera (8192 x 8192)"
)
CHUNK_BYTES = Limit(
    "DEPTH_COMPLETION_MAX_CHUNK_BYTES",
    1 << 28,
    "bytes when decompressed",
    "a compressed chunk or message of a bag",
)
TENSOR_BYTES = Limit(
    "DEPTH_COMPLETION_MAX_TENSOR_BYTES",
    1 << 33,
    "bytes of tensors",
    "a checkpoint, all its tensors together",
)
TEXT_BYTES = Limit(
    "DEPTH_COMPLETION_MAX_TEXT_BYTES", 1 << 20, "bytes", "a file of calibration, parameters or other settings"
)
LIMITS = (IMAGE_PIXELS, CHUNK_BYTES, TENSOR_BYTES, TEXT_BYTES)
