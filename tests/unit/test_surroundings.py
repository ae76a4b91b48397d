"""What an item does to its process is over when the items are, and never reaches our own lines."""

import gc
import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from handlers.aws import telemetry
from handlers.aws.surroundings import put_back
from handlers.core.run_items import run_items
from tests.unit.harm import HARM


@pytest.mark.parametrize("concurrency", ["1", "2"])
@pytest.mark.parametrize("harm", HARM)
def test_what_an_item_changes_process_wide_is_put_back_and_reaches_no_line_of_ours(harm, concurrency, tmp_path: Path):
    report = tmp_path / "report"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.unit.harm", harm, concurrency, str(report)],
        capture_output=True, text=True, check=False, env=os.environ | {"ITEMS": "5"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(report.read_text()) == {"differ": [], "settled": 2, "settings": {"items": "5"}}
    line, metrics = map(json.loads, report.with_suffix(".log").read_text().splitlines())
    assert (line["level"], line["message"], line["count"]) == ("WARNING", "items failed", 3)
    assert line["location"].startswith("main:")
    assert (metrics["ItemsProcessed"], metrics["workMs"]) == ([2.0], 7)


def test_what_cannot_be_put_back_keeps_nothing_else_from_it(monkeypatch):
    def refuse(_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr("handlers.aws.surroundings.KEPT", [(os.getcwd, refuse), (gc.isenabled, lambda _: gc.enable())])
    with put_back():
        gc.disable()
    assert gc.isenabled()


def test_a_line_that_cannot_be_written_costs_nothing(monkeypatch):
    monkeypatch.setattr(telemetry.output, "_file", -1)
    telemetry.logger.info("lost")
    telemetry.put_metrics(ItemsProcessed=1)
    try:
        raise ValueError("told")
    except ValueError:
        telemetry.logger.exception("lost", item=object())
    telemetry.log_finished({"message": "a field of that name", "batchId": "b"})


def test_threads_that_redirect_the_same_stream_leave_it_as_it_was():
    """cpython#130148: the last to leave puts back the buffer of another, which is closed by then."""
    before = sys.stdout

    def process(_: dict) -> None:
        with io.StringIO() as buffer, redirect_stdout(buffer):
            print("hello")
            time.sleep(0.005)

    with put_back():
        run_items({n: {"id": str(n)} for n in range(20)}, process, 10, lambda _: True)
    assert sys.stdout is before
