"""A sheet of an Excel workbook, row by row."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from bootstrap.problem import Problem
from handlers.core.quoting import quoted
from rollcall.inputs.convert.libraries import library
from rollcall.inputs.convert.sheet_scan import scan
from rollcall.inputs.convert.table import Row, Table, named, refuse_repeated

DAMAGED = (zipfile.BadZipFile, zlib.error, ParseError, KeyError, EOFError, ValueError, OSError)


def excel(path: Path, sheet: str | None, header_row: int | None) -> Table:
    """The rows of a sheet. The header is its first row that is not empty, or row `header_row`.

    Raises Problem if the workbook is damaged, or if it is unclear which cells are rows and which are their names.
    """
    openpyxl = library("openpyxl", "Excel")
    with told(path), warnings.catch_warnings(action="ignore"):
        # Extensions that openpyxl leaves out, such as rules for input, are no values.
        workbook = openpyxl.load_workbook(path.open("rb"), read_only=True, data_only=True)
        chosen = choose(path, workbook.worksheets, sheet)
        place = f"{path}, sheet {quoted(chosen.title)}"
        # What a sheet says of its size is often wrong.
        chosen.reset_dimensions()
        first = header_row or first_row_of(chosen, place)
        with chosen._get_source() as source:
            scanned = scan(source)
        names = header(next(chosen.iter_rows(min_row=first, max_row=first), ()), place, first)
    if scanned.uncomputed:
        raise Problem(
            f"{place}: the formula in cell {scanned.uncomputed} has no value in the file, expected computed values",
            "open it in Excel or LibreOffice and save it, which computes them",
        )
    refuse_merged(scanned.merged, place, first)
    columns = dict.fromkeys(names.values(), "")
    return Table(f"Excel, sheet {quoted(chosen.title)}", rows(path, chosen, place, first, names), columns)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn the errors of a damaged workbook into a Problem."""
    try:
        yield
    except DAMAGED:
        raise Problem(
            f"{path}: the workbook is damaged, expected Excel's .xlsx", "open it in Excel and save it as .xlsx anew"
        ) from None


def choose(path: Path, sheets: Sequence[Any], wanted: str | None) -> Any:
    """The sheet of that name, or the only one that is visible. Raises Problem."""
    by_name = {sheet.title: sheet for sheet in sheets}
    if wanted is not None:
        if wanted not in by_name:
            raise Problem(f"{path}: there is no sheet {quoted(wanted)}, found {named(by_name)}", "name one by --sheet")
        return by_name[wanted]
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"] or list(sheets)
    if len(visible) != 1:
        found = (
            f"found {len(visible)} sheets, {named(sheet.title for sheet in visible)}" if visible else "found no sheet"
        )
        raise Problem(f"{path}: {found}, expected one", "name it by --sheet" if visible else "add one with your rows")
    return visible[0]


def first_row_of(sheet: Any, place: str) -> int:
    """The number of the first row that is not empty. Raises Problem if there is none."""
    for number, values in enumerate(sheet.iter_rows(min_row=1, values_only=True), 1):
        if any(value is not None for value in values):
            return number
    raise Problem(f"{place}: the sheet is empty, expected a row with the columns' names", "name another by --sheet")


def header(cells: Sequence[Any], place: str, number: int) -> dict[int, str]:
    """The columns' names, by their position. Raises Problem if there is none, or one stands twice."""
    texts = {position: str(cell.value).strip() for position, cell in enumerate(cells) if cell.value is not None}
    names = {position: text for position, text in texts.items() if text}
    if not names:
        raise Problem(
            f"{place}, row {number}: it is empty, expected the columns' names", "name another by --header-row"
        )
    refuse_repeated(names.values(), f"{place}, row {number}")
    return names


def refuse_merged(ranges: Sequence[str], place: str, header_row: int) -> None:
    """Raise Problem for merged cells in the header or below it: all of them but the first would be empty."""
    for merged in ranges:
        last = int("".join(filter(str.isdigit, merged.rpartition(":")[2])) or 0)
        first = int("".join(filter(str.isdigit, merged.partition(":")[0])) or 0)
        if first <= header_row <= last:
            raise Problem(
                f"{place}: cells {merged} are merged, expected row {header_row} to name each column",
                f"is it a heading? name the row with the columns' names: --header-row {last + 1}",
            )
        if last > header_row:
            raise Problem(
                f"{place}: cells {merged} are merged, so all of them but the first are empty",
                "unmerge them, and fill in each value",
            )


def rows(path: Path, sheet: Any, place: str, header_row: int, names: dict[int, str]) -> Iterator[Row]:
    """Yield the rows below the header that are not empty. Raises Problem for a value in a column without a name."""
    from openpyxl.utils import get_column_letter

    cells_of_rows = sheet.iter_rows(min_row=header_row + 1)
    number = header_row
    while True:
        number += 1
        with told(path):
            cells = next(cells_of_rows, None)
            if cells is None:
                return
            values = {position: value_of(cell) for position, cell in enumerate(cells) if cell.value is not None}
        if stray := next((position for position in values if position not in names), None):
            raise Problem(
                f"{place}: row {number} has a value in column {get_column_letter(stray + 1)}, "
                f"{quoted(str(values[stray]))}, which has no name in row {header_row}",
                f"name it there; or is row {header_row} a heading? name the row with the names: --header-row {number}",
            )
        if values:
            yield {name: values.get(position) for position, name in names.items()}


def value_of(cell: Any) -> Any:
    """A cell's value: a date without a time where the cell shows none."""
    from openpyxl.styles.numbers import is_datetime

    value = cell.value
    return value.date() if isinstance(value, datetime) and is_datetime(cell.number_format) == "date" else value
