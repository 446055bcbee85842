"""Declares the parameters of a node, checks values and files, and prints tables and YAML of them."""

from __future__ import annotations

import array
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...core.region import check_region
from ...core.safe.files import read_settings
from ...core.safe.limits import LIMITS
from ...data.calibration.document import load_yaml
from .tables import TABLES, Parameter

LOW_AND_HIGH = (("min_range", "max_range"), ("min_depth", "max_depth"))
# Names that ROS itself puts into a node's parameters.
OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides.")


def check(parameter: Parameter, value: object) -> object:
    """The value in the parameter's own type.

    Raises:
        ValueError: wrong type, out of range, or no valid choice; the sentence names parameter,
            value and what is allowed.
    """
    if isinstance(value, (array.array, tuple)):
        value = list(value)
    if isinstance(parameter.default, list):
        entries = value if isinstance(value, list) else None
        good = entries is not None and len(entries) in parameter.lengths
        good = good and all(_fits(parameter, entry, parameter.default[0]) for entry in entries)
        if good:
            return [type(parameter.default[0])(entry) for entry in entries]
    elif _fits(parameter, value, parameter.default):
        return type(parameter.default)(value)
    shown = f"'{value}'" if isinstance(value, str) else value
    raise ValueError(f"Parameter '{parameter.name}' is {shown}; it must be {parameter.allowed}.")


def _fits(parameter: Parameter, value: object, example: object) -> bool:
    if isinstance(example, (bool, str)) or isinstance(value, (bool, str)):
        same = type(value) is type(example)
        return same and (not parameter.choices or value in parameter.choices)
    if not isinstance(value, int if isinstance(example, int) else (int, float)):
        return False
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    return low <= value <= high


class NodeParameters:
    """The parameters of one node, declared, checked and kept up to date.

    Args:
        node: the rclpy node that they are declared on.
        name: whose table, a key of `TABLES`.
        locked: tells whether parameters that are not `live` may not change now.

    Attributes:
        values: namespace with one attribute for each parameter, in its own type.

    Raises:
        ValueError: a value given at start is not allowed; one sentence for all that are wrong.
    """

    def __init__(self, node, name: str, locked: Callable[[], bool] = lambda: True):
        self._table = {p.name: p for p in TABLES[name]}
        self._locked = locked
        self.values = SimpleNamespace()
        # rclpy has no public way to see what the user gave before it is declared.
        given = {n: p.value for n, p in getattr(node, "_parameter_overrides", {}).items()}
        given, renamed = _by_present_names(self._table, given)
        problems = list(_problems(self._table, given)) or list(_contradictions(self._table, given))
        if problems:
            raise ValueError(" ".join(problems))
        for sentence in (*renamed, *_unknown(self._table, given)):
            node.get_logger().warning(sentence)
        for parameter in self._table.values():
            # Dynamic typing lets `max_range: 80` pass for a float; `check` decides on types.
            value = given.get(parameter.name, parameter.default)
            declared = node.declare_parameter(parameter.name, value, _descriptor(parameter))
            setattr(self.values, parameter.name, check(parameter, declared.value))
        self._warn = node.get_logger().warning
        node.add_pre_set_parameters_callback(self._before_set)
        node.add_on_set_parameters_callback(self._on_set)

    def _before_set(self, changes):
        """Changes under former names, under the present ones."""
        from rclpy.parameter import Parameter as Change

        present = _present_names(self._table)
        for change in changes:
            if change.name in present:
                self._warn(_renamed(change.name, present[change.name]))
        return [Change(present.get(c.name, c.name), c.type_, c.value) for c in changes]

    def _on_set(self, changes):
        from rcl_interfaces.msg import SetParametersResult

        accepted = {}
        for change in changes:
            parameter = self._table.get(change.name)
            if parameter is None:
                continue
            try:
                value = check(parameter, change.value)
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
            if self._locked() and not parameter.live and value != getattr(self.values, change.name):
                reason = (
                    f"Parameter '{change.name}' cannot change while the node is configured; "
                    "clean it up first, or give the value at start."
                )
                return SetParametersResult(successful=False, reason=reason)
            accepted[change.name] = value
        for sentence in _contradictions(self._table, {**self.values.__dict__, **accepted}):
            return SetParametersResult(successful=False, reason=sentence)
        self.values.__dict__.update(accepted)
        return SetParametersResult(successful=True)


