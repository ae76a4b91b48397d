"""`rollcall failures`: lists every item of a batch that failed for good, with its error and attempts."""

import csv
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import IO, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line, printable
from bootstrap.problem import Problem
from costs.format import count
from handlers.core.batch import iso
from handlers.core.error_kinds import line_of
from handlers.core.files.look import is_csv, is_gzipped
from handlers.core.quoting import shown
from handlers.core.rejected import TEXT_KEY
from rollcall.api.batch import Batch
from rollcall.batches.batch import OneBatch
from rollcall.batches.failed_rows import FailedRows, ending_of
from rollcall.batches.failure_groups import FailureGroup, brief, group, selected
from rollcall.batches.places import Places, places_in
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import print_json, print_next, print_rows, print_table, stderr, stdout
from rollcall.terminal.options import BatchId, ErrorPattern, Generation, Json, OfArchitecture
from rollcall.views.reading import counted

# Lines of a page besides the rows of the table.
OTHER_LINES = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r")

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall failures demo-1 --csv > failed.csv[/]")
@targeted
def failures(
    target: Target,
    batch_id: BatchId,
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
    grouped: Annotated[
        bool,
        typer.Option(
            "--group",
            help="List each kind of error once: how many items have it, when the first and the last one failed, "
            "three of them, and the PATTERN that selects them.",
        ),
    ] = False,
    error: ErrorPattern = None,
    as_input: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the failed items to a new file in the input's own format, to be fixed and run: "
            "`rollcall run --input FILE`.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the whole list, item by item. A terminal shows only the first page."""
    if as_json and as_csv:
        raise Problem("--json and --csv exclude each other")
    if as_input and (as_json or as_csv or grouped):
        raise Problem("--as-input writes a file, and excludes --json, --csv and --group")
    batch = Batch.find(connect(target), batch_id, architecture, generation)
    if as_input:
        write_input(batch, error, as_input, target)
    elif grouped:
        write_groups(batch, group(counted(selected(batch.failed_items(), error))), target, as_json, as_csv)
    elif stdout.is_terminal and not (as_json or as_csv):
        print_page(batch, selected(batch.failed_items(), error), target)
    else:
        places = places_in(batch, selected(batch.failed_items(), error))
        entries = selected(batch.failed_items(), error)
        if as_json:
            write_json(batch, entries, places)
        elif as_csv:
            write_csv(entries, places)
        else:
            for entry in entries:
                print(failure_line(entry, places))


def write_json(batch: OneBatch, entries: Iterator[dict[str, Any]], places: Places) -> None:
    """Print one JSON object, with a line for each entry. `file` and `line` are those of a line that is no item."""
    head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
    print(json.dumps(head)[:-1] + ', "failures": [', end="")
    separator = "\n"
    for entry in entries:
        print(separator + json.dumps(entry_json(entry) | places.of(entry["item"])), end="")
        separator = ",\n"
    print("\n]}")


def entry_json(entry: dict[str, Any]) -> dict[str, Any]:
    """A failed item as `--json` prints it."""
    return entry | {"failedAt": iso(entry["failedAt"])} if "failedAt" in entry else entry


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


def write_input(batch: OneBatch, error: str | None, path: Path, target: Target) -> None:
    """Write the failed items to a new file. Raises Problem for a name of another format, and a file that is there."""
    option, ending = f"--as-input {shown(str(path))}", ending_of(batch)
    if not path.name.lower().endswith((ending, f"{ending}.gz")):
        raise Problem(
            f"{option}: the items of batch {batch.title} are {ending}: end its name in {ending} or {ending}.gz"
        )
    rows = FailedRows(counted(selected(batch.failed_items(), error)), is_csv(path.name))
    try:
        # A file that is there may be the input itself.
        with new_file(path) as file:
            try:
                file.writelines(rows)
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise Problem(f"{option}: there is such a file, which is not overwritten", "give a new name") from None
    except OSError as error_of_file:
        raise Problem(f"{option}: it cannot be written: {error_of_file.strerror}") from None
    if rows.left_out:
        lines = f"{count(rows.left_out, 'failure')} left out: a line that is no item, or an invalid item"
        stderr.print(f"{lines}; see `{target.command(f'failures {batch.batch_id}')}`", markup=False, soft_wrap=True)
    if not rows.written:
        path.unlink()
        raise Problem(f"{option}: not written, since it would have no item")
    stdout.print(f"{count(rows.written, 'item')} written to {shown(str(path))}", markup=False, soft_wrap=True)
    print_next({target.command(f"run {batch.architecture} --input {quote(str(path))}"): "run them, as a new batch"})


def new_file(path: Path) -> IO[str]:
    """Open a file to be written, which must not be there. Its line ends are those of its lines."""
    if is_gzipped(path.name):
        return gzip.open(path, "xt", encoding="utf-8", newline="")
    return path.open("x", encoding="utf-8", newline="")


def write_groups(batch: OneBatch, groups: Sequence[FailureGroup], target: Target, as_json: bool, as_csv: bool) -> None:
    """Print each kind of error with its number of items, times and samples: as text, as JSON or as CSV."""
    if as_json:
        head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
        print_json({**head, "errors": [group.to_json() for group in groups]})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["count", "error", "first", "last", "pattern", "samples"])
        for found in groups:
            ids = " ".join(sample.item_id for sample in found.samples)
            first, last = (iso(at) if at else "" for at in (found.first, found.last))
            cells = found.error, first, last, found.pattern or "", ids
            writer.writerow([found.count, *map(text_cell, cells)])
    elif groups:
        print_rows((count(found.count), "\n".join(group_lines(found))) for found in groups)
        if pattern := next((found.pattern for found in groups if can_be_redriven(found)), None):
            again = target.command(f"redrive {batch.batch_id} --error {quote(pattern)}")
            print_next({again: "run the items of one group again, when the batch has ended"})
    else:
        print_none(batch)


def can_be_redriven(found: FailureGroup) -> bool:
    """Whether a redrive may help: the group is not of rejections, which fail again."""
    return found.pattern is not None and not found.error.startswith("InvalidItem: ")


def group_lines(found: FailureGroup) -> Iterator[str]:
    """The lines that show a group: its error, when it came, and some of its items with what differs in theirs."""
    yield found.error
    times = [iso(at) for at in (found.first, found.last) if at]
    when = " to ".join(dict.fromkeys(times)) or "at an unknown time"
    yield f"  {when}, item {found.example}"
    for sample in found.samples:
        if line_of(sample.error) != found.error:
            yield f"  {sample.item_id}: {line_of(sample.error)}"


def print_none(batch: OneBatch) -> None:
    stdout.print(f"no item of batch [bold]{batch.title}[/] has failed", soft_wrap=True)


def print_page(batch: OneBatch, entries: Iterator[dict[str, Any]], target: Target) -> None:
    """Print a table of the first items, as many as the terminal has lines."""
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
    print_table(table)
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
