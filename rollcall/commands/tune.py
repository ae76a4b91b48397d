"""`rollcall tune`: finds the settings with which a batch is cheapest, or fastest, within a deadline."""

import time
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from bootstrap.problem import Problem
from costs.plan.settings import LONGEST_DEADLINE, Settings, parameter
from rollcall.commands.plan import BatchOptions, setting
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.options import ArchitectureName, Json

app = typer.Typer()
SEARCH = "What the search may choose"
SANDBOX = "Try it in the sandbox"


@app.command(
    epilog="Examples: [bold]rollcall tune --items 1000000 --deadline 15m --html tune.html[/], "
    "[bold]rollcall tune --items 1000 --per-day 4[/], "
    "[bold]rollcall tune --items 100000000 --deadline 2h --objective balanced --quota lambda.concurrency=5000[/]\n\n"
    "Exit codes: 0 a recommendation, 2 no plan meets the deadline, wrong usage, or no sandbox."
)
@targeted
def tune(
    target: SandboxTarget,
    batch: BatchOptions,
    deadline: Annotated[
        str, typer.Option(metavar="DURATION", help="Longest duration of the batch: 90s, 15m, 2h or 1d.")
    ] = "6h",
    objective: Annotated[
        Literal["cost", "speed", "balanced"],
        typer.Option(
            help="cost: the cheapest plan that meets the deadline (the fastest of those within 0.5 %). speed: the "
            "fastest plan. balanced: the plan from which more speed costs more than it saves."
        ),
    ] = "cost",
    architecture: Annotated[
        ArchitectureName | None,
        typer.Option(help="Search one architecture only.", show_default="both", rich_help_panel=SEARCH),
    ] = None,
    memory_curve: Annotated[
        str | None,
        typer.Option(
            metavar="MB=MS,...",
            help="Measured milliseconds of one item at several sizes of the processor's memory: "
            "128=900,256=450,512=240. Without it, the memory is not searched.",
            show_default=False,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    item_concurrency_limit: Annotated[
        int | None,
        setting(
            "item_concurrency",
            "Most items your code can process in parallel per invocation; 1 if it is CPU-bound.",
            "N", show_default=str(parameter("item_concurrency").high), rich_help_panel=SEARCH,
        ),
    ] = None,
    max_concurrency_limit: Annotated[
        int | None,
        typer.Option(
            min=parameter("max_concurrency", "sqs").low, metavar="N", show_default="AWS's", rich_help_panel=SEARCH,
            help="Most processors your downstream services can handle at once.",
        ),
    ] = None,
    confirm_best: Annotated[
        int,
        typer.Option(
            "--confirm", min=0, max=10, metavar="N", rich_help_panel=SANDBOX,
            help="Run small batches with the settings of the best N plans, and compare the plan with the meter.",
        ),
    ] = 0,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Redeploy the running sandbox with the recommendation.", rich_help_panel=SANDBOX),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report with charts: one HTML file that needs no network.",
                     show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Search and print the recommendation. With the options for it: confirm, apply, and write the report.

    Raises Problem if no plan meets the deadline, or if one of these steps fails.
    """
    from costs.tune.memory_curve import MemoryCurve
    from costs.tune.search import SearchRequest
    from costs.tune.space import Space
    from costs.tune.stack_parameters import in_sandbox, parameters
    from costs.tune.study import study
    from rollcall.target.connection import connect_sandbox
    from rollcall.terminal.console import print_json, print_next, steps
    from rollcall.terminal.duration import parse_duration
    from rollcall.views.plan import basis
    from rollcall.views.tune import print_confirmations, print_end, print_study, tune_json

    began = time.monotonic()
    check_writable(html)
    if not batch.workload.items:
        raise Problem("--items 0: there is nothing to tune", "give 1 at least")
    names = [str(architecture)] if architecture else list(LONGEST_DEADLINE)
    deadline_seconds, longest = parse_duration("--deadline", deadline), min(LONGEST_DEADLINE[name] for name in names)
    if deadline_seconds > longest:
        raise Problem(f"--deadline {deadline}: a batch has {longest // 86_400} days at most", "give less")
    planner = batch.planner
    where = Space(
        architectures=names,
        base=Settings(deadline_seconds=max(Settings().deadline_seconds, deadline_seconds)),
        curve=MemoryCurve.parse(memory_curve) if memory_curve else MemoryCurve(),
        max_concurrency=max_concurrency_limit,
        max_item_concurrency=item_concurrency_limit,
    )
    sandbox = connect_sandbox(target) if confirm_best or apply else None
    with steps("searching") as say:
        request = SearchRequest(batch.workload, where, deadline_seconds, objective, planner, say, per_day=batch.per_day)
        made = study(request)
    took = time.monotonic() - began
    rests_on = basis(planner, batch.quota or [])
    if html:
        from rollcall.views.tune_report import report

        write(html, report(made, rests_on.plain))
    if not as_json:
        print_study(made)
    confirmations = []
    if sandbox and confirm_best:
        from rollcall.commands.tune_confirm import confirm

        confirmations = confirm(made, confirm_best, sandbox, planner)
        if not as_json:
            print_confirmations(confirmations)
    if apply:
        from rollcall.commands.up import bring_up

        bring_up(target, "auto", in_sandbox(made.best)[0])
    if as_json:
        print_json(tune_json(made, confirmations, apply, planner.book, took))
        return
    print_end(made, apply, rests_on, took, html)
    if not apply:
        best, here = made.best, options(in_sandbox(made.best)[0])
        there = f"python -m bootstrap deploy --aws --stack {best.architecture} {options(parameters(best))}"
        print_next({target.command(f"up {here}"): "these settings in the sandbox", there: "in your AWS account"})


def check_writable(path: Path | None) -> None:
    """Raise Problem, before the search, for a report that cannot be written."""
    if path and path.is_dir():
        raise Problem(f"--html {path}: is a folder", "name a file, such as tune.html")
    if path and not path.parent.is_dir():
        raise Problem(f"--html {path}: there is no folder {path.parent}", "make it first, or name another")


def write(path: Path, page: str) -> None:
    """Write the report. Raises Problem."""
    try:
        path.write_text(page)
    except OSError as error:
        raise Problem(f"--html {path}: {error.strerror}") from error


def options(parameters: Mapping[str, str]) -> str:
    """The options of a command line that deploys with these parameters."""
    return " ".join(f"--parameter {quote(f'{name}={value}')}" for name, value in parameters.items())
