"""`rollcall failures`: every item of a batch that failed for good, with its error and attempts."""

import csv
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from rich.table import Table
from rich.text import Text

from handlers.rejected import TEXT_KEY
from rollcall.architectures import find
from rollcall.batches import OneBatch
from rollcall.connection import connect
from rollcall.errors import Problem
from rollcall.places import Places, places_in
from rollcall.target import Target
from rollcall.terminal import count, one_line, stdout

# What a page of the terminal needs beside the table's rows.
AROUND_ROWS = 6
# Of items that came from no file.
NOWHERE = Places()


def failures(
    target: Target, batch_id: str, architecture: str | None, generation: int | None, as_json: bool, as_csv: bool
) -> None:
    """Print the list, an item at a time: whole, but for a terminal, which gets a page."""
    if as_json and as_csv:
        raise Problem("--json and --csv exclude each other")
    batch = find(connect(target), batch_id, architecture, generation)
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
    """One JSON object with the list, an entry a line; of a line that is no item also `file` and `line`."""
    head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
    print(json.dumps(head)[:-1] + ', "failures": [', end="")
    separator = "\n"
    for entry in batch.failed_items():
        print(separator + json.dumps(entry | places.of(entry["item"])), end="")
        separator = ",\n"
    print("\n]}")


def write_csv(entries: Iterator[dict[str, Any]], places: Places = NOWHERE) -> None:
    """Columns id, error, attempts, item, which is JSON, and file and line of a line that is no item."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "error", "attempts", "item", "file", "line"])
    for entry in entries:
        item = entry["item"]
        item_id, error = (speakable(text) for text in (str(item["id"]), reason_of(entry)))
        at = places.of(item)
        writer.writerow([item_id, error, entry["attempts"], json.dumps(item), at.get("file", ""), at.get("line", "")])


def print_page(batch: OneBatch, target: Target) -> None:
    """What fits the terminal, as a table."""
    entries = batch.failed_items()
    page = list(islice(entries, max(1, stdout.height - AROUND_ROWS)))
    if not page:
        stdout.print(f"no item of batch [bold]{batch.title}[/] has failed", soft_wrap=True)
        return
    places = places_in(batch, page)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("item", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("error", no_wrap=True, overflow="ellipsis")
    for entry in page:
        title, reason = one_line(places.title(entry["item"])), one_line(reason_of(entry))
        table.add_row(Text(title), count(entry["attempts"]), Text(reason))
    stdout.print(table)
    if next(entries, None):
        command = target.command(f"failures {batch.batch_id} --csv")
        stdout.print(f"\n[dim]and more; all of them: {command}[/]", soft_wrap=True)


def failure_line(entry: dict[str, Any], places: Places) -> str:
    """One failed item, its attempts and its error in a line."""
    title, attempts = places.title(entry["item"]), count(entry["attempts"], "attempt")
    return one_line(f"{title}  after {attempts}: {reason_of(entry)}")


def reason_of(entry: dict[str, Any]) -> str:
    """The error; of a line that is no item how it reads, too."""
    text = entry["item"].get(TEXT_KEY)
    return entry["error"] + (f": {text}" if text else "")


def speakable(text: str) -> str:
    """`text` without what no encoding can say: JSON lets half a character pass."""
    return text.encode("utf-8", "backslashreplace").decode()
