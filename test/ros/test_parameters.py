"""Parameters: declared once, checked at start and at run time, and the files made from them."""

from __future__ import annotations

import array
import inspect
from pathlib import Path

import pytest

from depth_completion_ros.core import SparseDepth
from depth_completion_ros.ros.parameters.node import check, check_yaml, markdown, yaml_text
from depth_completion_ros.ros.parameters.tables import TABLES, Parameter

CONFIG = Path(__file__).parents[2] / "config"

RATE = Parameter("rate", 1.0, "Speed.", 0.5, 4.0, "Hz")
COUNT = Parameter("count", 3, "Number.", 1, 10)
MODE = Parameter("mode", "a", "Mode.", choices=("a", "b"))
REGION = Parameter("region", [0, 0], "Region.", minimum=0, lengths=(2, 4))


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (RATE, 2, 2.0),
        (RATE, 0.5, 0.5),
        (COUNT, 10, 10),
        (MODE, "b", "b"),
        (REGION, array.array("q", [1, 2, 3, 4]), [1, 2, 3, 4]),
        (REGION, (5, 6), [5, 6]),
        (Parameter("on", True, "On."), False, False),
    ],
)
def test_an_allowed_value_comes_back_in_the_parameters_type(parameter, given, expected):
    value = check(parameter, given)
    assert value == expected
    assert type(value) is type(parameter.default)


