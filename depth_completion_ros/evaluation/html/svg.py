"""Charts as SVG text: scales, lines, bars and cells; colours come from the style sheet of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 40
"""Margins in pixels, for the title and the numbers of the axes."""
SERIES = 8
"""Colours that the style sheet has; with more series they come again, with another marker."""
MARKERS = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0",  # disc
    "M-3.2 -3.2h6.4v6.4h-6.4z",  # square
    "M0 -4.2L4 3H-4z",  # triangle
    "M0 -4.6L4.6 0L0 4.6L-4.6 0z",  # diamond
    "M0 4.2L4 -3H-4z",  # triangle on its tip
    "M-4 -1.2h2.8v-2.8h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8z",  # cross
    "M-4.6 -1.6h9.2v3.2h-9.2z",  # bar
)
MOST_TICKS = 7


class Scale:
    """One axis: values to pixels, and the ticks.

    Args:
        values: that must fit in; those that are not finite, and on a logarithmic axis not positive,
            do not count.
        log: logarithmic, else linear.
        limits: ends of a linear axis, where the values do not set them.
        title: with the unit.
        whole: ticks at whole numbers alone.
    """

    def __init__(
        self,
        values: Iterable[float],
        title: str,
        *,
        log: bool = False,
        limits: tuple[float | None, float | None] = (None, None),
        whole: bool = False,
    ):
        self.title, self.log, self._whole = title, log, whole
        known = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0]
        low, high = min(known), max(known)
        if log:
            self.low, self.high = low / 1.15, high * 1.15
        else:
            space = 0.12 * (high - low) or 0.5 * abs(high) or 1.0
            self.low = low - space if limits[0] is None else limits[0]
            self.high = high + space if limits[1] is None else limits[1]
        if self.high <= self.low:
            self.high = self.low + 1

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end of the axis, 1 at the high one."""
        if self.log:
            value = max(value, self.low)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round numbers along the axis, `MOST_TICKS` at most."""
        return self._log_ticks() if self.log else self._linear_ticks()

    def _linear_ticks(self) -> list[float]:
        rough = (self.high - self.low) / (MOST_TICKS - 1)
        rough = max(rough, 1) if self._whole else rough
        power = 10 ** math.floor(math.log10(rough))
        step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(n * step, 12) for n in range(first, last + 1)]

    def _log_ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = [n * 10.0**p for p in powers for n in steps if self.low <= n * 10.0**p <= self.high]
            if len(ticks) <= MOST_TICKS:
                break
        if len(ticks) < 3:  # the axis spans little, so that even steps serve
            return self._linear_ticks()
        return ticks[:: -(-len(ticks) // MOST_TICKS)]


class Chart:
    """One chart of `WIDTH` x `HEIGHT`, drawn piece by piece.

    Args:
        title: above it.
        x, y: the axes.
    """

    def __init__(self, title: str, x: Scale, y: Scale):
        self.title, self.x, self.y = title, x, y
        self._parts: list[str] = []

    def line(
        self, points: Sequence[tuple[float, float]], series: int, labels: Sequence[str] = (), dashed=False
    ) -> None:
        """Points joined by a line; with labels also marked, each telling its own."""
        if not points:
            return
        places = [self._place(*point) for point in points]
        path = "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in places)
        look = f"line {series_class(series)}{' dashed' if dashed else ''}"
        self._parts.append(f'<path class="{look}" d="{path}"/>')
        for point, text in zip(points, labels, strict=False):
            self.mark(*point, series, text)

    def guide(self, points: Sequence[tuple[float, float]]) -> None:
        """A thin grey line to compare with."""
        path = "M" + "L".join("{:.1f} {:.1f}".format(*self._place(*point)) for point in points)
        self._parts.append(f'<path class="guide" d="{path}"/>')

    def mark(self, x: float, y: float, series: int, text: str, name: str = "") -> None:
        """A marker with a text that the pointer brings up, and a name beside it."""
        px, py = self._place(x, y)
        self._parts.append(
            f'<path class="mark {series_class(series)}" transform="translate({px:.1f} {py:.1f})" '
            f'd="{MARKERS[series % len(MARKERS)]}"><title>{escape(text)}</title></path>'
        )
        if name:
            is_right = px > LEFT + 0.55 * (WIDTH - LEFT - RIGHT)
            place = f'x="{px + (-8 if is_right else 8):.1f}" y="{max(py - 7, TOP + 9):.1f}"'
            self._parts.append(f'<text {place} class="{"end" if is_right else ""}">{escape(name)}</text>')

    def bar(self, low: float, high: float, value: float, series: int, text: str) -> None:
        """A bar from the bottom between two values of x."""
        (left, top), (right, _) = self._place(low, value), self._place(high, value)
        bottom = HEIGHT - BOTTOM
        self._parts.append(
            f'<rect class="bar {series_class(series)}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{max(right - left - 0.6, 0.8):.1f}" height="{max(bottom - top, 0):.1f}">'
            f"<title>{escape(text)}</title></rect>"
        )

    def svg(self) -> str:
        """The chart as an element of a page."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = [_title(self.title, LEFT)]
        for tick in self.x.ticks():
            px, _ = self._place(tick, self.y.low)
            parts.append(f'<path class="grid" d="M{px:.1f} {TOP}V{bottom}"/>')
            parts.append(f'<text class="middle" x="{px:.1f}" y="{bottom + 14}">{_number(tick)}</text>')
        for tick in self.y.ticks():
            _, py = self._place(self.x.low, tick)
            parts.append(f'<path class="grid" d="M{LEFT} {py:.1f}H{right}"/>')
            parts.append(f'<text class="end" x="{LEFT - 5}" y="{py + 4:.1f}">{_number(tick)}</text>')
        turned = f"translate(11 {(TOP + bottom) / 2}) rotate(-90)"
        parts += [
            f'<text class="middle" x="{(LEFT + right) / 2}" y="{HEIGHT - 6}">{escape(self.x.title)}</text>',
            f'<text class="middle" transform="{turned}">{escape(self.y.title)}</text>',
        ]
        return _element(WIDTH, HEIGHT, self.title, parts + self._parts)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + across * self.x.share(x), HEIGHT - BOTTOM - down * self.y.share(y)


