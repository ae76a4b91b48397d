"""`rollcall plan`: the cost and the duration on AWS of a batch of any size, before anything runs."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootstrap.problem import Problem
from costs.plan.settings import Settings, Workload, parameter
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

if TYPE_CHECKING:
    # numpy takes a while to import, for which `rollcall plan --help` need not wait.
    from costs.plan.plan import Planner

app = typer.Typer()


class CpuName(StrEnum):
    """The CPU architectures of Lambda."""

    arm64 = "arm64"
    x86_64 = "x86_64"


def setting(field: str, help: str, *names: str, metavar: str | None = "N") -> Any:
    """The option of a stack parameter, with its bounds and its default."""
    about = parameter(field)
    return typer.Option(
        *names,
        min=about.low,
        max=about.high,
        help=help,
        metavar=metavar,
        show_default=str(about.default).lower(),
        rich_help_panel="Parameters of the stacks",
    )


@app.command(
    epilog="Examples: [bold]rollcall plan --items 1000000[/], "
    "[bold]rollcall plan --items 100000000 --max-concurrency 1000 --quota lambda.concurrency=5000[/]\n\n"
    "Exit codes: 0 at least one architecture can run the batch, 2 none can, or wrong usage."
)
def plan(
    items: Annotated[int, limited("items", "Number of items", default="")],
    value_distribution: ValueDistribution = "uniform:0-1000",
    item_bytes: ItemBytes = None,
    fail_rate: FailRate = None,
    architecture: Annotated[
        ArchitectureName | None, typer.Option(help="Plan for one architecture only.", show_default="both")
    ] = None,
    both: Annotated[bool, typer.Option("--both", help="Plan for both architectures, which is the default.")] = False,
    items_per_chunk: Annotated[int | None, setting("items_per_chunk", "Items of a chunk.")] = None,
    item_concurrency: Annotated[
        int | None, setting("item_concurrency", "Items of a chunk that are processed in parallel.")
    ] = None,
    processor_memory: Annotated[
        int | None, setting("processor_memory", "Memory of the processor.", "--memory", metavar="MB")
    ] = None,
    max_concurrency: Annotated[
        int | None, setting("max_concurrency", "Most processors, or child executions, at a time.")
    ] = None,
    batch_size: Annotated[int | None, setting("batch_size", "sqs: most messages of an invocation.")] = None,
    chunks_per_segment: Annotated[
        int | None, setting("chunks_per_segment", "sqs: chunks that one batcher makes.")
    ] = None,
    pollers: Annotated[
        int | None, setting("pollers", "sqs: most pollers, in provisioned mode of the event source mapping.")
    ] = None,
    child_type: Annotated[
        ChildTypeName | None, setting("child_type", "sfn: type of the child executions.", metavar=None)
    ] = None,
    max_attempts: Annotated[int | None, setting("max_attempts", "Attempts per chunk.")] = None,
    retry_delay_seconds: Annotated[
        int | None,
        setting("retry_delay_seconds", "Wait before each further attempt.", "--retry-delay", metavar="SECONDS"),
    ] = None,
    function_timeout: Annotated[
        int | None, setting("function_timeout", "Timeout of the functions.", metavar="SECONDS")
    ] = None,
    cpu_architecture: Annotated[
        CpuName | None, setting("cpu_architecture", "CPU of the functions.", metavar=None)
    ] = None,
    deadline: Annotated[
        int | None,
        typer.Option(
            min=parameter("deadline_seconds").low,
            metavar="SECONDS",
            help="Refuse an architecture that takes longer.",
            show_default="no deadline",
        ),
    ] = None,
    quota: QuotaValues = None,
    prices: PriceFile = None,
    with_alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Price Lambda durable functions and SQS FIFO queues too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the plan. Raises Problem if no architecture can run the batch, and for a quota that does not exist."""
    from costs.format import seconds
    from costs.plan.alternatives import alternatives
    from costs.plan.limits import Impossible
    from rollcall.terminal.console import print_json
    from rollcall.views.plan import PlanReport, print_plans

    if both and architecture:
        raise typer.BadParameter("--architecture names one, --both says both", param_hint="--both")
    given: dict[str, Any] = {
        "items_per_chunk": items_per_chunk,
        "item_concurrency": item_concurrency,
        "processor_memory": processor_memory,
        "max_concurrency": max_concurrency,
        "batch_size": batch_size,
        "chunks_per_segment": chunks_per_segment,
        "pollers": pollers,
        "child_type": child_type and child_type.upper(),
        "max_attempts": max_attempts,
        "retry_delay_seconds": retry_delay_seconds,
        "function_timeout": function_timeout,
        "cpu_architecture": cpu_architecture and str(cpu_architecture),
    }
    settings = Settings(**{field: value for field, value in given.items() if value is not None})
    workload = workload_of(items, value_distribution, item_bytes, fail_rate)
    report = PlanReport(planner=planner_of(quota, prices), quotas=quota or [])
    for name in [str(architecture)] if architecture else list(ArchitectureName):
        try:
            plan = report.planner(name, workload, settings)
            if deadline is not None and plan.seconds > deadline:
                raise Impossible(
                    "DeadlineSeconds",
                    f"the batch takes {seconds(plan.seconds)}, longer than the deadline of {deadline:,} s; it is held "
                    f"up by {plan.bottleneck}",
                )
            report.plans[name] = plan
        except Impossible as impossible:
            report.refused[name] = impossible
    if not report.plans:
        raise Problem("\n".join(f"{name}: refused by {reason}" for name, reason in report.refused.items()))
    if with_alternatives:
        report.alternatives = alternatives(report.plans, report.planner)
    if as_json:
        print_json(report.to_json())
    else:
        print_plans(report)


def workload_of(items: int, distribution: str, item_bytes: float | None, fail_rate: float | None) -> Workload:
    """The workload of these options. Raises Problem for a distribution that does not exist."""
    from costs.plan.distribution import Distribution

    return Workload(
        items=items, values=Distribution.parse(distribution), item_bytes=item_bytes, fail_rate=fail_rate or 0.0
    )


def planner_of(quotas: Sequence[str] | None, prices: Path | None) -> "Planner":
    """The planner with these NAME=VALUE quotas and price file. Raises Problem for a wrong entry or file."""
    from costs.facts.figures import Assumptions, Quotas
    from costs.facts.prices import PriceBook
    from costs.plan.plan import Planner

    values = {}
    for entry in quotas or []:
        name, _, value = entry.partition("=")
        try:
            values[name] = float(value.replace("_", "").replace(",", ""))
        except ValueError as error:
            raise Problem(
                f"--quota {entry}: expected NAME=VALUE with a number", "for example --quota lambda.concurrency=5000"
            ) from error
    return Planner(Quotas.load().with_(values), Assumptions.load(), PriceBook.load(prices))
