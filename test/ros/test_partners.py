"""Which messages count as alone, by a clock of the test."""

from __future__ import annotations

import pytest

from depth_completion_ros.ros.inputs.partners import Partners


class Arrivals:
    """Messages at given times; the times of those that came alone."""

    def __init__(self, timeout_s: float = 1.0):
        self.now = 0.0
        self.partners = Partners(timeout_s, clock=lambda: self.now)

    def alone(self, *arrivals: tuple[float, str]) -> list[tuple[float, str]]:
        found = []
        for self.now, stream in sorted(arrivals):
            if self.partners.comes_alone(stream):
                found.append((self.now, stream))
        return found


def every(seconds: float, stream: str, begin: float, end: float) -> list[tuple[float, str]]:
    return [(begin + i * seconds, stream) for i in range(round((end - begin) / seconds))]


@pytest.mark.parametrize("late", [0.0, 0.04, 0.4])
@pytest.mark.parametrize(("images", "clouds"), [(1 / 32, 1 / 8), (1 / 8, 1 / 8), (1 / 2, 1 / 16)])
def test_two_streams_that_run_are_never_alone_whatever_their_rates(late, images, clouds):
    messages = every(images, "image", 0, 20) + every(clouds, "points", late, 20)
    assert not Arrivals().alone(*messages)


@pytest.mark.parametrize(("goes_on", "fails"), [("image", "points"), ("points", "image")])
def test_what_goes_on_for_the_timeout_while_the_other_is_silent_is_alone_until_it_is_back(goes_on, fails):
    messages = every(1 / 8, goes_on, 0, 10) + every(1 / 8, fails, 0.02, 3) + every(1 / 8, fails, 6.02, 10)
    assert Arrivals().alone(*messages) == every(1 / 8, goes_on, 4, 6.125)


def test_a_stream_that_never_comes_is_silent_since_the_other_began():
    messages = every(1 / 8, "image", 100, 103)
    assert Arrivals().alone(*messages) == every(1 / 8, "image", 101, 103)


def test_a_pause_or_an_end_of_both_is_no_failure_of_one():
    both = ("image", "points")
    for first in both:
        second = both[1 - both.index(first)]
        messages = [(0.0, first), (0.05, second), (0.1, first), (10.0, first), (10.05, second), (10.1, first)]
        assert not Arrivals().alone(*messages)
