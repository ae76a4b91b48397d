"""The units and the bill of one way's batch, by the engine's meter."""

import time
from collections.abc import Mapping
from typing import Any

from bootstrap.problem import Problem
from costs.bill import Bill, priced
from costs.facts.prices import PriceBook
from costs.metered import EMPTY, Row, rows_of, usages_of
from rollcall.target.meter_client import fetch_meter

# Longer than the sandbox takes to redeliver a check message after the batch's end.
QUIET_SECONDS = 7
POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120
CALLS = ("lambda.requests", "sqs.", "dynamodb.", "s3.", "events.", "cloudwatch.requests")


def when_quiet(endpoint: str, stack: str) -> dict[str, Any]:
    """The meter's answer, once the meter is quiet for the stack; empty receives do not count.

    Raises Problem if the meter does not become quiet.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    before: list[Row] = []
    quiet_since = time.monotonic()
    while True:
        answer = fetch_meter(endpoint)
        rows = useful(answer, stack)
        now = time.monotonic()
        if rows != before:
            before, quiet_since = rows, now
        elif now - quiet_since > QUIET_SECONDS:
            return answer
        if now > deadline:
            raise Problem(f"stack {stack} still works {PATIENCE_SECONDS} s after its batch ended")
        time.sleep(POLL_SECONDS)


def useful(answer: Mapping[str, Any], stack: str, batch: str | None = None) -> list[Row]:
    """The stack's rows without empty receives, which idle pollers make even if no batch runs."""
    return [row for row in rows_of(answer, stack, batch) if not row["operation"].endswith(EMPTY)]


def bill_of(answer: Mapping[str, Any], stack: str, batch: str, items: int, book: PriceBook) -> Bill:
    """The bill of a batch. The children of a Distributed Map are EXPRESS ones on AWS."""
    return priced(usages_of(answer, stack, batch, "EXPRESS"), book, items)


def calls_of(answer: Mapping[str, Any], stack: str, batch: str) -> int:
    """The API calls of a batch's functions, pollers and state machine, invocations included."""
    return sum(row["calls"] for row in useful(answer, stack, batch) if row["unit"].startswith(CALLS))


def unassigned_calls(answer: Mapping[str, Any], stack: str) -> int:
    """The calls for the stack that the meter could not assign to a batch."""
    return sum(row["calls"] for row in useful(answer, stack) if row["batch"] is None)
