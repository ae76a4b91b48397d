"""`rollcall dev`: deploys every saved edit of the work to the sandbox, shows what it prints, and lets a debugger in."""

from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bootstrap.lock import deploying
from bootstrap.printable import printable
from bootstrap.problem import Problem
from bootstrap.work.place import chosen_work
from rollcall.commands.dev_session import debugging, shown_lines
from rollcall.commands.run import with_work
from rollcall.commands.up import tell_losses
from rollcall.target.connection import Connection, connect_sandbox
from rollcall.target.target import SandboxTarget, targeted
from rollcall.target.work import deployed_work
from rollcall.terminal.console import stdout
from rollcall.terminal.errors import Interrupted
from rollcall.terminal.options import WorkFolder
from sandbox.host import control

app = typer.Typer()
# By the value of bootstrap.dev.State.
MARKS = {"working": ("… ", "dim"), "live": ("✓ ", "green"), "not live": ("✗ ", "bold red")}
DEBUG_PORT = 5678


@app.command(
    epilog="Edit [bold]work.py[/], save, and run a batch. To stop in it: [bold]rollcall dev --debug[/], then attach "
    "VS Code with the launch.json of the work folder."
)
@targeted
def dev(
    target: SandboxTarget,
    work: WorkFolder = None,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Let a debugger attach. While it is attached, one item is processed at a time; while it is "
            "stopped, the sandbox's clock stands still.",
        ),
    ] = False,
    debug_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port of 127.0.0.1 for the debugger.", min=1024, max=65535)
    ] = DEBUG_PORT,
) -> None:
    """Watch the work folder and handlers/ until Ctrl-C; print whether each edit is live, and what your code prints."""
    with deploying("rollcall dev", target.project):
        watch_until_the_end(target, chosen_work(work), debug_port if debug else None)


def watch_until_the_end(target: SandboxTarget, folder: Path | None, debug_port: int | None) -> None:
    """Watch until Ctrl-C, or until the sandbox ends. Raises Interrupted."""
    from bootstrap.dev import Watched, watch
    from bootstrap.dev_work import watched_work

    connection = connect_sandbox(target)
    # The command holds the lock already.
    connection = with_work(connection, folder, connection.stacks or ("sqs",), nullcontext())
    if not folder:
        refuse_the_example(connection)
    names = [connection.stack(architecture).name for architecture in connection.stacks or ("sqs",)]
    what = f"watching {folder or 'handlers/'} for {' and '.join(names)} at {connection.place}"
    stdout.print(what, markup=False, soft_wrap=True)
    stdout.print(
        "[dim]save an edit, wait until it is live, then run a batch; Ctrl-C ends this command[/]", soft_wrap=True
    )
    losses = partial(tell_losses, connection, False)
    watched = watched_work(connection.session, target.suffix, folder, losses) if folder else Watched()
    with ExitStack() as meanwhile:
        meanwhile.enter_context(shown_lines(connection))
        session = meanwhile.enter_context(debugging(connection, folder, debug_port))

        def news(state: str, told: str) -> None:
            print_edit(state, told)
            if state == "live":
                session.renew()

        try:
            watch(connection.session, target.suffix, watched, news, alive=lambda: still_runs(connection, target))
        except KeyboardInterrupt:
            raise Interrupted("edits are no longer deployed; the code that is live stays live") from None
    raise Problem("the sandbox was stopped: edits are no longer deployed", "start it again with `rollcall up`")


def still_runs(connection: Connection, target: SandboxTarget) -> bool:
    """Whether the connection's sandbox runs. That of another checkout is known by its port only, and so asked."""
    if connection.engine:
        return control.running(target.project) is not None
    found = control.find(target.project, target.port)
    return found is not None and found.healthy()


def refuse_the_example(connection: Connection) -> None:
    """Raise Problem if the stacks run the work of somebody, which an edit of the example's would replace."""
    for name in connection.stacks:
        if (record := deployed_work(connection, name)) and record.folder:
            raise Problem(
                f"{connection.stack(name).name} runs the work {record}, and without --work the example is watched",
                "name your work folder, `rollcall dev --work DIR`, or deploy the example with `rollcall up`",
            )


def print_edit(state: str, line: str) -> None:
    """Print what is told of one edit, with the time and a mark."""
    time = f"{datetime.now(UTC).astimezone():%H:%M:%S} "
    stdout.print(Text.assemble((time, "dim"), MARKS[state], printable(line)), soft_wrap=True)
