"""What the commands print with: results on stdout, everything said meanwhile on stderr."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

stdout = Console(highlight=False)
stderr = Console(highlight=False, stderr=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    stdout.out(json.dumps(value, indent=2))


@contextmanager
def steps(first: str) -> Iterator[Callable[[str], None]]:
    """Say what a command is doing while it does it: yields the function that announces the next step.

    A terminal shows the current step beside a spinner; anything else gets each step as a line.
    """
    if not stderr.is_terminal:
        stderr.print(first, markup=False, soft_wrap=True)
        yield lambda step: stderr.print(step, markup=False, soft_wrap=True)
        return

    def line(step: str) -> Text:
        return Text(step, no_wrap=True, overflow="ellipsis")

    with stderr.status(line(first)) as status:
        yield lambda step: status.update(line(step))


def print_next(commands: Mapping[str, str]) -> None:
    """What to try now: command lines and what each is good for."""
    width = max(map(len, commands))
    stdout.print("\nnext")
    for command, good_for in commands.items():
        stdout.print(f"  {command:<{width}}   [dim]{good_for}[/]", soft_wrap=True)


def one_line(text: str) -> str:
    """`text` with everything that would break its line, or do things to the terminal, escaped."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def count(number: float | None, noun: str = "") -> str:
    """`count(1000, "item")` is `1,000 items`; an unknown number is a dash."""
    if number is None:
        return "-"
    return f"{number:,.0f}" + (f" {noun}{'' if number == 1 else 's'}" if noun else "")


def seconds(duration: float | None) -> str:
    """A duration as people say it: `0.312 s`, `4.2 s`, `3 min 20 s`, `2 h 05 min`; an unknown one is a dash."""
    if duration is None:
        return "-"
    if duration < 1:
        return f"{duration:.3f} s"
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
