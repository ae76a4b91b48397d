"""A check reads a file as a batch does, and tells before it runs what the batch would come to."""

import gzip
import io
import json
import math
import tracemalloc
from pathlib import Path

import pytest

from costs.plan.settings import Settings
from handlers.aws import input_object
from handlers.aws import settings as stack_settings
from handlers.aws.input_object import BYTES_PER_ITEM
from handlers.aws.listed_files import input_items, pinned_input
from handlers.core.files.formats import json_items
from handlers.core.files.lines import lines_of_part
from handlers.core.items import MAX_ITEM_BYTES, chunks
from handlers.sfn.batcher import MAX_CHUNK_BYTES as SFN_CHUNK_BYTES
from handlers.sqs.records import segments_for
from handlers.sqs.segments import MAX_CHUNK_BYTES as SQS_CHUNK_BYTES
from rollcall.inputs import repeated_ids
from rollcall.inputs.check import BadLine, check
from rollcall.inputs.local_input import LocalInput
from rollcall.inputs.repeated_ids import Ids, RepeatedId, RepeatedIds
from rollcall.terminal import ticker
from tests.checked import checked
from tests.e2e.file_corpus import CORPUS, File
from tests.unit.commands import Cli, refused
from tests.unit.test_listed_files import BUCKET, LIST, S3, put


def lines(*items: dict) -> bytes:
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@pytest.mark.parametrize("file", [file for file in CORPUS if not file.about], ids=lambda file: file.name)
def test_a_check_tells_of_every_file_what_a_batch_of_it_comes_to(file: File):
    """tests/e2e/test_input_files.py holds the batches of both architectures to the same rows."""
    found = checked(file.name, file.content, reading=file.reading)
    # What the work itself raises is nothing that a file shows.
    bad = {name: said for name, said in file.failed.items() if "was made to fail" not in said}
    assert found.items == len(file.seen) + len(file.failed)
    assert found.bad == {"sqs": len(bad), "sfn": len(bad)}
    assert all(said in line.error for said, line in zip(bad.values(), found.bad_lines, strict=True))
    assert all(line.error.startswith("InvalidItem: ") for line in found.bad_lines)
    assert (found.reason is None) == (file.reason is None)
    assert (file.reason or "") in (found.reason or "")
    assert found.fine == (not bad and file.reason is None)


def test_a_bad_line_has_its_number_its_id_and_its_text_in_every_format():
    assert checked("a.csv", b"id,n\n1,2\n\n7,\n7\n").bad_lines == [
        BadLine(5, "InvalidItem: 1 field where the header has 2 (id, n)", "7", "7")
    ]
    (line,) = checked("a.jsonl", b'{"id":1}\n\n{"n":1}\n').bad_lines
    assert (line.place, line.text, line.item_id) == (3, '{"n":1}', None)
    (line,) = checked("a.jsonl", b'{"id":1}\n{"id":"a","n":NaN}\n').to_json()["badLines"]
    assert line == {
        "line": 2, "id": "a", "error": "InvalidItem: JSON cannot say it: it holds NaN, Infinity or itself",
        "text": '{"id":"a","n":NaN}', "only": None,
    }  # fmt: skip
    (line,) = checked("a.json", b'[{"id":"a"},\n\n{"n":1}]').to_json()["badLines"]
    assert line["element"] == 2


def test_an_item_that_fits_a_message_but_no_state_is_bad_in_one_architecture_only():
    found = checked("a.jsonl", lines({"id": "a", "t": "x" * 210_000}, {"id": "b", "t": "x" * 300_000}))
    assert found.bad == {"sqs": 1, "sfn": 2}
    assert [(line.place, line.only) for line in found.bad_lines] == [(1, "sfn"), (2, None)]
    assert f"larger than {SFN_CHUNK_BYTES:,} bytes" in found.bad_lines[0].error
    assert f"longer than {MAX_ITEM_BYTES:,} bytes" in found.bad_lines[1].error


