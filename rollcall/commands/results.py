"""`rollcall results`: prints what `process` returned for each item of a batch."""

import csv
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from bootstrap.problem import Problem
from rollcall.api.batch import Batch
from rollcall.batches.results import Line, Results
from rollcall.commands.failures import text_cell
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr
from rollcall.terminal.options import BatchId, Json, OfArchitecture

# Results with more keys than this are no table: they go into one column, as JSON.
MOST_COLUMNS = 100

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall results demo-1 --csv > results.csv[/]")
@targeted
def results(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    generation: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only of this generation.", show_default="all of them")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print CSV: id, and a column for each key if every result is a flat object, else one column, result, "
            "with JSON. Unprintable characters are escaped. A text that a spreadsheet would compute gets ' before it.",
        ),
    ] = False,
) -> None:
    """Print a line of JSON, with `id` and `result`, for each item whose `process` returned something.

    An item that was processed again, after a crash or in a redrive, has its latest result.
    """
    if as_json and as_csv:
        raise Problem("--json and --csv exclude each other")
    batch = Batch.find(connect(target), batch_id, architecture, generation)
    found = batch.results(only=generation is not None)
    if as_json:
        written = write_json(found)
    elif as_csv:
        written = write_csv(found.lines())
    else:
        written = write_lines(found.lines())
    if not written:
        stderr.print(f"no item of batch [bold]{batch.title}[/] has a result: process returned None", soft_wrap=True)


def write_lines(lines: Iterable[Line]) -> bool:
    """Print a line of JSON for each result; returns whether there was one."""
    written = False
    for line in lines:
        print(json.dumps(line))
        written = True
    return written


def write_json(found: Results) -> bool:
    """Print one JSON object, with a line for each result; returns whether there was one."""
    head = {"batchId": found.batch_id, "generations": list(found.generations)}
    print(json.dumps(head)[:-1] + ', "results": [', end="")
    separator = "\n"
    for line in found.lines():
        print(separator + json.dumps(line), end="")
        separator = ",\n"
    print("\n]}")
    return separator != "\n"


def write_csv(lines: Iterable[Line]) -> bool:
    """Print CSV; returns whether there was a result. The results pass through a file: first its columns are found."""
    keys: dict[str, None] | None = {}
    written = False
    with tempfile.TemporaryFile("w+") as kept:
        for line in lines:
            written = True
            kept.write(json.dumps(line) + "\n")
            if keys is not None:
                keys = keys | dict.fromkeys(line["result"]) if is_flat(line["result"]) else None
            if keys and len(keys) > MOST_COLUMNS:
                keys = None
        kept.seek(0)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for row in rows(map(json.loads, kept), None if keys is None or not keys else list(keys)):
            writer.writerow(row)
    return written


def rows(lines: Iterable[Line], keys: list[str] | None) -> Iterator[list[str]]:
    """Yield the header, and a row for each result, with a cell for each of the keys or one with JSON."""
    # A result may have an id of its own.
    header = ["result"] if keys is None else ["result.id" if key == "id" else key for key in keys]
    yield [text_cell(name) for name in ("id", *header)]
    for line in lines:
        result = line["result"]
        cells = [json.dumps(result)] if keys is None else [cell_of(result, key) for key in keys]
        yield [text_cell(line["id"]), *cells]


def is_flat(result: Any) -> bool:
    """Whether a result is an object whose values are texts, numbers, true, false or null."""
    return isinstance(result, Mapping) and not any(isinstance(value, dict | list) for value in result.values())


def cell_of(result: Mapping[str, Any], key: str) -> str:
    """The cell of a key: empty for null or a missing key, a text as it is, anything else as JSON."""
    value = result.get(key)
    if value is None:
        return ""
    return text_cell(value) if isinstance(value, str) else json.dumps(value)
