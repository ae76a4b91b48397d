"""What must be known of a sheet before its rows are read: its merged cells, and formulas that nobody has computed.

Python 3.13's XML parser refuses entities that grow: https://docs.python.org/3/library/xml.html#xml-security
"""

from dataclasses import dataclass, field
from typing import IO, Any
from xml.etree.ElementTree import iterparse

NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SHEET_DATA, ROW, CELL, FORMULA, VALUE, MERGED = (
    NAMESPACE + name for name in ("sheetData", "row", "c", "f", "v", "mergeCell")
)


@dataclass
class SheetScan:
    """`merged` are ranges such as `A1:D1`. `uncomputed` is the first cell whose formula has no value in the file."""

    merged: list[str] = field(default_factory=list)
    uncomputed: str | None = None


def scan(sheet: IO[bytes]) -> SheetScan:
    """Scan the XML of a sheet; https://learn.microsoft.com/office/open-xml/spreadsheet/structure-of-a-spreadsheetml-document"""
    found = SheetScan()
    data = None
    for event, element in iterparse(sheet, ("start", "end")):  # noqa: S314 - see above
        if event == "start":
            data = element if element.tag == SHEET_DATA else data
        elif element.tag == MERGED:
            found.merged.append(element.get("ref", ""))
        elif element.tag == CELL and not found.uncomputed and is_uncomputed(element):
            found.uncomputed = element.get("r", "?")
        elif element.tag == ROW and data is not None:
            # Its rows would fill the memory.
            data.clear()
    return found


def is_uncomputed(cell: Any) -> bool:
    """Whether a cell has a formula and no value of it; a text may be empty."""
    value = cell.find(VALUE)
    return cell.find(FORMULA) is not None and cell.get("t") != "str" and (value is None or not value.text)
