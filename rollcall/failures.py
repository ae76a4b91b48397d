"""`rollcall failures`: every item of a batch that failed for good, with its error and attempts."""

import csv
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line, printable
from rollcall.architectures import find
from rollcall.batches import OneBatch
from rollcall.connection import connect
from rollcall.errors import Problem
from rollcall.target import Target
from rollcall.terminal import count, print_command, stdout

# What a page of the terminal needs beside the table's rows.
AROUND_ROWS = 6
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def failures(
    target: Target, batch_id: str, architecture: str | None, generation: int | None, as_json: bool, as_csv: bool
) -> None:
    """Print the list, an item at a time: whole, but for a terminal, which gets a page."""
    if as_json and as_csv:
        raise Problem("--json and --csv exclude each other")
    batch = find(connect(target), batch_id, architecture, generation)
    if as_json:
        write_json(batch)
    elif as_csv:
        write_csv(batch.failed_items())
    elif stdout.is_terminal:
        print_page(batch, target)
    else:
        for entry in batch.failed_items():
            print(failure_line(entry))


def write_json(batch: OneBatch) -> None:
    """One JSON object with the list, an entry a line."""
    head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
    print(json.dumps(head)[:-1] + ', "failures": [', end="")
    separator = "\n"
    for entry in batch.failed_items():
        print(separator + json.dumps(entry), end="")
        separator = ",\n"
    print("\n]}")


def write_csv(entries: Iterator[dict[str, Any]]) -> None:
    """Columns id, error, attempts and item, which is JSON and exact; the others are made fit for a spreadsheet."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "error", "attempts", "item"])
    for entry in entries:
        cells = (id_of(entry["item"]), entry["error"], entry["attempts"], json.dumps(entry["item"]))
        writer.writerow([no_formula(printable(str(cell))) for cell in cells])


def print_page(batch: OneBatch, target: Target) -> None:
    """What fits the terminal, as a table."""
    entries = batch.failed_items()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("item", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("error", no_wrap=True, overflow="ellipsis")
    for entry in islice(entries, max(1, stdout.height - AROUND_ROWS)):
        table.add_row(Text(one_line(id_of(entry["item"]))), count(entry["attempts"]), Text(one_line(entry["error"])))
    if not table.row_count:
        stdout.print(f"no item of batch [bold]{batch.title}[/] has failed", soft_wrap=True)
        return
    stdout.print(table)
    if next(entries, None):
        stdout.print(Text("\nand more; all of them:", "dim"))
        print_command(target.command(f"failures {batch.batch_id} --csv"))


def failure_line(entry: dict[str, Any]) -> str:
    """One failed item, its attempts and its error in a line."""
    return one_line(f"{id_of(entry['item'])}  after {count(entry['attempts'], 'attempt')}: {entry['error']}")


def id_of(item: Any) -> str:
    """The item's id, or all of it where it has none."""
    return str(item.get("id", item) if isinstance(item, dict) else item)


def no_formula(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would compute.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return "'" + cell if cell.startswith(FORMULA) else cell