def test_the_longest_item_is_a_good_one_and_the_average_is_of_all():
    found = checked("a.jsonl", lines({"id": "a"}, {"id": "b", "t": "\u6f22"}, {"no": "x" * 100}))
    assert (found.longest, found.longest_at) == (len(b'{"id":"b","t":"xxx"}'), 2)
    assert found.average == found.item_bytes / 3


@pytest.mark.parametrize("settings", [Settings(items_per_chunk=7), Settings(items_per_chunk=10, chunks_per_segment=3)])
@pytest.mark.parametrize("size", [10, 5_000])
def test_chunks_are_those_that_the_batchers_cut(settings: Settings, size: int):
    content = lines(*({"id": f"{number}", "t": "x" * size} for number in range(500)))
    segments, length = segments_for(
        len(content),
        math.ceil(math.ceil(len(content) / BYTES_PER_ITEM) / settings.items_per_chunk),
        settings.items_per_chunk,
        settings.chunks_per_segment,
    )
    per_segment = [
        len(list(chunks(part_of(content, number * length, length), settings.items_per_chunk, SQS_CHUNK_BYTES)))
        for number in range(segments)
    ]
    whole = len(list(chunks(part_of(content, 0, len(content)), settings.items_per_chunk, SFN_CHUNK_BYTES)))
    assert checked("a.jsonl", content, settings).chunks == {"sqs": sum(per_segment), "sfn": whole}


def part_of(content: bytes, first: int, length: int):
    stream = io.BufferedReader(io.BytesIO(content[max(0, first - 1) :]))  # type: ignore[arg-type]
    return json_items(lines_of_part(stream, first, first + length), lambda: "")


@pytest.mark.parametrize("first", ["1.jsonl", "2.csv", "3.jsonl.gz"])
def test_chunks_of_several_files_are_those_of_the_segments_in_which_they_lie(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: str
):
    objects = lines(*({"id": f"{number}", "t": "x" * 90} for number in range(400)))
    contents = {
        "1.jsonl": objects, "2.csv": b"id,t\n" + b"1,xxxxxxxxxx\n" * 300, "3.jsonl.gz": gzip.compress(objects),
        "4.jsonl": b"", "5.jsonl": objects[:20_000],
    }  # fmt: skip
    names = sorted(contents, key=lambda name: (name != first, name))
    for name in names:
        (tmp_path / name).write_bytes(contents[name])
    settings = Settings(items_per_chunk=10, chunks_per_segment=3)
    found = check(LocalInput([tmp_path / name for name in names], listed=True), settings, 0, lambda items, rest: None)
    s3 = S3({})
    monkeypatch.setitem(stack_settings.VARIABLES, "INPUT_BUCKET", BUCKET)
    monkeypatch.setitem(stack_settings.VARIABLES, "INPUT_PREFIX", "input/")
    monkeypatch.setattr(input_object, "input_s3", lambda: s3)
    put(s3, *((name, contents[name]) for name in names))
    source, length, estimate = pinned_input(LIST)
    assert length
    segments, size = segments_for(length, math.ceil(estimate / 10), 10, 3)
    assert segments > 2
    parts = [input_items(source, size * number, min(size * (number + 1), length), 0) for number in range(segments)]
    assert found.chunks["sqs"] == sum(len(list(chunks(part, 10, SQS_CHUNK_BYTES))) for part in parts)


def test_repeated_ids_are_told_with_their_lines_whatever_lies_between():
    items = [{"id": number} for number in range(25_000)]
    items[20_000] = {"id": "7"}
    items[24_999] = {"id": "7"}
    items[24_000] = {"id": "23000"}
    found = checked("a.jsonl", lines(*items), listed=1)
    assert found.repeated == RepeatedIds(2, 3, (RepeatedId("7", 3, 8, 25_000),))
    assert not found.fine


