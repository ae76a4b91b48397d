"""The planned sizes of log lines against the lines as the handlers' Powertools writes them, within 2%."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from costs.plan.log_lines import line_bytes
from costs.plan.sizes import BATCH_ID, NOW
from handlers import work
from handlers.aws import telemetry
from handlers.core.batch import Ending, Status
from handlers.core.run_items import failure_of
from handlers.sfn import failure_recorder
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.start import Starter
from handlers.worker.call import Call

# Powertools puts the trace that Lambda gives every invocation into each line.
TRACE = ',"xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"'


def logged(service: str, writer: Callable[..., Any], message: str, **fields: Any) -> int:
    """Bytes of a line that the function `writer` logs."""
    names = {"funcName": writer.__name__, "lineno": 100, "levelname": "INFO", "msg": message}
    line = LambdaPowertoolsFormatter(service=service).format(logging.makeLogRecord(names | fields))
    return len(line + TRACE + "\n")


@pytest.fixture(params=[False, True], ids=["counts", "metrics"])
def metrics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether CloudWatch makes metrics of the counts."""
    monkeypatch.setattr(telemetry, "NAMESPACE", "Rollcall" if request.param else None)
    return bool(request.param)


@pytest.fixture
def counted(metrics: bool, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Bytes of a line of counts that a service logs."""
    lines: list[str] = []
    monkeypatch.setattr(telemetry.output, "write", lines.append)

    def written(service: str, metadata: dict[str, int], **counts: int) -> int:
        monkeypatch.setattr(telemetry, "SERVICE", service)
        telemetry.put_counts(metadata, **counts)
        assert ('"CloudWatchMetrics"' in lines[-1]) == metrics
        assert not metadata or '"workMs":1234' in lines[-1]
        return len(lines[-1] + "\n")

    return written


def test_the_batch_started_line() -> None:
    size = logged("sqs-batcher", Starter._start, "batch started", batch_id=BATCH_ID, generation=1)
    assert line_bytes("started", BATCH_ID) == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_a_processors_counts(architecture: str, metrics: bool, counted: Callable[..., int]) -> None:
    service, work = f"{architecture}-processor", {"workMs": 1234}
    planned = partial(line_bytes, metrics=metrics)
    assert planned("counts", "", 100, 1234) == pytest.approx(counted(service, work, ItemsProcessed=100), rel=0.02)
    both = planned("counts", "", 90, 1234) + planned("failed count", "", 10)
    assert both == pytest.approx(counted(service, work, ItemsProcessed=90, ItemsFailed=10), rel=0.02)


@pytest.mark.parametrize(
    ("service", "writer"),
    [("sqs-processor", FinishedChunks.add_failed), ("sfn-failure-recorder", failure_recorder.handler)],
)
def test_the_line_of_a_chunk_with_failures(service: str, writer: Callable[..., Any]) -> None:
    size = logged(service, writer, "items failed", levelname="WARNING", batch_id=BATCH_ID, seq=123, count=10)
    assert line_bytes("failure", BATCH_ID, 123, 10) == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("service", ["sqs-processor", "sfn-processor"])
def test_the_line_of_an_item_that_fails(service: str) -> None:
    with pytest.raises(ValueError, match="made to fail") as raised:
        work.process({"id": "000000001", "fail": True})
    error, traceback, _ = failure_of(raised.value)
    # As from the worker, whose own frames are left out, and so is this test's.
    head, _, rest = traceback.partition("\n")
    tail = rest[rest.index('  File "handlers/work.py"') :]
    fields = {"batch_id": BATCH_ID, "seq": 123, "attempt": 1, "error": error.partition("\n")[0]}
    size = logged(
        service, Call._fail, "item failed", levelname="WARNING", id="000000001", traceback=f"{head}\n{tail}", **fields
    )
    assert line_bytes("item", BATCH_ID, 123, 1) == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_the_batch_finished_line_and_its_metric(architecture: str, metrics: bool, counted: Callable[..., int]) -> None:
    ending = Ending(BATCH_ID, 1, architecture, Status.FAILED, 1000, 900, 100, 0, 10, NOW - 12_345, NOW)
    service = f"{architecture}-finalizer"
    size = logged(service, telemetry.log_finished, "batch finished", **ending.detail())
    size += counted(service, {}, BatchesFinished=1) if metrics else 0
    planned = line_bytes("finished", BATCH_ID, 1000, 900, 100, 10, 12_345, metrics=metrics)
    assert planned == pytest.approx(size, rel=0.02)
