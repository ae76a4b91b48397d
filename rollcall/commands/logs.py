"""`rollcall logs`: shows the log lines of the functions in order of time, or those of the engine."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from bootstrap.problem import Problem
from rollcall.batches.batch_logs import of_batch
from rollcall.batches.invocation_errors import PATTERN_WITH_ITEMS, is_error
from rollcall.target.connection import Connection, connect
from rollcall.target.engine_log import print_engine_log
from rollcall.target.outputs import functions
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr, stdout
from rollcall.terminal.duration import parse_duration
from rollcall.terminal.log_lines import line

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
FOLLOW_SECONDS = 1.0
# A line may arrive this much later than a newer line of another environment.
LATE_MS = 10_000

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
    colours = {role: COLOURS[index % len(COLOURS)] for index, role in enumerate(known)}
    from_ms = newest = round((connection.now().timestamp() - age) * 1000)
    seen: set[str] = set()
    shown = 0
    while True:
        events = logged(connection, chosen, from_ms, errors, batch)
        new = [(event, role) for event, role in events if event["eventId"] not in seen]
        for event, role in new:
            seen.add(event["eventId"])
            text = line(event["timestamp"], role, event["message"], colours[role])
            if found(text.plain):
                shown += 1
                stdout.print(text, soft_wrap=True)
        if not follow:
            break
        if new:
            # By the lines of the round before: when a sandbox's clock jumps, a line from before the jump may come last.
            from_ms, newest = max(from_ms, newest - LATE_MS), new[-1][0]["timestamp"]
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


def known_functions(connection: Connection) -> dict[str, str]:
    """The functions of all stacks, by role. Raises Problem without a stack."""
    known: dict[str, str] = {}
    for architecture, stack in connection.stacks.items():
        known |= functions(architecture, stack.outputs)
    if not known:
        connection.stack("sqs")
    return known


def pattern(grep: str | None) -> Callable[[str], object]:
    """What finds the regular expression in a line; without one, all lines. Raises Problem for one that is wrong."""
    try:
        return re.compile(grep or "").search
    except re.error as wrong:
        raise Problem(
            f"--grep {grep!r} is no regular expression: {wrong}", "a backslash before a sign makes it plain"
        ) from None


def logged(
    connection: Connection, chosen: Mapping[str, str], from_ms: int, errors: bool, batch: str | None = None
) -> list[tuple[dict[str, Any], str]]:
    """The log events of the chosen functions since `from_ms`, each with the function's role, in order of time."""
    client = connection.client("logs")
    events = []
    for role, name in chosen.items():
        # Which invocation a line belongs to, the lines around it tell.
        own = read(client, f"/aws/lambda/{name}", from_ms, errors and not batch)
        if batch:
            own = [event for event in of_batch(own, batch) if not errors or is_error(event["message"])]
        events += [(event, role) for event in own]
    return sorted(events, key=lambda entry: entry[0]["timestamp"])


def choose(source: str | None, known: Mapping[str, str]) -> dict[str, str]:
    """The functions of an architecture, of a role, or of a function's name. Raises Problem if there is none."""
    chosen = {
        role: name
        for role, name in known.items()
        if source is None or source in (role, name) or role.startswith(f"{source}.")
    }
    if not chosen:
        raise Problem(f"there is no function {source!r}", f"choose from: engine, sqs, sfn, {', '.join(known)}")
    return chosen


def read(client: Any, group: str, from_ms: int, errors: bool = False) -> list[dict[str, Any]]:
    """The events of a log group since `from_ms`, or only errors. A function that never ran may have no group."""
    events: list[dict[str, Any]] = []
    pattern = {"filterPattern": PATTERN_WITH_ITEMS} if errors else {}
    try:
        for page in client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=from_ms, **pattern
        ):
            events += [event for event in page["events"] if not errors or is_error(event["message"])]
    except client.exceptions.ResourceNotFoundException:
        return []
    return events
