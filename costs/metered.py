"""What the meter counted, as AWS would bill it."""

from collections.abc import Iterator, Mapping
from typing import Any

from costs.derived import check_message, children, custom_metrics, init_lines, state_machine_objects
from costs.meter_rows import Row, duration_prices, rows_of, sums
from costs.usage import Usage

# Units that AWS bills just as they are counted; SQS's, S3's and Step Functions' own calls apart.
AS_COUNTED = (
    "lambda.requests",
    "sqs.requests",
    "sqs.fifo_requests",
    "dynamodb.write_units",
    "dynamodb.read_units",
    "s3.puts",
    "s3.gets",
    "events.published",
    "logs.bytes",
    "cloudwatch.requests",
)
EMPTY = ":empty"
WORDS = {
    ("lambda.requests", "invoke"): "invocations",
    ("logs.bytes", "platform"): "Lambda's own lines",
    ("logs.bytes", "function"): "the functions' lines",
    ("poller", "ReceiveMessage"): "pollers' receives",
    ("poller", "DeleteMessage"): "pollers' deletes",
    ("poller", "DeleteMessageBatch"): "pollers' deletes",
}
MAKERS = {"poller": "pollers' ", "states": "state machine: ", "events": "EventBridge: "}
POLLED = (
    "as this sandbox's event sources made them: one for each batch of messages, as on AWS; "
    "empty receives are left out, they are part of what the stack costs at rest"
)


def usages_of(
    meter_answer: Mapping[str, Any],
    stack: str,
    batch: str | None,
    child_type: str = "EXPRESS",
    *,
    hours: int = 1,
    check_due: bool = False,
) -> list[Usage]:
    """What a batch used of a stack, or with no batch all that the meter knows of the stack, in AWS's billing units.

    What AWS does otherwise than the sandbox is derived, and its `note` says how: children of a Distributed Map are of
    `child_type`, EXPRESS or STANDARD; custom metrics count for the `hours` of the clock in which the batch ran;
    `check_due`: the batch's check message has yet to come round (SQS architecture).
    """
    rows = rows_of(meter_answer, stack, batch)
    return [
        *durations(rows),
        *as_counted(rows),
        *children(rows, child_type),
        *state_machine_objects(rows),
        *init_lines(rows),
        *custom_metrics(meter_answer, stack, hours if batch else None),
        *(check_message(rows) if check_due else ()),
    ]


def durations(rows: list[Row]) -> Iterator[Usage]:
    """Lambda's GB-seconds in three parts: items being processed (the user's own work), cold starts, all else."""
    for price in duration_prices(rows):
        billed = sums(rows, lambda row, price=price: row["unit"] == price)  # type: ignore[misc]
        worked = sums(rows, lambda row: row["unit"] == "lambda.work_gb_seconds")
        begun = sums(rows, lambda row: row["unit"] == "lambda.init_gb_seconds")
        for place, quantity in sorted(billed.items(), key=str):
            work = min(quantity, worked.get(place, 0.0))
            init = min(quantity - work, begun.get(place, 0.0))
            parts = (
                ("your items being processed", work, True),
                ("cold starts", init, False),
                ("all else in functions", quantity - work - init, False),
            )
            function, operation = place
            for what, part, own in parts:
                if part > 0:
                    yield Usage(price=price, quantity=part, what=what, own=own, function=function, operation=operation)


def as_counted(rows: list[Row]) -> Iterator[Usage]:
    """The units that are billed as they are counted; an event source's empty receives are not."""
    for price in AS_COUNTED:
        for by in ("function", "poller", "states", "events"):
            if by == "states" and price == "s3.puts":
                continue  # derived
            found = sums(rows, lambda row, price=price, by=by: (row["unit"], row["by"]) == (price, by))  # type: ignore[misc]
            for (function, operation), quantity in sorted(found.items(), key=str):
                if by == "poller" and operation.endswith(EMPTY):
                    continue
                yield Usage(
                    price=price,
                    quantity=quantity,
                    what=worded(price, operation, by),
                    function=function,
                    operation=operation,
                    note=POLLED if by == "poller" and price.startswith("sqs.") else "",
                )


def worded(price: str, operation: str, by: str) -> str:
    """What an operation was for: `pollers: ReceiveMessage`, `UpdateItem, failed condition`."""
    known = WORDS.get((price, operation)) or WORDS.get((by, operation))
    if known:
        return known
    name, _, outcome = operation.partition(":")
    outcome = f", {outcome.replace('-', ' ')}" if outcome else ""
    return MAKERS.get(by, "") + name + outcome