def _descriptor(parameter: Parameter):
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    descriptor = ParameterDescriptor(
        description=parameter.description,
        additional_constraints=parameter.allowed,
        dynamic_typing=True,
    )
    if parameter.minimum is None or parameter.maximum is None:
        return descriptor
    if type(parameter.default) is int:
        limits = IntegerRange(from_value=int(parameter.minimum), to_value=int(parameter.maximum))
        descriptor.integer_range = [limits]
    elif type(parameter.default) is float:
        limits = FloatingPointRange(from_value=float(parameter.minimum), to_value=float(parameter.maximum))
        descriptor.floating_point_range = [limits]
    return descriptor


def _problems(table: dict[str, Parameter], given: dict[str, object]) -> Iterable[str]:
    for name, value in given.items():
        if name in table:
            try:
                check(table[name], value)
            except ValueError as error:
                yield str(error)


def _contradictions(table: dict[str, Parameter], given: Mapping[str, object]) -> Iterable[str]:
    """What is wrong with values that are allowed one by one; those not given have their defaults."""
    values: dict[str, Any] = {name: parameter.default for name, parameter in table.items()} | dict(given)
    for low, high in LOW_AND_HIGH:
        least, most = values.get(low), values.get(high)
        if least is not None and most is not None and least > most:
            given_both = f"Parameter '{low}' is {least} and '{high}' is {most}"
            yield f"{given_both}; the first must not be above the second."
    region = values.get("region")
    if region is not None and any(region):
        try:
            check_region(tuple(region))
        except ValueError as error:
            yield f"Parameter 'region': {error}"


def _present_names(table: dict[str, Parameter]) -> dict[str, str]:
    """Former names of parameters to the present ones."""
    return {old: p.name for p in table.values() for old in p.formerly}


def _renamed(old: str, new: str) -> str:
    return f"Parameter '{old}' is called '{new}' now; the old name is still taken, but will go."


def _by_present_names(
    table: dict[str, Parameter], given: dict[str, object]
) -> tuple[dict[str, object], list[str]]:
    """Values by the present names of their parameters, and a sentence on each that came under a former one.

    Raises:
        ValueError: one parameter is given under both names, with different values.
    """
    present = _present_names(table)
    values = {name: value for name, value in given.items() if name not in present}
    sentences = []
    for old, new in present.items():
        if old not in given:
            continue
        if new in given and given[new] != given[old]:
            raise ValueError(
                f"Parameter '{new}' is {given[new]} and {given[old]}, the latter under its former name "
                f"'{old}'; it must be given once."
            )
        values[new] = given[old]
        sentences.append(_renamed(old, new))
    return values, sentences


def _unknown(table: dict[str, Parameter], given: Iterable[str]) -> Iterable[str]:
    import difflib

    for name in given:
        if name not in table and not name.startswith(OF_ROS):
            close = difflib.get_close_matches(name, table, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(table)}."
            yield f"Parameter '{name}' is unknown and has no effect; {hint}"


# Documentation and files -----------------------------------------------------------------------


def markdown(name: str) -> str:
    """Table of a node's parameters in Markdown."""
    lines = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for p in TABLES[name]:
        meaning = p.description + (" May change while the node runs." if p.live else "")
        if p.formerly:
            meaning += f" Formerly {' or '.join(f'`{old}`' for old in p.formerly)}, which is still taken."
        lines.append(f"| `{p.name}` | `{_yaml_value(p.default)}` | {p.allowed} | {meaning} |")
    return "\n".join(lines)


