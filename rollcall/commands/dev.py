"""`rollcall dev`: deploys every saved edit of handlers/ to the sandbox."""

from datetime import UTC, datetime

import typer
from rich.text import Text

from bootstrap.printable import printable
from rollcall.target.connection import connect_sandbox
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import stdout
from rollcall.terminal.errors import Interrupted

app = typer.Typer()


@app.command(epilog="Edit [bold]handlers/work.py[/], save, and run a batch.")
@targeted
def dev(target: SandboxTarget) -> None:
    """Watch handlers/ until Ctrl-C, and print for every edit whether it is live."""
    from bootstrap.dev import watch

    connection = connect_sandbox(target)
    names = [connection.stack(architecture).name for architecture in connection.stacks or ("sqs",)]
    stdout.print(f"watching handlers/ for {' and '.join(names)} at {connection.place}", markup=False, soft_wrap=True)
    stdout.print(
        "[dim]save an edit, wait until it is live, then run a batch; Ctrl-C ends this command[/]", soft_wrap=True
    )
    try:
        watch(connection.session, suffix=target.suffix, progress=print_edit)
    except KeyboardInterrupt:
        raise Interrupted("edits are no longer deployed; the code that is live stays live") from None


def print_edit(news: str) -> None:
    """Print the result of one edit, with the time and a mark."""
    mark = ("✓ ", "green") if news.endswith(": live") else ("✗ ", "bold red")
    stdout.print(
        Text.assemble((f"{datetime.now(UTC).astimezone():%H:%M:%S} ", "dim"), mark, printable(news)), soft_wrap=True
    )
