"""`rollcall logs`: shows the log lines of the functions in order of time, or those of the engine."""

import re
import time
from collections.abc import Callable
from typing import Annotated

import typer

from bootstrap.problem import Problem
from rollcall.batches.function_logs import NewLines, choose, known_functions
from rollcall.target.connection import connect
from rollcall.target.engine_log import print_engine_log
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr, stdout
from rollcall.terminal.duration import parse_duration
from rollcall.terminal.log_lines import colours_of, line

FOLLOW_SECONDS = 1.0

app = typer.Typer()


@app.command(epilog="Examples: [bold]rollcall logs sqs.processor --since 5m[/], [bold]rollcall logs engine --follow[/]")
@targeted
def logs(
    target: Target,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="FUNCTION|engine",
            help="engine, sqs, sfn, one function such as sqs.processor or sfn.batcher, or a function's full name.",
            show_default="all functions",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines until Ctrl-C.")] = False,
    errors: Annotated[
        bool, typer.Option("--errors", help="Only errors: crashes, timeouts, exceptions, failed items.")
    ] = False,
    batch: Annotated[
        str | None,
        typer.Option(metavar="BATCH", help="Only invocations whose lines name this batch, whole.", show_default=False),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Only lines in which this regular expression is found.", show_default=False
        ),
    ] = None,
    since: Annotated[str, typer.Option(metavar="AGE", help="The age of the oldest line: 30s, 10m, 2h or 1d.")] = "10m",
) -> None:
    """Print the log lines of the last `since`; with `follow`, go on until Ctrl-C."""
    age = parse_duration("--since", since)
    found = pattern(grep)
    if source == "engine":
        of_the_engine(target, follow, chosen=bool(batch or grep or errors))
        return
    connection = connect(target)
    known = known_functions(connection)
    chosen = choose(source, known)
    colours = colours_of(known)
    from_ms = round((connection.now().timestamp() - age) * 1000)
    lines = NewLines(connection, chosen, from_ms, errors, batch)
    shown = 0
    while True:
        for event, role in lines.look():
            text = line(event["timestamp"], role, event["message"], colours[role])
            if found(text.plain):
                shown += 1
                stdout.print(text, soft_wrap=True)
        if not follow:
            break
        time.sleep(FOLLOW_SECONDS)
    if not shown:
        what = f"no{' error' if errors else 'thing'}{' of this kind' if batch or grep else ''}"
        stderr.print(f"{what} was logged in the last {since}", soft_wrap=True)


def of_the_engine(target: Target, follow: bool, chosen: bool) -> None:
    """Print the engine's log. Raises Problem if there is none, or if lines were to be chosen."""
    if target.aws:
        raise Problem("logs engine: there is no engine on AWS", "name a function, such as sqs.processor")
    if chosen:
        raise Problem("logs engine: --batch, --grep and --errors are for the functions' lines", "leave them out")
    print_engine_log(target.project, follow)


def pattern(grep: str | None) -> Callable[[str], object]:
    """What finds the regular expression in a line; without one, all lines. Raises Problem for one that is wrong."""
    try:
        return re.compile(grep or "").search
    except re.error as wrong:
        raise Problem(
            f"--grep {grep!r} is no regular expression: {wrong}", "a backslash before a sign makes it plain"
        ) from None
