"""What the commands print with: stdout for results, stderr for progress and errors, and tables without lines."""

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line, printable

UNLIMITED = 10_000


class PlainConsole(Console):
    """A console that escapes the control characters in texts, and prints only those of Rich's own styles.

    Texts come from items, logs, AWS, the engine and file names.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)

    def render_str(self, text: str, **how: Any) -> Text:
        # Rich would silently drop some control characters, such as a carriage return.
        return super().render_str(printable(text), **how)


stdout = PlainConsole(highlight=False, emoji=False)
stderr = PlainConsole(highlight=False, emoji=False, stderr=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    stdout.out(json.dumps(value, indent=2))


def print_command(command: str) -> None:
    """Print a command line that the user can run next."""
    stdout.print(Text(command, "dim"), soft_wrap=True)


@contextmanager
def steps(first: str) -> Iterator[Callable[[str], None]]:
    """Show the current step of a command on stderr; yields the function that shows the next one.

    A terminal shows one step beside a spinner. Otherwise every step is a line.
    """
    if not stderr.is_terminal:
        stderr.print(first, markup=False, soft_wrap=True)
        yield lambda step: stderr.print(step, markup=False, soft_wrap=True)
        return

    def line(step: str) -> Text:
        return Text(one_line(step), no_wrap=True, overflow="ellipsis")

    with stderr.status(line(first)) as status:
        yield lambda step: status.update(line(step))


def print_table(table: Table) -> None:
    """Print a table; where the terminal is too narrow for it, wider than the terminal rather than cut."""
    unlimited = stdout.options.update(max_width=UNLIMITED)
    for column in table.columns:
        if column.no_wrap:
            cells = (Measurement.get(stdout, unlimited, cell).maximum for cell in (column.header, *column.cells))
            column.min_width = max(cells)
    needed = Measurement.get(stdout, unlimited, table).minimum
    if needed > stdout.width:
        table.width = needed
    stdout.print(table, crop=False)


def print_next(commands: Mapping[str, str]) -> None:
    """Print command lines that the user can run next, each with its purpose: below it where the terminal is narrow.

    A command line is never broken, so that it can be copied.
    """
    width = max(map(len, commands))
    beside = all(2 + width + 3 + len(purpose) <= stdout.width for purpose in commands.values())
    stdout.print("\nnext")
    for command, purpose in commands.items():
        gap = f"{'':<{width - len(command) + 3}}" if beside else "\n      "
        stdout.print(Text.assemble(f"  {command}", gap, (purpose, "dim")), soft_wrap=True)


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Print labels, and beside each its value, which may have several lines. Between words, long lines are wrapped."""
    rows = list(rows)
    indent = max((len(label) for label, _ in rows), default=0) + 5
    for label, value in rows:
        parts = [part for line in value.split("\n") for part in wrapped(line, stdout.width - indent)]
        for number, part in enumerate(parts):
            margin = f"  {label}" if number == 0 else ""
            stdout.print(Text.assemble((f"{margin:<{indent}}", "dim"), part), soft_wrap=True)


def wrapped(line: str, width: int) -> list[str]:
    """One line of foreign text, escaped and wrapped to the width. A word that is longer is not broken."""
    return textwrap.wrap(one_line(line), max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]


def plain_table(*columns: str, right: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """An empty table with dim headers. `right` columns are aligned to the right, `fold` columns wrap their text."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        justify, overflow = "right" if column in right else "left", "fold" if column in fold else "ellipsis"
        table.add_column(column, justify=justify, overflow=overflow, no_wrap=column not in fold)  # type: ignore[arg-type] # literals
    return table
