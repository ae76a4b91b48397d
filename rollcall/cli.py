"""Commands that run and operate batches; those about money have files of their own.

What a command does lies in the module it imports when it runs: `--help` does not wait for boto3.
"""

from pathlib import Path
from typing import Annotated

import typer

from rollcall import cli_bill, cli_plan, cli_tune
from rollcall.target.target import SandboxTarget, Target, targeted
from rollcall.terminal.options import (
    Architecture,
    Batch,
    Engine,
    EngineChoice,
    Generation,
    Json,
    NoWait,
    OfArchitecture,
    limited,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="When is the last item of a batch done? Run whole batches through SQS or Step Functions, in a sandbox on this "
    "machine, and see.",
    epilog="Start here: [bold]rollcall demo[/]",
)


@app.command(
    epilog="Then: [bold]rollcall run sqs --items 1000 --max-value 100[/]\n\n"
    "With a parameter of the stacks: [bold]rollcall up --parameter MaxConcurrency=10[/]"
)
@targeted
def up(
    target: SandboxTarget,
    engine: EngineChoice = Engine.auto,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A parameter of the stacks; may be repeated. What is not given has its default again.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Start the sandbox and deploy both stacks into it."""
    from rollcall.commands.up import up

    up(target, engine, parameter or [], json)


@app.command()
@targeted
def down(target: SandboxTarget) -> None:
    """Stop the sandbox; what was in it is gone."""
    from rollcall.commands.up import down

    down(target)


@app.command(epilog="Examples: [bold]rollcall status[/], [bold]rollcall status demo-1 --json[/]")
@targeted
def status(
    target: Target,
    batch: Annotated[str | None, typer.Argument(help="A batch to show in detail.", show_default=False)] = None,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    json: Json = False,
) -> None:
    """Show the endpoint, what the stacks made, and the latest batches; or one batch, and what to try with it."""
    from rollcall.commands.status import status

    status(target, batch, architecture, generation, json)


@app.command(
    epilog="Examples: [bold]rollcall run sqs --items 1000[/], "
    "[bold]rollcall run sfn --input orders.csv --items-per-chunk 50 --json[/]\n\n"
    "Exit codes: 0 the batch SUCCEEDED, 1 it finished otherwise, 2 usage or environment."
)
@targeted
def run(
    target: Target,
    architecture: Architecture,
    items: Annotated[int | None, limited("items", "How many random items")] = None,
    input: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Real items instead: a .jsonl or .csv file, also .gz.", show_default=False),
    ] = None,
    items_per_chunk: Annotated[int | None, limited("itemsPerChunk", "Items processed together")] = None,
    max_value: Annotated[
        int | None, limited("maxValue", "Longest simulated work of an item, in ms", metavar="MS")
    ] = None,
    item_concurrency: Annotated[int | None, limited("itemConcurrency", "Items at a time within a chunk")] = None,
    fail_rate: Annotated[
        float | None, limited("failRate", "Share of random items that always fail", default="0")
    ] = None,
    max_attempts: Annotated[
        int | None, limited("maxAttempts", "Attempts per chunk before its pending items fail")
    ] = None,
    tolerated_failure_percentage: Annotated[
        float | None, limited("toleratedFailurePercentage", "Share of failed items that is still SUCCEEDED")
    ] = None,
    deadline: Annotated[
        int | None, limited("deadlineSeconds", "sqs: after this the batch ends EXPIRED", metavar="SECONDS")
    ] = None,
    batch_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Name of the batch.", show_default="made up")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start the batch and return.")] = False,
    json: Json = False,
) -> None:
    """Run a batch, watch its progress, and sum it up when its Batch Finished event arrives."""
    from rollcall.commands.run import run

    fields = {
        "batchId": batch_id,
        "items": items,
        "itemsPerChunk": items_per_chunk,
        "maxValue": max_value,
        "itemConcurrency": item_concurrency,
        "failRate": fail_rate,
        "maxAttempts": max_attempts,
        "toleratedFailurePercentage": tolerated_failure_percentage,
        "deadlineSeconds": deadline,
    }
    request = {name: value for name, value in fields.items() if value is not None}
    run(target, architecture, request, input or [], wait=not no_wait, as_json=json)


@app.command(epilog="Example: [bold]rollcall watch scheduled-20261123T060000Z[/]")
@targeted
def watch(
    target: Target,
    batch: Batch,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    json: Json = False,
) -> None:
    """Follow a batch of either architecture to its end."""
    from rollcall.commands.watch import watch

    watch(target, batch, architecture, generation, json)


@app.command(
    epilog="What remains can be run later: [bold]rollcall redrive BATCH[/]\n\n"
    "Exit codes: 0 the batch ended CANCELLED, 1 it ended otherwise, 2 usage or environment."
)
@targeted
def cancel(
    target: Target,
    batch: Batch,
    architecture: OfArchitecture = None,
    no_wait: NoWait = False,
    json: Json = False,
) -> None:
    """End a running batch early: what is being processed is finished, the rest counts as remaining."""
    from rollcall.commands.cancel import cancel

    cancel(target, batch, architecture, not no_wait, json)


@app.command(epilog="Exit codes: 0 the new generation SUCCEEDED, 1 it finished otherwise, 2 usage or environment.")
@targeted
def redrive(
    target: Target,
    batch: Batch,
    architecture: OfArchitecture = None,
    no_wait: NoWait = False,
    json: Json = False,
) -> None:
    """Run what failed or was left over of a batch again, as its next generation."""
    from rollcall.commands.redrive import redrive

    redrive(target, batch, architecture, not no_wait, json)


@app.command(epilog="Example: [bold]rollcall failures demo-1 --csv > failed.csv[/]")
@targeted
def failures(
    target: Target,
    batch: Batch,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    json: Json = False,
    csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print CSV with the columns id, error, attempts, item. What does not print is escaped, and what a "
            "spreadsheet would compute, as it begins with = + - @ or a tab, has ' before it; item is JSON and exact.",
        ),
    ] = False,
) -> None:
    """List every item of a batch that failed for good, with its error and attempts."""
    from rollcall.commands.failures import failures

    failures(target, batch, architecture, generation, json, csv)


@app.command(epilog="Examples: [bold]rollcall logs sqs.processor --since 5m[/], [bold]rollcall logs engine --follow[/]")
@targeted
def logs(
    target: Target,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FUNCTION|engine]",
            help="engine, sqs, sfn, one function such as sqs.processor or sfn.batcher, or a function's full name.",
            show_default="all functions",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(metavar="AGE", help="How far to look back: 30s, 10m, 2h or 1d.")] = "10m",
) -> None:
    """Show what the functions, or the engine, logged, merged by time."""
    from rollcall.commands.logs import logs

    logs(target, source, follow, since)


@app.command(epilog="Example: [bold]rollcall trigger sqs[/]")
@targeted
def trigger(target: Target, architecture: Architecture, json: Json = False) -> None:
    """Send the very event that the schedule would send now."""
    from rollcall.commands.trigger import trigger

    trigger(target, architecture, json)


@app.command(epilog="Edit [bold]handlers/work.py[/], save, and run a batch.")
@targeted
def dev(target: SandboxTarget) -> None:
    """Put every saved edit of handlers/ live in the sandbox until Ctrl-C."""
    from rollcall.commands.dev import dev

    dev(target)


@app.command(epilog="It needs neither an AWS account nor, on Linux, Docker.")
@targeted
def demo(target: SandboxTarget, engine: EngineChoice = Engine.auto) -> None:
    """Start the sandbox, run 1,000 items through each architecture, and compare."""
    from rollcall.commands.demo import demo

    demo(target, engine)


faults = typer.Typer(no_args_is_help=True, help="Make the sandbox fail as planned, and count what it did.")
app.add_typer(faults, name="faults")


@faults.command(
    "set",
    epilog='Example: echo \'{"faults": [{"kind": "kill", "when": "after", "operation": "DeleteItem", '
    '"count": 1}]}\' | [bold]rollcall faults set -[/]',
)
@targeted
def faults_set(
    target: SandboxTarget,
    plan: Annotated[str, typer.Argument(metavar="PLAN.json|-", help="The plan; - reads stdin.", show_default=False)],
) -> None:
    """Put a fault plan in force; it replaces the one before. docs/fidelity.md lists what can be planned."""
    from rollcall.commands.faults import set_plan

    set_plan(target, plan)


@faults.command("show")
@targeted
def faults_show(target: SandboxTarget, json: Json = False) -> None:
    """Show the plan in force and what was injected so far."""
    from rollcall.commands.faults import show

    show(target, json)


@faults.command("clear")
@targeted
def faults_clear(target: SandboxTarget) -> None:
    """End all faults."""
    from rollcall.commands.faults import clear

    clear(target)


for money in (cli_bill, cli_plan, cli_tune):
    app.add_typer(money.app)
