"""The bill of a batch that ran in the sandbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from bootstrap.problem import Problem
from costs.bill import Bill, priced
from costs.facts.prices import PriceBook
from costs.idle import idle_bill
from costs.metered import provisioned_pollers, rows_of, usages_of
from costs.watching import watching
from rollcall.batches.batch import Result
from rollcall.target.connection import Connection
from rollcall.target.engine_client import NotServed, ask
from rollcall.target.meter_client import fetch_when_quiet
from rollcall.terminal.errors import tell

MESSAGES_PATH = "/_aws/sqs/messages"
"""Lists the messages of a queue, those in flight and delayed ones too, without receiving them."""
CHILD_TYPE = "EXPRESS"
"""The children's type on AWS by the template's default."""


def bill_after_run(connection: Connection, result: Result) -> Bill | None:
    """The bill on AWS of a batch that has just ended, all of its generations together.

    None where nothing was counted: on AWS, on an engine without a meter, after a reset. Errors are printed on stderr
    and raise nothing. Amounts per million items are known of a first generation only.
    """
    if not connection.endpoint:
        return None
    try:
        answer = fetch_when_quiet(connection.endpoint, result.batch_id)
        book = PriceBook.load()
    except NotServed:
        return None
    except Problem as problem:
        tell(f"the batch's cost on AWS is unknown: {problem}", problem.hint)
        return None
    items = result.items if result.generation == 1 else None
    return metered_bill(connection, answer, result, book, items, result.started_at)


def idle_month(
    connection: Connection,
    architecture: str,
    book: PriceBook | None = None,
    answer: Mapping[str, Any] | None = None,
) -> Bill:
    """What the stack costs on AWS in a month, whether batches run or not; by the meter's `answer` with its storage."""
    stack = connection.stack(architecture)
    watched = watching(architecture, stack.has_alarms, stack.has_dashboard)
    return idle_bill(architecture, book or PriceBook.load(), answer, stack.name, stack.provisioned_pollers, watched)


def metered_bill(
    connection: Connection,
    answer: Mapping[str, Any],
    ended: Result,
    book: PriceBook,
    items: int | None,
    started_at: str | None,
    child_type: str = CHILD_TYPE,
) -> Bill | None:
    """The bill of a batch of `items` items by the meter's answer; None if the meter does not know the whole batch.

    `ended` is the latest generation's result, `started_at` the start of the first.
    """
    stack = connection.stack(ended.architecture)
    rows = rows_of(answer, stack.name, ended.batch_id)
    if not rows or began_before(started_at, answer["since"]):
        return None
    due = ended.architecture == "sqs" and check_due(
        connection.endpoint or "", stack.outputs["FinalizerQueueUrl"], ended.batch_id
    )
    hours = clock_hours(started_at, ended.finished_at)
    usages = usages_of(answer, stack.name, ended.batch_id, child_type, hours=hours, check_due=due)
    usages += provisioned_pollers(rows, stack.provisioned_pollers, ended.duration_seconds or 0.0)
    return priced(usages, book, items)


def check_due(endpoint: str, queue_url: str, batch_id: str) -> bool:
    """Whether the finalizer's queue still holds a message of the batch: its check, which comes after its end."""
    query = urlencode({"QueueUrl": queue_url, "ShowInvisible": "true", "ShowDelayed": "true"})
    status, body = ask(endpoint, "GET", f"{MESSAGES_PATH}?{query}")
    return status == 200 and f'"{batch_id}"' in body.decode().replace("\\", "")


def began_before(started_at: str | None, since: str) -> bool:
    """Whether a batch began before the meter did: part of it was not counted. Times are ISO 8601."""
    return started_at is not None and datetime.fromisoformat(started_at) < datetime.fromisoformat(since)


def clock_hours(started_at: str | None, finished_at: str | None) -> int:
    """The number of clock hours that a batch touched; 1 if unknown. Times are ISO 8601 in UTC."""
    if not started_at or not finished_at:
        return 1
    first, last = (int(datetime.fromisoformat(time).timestamp() // 3600) for time in (started_at, finished_at))
    return last - first + 1
