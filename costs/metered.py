"""The meter's rows in AWS's billing units, and the units that the sandbox cannot count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from costs.facts.figures import Assumptions, Quotas, Rules
from costs.pollers import ProvisionedPollers
from costs.usage import FINALIZER, GB_SECONDS, INIT, NOTES, PROCESSOR, Usage

RULES = Rules.load()
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
"""Units that AWS bills as the meter counts them, except those of objects that a state machine puts into S3."""
EMPTY = ":empty"

type Row = Mapping[str, Any]
type Place = tuple[str | None, str]
"""Function (its logical id; None: no function's) and operation."""


def usages_of(
    meter_answer: Mapping[str, Any],
    stack: str,
    batch: str | None,
    child_type: str = "EXPRESS",
    *,
    hours: int = 1,
    check_due: bool = False,
) -> list[Usage]:
    """The usages of a batch in a stack, in AWS's billing units; without a batch, all that the meter has of the stack.

    Where AWS works otherwise than the sandbox, units are derived, and their `note` says how. The children of a
    Distributed Map are of `child_type`, EXPRESS or STANDARD. Custom metrics count for the `hours` of the clock in which
    the batch ran. With `check_due`, the batch's check message has yet to be redelivered (SQS architecture).
    """
    rows = rows_of(meter_answer, stack, batch)
    usages = chain(
        durations(rows),
        as_counted(rows),
        children(rows, child_type),
        results(rows),
        init_lines(rows),
        custom_metrics(meter_answer, stack, hours if batch else None),
        check_message(rows) if check_due else (),
    )
    return [usage for usage in usages if usage.quantity > 0]


def rows_of(answer: Mapping[str, Any], stack: str, batch: str | None) -> list[Row]:
    """The rows of a stack that AWS would bill: of one batch, or of all if it is None; not the command line's."""
    return [
        row
        for row in answer["rows"]
        if row["stack"] == stack and row["by"] != "client" and batch in (None, row["batch"])
    ]


def total(rows: Iterable[Row], unit: str, function: str | None = None, operation: str | None = None) -> float:
    """The sum of a unit. None for `function` or `operation` means all of them."""
    places = sums(rows, unit).items()
    return sum(quantity for (of, did), quantity in places if function in (None, of) and operation in (None, did))


def sums(rows: Iterable[Row], unit: str) -> dict[Place, float]:
    """A unit's quantities by function and operation."""
    found: defaultdict[Place, float] = defaultdict(float)
    for row in rows:
        if row["unit"] == unit:
            found[row["function"], row["operation"]] += row["quantity"]
    return dict(sorted(found.items(), key=str))


def duration_prices(rows: Iterable[Row]) -> list[str]:
    """The prices of the rows' Lambda time: one, unless the stack was deployed anew with another CPU architecture."""
    return sorted({row["unit"] for row in rows if row["unit"].startswith(GB_SECONDS)})


def durations(rows: list[Row]) -> Iterator[Usage]:
    """Lambda's GB-seconds in three parts: items being processed (your code), cold starts, all else."""
    worked, begun = sums(rows, "lambda.work_gb_seconds"), sums(rows, "lambda.init_gb_seconds")
    for price in duration_prices(rows):
        for place, quantity in sums(rows, price).items():
            work = min(quantity, worked.get(place, 0.0))
            init = min(quantity - work, begun.get(place, 0.0))
            yield Usage(price, work, *place, own=True)
            yield Usage(price, init, *place, INIT)
            yield Usage(price, quantity - work - init, *place)


def as_counted(rows: list[Row]) -> Iterator[Usage]:
    """The units that AWS bills as the meter counts them, without the empty receives of event sources."""
    by_pollers = [row for row in rows if row["by"] == "poller" and not row["operation"].endswith(EMPTY)]
    by_others = [row for row in rows if row["by"] != "poller" and (row["by"], row["unit"]) != ("states", "s3.puts")]
    for price in AS_COUNTED:
        note = NOTES["polled"] if price.startswith("sqs.") else ""
        yield from (Usage(price, quantity, *place) for place, quantity in sums(by_others, price).items())
        yield from (Usage(price, quantity, *place, note=note) for place, quantity in sums(by_pollers, price).items())


def children(rows: list[Row], child_type: str) -> Iterator[Usage]:
    """A state machine's transitions, and the cost of its Distributed Map's children as STANDARD or as EXPRESS ones.

    The start of each child is a transition of the parent, besides the states that the parent enters. A STANDARD child's
    states are transitions too. An EXPRESS child is a request, and its duration times its memory.
    https://aws.amazon.com/step-functions/pricing/
    """
    parent, child = (total(rows, "states.transitions", operation=level) for level in ("parent", "child"))
    yield Usage("states.transitions", parent, None, "parent")
    yield Usage("states.transitions", total(rows, "states.children"), None, "children", note=NOTES["children"])
    if child_type == "STANDARD":
        yield Usage("states.transitions", child, None, "child")
    else:
        requests, seconds = total(rows, "states.express_requests"), total(rows, "states.express_gb_seconds")
        yield Usage("states.express_requests", requests, None, "child", note=NOTES["express_requests"])
        yield Usage("states.express_gb_seconds", seconds, None, "child", note=NOTES["express_gb_seconds"])


def results(rows: list[Row]) -> Iterator[Usage]:
    """The objects that AWS's ResultWriter puts: for each Map Run a manifest and the children's results."""
    manifests = sum(row["calls"] for row in rows if (row["unit"], row["by"]) == ("s3.puts", "states"))
    puts = RULES["result_writer.manifest_puts"] + Assumptions.load()["result_writer.file_puts"]
    yield Usage("s3.puts", manifests * puts, None, "PutObject", note=f"{NOTES['results']}: {puts:g} requests each")


def init_lines(rows: list[Row]) -> Iterator[Usage]:
    """The INIT_START line that AWS logs at each cold start. The sandbox does not log it."""
    size = RULES["logs.init_start_bytes"]
    note = f"the sandbox does not log AWS's INIT_START line: {size:g} bytes for each cold start counted"
    for (function, _), starts in sums(rows, "lambda.cold_starts").items():
        yield Usage("logs.bytes", starts * size, function, "platform", INIT, note=note)


def custom_metrics(answer: Mapping[str, Any], stack: str, hours: int | None) -> Iterator[Usage]:
    """Custom metrics of a stack, billed for each hour with data, also if the data comes from log lines (EMF).

    `hours` are the hours in which a batch ran; None means all hours that the meter has.
    https://aws.amazon.com/cloudwatch/pricing/
    """
    for metric in answer["metrics"]:
        if metric["stack"] == stack:
            counted = metric["hours"] if hours is None else min(hours, metric["hours"])
            months = counted / RULES["month.hours"]
            yield Usage("cloudwatch.metric_months", months, None, metric["name"], note=NOTES["metric"])


def check_message(rows: list[Row]) -> Iterator[Usage]:
    """The last check of the finalizer, which is still due: it finds the batch ended, and its message is deleted.

    It counts as one more invocation, with the duration and log lines of an average check of the batch.
    """
    if not (checks := total(rows, "lambda.requests", FINALIZER)):
        return
    lines = [
        ("lambda.requests", 1.0, "invoke"),
        *((unit, total(rows, unit, FINALIZER) / checks, "invoke") for unit in duration_prices(rows)),
        ("sqs.requests", RULES["check.sqs_requests"], "ReceiveMessage"),
        ("dynamodb.read_units", RULES["check.read_units"], "GetItem"),
        ("logs.bytes", total(rows, "logs.bytes", FINALIZER) / checks, "platform"),
    ]
    for price, quantity, operation in lines:
        yield Usage(price, quantity, FINALIZER, operation, what="the check to come", note=NOTES["check"])


def provisioned_pollers(rows: list[Row], most: int, seconds: float) -> Iterator[Usage]:
    """The cost of a stack's provisioned pollers, at most `most`, while a batch ran for `seconds`; none if 0."""
    if most:
        invoked_seconds = total(rows, "lambda.billed_ms", PROCESSOR) / 1000
        yield ProvisionedPollers.of(most, Quotas.load()).metered(invoked_seconds, seconds)
