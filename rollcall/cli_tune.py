"""Commands about money: the cheapest settings that meet a deadline."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.options import (
    ArchitectureName,
    FailRate,
    ItemBytes,
    Json,
    PriceFile,
    QuotaValues,
    ValueDistribution,
    limited,
)

app = typer.Typer()
SEARCH = "What may be chosen"
SANDBOX = "Try it in the sandbox"


class Objective(StrEnum):
    """What to choose within the deadline."""

    cost = "cost"
    speed = "speed"
    balanced = "balanced"


@app.command(
    epilog="Examples: [bold]rollcall tune --items 1000000 --deadline 15m --html tune.html[/], "
    "[bold]rollcall tune --items 100000000 --deadline 2h --objective balanced --quota lambda.concurrency=5000[/]\n\n"
    "Exit codes: 0 settings were found, 2 nothing meets the deadline (and what to raise), or usage or environment."
)
@targeted
def tune(
    target: SandboxTarget,
    items: Annotated[int, limited("items", "How many items", default="")],
    deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="By when the batch is to be done: 90s, 15m, 2h or 1d.")
    ] = "6h",
    objective: Annotated[
        Objective,
        typer.Option(
            help="cost: the cheapest that meets the deadline (of those within 0.5 % the fastest). speed: the fastest. "
            "balanced: where a faster one begins to cost more than it saves."
        ),
    ] = Objective.cost,
    value_distribution: ValueDistribution = "uniform:0-1000",
    item_bytes: ItemBytes = None,
    fail_rate: FailRate = None,
    architecture: Annotated[
        ArchitectureName | None, typer.Option(help="Only this one.", show_default="both", rich_help_panel=SEARCH)
    ] = None,
    memory_curve: Annotated[
        str | None,
        typer.Option(
            metavar="MB=MS,...",
            help="How long an item takes by the processor's memory, measured: 128=900,256=450,512=240. Without it "
            "memory is not searched.",
            show_default=False,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    item_concurrency_limit: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, metavar="N", show_default="100", rich_help_panel=SEARCH,
            help="Items of a chunk that your work stands at a time; 1 where it computes rather than waits.",
        ),
    ] = None,
    max_concurrency_limit: Annotated[
        int | None,
        typer.Option(
            min=2, metavar="N", show_default="AWS's", rich_help_panel=SEARCH,
            help="Processors that whatever your work calls stands at a time.",
        ),
    ] = None,
    quota: QuotaValues = None,
    prices: PriceFile = None,
    confirm: Annotated[
        int,
        typer.Option(
            min=0, max=10, metavar="N", rich_help_panel=SANDBOX,
            help="Run scaled-down batches of the best N there, on stacks of their own, and show plan beside count.",
        ),
    ] = 0,
    apply: Annotated[
        bool, typer.Option("--apply", help="Redeploy the running sandbox with them.", rich_help_panel=SANDBOX)
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report with charts, one file that needs no network.",
                     show_default=False),
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Find the settings with which a batch is cheapest, or fastest, within a deadline."""
    from costs.plan.distribution import Values
    from costs.plan.settings import Workload
    from rollcall.commands.tune import Asked, tune

    asked = Asked(
        workload=Workload(
            items=items, values=Values.parse(value_distribution), item_bytes=item_bytes, fail_rate=fail_rate or 0.0
        ),
        deadline=deadline,
        objective=str(objective),
        architecture=architecture and str(architecture),
        memory_curve=memory_curve,
        most_concurrency=max_concurrency_limit,
        most_item_concurrency=item_concurrency_limit,
        quotas=quota or [],
        prices=prices,
    )
    tune(target, asked, confirm, apply, html, json)
