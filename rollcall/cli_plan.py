"""Commands about money: what a batch will cost and how long it will take."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from rollcall.terminal.options import (
    ArchitectureName,
    ChildTypeName,
    FailRate,
    ItemBytes,
    Json,
    PriceFile,
    QuotaValues,
    ValueDistribution,
    limited,
)

app = typer.Typer()
PANEL = "Settings of the stacks"
# Those of the templates; a test holds them against the plan's own.
DEFAULTS = {
    "items_per_chunk": "100",
    "item_concurrency": "10",
    "processor_memory": "256",
    "max_concurrency": "10",
    "batch_size": "2",
    "chunks_per_segment": "10000",
    "pollers": "none",
    "child_type": "express",
    "max_attempts": "3",
    "retry_delay_seconds": "10",
    "function_timeout": "60",
    "cpu_architecture": "arm64",
}


class CpuName(StrEnum):
    """What a function runs on."""

    arm64 = "arm64"
    x86_64 = "x86_64"


def setting(name: str, help: str, low: int, high: int | None, metavar: str = "N") -> Any:
    """The option of a stack's parameter with its bounds."""
    return typer.Option(
        min=low, max=high, help=help, metavar=metavar, show_default=DEFAULTS[name], rich_help_panel=PANEL
    )


@app.command(
    epilog="Examples: [bold]rollcall plan --items 1000000[/], "
    "[bold]rollcall plan --items 100000000 --max-concurrency 1000 --quota lambda.concurrency=5000[/]\n\n"
    "Exit codes: 0 at least one architecture can do it, 2 none can, or usage."
)
def plan(
    items: Annotated[int, limited("items", "How many items", default="")],
    value_distribution: ValueDistribution = "uniform:0-1000",
    item_bytes: ItemBytes = None,
    fail_rate: FailRate = None,
    architecture: Annotated[ArchitectureName | None, typer.Option(help="Only this one.", show_default="both")] = None,
    both: Annotated[bool, typer.Option("--both", help="Both architectures side by side; so it is by default.")] = False,
    items_per_chunk: Annotated[int | None, setting("items_per_chunk", "Items processed together.", 1, 10_000)] = None,
    item_concurrency: Annotated[
        int | None, setting("item_concurrency", "Items at a time within a chunk.", 1, 100)
    ] = None,
    memory: Annotated[int | None, setting("processor_memory", "The processor's memory.", 128, 10_240, "MB")] = None,
    max_concurrency: Annotated[
        int | None, setting("max_concurrency", "Processors, or child executions, at a time.", 1, 10_000)
    ] = None,
    batch_size: Annotated[int | None, setting("batch_size", "sqs: messages per invocation.", 1, 10_000)] = None,
    chunks_per_segment: Annotated[
        int | None, setting("chunks_per_segment", "sqs: chunks that one batcher makes.", 1, None)
    ] = None,
    pollers: Annotated[
        int | None, setting("pollers", "sqs: the event source's provisioned mode, its most pollers.", 2, None)
    ] = None,
    child_type: Annotated[
        ChildTypeName | None,
        typer.Option(
            help="sfn: type of the child executions.", show_default=DEFAULTS["child_type"], rich_help_panel=PANEL
        ),
    ] = None,
    max_attempts: Annotated[int | None, setting("max_attempts", "Attempts per chunk.", 1, 10)] = None,
    retry_delay: Annotated[
        int | None, setting("retry_delay_seconds", "Wait before another attempt.", 0, 900, "SECONDS")
    ] = None,
    function_timeout: Annotated[
        int | None, setting("function_timeout", "Timeout of the functions.", 3, 120, "SECONDS")
    ] = None,
    cpu_architecture: Annotated[
        CpuName | None,
        typer.Option(help="Of the functions.", show_default=DEFAULTS["cpu_architecture"], rich_help_panel=PANEL),
    ] = None,
    deadline: Annotated[
        int | None,
        typer.Option(min=60, metavar="SECONDS", help="Refuse what takes longer.", show_default="as long as it takes"),
    ] = None,
    quota: QuotaValues = None,
    prices: PriceFile = None,
    break_even: Annotated[
        bool, typer.Option("--break-even", help="At which sizes and durations the other choice becomes cheaper.")
    ] = False,
    alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Price Lambda durable functions and SQS FIFO beside it.")
    ] = False,
    json: Json = False,
) -> None:
    """Compute what a batch of any size will cost on AWS, how long it will take, and what decides that."""
    if both and architecture:
        raise typer.BadParameter("--architecture names one, --both says both", param_hint="--both")
    from costs.plan.distribution import Values
    from costs.plan.settings import Settings, Workload
    from rollcall.commands.plan import Asked, plan_batch

    given: dict[str, Any] = {
        "items_per_chunk": items_per_chunk,
        "item_concurrency": item_concurrency,
        "processor_memory": memory,
        "max_concurrency": max_concurrency,
        "batch_size": batch_size,
        "chunks_per_segment": chunks_per_segment,
        "pollers": pollers,
        "child_type": child_type and child_type.upper(),
        "max_attempts": max_attempts,
        "retry_delay_seconds": retry_delay,
        "function_timeout": function_timeout,
        "cpu_architecture": cpu_architecture and str(cpu_architecture),
    }
    workload = Workload(
        items=items, values=Values.parse(value_distribution), item_bytes=item_bytes, fail_rate=fail_rate or 0.0
    )
    asked = Asked(
        workload=workload,
        settings=Settings(**{name: value for name, value in given.items() if value is not None}),
        architecture=architecture and str(architecture),
        deadline=deadline,
        quotas=quota or [],
        prices=prices,
    )
    plan_batch(asked, as_json=json, with_break_even=break_even, with_alternatives=alternatives)
