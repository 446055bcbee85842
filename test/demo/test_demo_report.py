"""The page of a demo, from what two sessions wrote."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from depth_completion_ros.core import Camera, Frame, Metrics
from depth_completion_ros.demo.report import demo_table, title, write_demo_html

pytest.importorskip("rclpy")

NAMES = ("linear", "nearest")


@pytest.fixture
def demo(tmp_path):
    """Reports and results of two completers on five frames, with the images of their pages."""
    from depth_completion_ros.ros.session.ledger import Ledger
    from depth_completion_ros.ros.session.page import Page

    camera = Camera(64, 32, np.array([[40.0, 0, 31.5], [0, 40.0, 15.5], [0, 0, 1]]))
    reports, results = {}, {"realtime": False, "rate": 10, "completers": {}}
    for at, completer in enumerate(NAMES):
        ledger, page = Ledger(), Page(tmp_path / completer)
        for number in range(5):
            points = np.array([[0, 0, 5.0 + number]], np.float32)
            image = np.full((32, 64, 3), 40 * number, np.uint8)
            frame = Frame(
                image=image, camera=camera, points=points, T_cam_lidar=np.eye(4), name=f"<f{number}>"
            )
            ledger.play(number, frame.name)
            if at and number == 3:
                ledger.end(number, "no <transform>")
                continue
            ledger.end(number, "completed", 20.0 + 10 * at + number)
            error = 100.0 * (1 + number) + at
            ledger.entries[number].metrics = Metrics(error, 50, 1, 1, 0.1, 1, 1, 1, 9, 1)
            page.add(frame, frame, np.full((32, 64), 6, np.float32), None, frame.name)
        report = {"scored_on": "truth", "images": page.images} | ledger.report()
        reports[completer] = json.loads(json.dumps(report))
        results["completers"][completer] = report
    return reports, results, tmp_path


def test_the_page_says_what_the_reports_say(demo):
    reports, results, out = demo
    text = write_demo_html(*demo).read_text(encoding="utf-8")
    assert title(results) == (
        "Live nodes on the demo drive, each when the one before is completed, "
        "at most 10 frames a second; scored on truth"
    )
    headings, rows = demo_table(results)
    assert dict(zip(headings, rows[1], strict=True)) | {"dropped": "no <transform>: 1"} == dict(
        zip(headings, rows[1], strict=True)
    )
    assert "<td>not completed</td><td>no &lt;transform&gt;</td>" in text
    for number, row in enumerate(reports["nearest"]["per_frame"]):
        told = f"nearest, frame {number}: RMSE {row.get('rmse_mm', 0):.0f} mm"
        assert (told in text) == (number != 3)
    assert text.count("<option") == 4 + 2 * len(NAMES)  # the frame that one of them dropped is in no page
    assert "&lt;f3&gt;" not in text and "&lt;f4&gt;" in text
    assert text.count('<img src="data:image/webp') == 4 * (2 + 2 * len(NAMES))
    assert "://" not in text


def test_no_frame_completed_does_not_stop_the_page(demo):
    reports, results, out = demo
    for report in (*reports.values(), *results["completers"].values()):
        report |= {"images": {}, "mean": None, "latency_ms": None, "completed": 0, "per_frame": []}
    text = write_demo_html(*demo).read_text(encoding="utf-8")
    assert "Error along the drive" not in text and "Accuracy against time" not in text
    assert cv2.imread(str(out / "linear" / "images" / "0000.jpg")) is not None
