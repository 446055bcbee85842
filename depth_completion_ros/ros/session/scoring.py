"""What a session feeds and scores: the protocols of `depth-completion evaluate`, on live frames."""

from __future__ import annotations

import numpy as np

from ...core import Frame
from ...evaluation.protocols import CannotServe, Settings, parse_protocol


class Scoring:
    """The protocol of a session, from its parameters.

    Attributes:
        is_wanted: whether there is a protocol.
        none: what stands for a score where there is none.

    Raises:
        ValueError: a protocol that is unknown or cannot be played, or a region of no size.
    """

    none = "not asked for"

    def __init__(self, settings):
        s = settings
        self._protocol = parse_protocol(s.protocol) if s.protocol else None
        if self._protocol is not None and self._protocol.is_random:
            raise ValueError(
                f"Protocol '{s.protocol}' draws pixels, which a LiDAR cannot leave out; "
                "`depth-completion evaluate` takes it."
            )
        self._settings = Settings(
            see_through=s.see_through,
            isolated=s.isolated,
            max_range=s.max_range or float("inf"),
            max_depth=s.max_depth or float("inf"),
            region=tuple(s.region) if any(s.region) else None,
        )

    @property
    def is_wanted(self) -> bool:
        """Whether frames are scored at all."""
        return self._protocol is not None

    @property
    def described(self) -> str:
        """In words, for tables: `truth, up to 80 m, region 0,146,1242,375`."""
        if self._protocol is None:
            return "nothing"
        parts = [self._protocol.text]
        if np.isfinite(self._settings.max_depth):
            parts.append(f"up to {self._settings.max_depth:g} m")
        if self._settings.region:
            parts.append(f"region {','.join(map(str, self._settings.region))}")
        return ", ".join(parts)

    def fed(self, frame: Frame) -> Frame:
        """The frame with the points that are fed; all of them where the protocol cannot be served."""
        try:
            return frame if self._protocol is None else self._protocol.fed(frame)
        except CannotServe:
            return frame

    def truth(self, frame: Frame) -> tuple[np.ndarray | None, str]:
        """What is scored, H x W metres with 0 for nothing; or None and why not."""
        try:
            return self._protocol.trial(frame, self._settings).truth, ""
        except CannotServe as error:
            return None, str(error)
