"""Shows the sandbox's clock, and an advance of it as it goes."""

import time
from datetime import datetime
from typing import Any

from rich.text import Text

from bootstrap.printable import one_line
from costs.format import seconds
from rollcall.target.clock_client import Clock, fetch_clock
from rollcall.terminal.console import stderr, stdout, steps
from rollcall.views.progress import PLAIN_LINE_EVERY_SECONDS

JUMPS_SHOWN = 10
SHORTEST_PAUSE_SECONDS = 0.05
# Each poll is work for the engine, and the clock waits until there is none.
LONGEST_PAUSE_SECONDS = 0.5


def print_clock(clock: Clock) -> None:
    """Print the clock's time, what it does, what is due next, and its last jumps."""
    print_time(clock)
    rows = {"skip": "on" if clock["skip"] else "off", "next": "nothing is due"}
    if clock["next"]:
        due = between(clock["now"], clock["next"]["at"])
        rows["next"] = f"{clock['next']['at']}, in {seconds(max(0.0, due))}: {clock['next']['what']}"
    if clock["advancing"]:
        rows["advancing"] = advancing(clock["advancing"])
    for label, value in rows.items():
        stdout.print(Text.assemble((f"  {label:<9}  ", "dim"), one_line(value)), soft_wrap=True)
    if clock["jumps"]:
        stdout.print(f"\nlast jumps [dim]({JUMPS_SHOWN} at most)[/]")
    for jump in clock["jumps"][-JUMPS_SHOWN:]:
        stdout.print(Text("  ") + jump_line(jump), soft_wrap=True)


def print_time(clock: Clock) -> None:
    """Print the clock's time, how far it is from real time, and whether a debugger holds it."""
    offset = clock["offsetSeconds"]
    ahead = f"{seconds(abs(offset))} {'ahead of' if offset > 0 else 'behind'} real time" if offset else "real time"
    if clock.get("standsStill"):  # an older engine's never does
        ahead += "; it stands still, since a debugger has stopped a function"
    stdout.print(Text.assemble((one_line(clock["now"]), "bold"), f"  {ahead}"), soft_wrap=True)


def follow_advance(endpoint: str, before: Clock, clock: Clock) -> Clock:
    """Show each jump since `before`, and what the clock waits for, until its advance is over; returns it then."""
    pause, next_line_at = SHORTEST_PAUSE_SECONDS, time.monotonic() + PLAIN_LINE_EVERY_SECONDS
    with steps("advancing the clock") as say:
        while True:
            for jump in clock["jumps"]:
                if jump not in before["jumps"]:
                    stderr.print(jump_line(jump), soft_wrap=True)
            if not clock["advancing"]:
                return clock
            if stderr.is_terminal or time.monotonic() >= next_line_at:
                next_line_at = time.monotonic() + PLAIN_LINE_EVERY_SECONDS
                say(f"advancing {advancing(clock['advancing'])}")
            time.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
            before, clock = clock, fetch_clock(endpoint)


def advancing(advance: dict[str, Any]) -> str:
    """The end of an advance, and what it waits for."""
    waiting = ", ".join(advance["waitingFor"])
    return f"to {advance['until']}" + (f", waiting for {waiting}" if waiting else "")


def jump_line(jump: dict[str, str]) -> Text:
    """The time after a jump, its length, and what was due."""
    length = f"+{seconds(between(jump['from'], jump['to']))}"
    return Text.assemble(one_line(jump["to"]), (f"  {length:<13}", "dim"), f"  {one_line(jump['what'])}")


def between(earlier: str, later: str) -> float:
    """The seconds between two times in ISO 8601."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
