"""Parquet becomes items without a loss: each of its types has a form in JSON."""

import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rollcall.inputs.convert.arrow import values
from rollcall.terminal import ticker
from tests.unit.commands import Cli, refused
from tests.unit.convert import converted

NANOSECONDS = pa.timestamp("ns")
ZONED = pa.timestamp("us", "Europe/Berlin")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "orders.parquet"


def column(array: Any, kind: Any = None) -> pa.Array:
    return pa.array(array, kind)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (column([2**62]), "4611686018427387904"),
        (column([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (column([0.1]), "0.1"),
        (column([0.1], pa.float32()), "0.1"),
        (column([0.5], pa.float16()), "0.5"),
        (column([Decimal("1.10")], pa.decimal128(38, 2)), "1.10"),
        (column([Decimal("12345678901234567890.123456789")], pa.decimal128(38, 9)), "12345678901234567890.123456789"),
        (column([Decimal("1E-19")], pa.decimal128(38, 19)), "0.0000000000000000001"),
        (column([dt.date(2020, 1, 2)]), '"2020-01-02"'),
        (column([1577836800123456789]).cast(NANOSECONDS), '"2020-01-01T00:00:00.123456789"'),
        (column([1577836800100000000]).cast(NANOSECONDS), '"2020-01-01T00:00:00.1"'),
        (column([1577836800000000]).cast(ZONED), '"2020-01-01T00:00:00Z"'),
        (column([760206902400000000]).cast(pa.timestamp("us")), '"26059-12-31T00:00:00"'),
        (column([dt.time(12, 30, 1)]), '"12:30:01"'),
        (column([5]).cast(pa.time64("ns")), '"00:00:00.000000005"'),
        (column([5], pa.int32()).cast(pa.time32("s")), '"00:00:05"'),
        (column([1_500_000]).cast(pa.duration("us")), "1.500000"),
        (column([b"\x00\xff"]), '"AP8="'),
        (column(["\u00fc\u2028\U0001f600"]), '"\u00fc\u2028\U0001f600"'),
        (column([True]), "true"),
        (column([{"a": 1, "t": dt.datetime(2020, 1, 1)}]), '{"a":1,"t":"2020-01-01T00:00:00"}'),  # noqa: DTZ001
        (column([{"a": [{"b": dt.date(2020, 1, 1)}, None]}]), '{"a":[{"b":"2020-01-01"},null]}'),
        (column([[1, 2]], pa.list_(pa.int32(), 2)), "[1,2]"),
        (column([[("k", 1), ("l", None)]], pa.map_(pa.string(), pa.int32())), '{"k":1,"l":null}'),
        (column([[(1, "a")]], pa.map_(pa.int32(), pa.string())), '[[1,"a"]]'),
        (column(["a"]).dictionary_encode(), '"a"'),
        (column([uuid.UUID(int=5).bytes], pa.uuid()), '"00000000-0000-0000-0000-000000000005"'),
        (column([float("nan")]), '"NaN"'),
        (column([float("-inf")], pa.float32()), '"-Infinity"'),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_a_value_keeps_all_that_it_says(cli: Cli, file: Path, array: pa.Array, text: str):
    nothing = pa.nulls(1, array.type) if not isinstance(array.type, pa.DictionaryType) else column([None], pa.string())
    both = pa.concat_arrays([array.cast(array.type), nothing]) if nothing.type == array.type else array
    pq.write_table(pa.table({"id": [str(number) for number in range(len(both))], "v": both}), file)
    converted(cli, file)
    first, *rest = file.with_name("orders.parquet.jsonl").read_text().rstrip("\n").split("\n")
    assert first == f'{{"id":"0","v":{text}}}'
    assert rest == ['{"id":"1","v":null}'][: len(both) - 1]


def test_nested_values_stay_with_their_rows_where_some_are_missing():
    rows = [[{"x": [1]}, None], None, [], [{"x": None}, {"x": [2, 3]}]]
    assert values(pa.array(rows)) == rows
    assert values(pa.array(rows)[1:]) == rows[1:]
    pairs = pa.array([[("a", 1)], None, [("b", 2), ("c", 3)], []], pa.map_(pa.string(), pa.int32()))
    assert values(pairs[1:]) == [None, {"b": 2, "c": 3}, {}]


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (column([7, 8]), ["7", "8"]),
        (column([7.0, 8.5]), ["7", "8.5"]),
        (column([Decimal("7.10"), Decimal(8)], pa.decimal128(9, 2)), ["7.10", "8.00"]),
        (column(["007", "8"]), ["007", "8"]),
        (column([b"abc", b"\xff"]), ["abc", "/w=="]),
        (column([dt.date(2020, 1, 1), dt.date(2020, 1, 2)]), ["2020-01-01", "2020-01-02"]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_an_id_is_a_text_and_its_column_stays(cli: Cli, file: Path, ids: pa.Array, texts: list[str]):
    pq.write_table(pa.table({"order": ids, "n": [1, 2]}), file)
    items = converted(cli, file, "--id-column", "order")
    assert [item["id"] for item in items] == texts
    assert [item.keys() for item in items] == [{"id", "order", "n"}] * 2


def test_the_number_of_the_row_can_be_the_id(cli: Cli, file: Path):
    pq.write_table(pa.table({"name": ["Ann"] * 3}), file)
    assert [item["id"] for item in converted(cli, file, "--line-ids")] == ["1", "2", "3"]


def test_what_a_reader_must_know_is_told(cli: Cli, file: Path):
    kinds = {"d": pa.decimal128(38, 9), "x": pa.float64()}
    columns = {"d": [Decimal("12345678901234567890.1"), Decimal("0.5")], "x": [float("nan"), 1.0]}
    table = {name: pa.array(values, kinds[name]) for name, values in columns.items()} | {"id": ["1", None]}
    pq.write_table(pa.table(table), file)
    code, out, _ = cli("convert", str(file), str(file.with_suffix(".jsonl")))
    said = " ".join(out.split())
    assert code == 0
    assert "d: decimal128(38, 9)" in said
    assert "x: 1 value NaN or Infinity, written as text" in said
    assert "d: 1 number with more digits than a double has" in said
    assert "1 row without an id" in said
    code, out, _ = cli("convert", str(file), str(file.with_suffix(".jsonl")), "--json", "--force")
    assert json.loads(out) | {"out": "", "bytes": 0} == {
        "out": "", "kind": "Parquet", "columns": {"d": "decimal128(38, 9)", "x": "double", "id": "string"},
        "items": 2, "bytes": 0, "withoutId": 1, "notFinite": {"x": 1}, "rounded": {"d": 1},
    }  # fmt: skip


def test_a_file_that_is_damaged_empty_or_of_another_kind_is_refused_and_nothing_is_written(cli: Cli, file: Path):
    pq.write_table(pa.table({"id": [str(number) for number in range(10_000)]}), file)
    whole = file.read_bytes()
    out = file.with_suffix(".jsonl")
    for content, said in (
        (whole[:-200], "its footer is damaged or missing"),
        (whole[:30] + b"\xff" * 3000 + whole[3030:], "what follows row 0 is damaged"),
        (b"PARE" + whole[4:], "found Parquet with an encrypted footer"),
        (b"", "it is empty, 0 bytes, expected Parquet, an Excel workbook (.xlsx) or an export of DynamoDB"),
        (b"id,name\n1,Ann\n", "found 'id,name\\n1,Ann\\n', expected Parquet"),
        (b"\x89PNG\r\n\x1a\n\x00", "found a PNG image, expected Parquet"),
    ):
        file.write_bytes(content)
        refused(cli("convert", str(file), str(out)), str(file), said)
        assert list(file.parent.iterdir()) == [file]
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), file)
    refused(cli("convert", str(file), str(out)), "Parquet has no rows")
    refused(cli("convert", str(file.with_name("no.parquet"))), "there is no such file")
    refused(cli("convert", str(file.parent)), "is a folder without manifest-files.json")
    assert not out.exists()


def test_a_file_that_a_batch_reads_as_it_is_needs_no_conversion(cli: Cli, tmp_path: Path):
    path = tmp_path / "orders.csv"
    path.write_bytes(b"id,name\n1,Ann\n")
    refused(cli("convert", str(path)), f"a batch reads such a file as it is: `rollcall check {path}`")


@pytest.mark.parametrize(
    ("names", "words", "said"),
    [
        (["order", "n"], [], "there is no column 'id', found 'order', 'n'\nname the column that tells the items apart"),
        (["order", "n"], ["--id-column", "Order"], "there is no column 'Order', found 'order', 'n'"),
        (["id", "n"], ["--id-column", "n"], "there is a column 'id' besides"),
        (["id", "n"], ["--line-ids"], "there is a column 'id' besides"),
        (["id", "id"], [], "two columns are named 'id'"),
        (["a", "n"], ["--id-column", "a", "--line-ids"], "--line-ids"),
    ],
)
def test_a_column_that_cannot_be_the_id_is_refused(cli: Cli, file: Path, names: list[str], words: list[str], said: str):
    pq.write_table(pa.Table.from_arrays([column([1]), column([2])], names=names), file)
    refused(cli("convert", str(file), *words), said)


def test_a_value_that_cannot_be_an_id_is_named_with_its_row(cli: Cli, file: Path):
    pq.write_table(pa.table({"id": [[1], [2]]}), file)
    refused(cli("convert", str(file)), "row 1, column 'id': the id is '[1]', a list, expected a text or a number")


def test_a_file_that_is_there_is_replaced_only_if_asked(cli: Cli, file: Path):
    pq.write_table(pa.table({"id": ["1"]}), file)
    assert cli("convert", file.name)[0] == 0
    assert Path("orders.jsonl").read_bytes() == b'{"id":"1"}\n'
    refused(cli("convert", file.name), "orders.jsonl: is there already", "--force")
    assert cli("convert", file.name, "--force")[0] == 0
    refused(cli("convert", file.name, "no/orders.jsonl"), "no/orders.jsonl: it cannot be written: No such file")
    refused(cli("convert", file.name, "."), ".: is a folder")


def test_a_pipe_and_what_a_link_names_are_written_and_never_replaced(cli: Cli, file: Path):
    pq.write_table(pa.table({"id": ["1"]}), file)
    pipe, link, named = (file.with_name(name) for name in ("pipe", "link", "named.jsonl"))
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cli("convert", str(file), str(pipe), "--force")[0] == 0
        assert os.read(reading, 100) == b'{"id":"1"}\n'
        assert pipe.is_fifo()
    finally:
        os.close(reading)
    named.touch()
    link.symlink_to(named)
    assert cli("convert", str(file), str(link), "--force")[0] == 0
    assert link.is_symlink()
    assert named.read_bytes() == b'{"id":"1"}\n'


def test_a_long_conversion_shows_how_far_it_is(cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ticker, "SHOWN_AFTER_SECONDS", 0)
    pq.write_table(pa.table({"id": list(range(1_500))}), file)
    assert cli("convert", str(file))[2] == "converting orders.parquet: 1,000 of 1,500 rows\n"


def test_a_library_that_is_missing_is_named_with_what_installs_it(
    cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch
):
    pq.write_table(pa.table({"id": ["1"]}), file)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet")
    refused(cli("convert", str(file)), "Parquet is read by the Python package pyarrow", "`uv sync --group convert`")


def test_memory_has_no_room_for_the_rows_of_a_row_group(file: Path):
    def peak(rows: int) -> int:
        """KiB of a process that converts a file of one row group."""
        texts = [f"{number:020d}" * 5 for number in range(rows)]
        pq.write_table(pa.table({"id": texts}), file, row_group_size=rows, use_dictionary=False)
        code = (
            "import sys; from rollcall.__main__ import run; run(sys.argv[1:]); "
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        words = [sys.executable, "-c", code, "convert", str(file), str(file.with_suffix(".jsonl")), "--force"]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1])

    assert peak(200_000) < peak(2_000) + 40_000
