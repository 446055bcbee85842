"""The page of an evaluation, from a real run; seen by a parser and by a browser."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from depth_completion_ros.core import compute_metrics
from depth_completion_ros.evaluation.html.evaluation import Extra, write_html
from depth_completion_ros.evaluation.html.frames import compare, show_trial
from depth_completion_ros.evaluation.html.svg import Chart, Scale, cells
from depth_completion_ros.evaluation.report import metrics_json
from depth_completion_ros.evaluation.runner import PLACES, RANGE_EDGES, error_by_place, evaluate
from depth_completion_ros.evaluation.structure import COLUMNS, SENTENCE

VOID = {"meta", "link", "img", "input", "br"}
COMPLETERS = ("nearest", "linear", "morphological")


class Parsed(HTMLParser):
    """A page with its elements, tables and balance of tags.

    Attributes:
        elements: name and attributes of each.
        tables: of each its rows of cells.
        titles: what the pointer brings up in charts.
        unbalanced: closing tags that close nothing, and what stays open.
    """

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.tables: list[list[list[str]]] = []
        self.titles: list[str] = []
        self.unbalanced: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        self.unbalanced += self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] == "title":
            self.titles[-1] += data

    def named(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture
def run(streets):
    """A result and its shown trials; one frame lacks its truth."""
    streets.frames[2].ground_truth = None
    shown = []

    def watch(index, *trial):
        if index == 0:
            shown.append(show_trial(*trial))

    result = evaluate(streets, COMPLETERS, ["truth", "lines:8", "lines:4"], watch=watch)
    result.left_out = {"image <not> readable": 2}
    return result, shown


@pytest.fixture
def page(run, tmp_path):
    path = write_html(run[0], tmp_path / "report.html", run[1])
    return path, path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(page):
    _, text = page
    parsed = Parsed(text)
    assert parsed.unbalanced == []
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"//[a-z]", without_images, re.IGNORECASE)
    for _, attributes in parsed.elements:
        for key in ("src", "href", "xlink:href", "data", "action"):
            assert attributes.get(key, "data:").startswith("data:")
    assert not re.search(r"@import|url\(", text)
    assert len(text) < 1_000_000


def test_the_tables_say_what_metrics_json_says(run, page):
    content = json.loads(metrics_json(run[0]))
    tables = Parsed(page[1]).tables
    headings, *rows = tables[0]
    assert len(rows) == len(content["means"]) == 9
    for cells_of_row, mean in zip(rows, content["means"], strict=True):
        row = dict(zip(headings, cells_of_row, strict=True))
        assert (row["protocol"], row["completer"]) == (mean["protocol"], mean["completer"])
        assert float(row["RMSE mm"]) == pytest.approx(mean["metrics"]["rmse_mm"], abs=0.51)
        assert float(row["REL"]) == pytest.approx(mean["metrics"]["rel"], abs=5.1e-5)
        assert float(row["told"].rstrip("%")) / 100 == pytest.approx(mean["told"]["coverage"], abs=5.1e-4)
    left_out = tables[-2]
    assert ["truth", "it has no ground truth", "1", "3"] in left_out
    assert ["all, by the reader", "image <not> readable", "2", "5"] in left_out
    assert content["left_out"] == {"image <not> readable": 2}
    headings, *rows = tables[-1]
    wanted = {(r["frame"], r["protocol"], r["completer"]): r["metrics"]["mae_mm"] for r in content["rows"]}
    assert {tuple(row[:3]) for row in rows} == set(wanted)
    for row in rows:
        assert float(row[headings.index("MAE mm")]) == pytest.approx(wanted[tuple(row[:3])], abs=0.51)
    errors = [float(row[headings.index("RMSE mm")]) for row in rows]
    assert errors == sorted(errors, reverse=True)


def test_the_charts_say_what_metrics_json_says(run, page):
    content, titles = json.loads(metrics_json(run[0])), Parsed(page[1]).titles
    for entry in content["by_range"]["mae_mm"]:
        for value, low, high in zip(entry["values"], RANGE_EDGES, RANGE_EDGES[1:], strict=False):
            if value is not None:
                told = f"{entry['completer']}: {value:.0f} mm at {low:g} to {high:g} m, "
                assert any(title.startswith(told) for title in titles)
    some = 0
    for entry in content["reliability"]:
        for share, told, right in zip(*entry["values"], strict=True):
            if share > 1e-3:
                text = (
                    f"{entry['completer']}: told {told / share:.0%}, right {right / share:.0%}; {share:.1%}"
                )
                assert any(title.startswith(text) for title in titles)
                some += 1
    assert some > 12
    values = np.array([entry["mae_mm"] for entry in content["by_place"]], np.float64)
    told = [float(title.split()[1]) for title in titles if title.startswith("MAE ")]
    assert len(told) > 500
    assert told == pytest.approx(values[np.isfinite(values)], abs=0.51)
    completions = [
        int(title.split(" of ")[0]) for title in titles if title.endswith(" ms") and " of " in title
    ]
    assert sum(completions) == len(run[0].runtimes_ms)


def test_the_section_of_shape_says_what_metrics_json_says(streets, page, tmp_path):
    assert "Shape" not in re.findall(r"<h2[^>]*>([^<]*)", page[1])  # which has not been asked for
    result = evaluate(streets, COMPLETERS, ["truth", "lines:4"], structure=True)
    text = write_html(result, tmp_path / "shape.html").read_text(encoding="utf-8")
    parsed = Parsed(text)
    assert parsed.unbalanced == []
    assert "Shape" in re.findall(r"<h2[^>]*>([^<]*)", text) and html.escape(SENTENCE) in text
    means = {(e["protocol"], e["completer"]): e for e in json.loads(metrics_json(result))["structure"]}
    headings, *rows = parsed.tables[1]
    assert {tuple(row[:2]) for row in rows} == set(means) and len(rows) == 6
    for row in rows:
        mean, told = means[row[0], row[1]], dict(zip(headings, row, strict=True))
        for key, (heading, pattern) in COLUMNS.items():
            value = mean[key]
            assert told[heading] == pattern.format(math.nan if value is None else value)
    assert len({row[headings.index("normals °")] for row in rows}) > 3


def test_the_grid_over_the_image_adds_up_to_the_mean_error(run, make_street):
    frame = make_street()
    prediction = frame.ground_truth.copy()
    prediction[:30, 150:] += np.float32(0.5)
    prediction[90:] = np.nan
    total, pixels = error_by_place(prediction, frame.ground_truth)
    assert total.shape == PLACES and pixels.sum() == 90 * 200
    assert 1e3 * total.sum() / pixels.sum() == pytest.approx(
        compute_metrics(prediction, frame.ground_truth).mae_mm
    )
    assert total[:2, 13:].min() > 0 and not total[3:].any() and not total[:, :11].any()
    assert not pixels[-1].all() or pixels[-1].sum() < pixels[0].sum()


def test_reliability_without_asking_is_that_of_scored_confidence(streets):
    result = evaluate(streets, ["linear"], ["lines:4"], confidence=True)
    content = json.loads(metrics_json(result))
    assert content["reliability"][0]["values"] == content["confidence"][0]["reliability"]


def test_each_shown_trial_has_image_depth_and_error_of_every_completer(run, page):
    parsed = Parsed(page[1])
    images = [image for image in parsed.named("img") if image.get("class") != "strip"]
    assert len(run[1]) == 3 and len(images) == 3 * (2 + 2 * len(COMPLETERS))
    for kind in ("depth", "error"):
        for name in COMPLETERS:
            assert sum(image["alt"] == f"{kind}, {name}" for image in images) == 3
    sources = [image["src"] for image in images]
    assert all(source.startswith("data:image/webp;base64,") and len(source) < 60_000 for source in sources)
    assert len(set(sources)) > len(sources) * 2 // 3


def test_frames_are_told_apart_by_the_part_of_their_names_that_differs():
    names = [f"2011_09_26_drive_0001_sync_{number:010d}" for number in (98, 99, 100)]
    text = compare([f"{name}, truth" for name in names], ["nearest"], [""] * 3)
    options = re.findall(r'<option value="\d"[^>]*>([^<]*)<', text)
    assert options[:3] == ["…0000000098, truth", "…0000000099, truth", "…0000000100, truth"]
    assert ">2011_09_26_drive_0001_sync_0000000098<" in compare(names[:1], ["nearest"], [""])
    assert ">street_1<" in compare(["street_1", "street_2"], ["nearest"], [""] * 2)


def test_names_are_text_whatever_they_hold(streets, tmp_path):
    for number, frame in enumerate(streets.frames):
        frame.name = f'<script>alert("{number}")</script>'
    result = evaluate(streets, ["nearest"], ["truth"], name="<b>&amp;")
    extra = Extra("Beside <others>", ("method", "source", "RMSE"), [("a<b", "c", "1")])
    text = write_html(result, tmp_path / "a.html", extra=extra).read_text()
    parsed = Parsed(text)
    assert parsed.unbalanced == [] and len(parsed.named("script")) == 1 and not parsed.named("b")
    assert parsed.tables[0][1] == ["a<b", "c", "1"]


def test_a_completer_that_knows_nothing_does_not_stop_the_page(streets, tmp_path):
    from depth_completion_ros.completion import Completer, Completion

    class Nothing(Completer):
        name = "nothing"

        def complete(self, image, sparse, camera=None, name=""):
            return Completion.unknown(sparse.depth.shape)

    shown = []
    result = evaluate(
        streets, [Nothing(), "nearest"], ["lines:8"], watch=lambda _, *trial: shown.append(show_trial(*trial))
    )
    for these in (result, evaluate(streets, [Nothing()], ["lines:8"])):
        text = write_html(these, tmp_path / "a.html", shown if these is result else ()).read_text()
        parsed = Parsed(text)
        assert parsed.unbalanced == [] and parsed.tables[-1][1][2] == "nothing"
        drawn = [
            value for tag, a in parsed.elements if tag in ("path", "rect", "text") for value in a.values()
        ]
        assert drawn and not any("nan" in (value or "") for value in drawn)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    "values", [[], [3.0], [0.2, 7e4], [1e-6, 2e-6], [math.nan, 5.0, 5.1], [99.0, 101.0], [0.0, 1.0]]
)
def test_ticks_are_few_round_and_on_the_axis(values, log):
    scale = Scale(values, "m", log=log)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 8
    assert all(-1e-6 <= scale.share(tick) <= 1 + 1e-6 for tick in ticks)
    assert all(float(f"{tick:.4g}") == pytest.approx(tick) for tick in ticks)
    assert ticks == sorted(ticks)


def test_points_lie_where_the_axes_say():
    chart = Chart("c", Scale([], "x", limits=(0, 10)), Scale([], "y", limits=(0, 1)))
    chart.mark(10, 1, 0, "far corner")
    chart.mark(0, 0, 1, "near corner")
    assert re.findall(r"translate\(([\d.]+) ([\d.]+)\)", chart.svg())[-2:] == [
        ("388.0", "26.0"),
        ("52.0", "210.0"),
    ]
    drawn = cells("c", [[0.5, math.nan]], [["a", "b"]], 2.0)
    assert drawn.count('class="heat"') == 1 and 'fill-opacity="0.50"' in drawn


# In a browser --------------------------------------------------------------------------------------

PROBE = """
<script>
const results = [];
const check = (name, fine) => results.push(`${name}:${fine}`);
window.addEventListener("load", () => {
  const page = document.documentElement;
  check("fits", page.scrollWidth <= page.clientWidth);
  const table = document.querySelectorAll("table")[0];
  const at = [...table.querySelectorAll("th")].findIndex(heading => heading.textContent === "RMSE mm");
  const column = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[at].textContent));
  const sorted = values => values.every((value, i) => !i || values[i - 1] <= value);
  const button = table.querySelectorAll("th button")[at];
  button.click(); check("up", sorted(column()));
  button.click(); check("down", sorted(column().reverse()) && !sorted(column()));
  const visible = () => [...document.querySelectorAll(".shown")].filter(trial => trial.offsetHeight).length;
  check("one", visible() === 1);
  const [trial, left, right] = document.querySelectorAll("select");
  trial.value = 1; left.value = 1; right.value = 2; right.dispatchEvent(new Event("input"));
  check("other", visible() === 1 && document.querySelectorAll(".shown")[1].offsetHeight > 50);
  const seen = [...document.querySelectorAll(".shown.chosen .depth img")].filter(image => image.offsetHeight);
  check("two", seen.map(image => image.alt).join() === "depth, linear,depth, morphological");
  check("cut", getComputedStyle(seen[1]).clipPath.includes("50%"));
  check("paper", getComputedStyle(document.body).backgroundColor);
  document.title = results.join(" ");
});
</script>
"""


@pytest.fixture
def browser():
    """Runs headless Chromium on a file; its standard output and error."""
    program = next(
        (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
    )
    if program is None:
        pytest.skip("Chromium is not installed.")

    def look(path, *arguments):
        usual = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom")
        told = ("--enable-logging=stderr", "--v=0", f"--user-data-dir={path.parent / 'browser'}")
        command = [program, *usual, *told, *arguments, path.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return look


@pytest.mark.parametrize(("scheme", "paper"), [(0, "rgb(20, 22, 26)"), (1, "rgb(255, 255, 255)")])
@pytest.mark.parametrize("width", [500, 1600])
def test_the_page_works_in_a_browser(page, browser, scheme, paper, width):
    """Sorts, compares, fits, and is dark or light as asked; 500 pixels are the least that Chromium opens."""
    path, text = page
    probe = path.with_name("probe.html")
    probe.write_text(text.replace("</body>", PROBE + "</body>"))
    done = browser(probe, f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={width},900")
    assert "CONSOLE" not in done.stderr
    found = dict(part.split(":", 1) for part in Parsed(done.stdout).titles[0].replace(", ", ",").split())
    expected = dict.fromkeys(("fits", "up", "down", "one", "other", "two", "cut"), "true")
    assert found == expected | {"paper": paper.replace(", ", ",")}


def test_the_page_fits_into_400_pixels(page, browser):
    path, _ = page
    frame = path.with_name("frame.html")
    frame.write_text(
        f'<iframe id="f" src="{path.name}" style="width:400px;height:900px;border:0"></iframe><script>'
        'window.addEventListener("load", () => { const page = document.getElementById("f").contentDocument'
        ".documentElement; document.title = `${page.clientWidth} ${page.scrollWidth}`; });</script>"
    )
    done = browser(frame, "--allow-file-access-from-files", "--hide-scrollbars", "--window-size=600,1000")
    assert Parsed(done.stdout).titles[0] == "400 400"
