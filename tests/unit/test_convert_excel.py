"""A sheet of Excel becomes items as the sheet shows them, and whatever would silently be lost is refused."""

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.unit.commands import Cli, refused
from tests.unit.convert import converted

HEADER = ["id", "name"]
GOOD = [HEADER, [1, "Ann"], [2, "Bob"]]
NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 500_000)  # noqa: DTZ001 - Excel knows no zones


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "orders.xlsx"


def workbook(
    path: Path, rows: list[list[Any]] = GOOD, change: Callable[[Any], object] = lambda sheet: None, **sheets: list
) -> Path:
    """A workbook with these rows in its first sheet, to which `change` is done, and with other sheets."""
    book = openpyxl.Workbook()
    for title, content in {"Orders": rows, **sheets}.items():
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    del book["Sheet"]
    change(book["Orders"])
    book.save(path)
    return path


def test_cells_keep_their_types(cli: Cli, file: Path):
    workbook(file, [
        ["id", "whole", "share", "big", "yes", "day", "moment", "time", "text", "none"],
        [7, 3, 0.1, 123456789012345, True, dt.date(2026, 1, 2), NOON, dt.time(8, 30), "007", None],
    ])  # fmt: skip
    assert converted(cli, file) == [
        {
            "id": "7", "whole": 3, "share": 0.1, "big": 123456789012345, "yes": True, "day": "2026-01-02",
            "moment": "2026-01-02T12:00:00.500000", "time": "08:30:00", "text": "007", "none": None,
        }
    ]  # fmt: skip


def test_empty_rows_and_columns_without_anything_are_left_out(cli: Cli, file: Path):
    workbook(file, [[], ["id", "name", None, None], [], [1, "Ann", None], [None, None], [2]])
    assert converted(cli, file) == [{"id": "1", "name": "Ann"}, {"id": "2", "name": None}]


def test_names_lose_the_spaces_around_them_and_numbers_are_names(cli: Cli, file: Path):
    workbook(file, [[" id ", 2026], [1, 5]])
    assert converted(cli, file) == [{"id": "1", "2026": 5}]


def test_the_sheet_is_the_only_visible_one_or_is_named(cli: Cli, file: Path):
    workbook(file, GOOD, Notes=[["id"], ["n"]])
    refused(cli("convert", str(file)), "found 2 sheets, 'Orders', 'Notes', expected one\nname it by --sheet")
    refused(cli("convert", str(file), "--sheet", "notes"), "there is no sheet 'notes', found 'Orders', 'Notes'")
    assert converted(cli, file, "--sheet", "Notes") == [{"id": "n"}]
    workbook(file, GOOD, lambda sheet: setattr(sheet.parent["Lists"], "sheet_state", "hidden"), Lists=[["x"]])
    assert len(converted(cli, file, "--force")) == 2


def test_a_heading_is_passed_over_by_naming_the_row_of_the_names(cli: Cli, file: Path):
    workbook(file, [["Orders of 2026"], *GOOD])
    refused(
        cli("convert", str(file), "--line-ids"),
        "row 2 has a value in column B, 'name', which has no name in row 1",
        "is row 1 a heading? name the row with the names: --header-row 2",
    )
    assert [item["name"] for item in converted(cli, file, "--header-row", "2")] == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("rows", "cells", "said"),
    [
        ([["Orders", None], *GOOD], "A1:B1", "A1:B1 are merged, expected row 1 to name each column\nis it a heading?"),
        (GOOD, "B2:B3", "cells B2:B3 are merged, so all of them but the first are empty\nunmerge them"),
    ],
)
def test_merged_cells_are_refused_where_a_value_would_be_missing(
    cli: Cli, file: Path, rows: list, cells: str, said: str
):
    workbook(file, rows, lambda sheet: sheet.merge_cells(cells))
    refused(cli("convert", str(file), "--line-ids"), said)


def test_merged_cells_above_the_header_do_no_harm(cli: Cli, file: Path):
    workbook(file, [["Orders", None], *GOOD], lambda sheet: sheet.merge_cells("A1:B1"))
    assert len(converted(cli, file, "--header-row", "2")) == 2


@pytest.mark.parametrize(
    ("rows", "words", "said"),
    [
        ([], [], "sheet 'Orders': the sheet is empty, expected a row with the columns' names"),
        ([HEADER], [], "Excel, sheet 'Orders' has no rows"),
        (GOOD, ["--header-row", "9"], "row 9: it is empty, expected the columns' names"),
        ([["id", "id"], [1, 2]], [], "row 1: two columns are named 'id'"),
        ([["id", None], [1, "x"]], [], "row 2 has a value in column B, 'x', which has no name in row 1"),
        ([["order"], [1]], [], "there is no column 'id', found 'order'"),
        ([HEADER, [1, "=1+1"]], [], "the formula in cell B2 has no value in the file"),
    ],
)
def test_a_sheet_whose_rows_or_names_are_unclear_is_refused(
    cli: Cli, file: Path, rows: list, words: list[str], said: str
):
    workbook(file, rows)
    refused(cli("convert", str(file), *words), str(file), said)
    assert list(file.parent.iterdir()) == [file]


def test_a_computed_formula_gives_its_value(cli: Cli, file: Path):
    workbook(file, [HEADER, [1, "=1+1"]])
    changed(file, lambda content: re.sub(b"(</f>)<v ?/>|(</f>)<v></v>", b"</f><v>2</v>", content))
    assert converted(cli, file) == [{"id": "1", "name": 2}]


def test_a_sheet_that_would_grow_in_memory_is_refused(cli: Cli, file: Path):
    """Ten texts of ten texts, and so on: https://en.wikipedia.org/wiki/Billion_laughs_attack."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    entities = f'<!DOCTYPE worksheet [<!ENTITY e0 "ha">{levels}]>'.encode()
    workbook(file, [HEADER, [1, "laugh"]])
    inline = b'<c r="B2" t="inlineStr"><is><t>&e11;</t></is></c>'
    changed(file, lambda content: entities + re.sub(b'<c r="B2".*?</c>', inline, content))
    refused(cli("convert", str(file)), "the workbook is damaged")


def changed(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the XML of a workbook's first sheet."""
    with zipfile.ZipFile(file) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(file, "w") as target:
        for name, content in parts.items():
            target.writestr(name, change(content) if name.endswith("sheet1.xml") else content)


def test_what_is_no_workbook_that_can_be_read_is_called_what_it_is(cli: Cli, file: Path):
    good = workbook(file).read_bytes()
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
    for content, said in (
        (ole + "EncryptedPackage".encode("utf-16-le"), "found a workbook with a password"),
        (ole, "found an old Office document (.xls)"),
        (good[: len(good) // 2], "the workbook is damaged, expected Excel's .xlsx"),
    ):
        file.write_bytes(content)
        refused(cli("convert", str(file)), str(file), said)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orders.csv", "id\n1\n")
    refused(cli("convert", str(file)), "found a zip archive")
