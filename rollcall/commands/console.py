"""`rollcall console`: serves pages about batches on 127.0.0.1."""

from contextlib import ExitStack
from typing import Annotated

import typer

from bootstrap.problem import Problem
from rollcall.target.connection import connect
from rollcall.target.console_address import console_file, console_url
from rollcall.target.target import Target, port_number, targeted
from rollcall.terminal.console import stderr, stdout

app = typer.Typer()


@app.command(
    epilog="The URL has a token: whoever has it, on this machine, sees the batches and may act.\n\n"
    "Examples: [bold]rollcall console[/], [bold]rollcall console --aws --profile you[/]"
)
@targeted
def console(
    target: Target,
    listen: Annotated[
        int | None,
        typer.Option(
            parser=port_number, metavar="PORT", help="Port of the console on 127.0.0.1.", show_default="4610, else any"
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="With --aws: may act too (run, cancel, redrive). A sandbox's always may.")
    ] = False,
) -> None:
    """Serve the console until Ctrl-C. Raises Problem if no sandbox answers, or for a port that is taken."""
    if write and not target.aws:
        raise Problem("--write is for --aws: a sandbox's console may act anyway")
    if not target.aws and (url := console_url(target.project)):
        raise Problem(f"a console of this sandbox runs already: {url}")
    connection = connect(target)
    connection.stack(next(iter(connection.stacks), "sqs"))
    from rollcall.console.server import announced, serve
    from rollcall.console.watch import Watch

    with ExitStack() as until_end:

        def tell(url: str) -> None:
            if not target.aws:
                until_end.enter_context(announced(console_file(target.project), url))
            stdout.print(url, markup=False, soft_wrap=True)
            what = "it only reads; --write lets it act" if target.aws and not write else "Ctrl-C ends it"
            stderr.print(f"the console of {connection.place}; {what}", markup=False, soft_wrap=True)

        serve(Watch(connection), target, listen, write or not target.aws, tell)
