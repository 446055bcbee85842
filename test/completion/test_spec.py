"""Completers and their settings as texts."""

from __future__ import annotations

import pytest

from depth_completion_ros.completion import create_completer
from depth_completion_ros.completion.spec import parse_completer, parse_settings, value_of
from depth_completion_ros.evaluation.runner import completer_from_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linear", ("linear", None, {})),
        ("mspn:sdr_nyu", ("mspn", "sdr_nyu", {})),
        (
            "depthlab:tiny, steps=4,strength=1.0,blend=true",
            ("depthlab", "tiny", {"steps": 4, "strength": 1.0, "blend": True}),
        ),
        ("psd,post_iterations=6", ("psd", None, {"post_iterations": 6})),
    ],
)
def test_a_text_has_name_variant_and_settings(text, expected):
    assert parse_completer(text) == expected


def test_settings_may_be_empty_but_not_without_a_value():
    assert parse_settings("") == {}
    with pytest.raises(ValueError, match="Setting 'steps' is not of the form NAME=VALUE."):
        parse_settings("seed=1,steps")


def test_values_are_numbers_lists_truth_or_text():
    assert [value_of(text) for text in ("3", "0.5", "True", "[1, 2]", "a b", "none")] == [
        3,
        0.5,
        True,
        [1, 2],
        "a b",
        "none",
    ]


def test_settings_reach_the_completer_and_wrong_ones_are_told():
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    made = completer_from_text("depthlab:tiny,steps=2,strength=1", device="cpu")
    assert (made.report()["steps"], made.report()["strength"]) == (2, 1)
    with pytest.raises(
        ValueError, match="'steps' of completer 'depthlab' is 'many'; it must be a whole number"
    ):
        completer_from_text("depthlab:tiny,steps=many")
    with pytest.raises(ValueError, match="'blend' of completer 'depthlab' is '1'; it must be true or false"):
        create_completer("depthlab", variant="tiny", blend=1)
    with pytest.raises(ValueError, match="Completer 'linear' takes no steps, but got 3"):
        completer_from_text("linear,steps=3")
