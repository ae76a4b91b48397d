"""`rollcall results`, and what `run` says of errors of invocations while they happen."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.state import Sandbox
from tests.e2e.command_line import ARCHITECTURES, Rollcall, new_id
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks


@pytest.fixture(scope="module")
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path_factory.mktemp("results"))


@ARCHITECTURES
def test_results_are_printed_by_item_as_lines_json_and_csv(rollcall: Rollcall, stacks: Stacks, architecture):
    batch, (_, rows) = new_id(), items(12)
    for number, row in enumerate(rows):
        row["result"] = {"size": number, "name": "=1+1"}
    rows[4]["do"] = "fail-once"
    (rollcall.folder / "orders.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--input=orders.jsonl", "--max-attempts=1", "--items-per-chunk=5", f"--batch-id={batch}")
    out, _ = rollcall("run", architecture, *words, expect=1)
    assert f"s3://{stacks.results_bucket}/results/{batch}/" in out
    assert f"rollcall results {batch} " in out
    assert rollcall.json("redrive", batch)["resultsAt"] == f"s3://{stacks.results_bucket}/results/{batch}/"
    expected = {row["id"]: row["result"] for row in rows}
    printed = [json.loads(line) for line in rollcall("results", batch)[0].splitlines()]
    assert len(printed) == 12
    assert {line["id"]: line["result"] for line in printed} == expected
    found = rollcall.json("results", batch)
    assert (found["batchId"], found["generations"], found["results"]) == (batch, [1, 2], printed)
    [again] = rollcall("results", batch, "--generation=2")[0].splitlines()
    assert json.loads(again)["id"] == rows[4]["id"]
    header, *cells = csv.reader(io.StringIO(rollcall("results", batch, "--csv")[0]))
    assert header == ["id", "size", "name"]
    assert sorted(cells) == sorted([item, str(result["size"]), "'=1+1"] for item, result in expected.items())


def test_a_batch_whose_items_return_nothing_has_no_results(rollcall: Rollcall):
    batch = rollcall.json("run", "sqs", "--items=3")["batchId"]
    out, err = rollcall("results", batch)
    assert (out, err) == ("", f"no item of batch {batch} has a result: process returned None\n")


@contextmanager
def broken(aws: Callable[[str], Any], function: str) -> Iterator[None]:
    """The function's module cannot be imported until the end."""
    functions = aws("lambda")
    before = functions.get_function_configuration(FunctionName=function)["Handler"]
    functions.update_function_configuration(FunctionName=function, Handler="missing.handler")
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Handler=before)


def test_errors_of_invocations_are_told_with_their_cause_while_they_happen(rollcall: Rollcall, stacks: Stacks, aws):
    batch, cause = new_id(), "Runtime.ImportModuleError: Unable to import module 'missing': No module named 'missing'"
    words = ("--items=6", "--items-per-chunk=3", "--deadline=5000", f"--batch-id={batch}", "--json")
    with rollcall.popen("run", "sqs", *words) as process:
        with broken(aws, stacks.sqs["ProcessorFunctionName"]):
            assert process.stderr
            told = next(line for line in process.stderr if "processor failed" in line)
            [seen] = rollcall.json("status", batch)["invocationErrors"]
            shown, _ = rollcall("status", batch)
        out, _ = process.communicate(timeout=60)
    assert told.endswith(f": {cause}\n")
    assert (seen["role"], seen["cause"], seen["count"] > 0) == ("sqs.processor", cause, True)
    assert f": {cause}" in " ".join(shown.split())
    assert "rollcall logs sqs.processor --errors --since 1h" in shown
    ended = json.loads(out)
    assert (ended["status"], ended["succeeded"]) == ("SUCCEEDED", 6)
    assert [(error["role"], error["cause"]) for error in ended["invocationErrors"]] == [("sqs.processor", cause)]
    assert cause in rollcall("logs", "sqs.processor", "--errors", "--since=1d")[0]