@pytest.mark.parametrize(
    ("parameter", "given", "sentence"),
    [
        (RATE, 9.0, "Parameter 'rate' is 9.0; it must be a number from 0.5 to 4 Hz."),
        (RATE, float("nan"), "Parameter 'rate' is nan; it must be a number from 0.5 to 4 Hz."),
        (RATE, True, "Parameter 'rate' is True; it must be a number from 0.5 to 4 Hz."),
        (COUNT, 2.5, "Parameter 'count' is 2.5; it must be an integer from 1 to 10."),
        (COUNT, "3", "Parameter 'count' is '3'; it must be an integer from 1 to 10."),
        (MODE, "c", "Parameter 'mode' is 'c'; it must be one of a, b."),
        (REGION, [1], "Parameter 'region' is [1]; it must be a list of 2 or 4 integers of at least 0."),
        (
            REGION,
            [1, -1],
            "Parameter 'region' is [1, -1]; it must be a list of 2 or 4 integers of at least 0.",
        ),
        (Parameter("on", True, "On."), 1, "Parameter 'on' is 1; it must be true or false."),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_one_sentence(parameter, given, sentence):
    with pytest.raises(ValueError) as refused:
        check(parameter, given)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("name", TABLES)
def test_every_default_is_allowed_and_every_parameter_described(name):
    names = [p.name for p in TABLES[name]]
    assert len(set(names)) == len(names)
    for parameter in TABLES[name]:
        assert check(parameter, parameter.default) == parameter.default
        assert parameter.description.endswith(".")


@pytest.mark.parametrize("name", TABLES)
def test_the_config_file_is_the_one_made_from_the_table(name):
    assert (CONFIG / f"{name}.yaml").read_text() == yaml_text(name), (
        f"make it again: python -m depth_completion_ros.ros.parameters --yaml {name} > config/{name}.yaml"
    )
    assert check_yaml(CONFIG / f"{name}.yaml") == []


def test_the_markdown_table_has_a_row_for_each_parameter():
    assert len(markdown("completion").splitlines()) == len(TABLES["completion"]) + 2
    assert "| `max_range` | `1000.0` | a number from 0 to 100000 m |" in markdown("completion")
    (row,) = [line for line in markdown("completion").splitlines() if line.startswith("| `max_range`")]
    assert row.endswith(" Formerly `max_depth`, which is still taken. |")


def test_a_parameter_file_with_mistakes_is_told_what_is_wrong(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("completion:\n  ros__parameters:\n    slack: -1.0\n    completr: nearest\n")
    wrong_value, wrong_name = check_yaml(file)
    assert "Parameter 'slack' is -1.0; it must be a number from 0 to 10 s." in wrong_value
    assert "Parameter 'completr' is unknown" in wrong_name and "'completer'" in wrong_name
    file.write_text("completion: {slack: 1.0}\n")
    assert "has no 'ros__parameters'" in check_yaml(file)[0]
    file.write_text("completion: [\n")
    assert "cannot be read" in check_yaml(file)[0]


def test_no_former_name_is_that_of_a_parameter_of_today():
    for table in TABLES.values():
        formerly = [old for parameter in table for old in parameter.formerly]
        assert len(set(formerly)) == len(formerly)
        assert not set(formerly) & {parameter.name for parameter in table}


def test_a_file_with_a_former_name_is_told_the_present_one_and_its_value_is_checked(tmp_path):
    file = tmp_path / "completion.yaml"
    file.write_text("completion:\n  ros__parameters:\n    max_depth: 80.0\n")
    (renamed,) = check_yaml(file)
    assert renamed.endswith(
        "Parameter 'max_depth' is called 'max_range' now; the old name is still taken, but will go."
    )
    file.write_text("completion:\n  ros__parameters:\n    max_depth: -1.0\n")
    _, wrong = check_yaml(file)
    assert "Parameter 'max_range' is -1.0" in wrong
    file.write_text("completion:\n  ros__parameters:\n    max_depth: 80.0\n    max_range: 50.0\n")
    (twice,) = check_yaml(file)
    assert "'max_range' is 50.0 and 80.0" in twice
    file.write_text("evaluation:\n  ros__parameters:\n    max_depth: 80.0\n")
    assert check_yaml(file) == [], "of the evaluation node it is the name of today"


def test_the_node_projects_by_default_as_the_library_does():
    defaults = {name: p.default for name, p in inspect.signature(SparseDepth.from_points).parameters.items()}
    node = {p.name: p.default for p in TABLES["completion"]}
    for ours, theirs in (
        ("min_range", "min_depth"),
        ("filter_see_through", "see_through"),
        ("filter_isolated", "isolated"),
    ):
        assert node[ours] == defaults[theirs]


# Values that do not fit each other ------------------------------------------------------------------

ANY = "/**:\n  ros__parameters:\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "/**:\n  ros__parameters:\n    rat: 1.0\n",
            "'rat' is unknown and has no effect; did you mean 'r",
        ),
        (ANY + "    rate: -1.0\n", "'rate' is -1.0; it must be"),
        (
            "/**:\n  ros__parameters:\n    min_range: 9.0\n    max_range: 1.0\n",
            "is 9.0 and 'max_range' is 1.0",
        ),
        (ANY.replace("/**", "completion") + "    region: [500, 300, 100, 50]\n", "Region is 500,300,100,50"),
        (
            "evaluation:\n  ros__parameters:\n    min_depth: 5.0\n    max_depth: 1.0\n",
            "the first must not be",
        ),
        (
            ANY.replace("/**", "completion") + "    slack: 1.0\n    slack: 2.0\n",
            "has the entry 'slack' twice",
        ),
        (
            ANY.replace("/**", "other") + "    slack: 1.0\n",
            "has no section for completion, player, evaluation",
        ),
    ],
)
def test_check_finds_what_is_wrong_in_a_file_of_any_name(tmp_path, text, words):
    (tmp_path / "my.yaml").write_text(text)
    problems = check_yaml(tmp_path / "my.yaml")
    assert len(problems) == 1 and words in problems[0], problems


def test_check_finds_nothing_wrong_with_what_some_node_takes(tmp_path):
    text = ANY + "    rate: 2.0\n    slack: 0.1\n    max_range: 80\n    hide: rings\n"
    (tmp_path / "my.yaml").write_text(text)
    assert check_yaml(tmp_path / "my.yaml") == []


def test_values_that_contradict_each_other_are_refused_at_start_and_later(ros):
    from rclpy.parameter import Parameter as Change
    from robot import completion_node

    with pytest.raises(ValueError, match="Region is 500,300,100,50"):
        completion_node(ros, region=[500, 300, 100, 50])
    with pytest.raises(ValueError, match="'min_range' is 9.0 and 'max_range' is 2.0"):
        completion_node(ros, min_range=9.0, max_range=2.0)
    node = completion_node(ros, max_range=20.0)
    (result,) = node.set_parameters([Change("min_range", value=30.0)])
    assert not result.successful and "the first must not be above the second" in result.reason
    assert node.settings.min_range == 0.1
    result = node.set_parameters_atomically(
        [Change("min_range", value=30.0), Change("max_range", value=40.0)]
    )
    assert result.successful and (node.settings.min_range, node.settings.max_range) == (30.0, 40.0)