def cells(title: str, strengths, texts, ratio: float) -> str:
    """A grid of cells, the stronger the fuller their colour.

    Args:
        strengths: rows x columns from 0 to 1; NaN draws nothing.
        texts: the same, told by each cell under the pointer.
        ratio: width of the grid by its height.
    """
    rows, columns = len(strengths), len(strengths[0])
    height = round(min(max(WIDTH / ratio, 60), 300))
    w, h = WIDTH / columns, height / rows
    parts = [_title(title, 0)]
    parts.append(f'<rect class="frame" x="0" y="{TOP}" width="{WIDTH}" height="{height}"/>')
    for row, (values, told) in enumerate(zip(strengths, texts, strict=True)):
        for column, (value, text) in enumerate(zip(values, told, strict=True)):
            if math.isfinite(value):
                parts.append(
                    f'<rect class="heat" x="{column * w:.1f}" y="{TOP + row * h:.1f}" width="{w:.1f}" '
                    f'height="{h:.1f}" fill-opacity="{value:.2f}"><title>{escape(text)}</title></rect>'
                )
    return _element(WIDTH, TOP + height, title, parts)


def legend(names: Sequence[str]) -> str:
    """Markers and names of all series, for the charts below."""
    entries = [
        f'<li><svg viewBox="-7 -7 14 14" aria-hidden="true"><path class="mark {series_class(at)}" '
        f'd="{MARKERS[at % len(MARKERS)]}"/></svg>{escape(name)}</li>'
        for at, name in enumerate(names)
    ]
    return f'<ul class="legend">{"".join(entries)}</ul>'


def series_class(series: int) -> str:
    """Class of the style sheet for the colour of a series."""
    return f"s{series % SERIES}"


def _title(text: str, x: int) -> str:
    most = (WIDTH - x) // 8  # letters; the pointer brings up the rest
    short = text if len(text) <= most else text[: most - 1] + "…"
    return f'<text class="title" x="{x}" y="16">{escape(short)}<title>{escape(text)}</title></text>'


def _element(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def _number(value: float) -> str:
    if abs(value) >= 1e5:
        return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k"
    return f"{value:g}"
