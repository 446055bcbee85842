"""The sentences that the package can say, as its source has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHANGES = "…"
"""Stands for what an f-string fills in."""
HELP = ("Argument", "Limit", "Option", "Parameter", "metres", "option")
"""Calls whose texts describe a parameter or option."""
FINE = ("info", "ok", "region")
"""Calls whose texts ask for nothing."""
ERRORS = ("FileNotFoundError", "ImportError", "ValueError")
"""Calls whose texts `raised` gives."""
WORDS = 5
"""So many words of a sentence are looked for."""


def sentences(file: Path) -> Iterator[str]:
    """Texts of four words and more that are neither documentation nor a word that all is well."""
    yield from _texts(ast.parse(file.read_text(encoding="utf-8")))


def raised(file: Path) -> Iterator[str]:
    """Texts of the exceptions that a file raises, of three words and more."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            text = _text(node.exc.args[0])
            if text is not None and len(_words(text)) >= 3:
                yield text


def fixed_words(sentence: str) -> str:
    """The first words of the longest part that never changes."""
    longest = max((_words(part) for part in sentence.split(CHANGES)), key=len)
    return " ".join(longest[:WORDS])


def plain(text: str) -> str:
    """Words alone, as they are compared."""
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['-]\w+)*", text)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and _name(node) in (*HELP, *FINE, *ERRORS):
        return
    if isinstance(node, ast.Call) and _name(node) == "Status" and getattr(node.args[1], "id", "") == "OK":
        return
    text = _text(node)
    if text is None:
        names = node.keys if isinstance(node, ast.Dict) else ()  # of values in a report, or options
        for child in ast.iter_child_nodes(node):
            if child not in names:
                yield from _texts(child)
    elif len(_words(text.replace(CHANGES, " "))) >= 4:
        yield text


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _text(node: ast.AST) -> str | None:
    """A literal or f-string, also of several joined by +; None for all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else CHANGES for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = _text(node.left), _text(node.right)
        return None if parts == (None, None) else "".join(part or CHANGES for part in parts)
    return None
