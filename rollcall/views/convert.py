"""What was converted, on the terminal and as JSON."""

from collections.abc import Iterator
from typing import Any

from costs.format import count
from rollcall.inputs.convert.table import Table
from rollcall.inputs.convert.write import Written

LONG = "with more digits than a double has: whole in the file, but `process` gets a number with a fraction as a double"


def notes(written: Written) -> Iterator[str]:
    """Yield what a reader of the items should know."""
    for column, number in written.values.not_finite.items():
        yield f"{column}: {count(number, 'value')} NaN or Infinity, written as text"
    for column, number in written.values.long.items():
        yield f"{column}: {count(number, 'number')} {LONG}"
    if written.without_id:
        yield f"{count(written.without_id, 'row')} without an id: a batch fails each of them"


def converted_rows(table: Table, written: Written, place: str) -> Iterator[tuple[str, str]]:
    """Yield label and value of every row."""
    yield "from", table.kind
    if table.columns and any(table.columns.values()):
        yield "columns", "\n".join(f"{name}: {kind}" for name, kind in table.columns.items())
    yield "written", f"{count(written.items, 'item')} to {place}  ({count(written.bytes)} bytes)"
    if told := list(notes(written)):
        yield "note", "\n".join(told)


def converted_json(table: Table, written: Written, place: str) -> dict[str, Any]:
    """What was converted as `--json` prints it."""
    return {
        "out": place,
        "kind": table.kind,
        "columns": table.columns,
        "items": written.items,
        "bytes": written.bytes,
        "withoutId": written.without_id,
        "notFinite": dict(written.values.not_finite),
        "rounded": dict(written.values.long),
    }
