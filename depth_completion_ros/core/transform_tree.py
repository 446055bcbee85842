"""A tree of coordinate frames in time, as /tf and /tf_static describe it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Set as AbstractSet

import numpy as np

from .geometry import interpolate, invert

OTHER_CLOCK_NS = 1_000_000_000
"""Where the clocks of camera and LiDAR are this far apart, TF may be of either: of the LiDAR's, by whose
stamps it is asked, or of the camera's."""


class TransformError(LookupError):
    """A transform that cannot be given; the message says which frames and why."""


class TransformTree:
    """Static and dynamic transforms between named frames.

    Args:
        history_s: seconds of dynamic transforms that are kept.
    """

    def __init__(self, history_s: float = 10.0):
        self._history_ns = int(history_s * 1e9)
        self._parents: dict[str, str] = {}
        self._static: dict[str, np.ndarray] = {}
        self._dynamic: dict[str, list[tuple[int, np.ndarray]]] = {}
        self._former: dict[str, str] = {}

    def set(self, parent: str, child: str, T_parent_child: np.ndarray, stamp_ns: int | None = None) -> None:
        """Store where `child` is in `parent`; without a stamp it holds for all time."""
        parent, child = parent.lstrip("/"), child.lstrip("/")
        before = self._parents.get(child, parent)
        if before != parent:
            self._former[child] = before
        self._parents[child] = parent
        if stamp_ns is None:
            self._static[child] = np.asarray(T_parent_child, dtype=np.float64)
            self._dynamic.pop(child, None)
            return
        self._static.pop(child, None)
        history = self._dynamic.setdefault(child, [])
        at = bisect_left(history, stamp_ns, key=lambda entry: entry[0])
        if at < len(history) and history[at][0] == stamp_ns:
            history[at] = (stamp_ns, np.asarray(T_parent_child, dtype=np.float64))
        else:
            insort(history, (stamp_ns, np.asarray(T_parent_child, dtype=np.float64)), key=lambda e: e[0])
        oldest = history[-1][0] - self._history_ns
        if history[0][0] < oldest:
            del history[: bisect_left(history, oldest, key=lambda entry: entry[0])]

    def clear(self) -> None:
        """Forget the dynamic transforms, as after a jump back in time."""
        self._dynamic.clear()
        self._parents = {child: self._parents[child] for child in self._static}

    @property
    def frames(self) -> AbstractSet[str]:
        """Names of all frames known."""
        return set(self._parents) | set(self._parents.values())

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """T_target_source at a time: x_target = T @ x_source, 4 x 4.

        Raises:
            TransformError: a frame has no name or is unknown, the two are not connected or hang in a circle,
                or the time is before the first or after the last transform received.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        if not target or not source:
            raise TransformError(
                f"No transform from '{source}' to '{target}': a message has an empty frame_id."
            )
        for frame in (target, source):
            if frame not in self.frames and target != source:
                raise TransformError(
                    f"No transform from '{source}' to '{target}': frame '{frame}' is unknown "
                    f"(known: {', '.join(sorted(self.frames)) or 'none'}).{self._two_parents()}"
                )
        up_source, up_target = self._ancestors(source), self._ancestors(target)
        common = next((frame for frame in up_source if frame in up_target), None)
        if common is None:
            raise TransformError(
                f"No transform from '{source}' to '{target}': the two are not connected "
                f"('{source}' hangs from '{up_source[-1]}', '{target}' from '{up_target[-1]}')."
                f"{self._two_parents()}"
            )
        return invert(self._to(common, up_target, stamp_ns)) @ self._to(common, up_source, stamp_ns)

    def _ancestors(self, frame: str) -> list[str]:
        chain = [frame]
        while chain[-1] in self._parents:
            chain.append(self._parents[chain[-1]])
            if chain[-1] in chain[:-1]:
                raise TransformError(
                    f"Frames hang in a circle: {', '.join(chain)}; each may have one parent."
                )
        return chain

    def _two_parents(self) -> str:
        """What to say of frames that were in one frame and then in another; empty where there are none."""
        said = (
            f" '{c}' was in '{p}' before it was in '{self._parents[c]}';" for c, p in self._former.items()
        )
        told = "".join(said)
        return f"{told} a frame may have one parent." if told else ""

    def _to(self, ancestor: str, chain: list[str], stamp_ns: int) -> np.ndarray:
        T = np.eye(4)
        for frame in chain[: chain.index(ancestor)]:
            T = self._edge(frame, stamp_ns) @ T
        return T

    def _edge(self, child: str, stamp_ns: int) -> np.ndarray:
        if child in self._static:
            return self._static[child]
        history = self._dynamic[child]
        at = bisect_left(history, stamp_ns, key=lambda entry: entry[0])
        if at < len(history) and history[at][0] == stamp_ns:
            return history[at][1]
        if at == 0 or at == len(history):
            edge, nearest = ("before the first", history[0]) if at == 0 else ("after the last", history[-1])
            raise TransformError(
                f"Transform of '{child}' in '{self._parents[child]}' is wanted "
                f"{abs(stamp_ns - nearest[0]) / 1e9:.3f} s {edge} one received."
            )
        (t0, T0), (t1, T1) = history[at - 1], history[at]
        return interpolate(T0, T1, (stamp_ns - t0) / (t1 - t0))
