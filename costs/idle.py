"""What a stack costs a month while no batch runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import template
from costs.bill import Bill, priced
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.facts.rules import rule
from costs.meter_rows import DURATION, duration_prices, rows_of
from costs.pollers import ProvisionedPollers
from costs.usage import Usage

HOURLY = "rate(1 hour)"
STORED = {"dynamodb": "dynamodb.gb_months", "s3": "s3.gb_months"}


def at_rest(
    architecture: str,
    book: PriceBook,
    meter_answer: Mapping[str, Any] | None = None,
    stack: str = "",
    pollers: int = 0,
) -> Bill:
    """The bill of a month in which no batch runs, of the stack of `sqs` or `sfn` as its template has it on AWS.

    With the meter's answer about a deployed `stack`, also the storage of what batches have left there, kept for a
    month. `pollers` is what the stack has as ProvisionedPollers. Queues, rules and functions that nobody uses are free,
    and the templates have no alarms.
    """
    document = yaml.load(template(architecture), TemplateLoader)
    resources = {
        name: (resource["Type"], resource.get("Properties") or {}) for name, resource in document["Resources"].items()
    }
    durations = duration_prices(rows_of(meter_answer, stack, None)) if meter_answer else []
    duration = durations[0] if durations else f"{DURATION}{document['Parameters']['CpuArchitecture']['Default']}"
    usages = [*idle_pollers(resources, pollers), *sweeps(resources, duration)]
    if meter_answer:
        usages += storage(meter_answer, stack)
    return priced(usages, book, None)


def idle_pollers(resources: Mapping[str, tuple[str, Mapping[str, Any]]], provisioned: int) -> Iterator[Usage]:
    """The empty long polls of every event source, which AWS bills as SQS requests, and its `provisioned` pollers.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """
    a_poller = rule("month.hours") * 3600 / rule("pollers.long_poll_seconds")
    idle = rule("pollers.idle")
    for name, (kind, properties) in resources.items():
        if kind != "AWS::Lambda::EventSourceMapping":
            continue
        if provisioned and "ProvisionedPollerConfig" in properties:
            pollers = ProvisionedPollers.of(provisioned, Quotas.load())
            yield pollers.at_rest(name)
            least = there = float(pollers.least)
            most = least * pollers.concurrency
            why = f"AWS does not say how many polls each has waiting, up to {pollers.concurrency}"
        elif "ScalingConfig" in properties:
            least = there = most = idle
            why = "MaximumConcurrency is set"
        else:
            least, there, most = rule("pollers.idle_least"), idle, idle
            why = f"AWS may go down to {least:g}"
        yield Usage(
            price="sqs.requests",
            quantity=there * a_poller,
            low=least * a_poller,
            high=most * a_poller,
            what="idle pollers' polls",
            operation=name,
            note=f"{there:g} pollers that poll for {rule('pollers.long_poll_seconds'):g} s each; {why}",
        )


def sweeps(resources: Mapping[str, tuple[str, Mapping[str, Any]]], duration: str) -> Iterator[Usage]:
    """The hourly look for executions whose end nobody told; what the schedule itself starts are batches."""
    hours = rule("month.hours")
    memory_gb = resources["FinalizerFunction"][1]["MemorySize"] / 1024
    for name, (kind, properties) in resources.items():
        if kind == "AWS::Events::Rule" and properties.get("ScheduleExpression") == HOURLY:
            seconds = rule("sweep.billed_seconds")
            lines = (
                ("lambda.requests", hours),
                (duration, hours * seconds * memory_gb),
                ("sqs.requests", hours * rule("sweep.sqs_requests")),
            )
            for price, quantity in lines:
                yield Usage(
                    price=price,
                    quantity=quantity,
                    what="hourly sweep",
                    operation=name,
                    note=f"one look of the finalizer an hour, taken as {seconds:g} s with its cold start",
                )


def storage(answer: Mapping[str, Any], stack: str) -> Iterator[Usage]:
    """What the stack's table and bucket hold, and what its functions have logged, as the meter saw it."""
    gb = rule("gb.bytes")
    for held in answer["storage"]:
        if held["stack"] == stack:
            expiry = "records expire after 60 days" if held["service"] == "dynamodb" else "objects expire after 30 days"
            yield Usage(
                price=STORED[held["service"]],
                quantity=held["bytes"] / gb,
                what="what batches left",
                operation=held["resource"],
                note=f"what is there now, kept for a month; {expiry}",
            )
    logged = sum(row["quantity"] for row in answer["rows"] if (row["stack"], row["unit"]) == (stack, "logs.bytes"))
    if logged:
        yield Usage(
            price="logs.gb_months",
            quantity=logged / gb,
            what="logs",
            note="all that the meter saw logged, kept for a month; AWS compresses it, and LogRetentionDays ends it",
        )
