"""Rate, time left and the line that tells of them."""

import dataclasses
import io
import re

import pytest

from rollcall.batches.batch import Progress
from rollcall.batches.invocation_errors import InvocationError
from rollcall.terminal import console
from rollcall.terminal.console import PlainConsole
from rollcall.views import progress
from rollcall.views.progress import WINDOW_SECONDS, Pace, describe, display, troubles


def paced(*observations: tuple[float, int]) -> Pace:
    pace = Pace()
    for now, done in observations:
        pace.observe(now, done)
    return pace


def test_one_observation_tells_no_rate() -> None:
    assert paced().rate is None
    assert paced((0, 100)).rate is None


def test_rate_is_items_over_seconds() -> None:
    assert paced((10, 100), (12, 300)).rate == 100


def test_a_batch_that_stands_still_has_no_rate_and_no_time_left() -> None:
    pace = paced((0, 100), (5, 100))
    assert pace.rate is None
    assert pace.seconds_left(200) is None


def test_rate_follows_the_last_seconds_only() -> None:
    slow_start = [(float(second), second) for second in range(60)]
    fast_end = [(60.0 + second, 60 + 100 * second) for second in range(int(WINDOW_SECONDS) + 2)]
    assert paced(*slow_start, *fast_end).rate == pytest.approx(100, rel=0.01)


def test_time_left_is_what_is_left_at_this_rate() -> None:
    pace = paced((0, 0), (2, 200))
    assert pace.seconds_left(1000) == 8
    assert pace.seconds_left(200) == 0
    assert pace.seconds_left(100) == 0
    assert pace.seconds_left(None) is None


def test_line_tells_everything_that_is_known() -> None:
    progress = Progress("processing", items=1000, done=640, failed=3)
    line = describe(progress, paced((0, 0), (2, 640)))
    assert line == "processing: 640 of 1,000 items, 3 failed, 320/s, about 1 s left"


def test_long_times_are_told_in_minutes() -> None:
    progress = Progress("processing", items=10_000, done=100, failed=0)
    assert describe(progress, paced((0, 0), (1, 100))).endswith("about 1 min 39 s left")


def test_line_leaves_out_what_is_not_known() -> None:
    assert describe(None, Pace()) == "waiting for the batcher"
    assert describe(Progress("forming chunks", items=None, done=0, failed=0), Pace()) == "forming chunks: 0 items"


IMPORT = InvocationError("sqs.processor", "Runtime.ImportModuleError: No module named 'pandas'", 3, 0)


def test_trouble_is_told_with_its_count_and_cause() -> None:
    progress = Progress("processing", items=10, done=0, failed=0, trouble="its execution FAILED")
    once = InvocationError("sqs.finalizer", "Task timed out after 3.00 seconds", 1, 0)
    assert troubles(progress, (IMPORT, once)) == [
        "its execution FAILED",
        "processor failed 3 times: Runtime.ImportModuleError: No module named 'pandas'",
        "finalizer failed once: Task timed out after 3.00 seconds",
    ]
    assert troubles(None, ()) == []


def test_trouble_below_the_bar_is_wrapped_to_a_narrow_terminal_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(progress, "stderr", PlainConsole(file=file, force_terminal=True, width=80))
    long = InvocationError("sqs.processor", "Runtime.ExitError: " + " ".join(["word"] * 40) + " end", 2, 0)
    with display("sqs") as shown:
        shown.show(Progress("processing", 1_000_000, done=500_000, failed=12), (IMPORT, long))
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()))
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "processor failed 3 times: Runtime.ImportModuleError: No module named 'pandas'" in text
    assert "word end" in text


def test_in_a_pipe_each_trouble_is_told_at_once_and_again_when_its_count_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(progress, "stderr", PlainConsole(file=file, width=80))
    still = Progress("processing", 10, done=5, failed=0)
    with display("sqs") as shown:
        shown.show(still)
        shown.show(still, (IMPORT,))
        shown.show(still, (IMPORT,))
        shown.show(still, (dataclasses.replace(IMPORT, count=8),))
    assert file.getvalue().splitlines() == [
        "sqs  processing: 5 of 10 items",
        f"sqs  {IMPORT}",
        "sqs  processor failed 8 times: Runtime.ImportModuleError: No module named 'pandas'",
    ]


@pytest.mark.parametrize("a_terminal", [False, True])
def test_what_an_execution_failed_with_is_no_markup_and_reaches_no_terminal(
    monkeypatch: pytest.MonkeyPatch, a_terminal: bool
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(progress, "stderr", PlainConsole(file=file, force_terminal=a_terminal, width=200))
    trouble = "its execution is FAILED ([/] [red]\x1b]0;title\x07\r\nx)"
    with display("sfn") as shown:
        shown.show(Progress("processing", 10, done=5, failed=0, trouble=trouble))
    assert r"its execution is FAILED ([/] [red]\x1b]0;title\x07" in file.getvalue()
    assert not {"\x07"} & set(file.getvalue())


def test_a_step_is_shown_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "stderr", PlainConsole(file=file, force_terminal=True, width=200))
    with console.steps("first") as say:
        say("[/] Step 3/9: RUN \x1b]0;title\x07")
    assert r"[/] Step 3/9: RUN \x1b]0;title\x07" in file.getvalue()
