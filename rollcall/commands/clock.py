"""`rollcall clock`: shows the sandbox's clock, and advances it."""

from enum import StrEnum
from typing import Annotated

import typer

from rollcall.target.clock_client import begin_advance, fetch_clock, set_skip, stop_advance
from rollcall.target.connection import healthy_sandbox
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_json, stdout
from rollcall.terminal.duration import parse_duration
from rollcall.terminal.errors import Interrupted
from rollcall.terminal.options import Json
from rollcall.views.clock import follow_advance, print_clock, print_time


class Switch(StrEnum):
    """Whether the clock skips."""

    on = "on"
    off = "off"


app = typer.Typer(
    no_args_is_help=True,
    epilog="A clock never goes back: only a new sandbox has real time again. AWS's clock cannot be moved.",
)


@app.command()
@targeted
def show(target: SandboxTarget, as_json: Json = False) -> None:
    """Show the clock's time, how far it is ahead, what is due next, and its last jumps."""
    clock = fetch_clock(healthy_sandbox(target).endpoint)
    if as_json:
        print_json(clock)
        return
    print_clock(clock)


@app.command(epilog="Examples: [bold]rollcall clock advance 6h[/], [bold]rollcall clock advance 13d --json[/]")
@targeted
def advance(
    target: SandboxTarget,
    duration: Annotated[
        str, typer.Argument(metavar="DURATION", help="By how much: 90s, 15m, 6h or 13d.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Advance the clock to each thing that is due within DURATION, and wait each time for what that starts."""
    length = parse_duration("DURATION", duration)
    endpoint = healthy_sandbox(target).endpoint
    before = fetch_clock(endpoint)
    clock = begin_advance(endpoint, length)
    try:
        clock = follow_advance(endpoint, before, clock)
    except KeyboardInterrupt:
        now = stop_advance(endpoint)["now"]
        raise Interrupted(f"the clock stands at {now} and goes on in real time", "see `rollcall clock show`") from None
    if as_json:
        print_json(clock)
        return
    print_time(clock)


@app.command(epilog="Example: [bold]rollcall clock skip on[/]")
@targeted
def skip(
    target: SandboxTarget,
    switch: Annotated[Switch, typer.Argument(metavar="on|off", help="on or off.", show_default=False)],
    as_json: Json = False,
) -> None:
    """With on, the clock advances by itself to the next thing due whenever nothing runs."""
    clock = set_skip(healthy_sandbox(target).endpoint, switch is Switch.on)
    if as_json:
        print_json(clock)
        return
    stdout.print(f"skip is {switch}")
