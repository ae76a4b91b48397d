"""Errors of invocations, read from logs as Lambda and our handlers write them, and when they are looked for."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from rollcall.batches.batch import Progress
from rollcall.batches.follow import LOOK_SECONDS, STILL_SECONDS, Watcher
from rollcall.batches.invocation_errors import LATE_MS, PAGES, ErrorLog, InvocationError, causes, is_error
from rollcall.target.connection import Stack
from sandbox.executor.failures import exited, timed_out
from sandbox.meter.rules import end_line, report_line, start_line

TRACEBACK = "Traceback (most recent call last):\n  File \"/var/task/a.py\", line 7, in f\n    g()\nKeyError: 'x'"


def ours(level: str, message: str, **fields: Any) -> str:
    """A line of our handlers' log."""
    return json.dumps({"level": level, "location": "handle:75", "message": message, "service": "rollcall", **fields})


IMPORT = (
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'a': No module named 'pandas'\nTraceback (most recent"
)
EXIT = exited("1-a", -9).log_line
FULL = report_line("1-a", 100.0, None, 256, 256, "Status: error\tError Type: Runtime.ExitError")
HALF = report_line("1-a", 100.0, None, 256, 128, "Status: error\tError Type: Runtime.ExitError")


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        ([IMPORT], "Runtime.ImportModuleError: Unable to import module 'a': No module named 'pandas'"),
        (["[ERROR] KeyError: 'x'\r" + TRACEBACK.replace("\n", "\r")], "KeyError: 'x'"),
        ([timed_out("1-a", 3, "2026-11-26T06:00:00.000Z").log_line], "Task timed out after 3.00 seconds"),
        ([EXIT, end_line("1-a"), HALF], "Runtime.ExitError: signal: killed"),
        ([exited("1-a", 3).log_line], "Runtime.ExitError: exit status 3"),
        ([exited("1-a", 0).log_line], "Runtime.ExitError: without providing a reason"),
        ([EXIT, end_line("1-a"), FULL], "out of memory: it used its 256 MB, and was ended"),
        ([ours("ERROR", "attempt failed", batch_id="b-1", exception=TRACEBACK)], "attempt failed: KeyError: 'x'"),
        ([ours("ERROR", "is redelivered", exception=TRACEBACK)], "is redelivered: KeyError: 'x'"),
        ([ours("ERROR", "a mistake", batch_id="b-1", reason="no\n  a.py, line 1, in f")], "a mistake: no"),
    ],
)  # fmt: skip
def test_an_error_is_told_with_its_cause(messages: list[str], cause: str) -> None:
    events = [{"timestamp": 5, "message": message + "\n"} for message in messages]
    assert list(causes(events, "b-1")) == [(5, cause)]
    assert is_error(messages[0])


@pytest.mark.parametrize(
    "message",
    [
        start_line("1-a", "$LATEST"),
        end_line("1-a"),
        report_line("1-a", 100.0, 200.0, 256, 64, ""),
        "[ERROR]\t2026-11-26T06:00:00.000Z\t1-a\tlogged by the user's own logger",
        "[ERROR] printed by the user's own code",
        "ERROR and Task timed out, said the user's own code",
        "{no JSON, ERROR",
        ours("WARNING", "items failed", batch_id="b-1", count=2),
        ours("ERROR", "item failed", batch_id="b-1", item_id="C1", exception=TRACEBACK),
        ours("ERROR", "attempt failed", batch_id="another", exception=TRACEBACK),
    ],
)
def test_what_is_no_error_of_an_invocation_of_this_batch_is_left_out(message: str) -> None:
    assert list(causes([{"timestamp": 5, "message": message}], "b-1")) == []


