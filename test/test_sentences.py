"""What the package says of itself stands in the documentation: what it means, and what to do."""

from __future__ import annotations

import re

import pytest
from import_graph import PACKAGE, ROOT
from sentences import fixed_words, plain, raised, sentences

PAGES = [
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("sentences", "troubleshooting")
]
SAYING = """
    doctor ros core/alignment core/transform_tree.py data/bag/topics.py data/deskew.py
    data/messages/times.py data/messages/camera_info.py data/messages/rows.py
    completion/registry.py completion/fallback.py completion/learned completion/temporal
    completion/psd/completer.py completion/mspn/completer.py completion/diffusion/completer.py
    completion/prior/completer.py ops/cpu_library.py cli/options* cli/complete.py
""".split()
"""Rooms and files that make findings, diagnostics, warnings and degradations."""
SILENT = ("doctor/robot", "ros/parameters", "ros/wheels", "ros/session/page.py", "ros/session/console.py")
"""Parts of them that write files, tables and pages."""
REFUSING = ("adaptation", "cli", "completion", "core", "data", "fleet", "ros", "slam", "viewer")
"""Rooms whose errors reach a user."""
FINE = (
    # All is well, or only how far it is.
    *("Edges of depth lie on", "No frame has been worked", "The first frame is in"),
    *("A frame takes", "No frame scored yet", "Frames are completed one by", "Completed"),
    *("of the last image are", "The motion during each scan", "Scans are taken as of"),
    *("points in the image", "frames completed by", "mm MAE"),
    *("The same scores without ROS", "fixed_frame is not given", "Give the node to start"),
    # Parts of a report, or causes that a sentence above them explains.
    *("none out of memory", "none linear completion in its", "no the first frame takes"),
    *("those that ship with the", "no times of points", "no ego motion given"),
    "Completer mspn_lite takes one",
    # Not for people.
    *("proc driver nvidia version", "n ni nj ij"),
)


def _files(rooms):
    folder = ROOT / PACKAGE
    for room in rooms:
        paths = sorted(folder.glob(room))
        assert paths, room
        for path in paths:
            yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _said() -> list[str]:
    silent = [ROOT / PACKAGE / part for part in SILENT]
    files = [file for file in _files(SAYING) if not any(file.is_relative_to(part) for part in silent)]
    return list(dict.fromkeys(sentence for file in files for sentence in sentences(file)))


def test_what_a_user_may_read_is_found():
    """Of findings, statuses, drops, logs and degradations one each, however the text comes to them."""
    said = "\n".join(_said())
    for words in (
        "Not one message came; is the driver running",
        "arrives … s later after its stamp than the other",
        "offers an incompatible QoS (…), so nothing arrives",
        "No CameraInfo has been received",
        "Frame dropped (… so far), …: …",
        "The memory of … does not hold the network",
    ):
        assert words in said


def test_each_sentence_of_doctor_nodes_and_completers_has_its_entry():
    text = plain(" ".join(PAGES))
    missing = [s for s in _said() if fixed_words(s) not in text and not fixed_words(s).startswith(FINE)]
    assert not missing


def test_what_needs_no_entry_is_still_said():
    said = [fixed_words(sentence) for sentence in _said()]
    assert not [fine for fine in FINE if not any(words.startswith(fine) for words in said)]


@pytest.mark.parametrize("room", REFUSING)
def test_each_error_begins_with_words_that_the_table_has(room):
    """Those that begin with a name or number tell where to look by it."""
    table = PAGES[0].partition("## Errors")[2]
    begins = {quoted.split(" ")[0].split("'")[0] for quoted in re.findall(r'"([^"]+)"', table)}
    errors = [text for file in _files([room]) for text in raised(file) if re.match("[A-Z-]", text)]
    assert errors
    assert not [text for text in errors if re.split(r"[ ,']", text)[0] not in begins]
