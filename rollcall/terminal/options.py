"""Options and arguments that several commands share."""

import dataclasses
import inspect
from collections.abc import Callable
from enum import StrEnum
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from handlers.core.batch import LIMITS, bounded

MOST_PER_DAY = 86_400
"""Batches a day, which is one a second."""


class ArchitectureName(StrEnum):
    """The two architectures."""

    sqs = "sqs"
    sfn = "sfn"


class Engine(StrEnum):
    """How the engine of the sandbox runs."""

    auto = "auto"
    native = "native"
    docker = "docker"


class ChildTypeName(StrEnum):
    """The two types of child executions in Step Functions."""

    express = "express"
    standard = "standard"


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter of `command` whose type is a dataclass of options by the options of that class."""
    groups: dict[str, Any] = {}
    declared: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        own = [parameter]
        if dataclasses.is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            own = list(inspect.signature(groups[parameter.name], eval_str=True).parameters.values())
        declared += (one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)

    @wraps(command)
    def with_options(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
        command(**values)

    with_options.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}
    return with_options


Architecture = Annotated[
    ArchitectureName,
    typer.Argument(
        metavar="sqs|sfn", help="sqs: SQS and DynamoDB. sfn: Step Functions with a Distributed Map.", show_default=False
    ),
]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.", show_default=False)]
OfArchitecture = Annotated[
    ArchitectureName | None,
    typer.Option("--architecture", help="Its architecture, if both have a batch of that id.", show_default=False),
]
Generation = Annotated[int | None, typer.Option(min=1, metavar="N", help="Its generation.", show_default="the latest")]
ErrorPattern = Annotated[
    str | None,
    typer.Option(
        "--error",
        metavar="PATTERN",
        help="Only items with this error: a whole line, as `failures` prints it, or the kind of `failures --group`, in "
        "which ... stands for ids and numbers. * stands for any text, \\* for a star.",
        show_default="all of them",
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return without waiting for its end.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
EngineChoice = Annotated[
    Engine, typer.Option(envvar="ENGINE", help="How to run the engine; auto uses Docker if it answers.")
]


WorkFolder = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="Your work folder (see `rollcall new`).",
        show_default="ROLLCALL_WORK, else that of the repository's rollcall.toml, else the example",
    ),
]


def limited(field: str, help: str, metavar: str = "N", default: str = "the stack's") -> Any:
    """An option for a number of the batch request, with the bounds of that field."""
    kind, low, high = LIMITS[field]
    bounds = f"{low:,} to {high:,}"

    def parse(text: str) -> Any:
        try:
            return bounded(field, kind(text))
        except ValueError as error:
            noun = "a whole number" if kind is int else "a number"
            raise typer.BadParameter(f"{text!r} is not {noun} from {bounds}") from error

    return typer.Option(parser=parse, help=f"{help}, {bounds}.", metavar=metavar, show_default=default or False)


def batches_per_day(text: str) -> float:
    """The number of batches a day: `4`, `0.5`, or `1/7` for one a week. Raises typer.BadParameter."""
    try:
        number = float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        number = 0.0
    if not 0 < number <= MOST_PER_DAY:
        raise typer.BadParameter(
            f"{text!r} is not a number of batches a day above 0, and up to {MOST_PER_DAY:,}: 4, 0.5, or 1/7 for one a "
            "week"
        )
    return number


PerDay = Annotated[
    float | None,
    typer.Option(
        parser=batches_per_day,
        metavar="N",
        help="Batches a day: gives the month, and the batch size from which each architecture is cheaper. "
        "4, 0.5, or 1/7 for one a week.",
        show_default=False,
    ),
]
ValueDistribution = Annotated[
    str,
    typer.Option(
        metavar="DISTRIBUTION",
        help="Milliseconds that an item takes: uniform:LOW-HIGH, constant:MS, exponential:MEAN, "
        "lognormal:MEDIAN,SIGMA, or file:PATH with a number on each line.",
    ),
]
ItemBytes = Annotated[
    float | None,
    typer.Option(min=2, metavar="N", help="Size of an item as JSON, in bytes.", show_default="the example's"),
]
FailRate = Annotated[float | None, limited("failRate", "Share of items that fail at every attempt", default="0")]
QuotaValues = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Another value of an AWS quota; may be repeated. A wrong name lists all quotas.",
        show_default=False,
    ),
]
FreeTier = Annotated[
    bool,
    typer.Option(
        "--free-tier", help="With AWS's standing free amounts of a month, as though the account did nothing else."
    ),
]
PriceFile = Annotated[
    Path | None,
    typer.Option(
        envvar="ROLLCALL_PRICES",
        metavar="FILE",
        help="A file with your own prices, which override those of costs/facts/prices.toml.",
        show_default=False,
    ),
]