def test_ids_are_compared_exactly_and_as_texts():
    content = lines({"id": "\ud83d"}, {"id": "\ud83d"}, {"id": 1}, {"id": "1"}, {"id": "01"}, {"id": "A"}, {"id": "a"})
    assert [(one.item_id, one.items) for one in checked("a.jsonl", content).repeated.examples] == [
        ("\ud83d", 2),
        ("1", 2),
    ]


def test_a_bad_line_has_no_id_that_could_repeat():
    assert checked("a.csv", b"id,n\n1,2\n1\n").repeated == RepeatedIds()


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repeated_ids, "WRITTEN_TOGETHER", 200)
    few, many = (lines(*({"id": f"{number:09d}"} for number in range(size))) for size in (1_000, 4_000))

    def peak(content: bytes) -> int:
        tracemalloc.start()
        checked("a.jsonl", content)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(many) < peak(few) * 1.2


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, cli: Cli, tmp_path: Path):
    made = Ids.__init__

    def small(ids: Ids) -> None:
        made(ids)
        ids._database.execute("PRAGMA max_page_count = 3")

    monkeypatch.setattr(Ids, "__init__", small)
    (tmp_path / "a.jsonl").write_bytes(lines(*({"id": number} for number in range(2_000))))
    refused(cli("check", str(tmp_path / "a.jsonl")), "the ids cannot be compared", "disk is full", "TMPDIR")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def test_a_fine_file_is_exit_0_and_its_cost_is_that_of_the_plan(cli: Cli, file: Path):
    file.write_bytes(b"id,name\n" + b"".join(b"%d,Ann\n" % number for number in range(2_000)))
    code, out, err = cli("check", str(file), "--json", "--items-per-chunk", "30", "--value-distribution", "constant:5")
    found = json.loads(out)
    assert (code, err, found["fine"], found["items"]) == (0, "", True, 2_000)
    assert found["chunks"] == {"sqs": 67, "sfn": 67}
    each = str(found["itemBytes"] / 2_000)
    words = ("--items-per-chunk", "30", "--value-distribution", "constant:5")
    _, out, _ = cli("plan", "--items", "2000", "--item-bytes", each, *words, "--json")
    plans = {plan["architecture"]: plan for plan in json.loads(out)["plans"]}
    for name, cost in found["costs"].items():
        assert cost == {"dollars": plans[name]["dollars"], "seconds": plans[name]["seconds"]}
    code, out, _ = cli("check", str(file))
    assert code == 0
    assert "  sqs " in out
    assert "  sfn " in out
    assert f"rollcall run sqs --input {file}" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,n\n1,2\n2\n", "line 3 (id 2): InvalidItem: 1 field where the header has 2 (id, n): 2"),
        (b"id,n\n7,2\n7,3\n", "7: 2 times, first line 2, last line 3"),
        (b"id,n,n\n7,2,3\n", "line 1: the header names a column twice: 'n' is column 2 and 3"),
        (b'id,n\n1,2\n7,"2\n', "a quote that is not closed before the end of the file"),
    ],
)
def test_whatever_is_wrong_is_exit_1_and_said(cli: Cli, file: Path, content: bytes, said: str):
    file.write_bytes(content)
    code, out, err = cli("check", str(file))
    assert (code, err) == (1, "")
    assert said in " ".join(out.split())
    code, out, _ = cli("check", str(file), "--json")
    assert (code, json.loads(out)["fine"]) == (1, False)


def test_a_file_is_refused_with_the_words_of_run(cli: Cli, tmp_path: Path):
    path = tmp_path / "array.jsonl"
    path.write_bytes(b'[{"id":"a"}]\n')
    _, _, err = cli("run", "sqs", "--input", str(path), "--port", "9")
    sentence, hint = err.removeprefix(f"error: --input {path}, ").splitlines()
    _, out, _ = cli("check", str(path), "--json")
    assert json.loads(out)["reason"] == f"array.jsonl, {sentence}; {hint}"
    refused(cli("check", str(tmp_path / "no.csv")), "no.csv: there is no such file")
    refused(cli("check", "s3://bucket/orders.csv"), "s3://bucket/orders.csv", "it is no file of this machine")


