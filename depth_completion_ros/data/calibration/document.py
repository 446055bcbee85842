"""Calibration files of many tools as plain mappings: JSON, YAML, and YAML as OpenCV and KITTI write it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from depth_completion_ros.core.safe.files import parse_json, read_settings

MOST_NODES = 100_000
"""Values of a YAML file; calibrations have a few hundred."""
_OPENCV_MATRIX = "tag:yaml.org,2002:opencv-matrix"


def read_document(path: Path, name: str) -> dict | list:
    """Content of a YAML or JSON file, of which there may be several in one; what is not one of them is empty.

    Matrices of OpenCV become lists of rows. Mappings of a single entry that only wrap others, such as
    `/**: ros__parameters:`, are taken off.

    Args:
        name: what error messages call the file.

    Raises:
        FileNotFoundError, ValueError: the file is missing, or broken.
    """
    text = read_settings(path)
    if text.lstrip().startswith("{"):
        return _unwrapped(parse_json(text, name))
    documents = load_yaml(_plain_yaml(text), name)
    content = documents[0] if len(documents) == 1 else documents
    return _unwrapped(content) if isinstance(content, (dict, list)) else {}


def load_yaml(text: str, name: str) -> list:
    """Documents of a YAML text that are not empty.

    Raises:
        ValueError: no YAML, an entry given twice with different values, or more than `MOST_NODES` values when
            aliases are written out: a few lines of these may stand for gigabytes.
    """
    import yaml

    try:
        return [part for part in yaml.load_all(text, _loader(name)) if part is not None]
    except RecursionError:
        raise ValueError(f"{name} is nested too deep.") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError) as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} cannot be read: {' '.join(str(error).split())}") from None


def numbers(value, name: str) -> np.ndarray:
    """Numbers of a list, of a text with blanks between them, or of a matrix with `data`, in one row."""
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    if isinstance(value, str):
        value = value.split()
    try:
        return np.array(value, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} has something that is not a number: {str(value)[:200]}.") from None


def _plain_yaml(text: str) -> str:
    """YAML 1.1 of what OpenCV writes (`%YAML:1.0`) and of KITTI's texts, which have tabs and `R:0 1`."""
    text = re.sub(r"\A\s*%YAML[: ].*\n", "", text)
    return re.sub(r"(?m)^([RT]):[ \t]*", r"\1: ", text.replace("\t", " "))


def _loader(name: str):
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML with the matrices of OpenCV, of limited size, with each entry once."""

        def compose_document(self):
            node = super().compose_document()
            if _written_out(node, {}) > MOST_NODES:
                raise ValueError(
                    f"{name} has more than {MOST_NODES} values when its aliases are written out."
                )
            return node

        def construct_mapping(self, node, deep=False):
            pairs: dict[object, object] = {}
            for key_node, value_node in node.value if isinstance(node, yaml.MappingNode) else ():
                first = pairs.setdefault(key_node.value if _is_plain(key_node) else id(key_node), value_node)
                if first is not value_node and not _same(first, value_node):
                    raise ValueError(
                        f"{name} has the entry '{key_node.value}' twice, with different values; give it once."
                    )
            return super().construct_mapping(node, deep)

    def matrix(loader, node):
        entry = loader.construct_mapping(node, deep=True)
        flat = entry.get("data", [])
        columns = int(entry.get("cols", len(flat)) or 1)
        return [flat[at : at + columns] for at in range(0, len(flat), columns)]

    Loader.add_constructor(_OPENCV_MATRIX, matrix)
    return Loader


def _written_out(node, known: dict[int, float]) -> float:
    """Number of values below a node of YAML, each as often as aliases name it; infinite in a circle."""
    if node is None or isinstance(node.value, str):
        return 1
    if id(node) not in known:
        known[id(node)] = float("inf")
        parts = (part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,)))
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def _is_plain(node) -> bool:
    return isinstance(node.value, str) and node.value != "<<"


def _same(one, other) -> bool:
    """Whether two nodes of YAML hold the same; those with parts are taken for different."""
    return isinstance(one.value, str) and (one.tag, one.value) == (other.tag, other.value)


def _unwrapped(content):
    """Parameters without the names of nodes and `ros__parameters` above them."""
    while isinstance(content, dict) and len(content) == 1:
        ((key, inner),) = content.items()
        if not isinstance(inner, dict) or not (key == "ros__parameters" or "ros__parameters" in inner):
            break
        content = inner
    return content
