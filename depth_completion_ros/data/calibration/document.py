"""Calibration files of many tools as plain mappings: JSON, YAML, and YAML as OpenCV and KITTI write it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from depth_completion_ros.core.safe.files import read_settings

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
    import yaml

    text = read_settings(path)
    try:
        if text.lstrip().startswith("{"):
            return _unwrapped(json.loads(text))
        documents = [part for part in yaml.load_all(_plain_yaml(text), _loader()) if part is not None]
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
    content = documents[0] if len(documents) == 1 else documents
    return _unwrapped(content) if isinstance(content, (dict, list)) else {}


def numbers(value, name: str) -> np.ndarray:
    """Numbers of a list, of a text with blanks between them, or of a matrix with `data`, in one row."""
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    if isinstance(value, str):
        value = value.split()
    try:
        return np.array(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"{name} has something that is not a number: {value}.") from None


def _plain_yaml(text: str) -> str:
    """YAML 1.1 of what OpenCV writes (`%YAML:1.0`) and of KITTI's texts, which have tabs and `R:0 1`."""
    text = re.sub(r"\A\s*%YAML[: ].*\n", "", text)
    return re.sub(r"(?m)^([RT]):[ \t]*", r"\1: ", text.replace("\t", " "))


def _loader():
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML with the matrices of OpenCV."""

    def matrix(loader, node):
        entry = loader.construct_mapping(node, deep=True)
        flat = entry.get("data", [])
        columns = int(entry.get("cols", len(flat)) or 1)
        return [flat[at : at + columns] for at in range(0, len(flat), columns)]

    Loader.add_constructor(_OPENCV_MATRIX, matrix)
    return Loader


def _unwrapped(content):
    """Parameters without the names of nodes and `ros__parameters` above them."""
    while isinstance(content, dict) and len(content) == 1:
        ((key, inner),) = content.items()
        if not isinstance(inner, dict) or not (key == "ros__parameters" or "ros__parameters" in inner):
            break
        content = inner
    return content