class Logs:
    """CloudWatch Logs with the events of one group. It counts the calls of FilterLogEvents."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, *events: tuple[int, str], page: int = 100) -> None:
        self.events = list(events)
        self.page = page
        self.calls: list[int] = []

    def filter_log_events(
        self, logGroupName: str, startTime: int, filterPattern: str, nextToken: str = "0"
    ) -> dict[str, Any]:
        if logGroupName != "/aws/lambda/Processor":
            raise self.exceptions.ResourceNotFoundException
        self.calls.append(startTime)
        numbered = [(number, *event) for number, event in enumerate(self.events)]
        found = [
            {"eventId": str(number), "timestamp": at, "message": message}
            for number, at, message in numbered
            if at >= startTime
        ]
        start = int(nextToken)
        more = {"nextToken": str(start + self.page)} if len(found) > start + self.page else {}
        return {"events": found[start : start + self.page], **more}


def log_of(client: Logs) -> ErrorLog:
    outputs = {"BatcherFunctionName": "Batcher", "ProcessorFunctionName": "Processor"}
    connection = SimpleNamespace(client=lambda _: client, stack=lambda _: Stack("s", outputs, {}))
    return ErrorLog(connection, "sqs")  # type: ignore[arg-type]


def test_each_look_reads_on_and_counts_no_line_twice() -> None:
    client = Logs((1_000, IMPORT), (2_000, IMPORT.replace("pandas", "numpy")))
    log = log_of(client)
    first = log.look("b-1", 500)
    assert [(error.role, error.count, error.latest) for error in first] == [
        ("sqs.processor", 1, 1_000),
        ("sqs.processor", 1, 2_000),
    ]
    client.events.append((60_000, IMPORT))
    assert log.look("b-1", 500)[0].count == 2
    # A line that arrives late, behind a newer one.
    client.events.append((60_000 - LATE_MS, IMPORT))
    assert log.look("b-1", 500)[0].count == 3
    assert client.calls == [500, 500, 60_000 - LATE_MS]


def test_a_long_log_is_read_in_several_looks() -> None:
    client = Logs(*((number, IMPORT) for number in range(PAGES + 2)), page=1)
    log = log_of(client)
    assert [log.look("b-1", 0)[0].count for _ in range(2)] == [PAGES, PAGES + 2]


def test_json_has_role_cause_count_and_time() -> None:
    at = round(datetime(2026, 11, 26, 7, tzinfo=UTC).timestamp() * 1000)
    assert InvocationError("sqs.processor", "KeyError: 'x'", 3, at).to_json() == {
        "role": "sqs.processor",
        "cause": "KeyError: 'x'",
        "count": 3,
        "latest": "2026-11-26T07:00:00.000Z",
    }


def progress(done: int, **fields: Any) -> Progress:
    return Progress("processing", 100, done, 0, started_at=7_000, **fields)


def test_a_batch_that_makes_progress_costs_no_call_of_the_logs() -> None:
    client = Logs((8_000, IMPORT))
    watcher = Watcher(log_of(client), "b-1", 0)
    for second in range(60):
        assert watcher.look(progress(done=second), float(second)) == ()
    assert client.calls == []


def test_a_batch_that_stands_still_is_looked_at_now_and_then_from_its_start() -> None:
    client = Logs((6_000, "before the batch " + IMPORT), (8_000, IMPORT))
    watcher = Watcher(log_of(client), "b-1", 0)
    for second in range(int(STILL_SECONDS)):
        assert watcher.look(progress(5), float(second)) == ()
    [error] = watcher.look(progress(5), STILL_SECONDS)
    assert str(error) == (
        "processor failed once: Runtime.ImportModuleError: Unable to import module 'a': No module named 'pandas'"
    )
    for second in range(1, int(LOOK_SECONDS)):
        assert watcher.look(progress(5), STILL_SECONDS + second) == (error,)
    assert client.calls == [7_000]
    watcher.look(progress(5), STILL_SECONDS + LOOK_SECONDS)
    assert len(client.calls) == 2


def test_trouble_is_looked_into_at_once() -> None:
    client = Logs((8_000, IMPORT))
    assert len(Watcher(log_of(client), "b-1", 0).look(progress(5, trouble="its execution is FAILED"), 0.0)) == 1


def test_a_batch_that_never_starts_is_looked_at_from_when_it_was_sent() -> None:
    client = Logs((1_000, "before " + IMPORT), (3_000, IMPORT))
    watcher = Watcher(log_of(client), "b-1", 2_000)
    assert watcher.look(None, 0.0) == ()
    assert [error.count for error in watcher.look(None, STILL_SECONDS)] == [1]