def limits_markdown() -> str:
    """Table of the limits of size in Markdown."""
    lines = ["| variable | default | limits |", "|---|---|---|"]
    lines += [f"| `{limit.variable}` | `{limit.usual}` | {limit.of}: {limit.meaning} |" for limit in LIMITS]
    return "\n".join(lines)


def yaml_text(name: str) -> str:
    """Text of `config/<name>.yaml`: every parameter with its default and meaning."""
    lines = [
        f"# Parameters of the {name} node, as they are when nothing is said.",
        f"# Made by: python -m depth_completion_ros.ros.parameters --yaml {name}",
        "/**:",
        "  ros__parameters:",
    ]
    for p in TABLES[name]:
        comment = f"{p.description} Allowed: {p.allowed}."
        lines += textwrap.wrap(comment, 96, initial_indent="    # ", subsequent_indent="    # ")
        lines += [f"    {p.name}: {_yaml_value(p.default)}", ""]
    return "\n".join(lines[:-1]) + "\n"


def _yaml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def check_yaml(path: str | Path, name: str | None = None) -> list[str]:
    """What is wrong with a parameter file, a sentence each; an empty list when nothing is.

    Args:
        path: file in the YAML layout of ROS 2.
        name: node whose table holds for sections of any node (`/**`); by the file's name when None.
    """
    path = Path(path)
    try:
        content = next(iter(load_yaml(read_settings(path), str(path))), None)
    except (ValueError, FileNotFoundError) as error:
        return [str(error)]
    if not isinstance(content, dict):
        return [f"{path} holds no nodes; it must have '<node name>: ros__parameters: ...'."]
    problems, ours = [], 0
    for node, section in content.items():
        tables = _tables_of(str(node), name or path.stem)
        if not tables:
            continue  # a section for somebody else's node
        ours += 1
        if not isinstance(section, dict) or not isinstance(section.get("ros__parameters"), dict):
            problems.append(f"{path}: section '{node}' has no 'ros__parameters'.")
            continue
        given = _flatten(section["ros__parameters"])
        problems += [f"{path}: {sentence}" for sentence in _wrong_for_all(tables, given)]
    if not ours:
        problems.append(f"{path} has no section for {', '.join(TABLES)}, nor /** for any node.")
    return problems


def _tables_of(node: str, usual: str) -> list[dict[str, Parameter]]:
    """Tables that hold for a section: that of its node or of the file's name; of /** else all."""
    names = [name for name in (node.rsplit("/", maxsplit=1)[-1], usual) if name in TABLES][:1]
    if not names and "*" in node:
        names = list(TABLES)
    return [{p.name: p for p in TABLES[name]} for name in names]


def _wrong_for_all(tables: list[dict[str, Parameter]], given: dict[str, object]) -> list[str]:
    """What is wrong with the parameters of a section; of several nodes each takes those that it knows."""
    if len(tables) == 1:
        return list(_all_wrong(tables[0], given))
    every = {name: parameter for table in tables for name, parameter in table.items()}
    former = {old for table in tables for old in _present_names(table)}
    problems = list(_unknown(every, [name for name in given if name not in former]))
    for table in tables:
        known = {n: value for n, value in given.items() if n in table or n in _present_names(table)}
        problems += _all_wrong(table, known)
    return list(dict.fromkeys(problems))


def _all_wrong(table: dict[str, Parameter], given: dict[str, object]) -> Iterable[str]:
    try:
        given, renamed = _by_present_names(table, given)
    except ValueError as error:
        return [str(error)]
    problems = list(_problems(table, given))
    return [*renamed, *(problems or _contradictions(table, given)), *_unknown(table, given)]


def _flatten(values: dict, prefix: str = "") -> dict[str, object]:
    flat = {}
    for key, value in values.items():
        inner = _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        flat.update(inner if inner is not None else {f"{prefix}{key}": value})
    return flat