def test_more_than_the_listed_lines_are_counted(cli: Cli, file: Path):
    file.write_bytes(b"id,n\n" + b"1\n" * 5)
    _, out, _ = cli("check", str(file), "--list", "2")
    assert out.count("InvalidItem") == 2
    assert "and 3 more: `--list 5` lists them" in out
    _, out, _ = cli("check", str(file), "--list", "5", "--json")
    assert len(json.loads(out)["badLines"]) == 5


def test_a_long_check_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, cli: Cli, file: Path):
    monkeypatch.setattr(ticker, "SHOWN_AFTER_SECONDS", 0)
    file.write_bytes(b"id\n" + b"".join(b"%d\n" % number for number in range(1_500)))
    _, _, err = cli("check", str(file))
    assert err == f"checking {file}: 1,000 items, 100% read\n"


def test_what_is_said_of_a_file_is_obeyed_and_said_again_in_the_next_command(cli: Cli, file: Path):
    file.write_bytes(b"order;n\n7;2\n8;3\n")
    code, out, _ = cli("check", str(file), "--id-column", "order")
    assert code == 0
    assert f"rollcall run sqs --input {file} --id-column order" in out
    assert cli("check", str(file))[0] == 1
    assert json.loads(cli("plan", "--input", str(file), "--id-column", "order", "--json")[1])["plans"]


def test_several_files_are_one_batch_whose_lines_are_named_with_their_file(cli: Cli, tmp_path: Path):
    first, second = tmp_path / "1.csv", tmp_path / "2.jsonl"
    first.write_bytes(b"id,n\n7,1\n8\n")
    second.write_bytes(b'{"id":"9"}\n\n{"id":"7"}\n{}\n')
    code, out, _ = cli("check", str(first), str(second), "--json")
    found = json.loads(out)
    assert (code, found["items"], found["bad"]) == (1, 5, {"sqs": 2, "sfn": 2})
    assert [(line["file"], line["line"]) for line in found["badLines"]] == [("1.csv", 3), ("2.jsonl", 4)]
    assert found["repeatedIds"]["examples"] == [
        {"id": "7", "items": 2, "first": {"file": "1.csv", "line": 2}, "last": {"file": "2.jsonl", "line": 3}}
    ]
    folder = json.loads(cli("check", str(tmp_path), "--json")[1])
    assert folder | {"files": []} == found | {"files": []}
    assert "2.jsonl line 4: InvalidItem" in cli("check", str(first), str(second))[1]


def test_of_several_files_one_that_breaks_off_keeps_no_other_from_being_read(tmp_path: Path):
    for name, content in (("1.csv", b'id,n\n1,2\n7,"2\n8,9\n'), ("2.csv", b"id,id\n1,2\n"), ("3.csv", b"id\n3\n")):
        (tmp_path / name).write_bytes(content)
    source = LocalInput(sorted(tmp_path.iterdir()), listed=True)
    found = check(source, Settings(), 10, lambda items, rest: None)
    assert found.items == 2
    assert found.reason
    assert found.reason.startswith("1.csv: the row at line 3 cannot be read")
    # The first one is looked at before anything is read.
    found = check(LocalInput([tmp_path / "2.csv", tmp_path / "3.csv"], listed=True), Settings(), 10, lambda *_: None)
    assert (found.items, (found.reason or "")[:14]) == (0, "2.csv, line 1:")


def test_the_manifest_of_an_inventory_is_refused_and_standard_input_is_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert "found the manifest of an S3 Inventory" in json.loads(cli("check", str(tmp_path), "--json")[1])["reason"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"id":"a"}\n')))
    code, out, _ = cli("check", "-", "--json")
    assert (code, json.loads(out)["items"]) == (0, 1)
