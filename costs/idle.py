"""The cost of a stack in a month in which no batch runs."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import yaml

from bootstrap.parameters import TemplateLoader
from bootstrap.stacks import template
from costs.bill import Bill, priced
from costs.facts.figures import Assumptions, Quotas, Rules
from costs.facts.prices import PriceBook
from costs.metered import duration_prices, rows_of
from costs.pollers import ProvisionedPollers
from costs.usage import FINALIZER, GB_SECONDS, IDLE, NOTES, Usage
from sandbox.meter.rules import lambda_gb_seconds

RULES, ASSUMPTIONS = Rules.load(), Assumptions.load()
HOURLY = "rate(1 hour)"
EVENT_SOURCE, RULE, FUNCTION = "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule", "AWS::Lambda::Function"

type Document = Mapping[str, Any]
"""A template."""


def idle_bill(
    architecture: str,
    book: PriceBook,
    meter_answer: Mapping[str, Any] | None = None,
    stack: str = "",
    pollers: int = 0,
    watched: Iterable[Usage] = (),
) -> Bill:
    """The bill of a month in which no batch runs, for the stack of `sqs` or `sfn` as its template defines it on AWS.

    With the meter's answer about a deployed `stack`, the bill includes a month's storage of what batches have left
    there. `pollers` is the stack's ProvisionedPollers, `watched` its alarms and dashboard. Unused queues, rules and
    functions are free.
    """
    answer = meter_answer or {"rows": (), "storage": ()}
    durations = duration_prices(rows_of(answer, stack, None))
    resting = at_rest(architecture, pollers, durations[0] if durations else None)
    return priced([*resting, *watched, *storage(answer, stack)], book, None)


@cache
def at_rest(architecture: str, pollers: int = 0, duration: str | None = None) -> tuple[Usage, ...]:
    """What a stack uses in a month whether batches run or not, as its template defines it on AWS, without storage.

    `duration` is the price of Lambda's time, by default that of the template's CpuArchitecture.
    """
    document = yaml.load(template(architecture), TemplateLoader)  # noqa: S506 - a SafeLoader, for the project's own file
    default = GB_SECONDS + document["Parameters"]["CpuArchitecture"]["Default"]
    return (*idle_polls(document, pollers), *sweeps(document, duration or default))


def resources(document: Document, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the template's resources of one type, by name."""
    return {name: found["Properties"] for name, found in document["Resources"].items() if found["Type"] == kind}


def idle_polls(document: Document, provisioned: int) -> Iterator[Usage]:
    """The empty long polls of every event source, which AWS bills as SQS requests, and its `provisioned` pollers.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    """
    poll_seconds, idle = ASSUMPTIONS["pollers.long_poll_seconds"], RULES["pollers.idle"]
    polls = RULES["month.hours"] * 3600 / poll_seconds
    for name, properties in resources(document, EVENT_SOURCE).items():
        if provisioned and "ProvisionedPollerConfig" in properties:
            pollers = ProvisionedPollers.of(provisioned, Quotas.load())
            yield pollers.idle(name)
            least = float(pollers.least)
            most = least * pollers.concurrency
            why = f"AWS does not say how many polls each has waiting, up to {pollers.concurrency}"
        else:
            least = most = idle
            why = "MaximumConcurrency is set"
        note = f"{least:g} pollers that poll for {poll_seconds:g} s each; {why}"
        low, high = least * polls, most * polls
        yield Usage("sqs.requests", low, None, name, IDLE, low=low, high=high, note=note)


def sweeps(document: Document, duration: str) -> Iterator[Usage]:
    """The hourly sweep for executions that ended without their finalizer; the schedule itself starts batches."""
    hours, seconds = RULES["month.hours"], ASSUMPTIONS["sweep.billed_seconds"]
    memory = resources(document, FUNCTION)[FINALIZER]["MemorySize"]
    quantities = {
        "lambda.requests": hours,
        duration: hours * lambda_gb_seconds(seconds * 1000, memory),
        "sqs.requests": hours * RULES["sweep.sqs_requests"],
    }
    note = f"one invocation of the finalizer an hour, taken as {seconds:g} s with its cold start"
    for name, properties in resources(document, RULE).items():
        if properties.get("ScheduleExpression") == HOURLY:
            for price, quantity in quantities.items():
                yield Usage(price, quantity, None, name, what="hourly sweep", note=note)


def storage(answer: Mapping[str, Any], stack: str) -> Iterator[Usage]:
    """The storage of the stack's table, bucket and functions' logs, by the meter."""
    gb = ASSUMPTIONS["storage.gb_bytes"]
    for held in answer["storage"]:
        if held["stack"] == stack:
            service = held["service"]
            yield Usage(f"{service}.gb_months", held["bytes"] / gb, None, held["resource"], note=NOTES[service])
    logged = sum(row["quantity"] for row in answer["rows"] if (row["stack"], row["unit"]) == (stack, "logs.bytes"))
    if logged:
        yield Usage("logs.gb_months", logged / gb, note=NOTES["logged"])
