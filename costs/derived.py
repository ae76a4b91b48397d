"""Lines of a bill that the sandbox cannot count, derived by AWS's rule from what it can."""

from collections.abc import Iterator, Mapping
from typing import Any

from costs.facts.quotas import Quotas
from costs.facts.rules import rule
from costs.meter_rows import Row, duration_prices, sums, total
from costs.pollers import ProvisionedPollers
from costs.usage import Usage

PROCESSOR = "ProcessorFunction"
FINALIZER = "FinalizerFunction"


def children(rows: list[Row], child_type: str) -> Iterator[Usage]:
    """A state machine's transitions, and what its Distributed Map's children cost as STANDARD or as EXPRESS ones.

    Each child's start is a transition of the parent beside the states that it enters; a STANDARD child's states are
    transitions too, an EXPRESS child is a request and its duration times memory.
    https://aws.amazon.com/step-functions/pricing/
    """
    for function in sorted({row["function"] for row in rows if row["unit"].startswith("states.")}, key=str):
        mine = [row for row in rows if row["function"] == function]
        parent, child = (
            sum(row["quantity"] for row in mine if (row["unit"], row["operation"]) == ("states.transitions", level))
            for level in ("parent", "child")
        )
        started = total(mine, "states.children")
        start = "each child's start is one transition of the parent: AWS's workshop on Distributed Map"
        lines = [
            ("states.transitions", parent, "parent", "states of the batch", ""),
            ("states.transitions", started, "children", "children started", start),
        ]
        if child_type == "STANDARD":
            lines.append(("states.transitions", child, "child", "states of its children", ""))
        else:
            ran = "the sandbox ran STANDARD children; as EXPRESS ones, AWS's default here, "
            billed = "of the time and payload metered, in 100 ms and 64 MB"
            requests, seconds = total(mine, "states.express_requests"), total(mine, "states.express_gb_seconds")
            lines += [
                ("states.express_requests", requests, "child", "children", ran + "each is one request"),
                ("states.express_gb_seconds", seconds, "child", "children's duration", ran + billed),
            ]
        for price, quantity, operation, what, note in lines:
            if quantity:
                yield Usage(
                    price=price, quantity=quantity, what=what, function=function, operation=operation, note=note
                )


def state_machine_objects(rows: list[Row]) -> Iterator[Usage]:
    """What a Distributed Map's ResultWriter puts: on AWS a manifest and the children's results for each Map Run."""
    manifests = sum(row["calls"] for row in rows if (row["unit"], row["by"]) == ("s3.puts", "states"))
    if manifests:
        a_map_run = rule("result_writer.manifest_puts") + rule("result_writer.file_puts")
        yield Usage(
            price="s3.puts",
            quantity=manifests * a_map_run,
            what="state machine: results",
            operation="PutObject",
            note=f"the sandbox writes a manifest for each Map Run; AWS writes the children's results too, taken as "
            f"one multipart upload: {a_map_run:g} requests for each Map Run",
        )


def init_lines(rows: list[Row]) -> Iterator[Usage]:
    """The INIT_START line that AWS logs at each cold start, and the sandbox does not."""
    size = rule("logs.init_start_bytes")
    for (function, _), starts in sorted(sums(rows, lambda row: row["unit"] == "lambda.cold_starts").items(), key=str):
        yield Usage(
            price="logs.bytes",
            quantity=starts * size,
            what="cold starts' lines",
            function=function,
            operation="platform",
            note=f"the sandbox does not log AWS's INIT_START line: {size:g} bytes for each cold start counted",
        )


def custom_metrics(answer: Mapping[str, Any], stack: str, hours: int | None) -> Iterator[Usage]:
    """Custom metrics of a stack, billed for each hour with data, also where they come from log lines (EMF).

    `hours` are those in which a batch ran; None: all that the meter saw. https://aws.amazon.com/cloudwatch/pricing/
    """
    for metric in answer["metrics"]:
        if metric["stack"] == stack:
            counted = metric["hours"] if hours is None else min(hours, metric["hours"])
            yield Usage(
                price="cloudwatch.metric_months",
                quantity=counted / rule("month.hours"),
                what="custom metrics",
                operation=metric["name"],
                note="a month's price for each hour with data, once for all batches of that hour; "
                "the sandbox makes no metrics of EMF lines, so they were counted in the logs",
            )


def check_message(rows: list[Row]) -> Iterator[Usage]:
    """The look of the finalizer that still comes: its batch's check message finds that it has ended, and is used up.

    Counted as soon as it has come; until then it is one more invocation, as long and as talkative as the batch's
    looks so far.
    """
    looks = total(rows, "lambda.requests", FINALIZER)
    if not looks:
        return
    note = "still to come, and not counted yet: the batch's check message finds it ended; taken as an average look"
    lines = [
        ("lambda.requests", 1.0, "invoke"),
        *((unit, total(rows, unit, FINALIZER) / looks, "invoke") for unit in duration_prices(rows)),
        ("sqs.requests", rule("check.sqs_requests"), "ReceiveMessage"),
        ("dynamodb.read_units", rule("check.read_units"), "GetItem"),
        ("logs.bytes", total(rows, "logs.bytes", FINALIZER) / looks, "platform"),
    ]
    for price, quantity, operation in lines:
        if quantity:
            yield Usage(
                price=price,
                quantity=quantity,
                what="the check to come",
                function=FINALIZER,
                operation=operation,
                note=note,
            )


def provisioned_pollers(rows: list[Row], most: int, seconds: float) -> Iterator[Usage]:
    """Those of a stack with so many ProvisionedPollers, if any, while a batch ran for `seconds`."""
    if most:
        invoked_seconds = total(rows, "lambda.billed_ms", PROCESSOR) / 1000
        yield ProvisionedPollers.of(most, Quotas.load()).metered(invoked_seconds, seconds)
