"""`rollcall up`: starts the sandbox and deploys both stacks into it."""

import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bootstrap.lock import deploying
from bootstrap.parameters import BadParameter, declared, refuse_unknown, resolve
from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES, SANDBOX_PARAMETERS, STACK_NAMES, template
from bootstrap.work.place import EXAMPLE, chosen_work
from costs.format import seconds
from rollcall.api.sandbox import Sandbox, deploy_stacks, losses
from rollcall.target.connection import Connection
from rollcall.target.outputs import resource_lines
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_json, print_next, stderr, stdout, steps
from rollcall.terminal.options import Engine, EngineChoice, Json, WorkFolder
from sandbox.host import control, docker
from sandbox.host.build_failures import BuildFailed
from sandbox.state import SandboxError

if TYPE_CHECKING:
    from bootstrap.deploy import StackOutputs

app = typer.Typer()


@app.command(
    epilog="Then: [bold]rollcall run sqs --items 1000 --max-value 100[/]\n\n"
    "With a parameter of the stacks: [bold]rollcall up --parameter MaxConcurrency=10[/]"
)
@targeted
def up(
    target: SandboxTarget,
    engine: EngineChoice = Engine.auto,
    work: WorkFolder = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter of the stacks; may be repeated. One that is not given gets its default again.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Create a stack again, if it must be, though batches run that it loses.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the sandbox, deploy both stacks, and print their resources. `parameters` are `NAME=VALUE`."""
    began = time.monotonic()
    folder = chosen_work(work)
    connection, made = bring_up(target, engine, checked_parameters(parameters or []), folder, yes)
    took = time.monotonic() - began
    if as_json:
        outputs = {architecture: dict(stack.outputs) for architecture, stack in made.items()}
        place = {"endpoint": connection.endpoint, "engine": connection.engine, "project": target.project}
        print_json({**place, "seconds": round(took, 3), **outputs})
        return
    stdout.print(f"\n[bold green]ready[/] at [bold]{connection.endpoint}[/] in {seconds(took)}", soft_wrap=True)
    stdout.print(f"work: {folder or EXAMPLE}", markup=False, soft_wrap=True)
    for architecture, stack in made.items():
        title = f"[bold]{escape(stack.name)}[/] {stack.change}  [dim]{ARCHITECTURE_TITLES[architecture]}[/]"
        stdout.print(f"\n{title}", soft_wrap=True)
        for line in resource_lines(stack.outputs):
            stdout.print(f"  {line}", soft_wrap=True)
    of_the_example = "" if folder else " --items 1000 --max-value 100"
    print_next(
        {
            target.command(f"run sqs{of_the_example}"): "a batch through SQS",
            target.command(f"run sfn{of_the_example}"): "the same through Step Functions",
            target.command("logs --follow"): "the functions' log lines",
            target.command("status"): "the endpoint, the resources, the latest batches",
        }
    )


def checked_parameters(words: Iterable[str]) -> dict[str, str]:
    """Parse and check values of the stacks' parameters. Raises Problem for one that the stacks would refuse."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise Problem(f"--parameter {word!r} is not NAME=VALUE")
        given[name] = value
    known = [declared(template(architecture)) for architecture in STACK_NAMES]
    try:
        refuse_unknown(given, known)
        for parameters in known:
            resolve(parameters, SANDBOX_PARAMETERS, given)
    except BadParameter as refused:
        raise Problem(f"--parameter: {refused}") from refused
    return given


def bring_up(
    target: SandboxTarget,
    engine: str,
    parameters: Mapping[str, str] | None = None,
    work: Path | None = None,
    lose_batches: bool = False,
) -> "tuple[Connection, dict[str, StackOutputs]]":
    """Start the engine unless it runs, and deploy both stacks. `work` is the work folder, None for the example.

    Unless `lose_batches`, no stack is created again whose batches run. Raises SandboxError, or Problem if that fails.
    """
    with deploying("rollcall up", target.project), steps("looking for an engine") as say:
        running = control.running(target.project)
        chosen = running.engine if running and engine == "auto" else control.choose_engine(engine)
        why = "already running" if running else reason(engine, chosen)
        stderr.print(f"[dim]engine:[/] {chosen}, {escape(why)}", soft_wrap=True)
        try:
            sandbox = Sandbox.start(target.project, target.port, chosen, target.suffix, say)
        except BuildFailed:
            raise  # says itself what to do
        except SandboxError as failure:
            if engine == "auto" and chosen == "docker" and sys.platform == "linux":
                raise Problem(str(failure), "to run it without Docker: `rollcall up --engine native`") from failure
            raise
        losing = partial(tell_losses, sandbox, lose_batches)
        return sandbox, deploy_stacks(sandbox, say, parameters, STACK_NAMES, work, losing)


def tell_losses(connection: Connection, lose_batches: bool, stack: str, why: str) -> None:
    """Say what is lost when the stack is created again. Raises Problem if it runs batches, unless they may be lost."""
    stderr.print(losses(connection, lose_batches, stack, why), markup=False, soft_wrap=True)


def reason(requested: str, chosen: str) -> str:
    """The reason for the choice of the engine."""
    if requested != "auto":
        return "as requested"
    return "because Docker answers" if chosen == "docker" else f"because {docker.missing()}"
