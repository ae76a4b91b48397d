"""`rollcall failures`: lists every item of a batch that failed for good, with its error and attempts."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line, printable
from bootstrap.problem import Problem
from costs.format import count
from handlers.core.rejected import TEXT_KEY
from rollcall.batches.batch import OneBatch
from rollcall.batches.failure_summary import grouped
from rollcall.batches.find import find
from rollcall.batches.groups import Group, brief
from rollcall.batches.places import Places, places_in
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import print_json, print_next, print_rows, stdout
from rollcall.terminal.options import Batch, Generation, Json, OfArchitecture

# Lines of a page besides the rows of the table.
OTHER_LINES = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r")

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall failures demo-1 --csv > failed.csv[/]")
@targeted
def failures(
    target: Target,
    batch_id: Batch,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    as_json: Json = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print CSV with the columns id, error, attempts, item. Unprintable characters are escaped. A cell "
            "that a spreadsheet would compute (it begins with = + - @ or a tab) gets ' before it. item is exact JSON.",
        ),
    ] = False,
    group: Annotated[
        bool, typer.Option("--group", help="List each kind of error once, with the number of items that have it.")
    ] = False,
) -> None:
    """Print the whole list, item by item. A terminal shows only the first page."""
    if as_json and as_csv:
        raise Problem("--json and --csv exclude each other")
    batch = find(connect(target), batch_id, architecture, generation)
    if group:
        write_groups(batch, grouped(batch.failed_items()), as_json, as_csv)
        return
    if stdout.is_terminal and not (as_json or as_csv):
        print_page(batch, target)
        return
    places = places_in(batch, batch.failed_items())
    if as_json:
        write_json(batch, places)
    elif as_csv:
        write_csv(batch.failed_items(), places)
    else:
        for entry in batch.failed_items():
            print(failure_line(entry, places))


def write_json(batch: OneBatch, places: Places) -> None:
    """Print one JSON object, with a line for each entry. `file` and `line` are those of a line that is no item."""
    head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
    print(json.dumps(head)[:-1] + ', "failures": [', end="")
    separator = "\n"
    for entry in batch.failed_items():
        print(separator + json.dumps(entry | places.of(entry["item"])), end="")
        separator = ",\n"
    print("\n]}")


def write_csv(entries: Iterator[dict[str, Any]], places: Places) -> None:
    """Print CSV: id, error, attempts, item, and file and line of a line that is no item.

    `item` is exact JSON. Formulas in all other columns are escaped.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "error", "attempts", "item", "file", "line"])
    for entry in entries:
        item, at = entry["item"], places.of(entry["item"])
        place = at.get("file", ""), at.get("line", "")
        cells = item["id"], reason_of(entry), entry["attempts"], json.dumps(item), *place
        writer.writerow([text_cell(str(cell)) for cell in cells])


def write_groups(batch: OneBatch, groups: Sequence[Group], as_json: bool, as_csv: bool) -> None:
    """Print each kind of error with its number of items and the id of one: as a table, as JSON or as CSV."""
    if as_json:
        head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
        print_json({**head, "errors": [group.to_json() for group in groups]})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["count", "error", "example"])
        writer.writerows([group.count, *map(text_cell, (group.error, group.example))] for group in groups)
    elif groups:
        print_rows((count(group.count), f"{group.error}  (item {group.example})") for group in groups)
    else:
        print_none(batch)


def print_none(batch: OneBatch) -> None:
    stdout.print(f"no item of batch [bold]{batch.title}[/] has failed", soft_wrap=True)


def print_page(batch: OneBatch, target: Target) -> None:
    """Print a table of the first items, as many as the terminal has lines."""
    entries = batch.failed_items()
    page = list(islice(entries, max(1, stdout.height - OTHER_LINES)))
    if not page:
        print_none(batch)
        return
    places = places_in(batch, page)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("item", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("error", no_wrap=True, overflow="ellipsis")
    for entry in page:
        title, reason = one_line(places.title(entry["item"])), one_line(brief(reason_of(entry)))
        table.add_row(Text(title), count(entry["attempts"]), Text(reason))
    stdout.print(table)
    if next(entries, None):
        print_next(
            {
                target.command(f"failures {batch.batch_id} --group"): "all of them by their error",
                target.command(f"failures {batch.batch_id} --csv"): "all of them, one by one",
            }
        )


def failure_line(entry: dict[str, Any], places: Places) -> str:
    """A line with a failed item, its attempts, its error, and where in the code that was raised."""
    title, attempts = places.title(entry["item"]), count(entry["attempts"], "attempt")
    return one_line(f"{title}  after {attempts}: {brief(reason_of(entry))}")


def reason_of(entry: dict[str, Any]) -> str:
    """The error and, for a line that is no item, the text of the line."""
    text = entry["item"].get(TEXT_KEY)
    return str(entry["error"]) + (f": {text}" if text else "")


def text_cell(text: str) -> str:
    """A text as a cell of CSV: no terminal obeys it, and an apostrophe keeps a spreadsheet from computing it.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    cell = printable(text)
    return "'" + cell if cell.startswith(FORMULA) else cell
