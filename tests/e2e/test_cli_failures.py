"""`rollcall failures` beyond the list: by groups, by a pattern, and as a new input."""

import csv
import gzip
import io
import json

import pytest

from sandbox.state import Sandbox
from tests.e2e.command_line import ARCHITECTURES, Rollcall, new_id
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks


@pytest.fixture(scope="module")
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path_factory.mktemp("failures"))


@ARCHITECTURES
def test_failures_of_three_causes_are_three_groups_and_each_ones_pattern_selects_it(rollcall: Rollcall, architecture):
    batch, (_, rows) = new_id(), items(12)
    for number, row in enumerate(rows):
        row["do"] = "fail" if number % 3 else "interrupt"
    (rollcall.folder / "three.jsonl").write_text("\n".join([*map(json.dumps, rows), "no item"]))
    words = ("--input=three.jsonl", "--max-attempts=1", "--items-per-chunk=4", f"--batch-id={batch}")
    ended = rollcall.json("run", architecture, *words, expect=1)
    groups = rollcall.json("failures", batch, "--group")["errors"]
    assert [(group["error"], group["count"]) for group in groups] == [
        ("RuntimeError: ... was made to fail", 8),
        ("KeyboardInterrupt", 4),
        ("InvalidItem: not JSON: at character 1 found 'no item', expected a value", 1),
    ]
    for group in groups:
        # DynamoDB keeps whole seconds.
        assert ended["startedAt"][:19] <= group["first"][:19] <= group["last"][:19] <= ended["finishedAt"][:19]
        listed = rollcall.json("failures", batch, f"--error={group['pattern']}")["failures"]
        assert len(listed) == group["count"]
        first = [{"id": entry["item"]["id"], "error": entry["error"]} for entry in listed[:3]]
        assert group["samples"] == first
    shown, _ = rollcall("failures", batch, "--group")
    assert f"{groups[0]['samples'][1]['id']}: RuntimeError: {groups[0]['samples'][1]['id']} was made" in shown
    assert f"rollcall redrive {batch} --error 'RuntimeError: ... was made to fail'" in shown
    header, *cells = csv.reader(io.StringIO(rollcall("failures", batch, "--group", "--csv", "--error=Key*")[0]))
    assert header == ["count", "error", "first", "last", "pattern", "samples"]
    assert [cell[:2] for cell in cells] == [["4", "KeyboardInterrupt"]]


@ARCHITECTURES
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.csv.gz"])
def test_failed_rows_are_written_in_the_inputs_own_format_and_run(rollcall: Rollcall, architecture, name):
    batch, (_, rows) = new_id(), items(9)
    for number, row in enumerate(rows):
        row |= {"value": "0", "do": "fail-once" if number in (2, 7) else "", "note": 'odd, "quoted"\r\nüé'}
    write(rollcall.folder / name, rows)
    words = (f"--input={name}", "--max-attempts=1", "--items-per-chunk=4", f"--batch-id={batch}")
    rollcall("run", architecture, *words, expect=1)
    again = f"{batch}-{name}"
    out, _ = rollcall("failures", batch, f"--as-input={again}")
    assert f"2 items written to {again}" in out
    assert f"run {architecture} --input {again}" in out
    assert sorted(read(rollcall.folder / again), key=str) == [rows[2], rows[7]]
    result = rollcall.json("run", architecture, f"--input={again}")
    assert (result["status"], result["succeeded"]) == ("SUCCEEDED", 2)
    _, err = rollcall("failures", batch, f"--as-input={again}", expect=2)
    assert "there is such a file, which is not overwritten" in err
    other = "other.jsonl" if "csv" in name else "other.csv"
    _, err = rollcall("failures", batch, f"--as-input={other}", expect=2)
    assert f"end its name in {'.csv' if 'csv' in name else '.jsonl'}" in err
    assert not (rollcall.folder / other).exists()


def test_what_is_no_item_is_left_out_of_an_input_and_told(rollcall: Rollcall):
    batch, (_, rows) = new_id(), items(2, do="fail")
    (rollcall.folder / "mixed.jsonl").write_text("\n".join([*map(json.dumps, rows), "no item"]))
    rollcall("run", "sqs", "--input=mixed.jsonl", "--max-attempts=1", f"--batch-id={batch}", expect=1)
    _, err = rollcall("failures", batch, f"--as-input={batch}.jsonl")
    assert "1 failure left out: a line that is no item" in err
    assert read(rollcall.folder / f"{batch}.jsonl") == rows
    _, err = rollcall("failures", batch, "--error=InvalidItem*", f"--as-input={batch}-no.jsonl", expect=2)
    assert "not written, since it would have no item" in err
    assert not (rollcall.folder / f"{batch}-no.jsonl").exists()


def write(path, rows: list[dict]) -> None:
    text = io.StringIO(newline="")
    if ".csv" in path.name:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    else:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def read(path) -> list[dict]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    if ".csv" in path.name:
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.splitlines()]


@ARCHITECTURES
def test_a_redrive_of_one_group_runs_its_items_and_the_others_stay_failed_and_redrivable(
    rollcall: Rollcall, stacks: Stacks, architecture
):
    batch, (prefix, rows) = new_id(), items(9)
    for number, what in {1: "fail-once", 5: "fail-once", 2: "interrupt-once", 7: "interrupt-once"}.items():
        rows[number]["do"] = what
    (rollcall.folder / "group.jsonl").write_text("\n".join([*map(json.dumps, rows), "no item"]))
    words = ("--input=group.jsonl", "--max-attempts=1", "--items-per-chunk=4", f"--batch-id={batch}")
    rollcall("run", architecture, *words, expect=1)
    kind = rollcall.json("failures", batch, "--group")["errors"][0]["pattern"]
    assert kind == "RuntimeError: ... was made to fail"
    before = {entry["item"]["id"]: entry for entry in rollcall.json("failures", batch)["failures"]}

    _, err = rollcall("redrive", batch, "--error=KeyError*", expect=2)
    assert f"no failed item of batch {batch} has the error KeyError*" in err
    _, err = rollcall("redrive", batch, "--error=InvalidItem*", expect=2)
    assert "each of the 1 item that failed is a line that is no item" in err

    _, err = rollcall("redrive", batch, f"--error={kind}", expect=1)
    assert "2 failed items with that error; 3 others stay failed, as generation 2" in err
    second = rollcall.json("status", batch)
    assert (second["generation"], second["status"], second["items"], second["chunks"]) == (2, "FAILED", 5, 2)
    assert (second["succeeded"], second["failed"], second["remaining"]) == (2, 3, 0)
    left = rollcall.json("failures", batch)["failures"]
    assert len(left) == 3
    for entry in left:
        was = before[entry["item"]["id"]]
        assert (entry["item"], entry["error"]) == (was["item"], was["error"])

    rollcall("redrive", batch, expect=1)
    third = rollcall.json("status", batch)
    assert (third["generation"], third["items"], third["succeeded"], third["failed"]) == (3, 3, 2, 1)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
