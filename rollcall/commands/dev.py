"""`rollcall dev`: every saved edit of handlers/ goes live while it runs."""

from datetime import datetime

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
    """Watch handlers/ and tell of each edit whether it is live, until Ctrl-C."""
    from bootstrap.dev import watch

    connection = connect_sandbox(target)
    names = [connection.stack(architecture).name for architecture in connection.stacks or ("sqs",)]
    stdout.print(f"watching handlers/ for {' and '.join(names)} at {connection.place}", markup=False, soft_wrap=True)
    stdout.print("[dim]save an edit, see it live here, then run a batch; Ctrl-C ends this[/]", soft_wrap=True)
    try:
        watch(connection.session, suffix=target.suffix, progress=tell_edit)
    except KeyboardInterrupt:
        raise Interrupted("edits stay in their files from now on; what is live stays live") from None


def tell_edit(news: str) -> None:
    """Print one edit's fate, with the time and a mark."""
    mark = ("✓ ", "green") if news.endswith(": live") else ("✗ ", "bold red")
    stdout.print(Text.assemble((f"{datetime.now():%H:%M:%S} ", "dim"), mark, printable(news)), soft_wrap=True)
