"""What is yours to write: work that is awaited, and what becomes of a batch whose source has a mistake."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from sandbox.state import REPOSITORY, Sandbox
from tests.e2e.deployed import deploy
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import QUICK, Stacks, says

HERE = Path(__file__).parent
OVERLAY = {
    "handlers/work.py": HERE / "work_that_awaits.py",
    "handlers/source.py": HERE / "source_with_mistakes.py",
    "handlers/source_itself.py": REPOSITORY / "handlers" / "source.py",
}
ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])


@pytest.fixture(scope="module")
def own_stacks(sandbox: Sandbox, aws: Callable[[str], Any]) -> Iterator[Stacks]:
    """Both stacks with another source and other work than the others' tests have."""
    suffix = f"Own{uuid.uuid4().hex[:6]}"
    connection = session(sandbox.endpoint)
    results = f"rollcall-{suffix.lower()}-results"
    aws("s3").create_bucket(Bucket=results)
    outputs = deploy(connection, parameters=QUICK | {"ResultsBucket": results}, suffix=suffix, overlay=OVERLAY)
    stacks = Stacks(aws, outputs, suffix, results)
    stacks.subscribe()
    yield stacks
    try:
        stacks.assert_each_finished_once()
    finally:
        stacks.unsubscribe()
        destroy(connection, suffix=suffix)


@ARCHITECTURES
def test_async_work_is_awaited_so_many_items_at_a_time(own_stacks: Stacks, architecture):
    prefix, rows = items(60, value=30)
    for row in rows[::20]:
        row["fail"] = "yes"
    rows[7]["leave"] = "yes"
    request = {"itemsPerChunk": 30, "itemConcurrency": 10, "maxAttempts": 1}
    place = own_stacks.upload("items.jsonl", json_lines(rows))
    detail = own_stacks.finished(own_stacks.start(architecture, input=place, **request))
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 56, 4)
    errors = {each["item"]["id"]: says(each) for each in own_stacks.failures(architecture, detail["batchId"])}
    assert errors.pop(rows[7]["id"]).startswith("TasksLeft: process returned while 1 task that it had begun still ran")
    assert errors == {row["id"]: f"RuntimeError: {row['id']} was made to fail" for row in rows[::20]}
    own_stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})
    results = own_stacks.results(detail["batchId"])
    assert max(each["atATime"] for each in results.values()) == 10
    # A loop an environment.
    loops = {each["loop"] for each in results.values()}
    assert len(loops) == len({loop.split("-")[0] for loop in loops})


@ARCHITECTURES
@pytest.mark.parametrize(
    ("where", "says"), [("survey", "AssertionError: the survey is mistaken"), ("items", "KeyError: 'no such item'")]
)
def test_a_mistake_in_the_source_ends_its_batch_failed_with_the_reason(own_stacks: Stacks, architecture, where, says):
    batch_id = f"mistaken-{where}-{uuid.uuid4().hex[:8]}"
    detail = own_stacks.finished(own_stacks.start(architecture, batchId=batch_id, items=20, itemsPerChunk=5))
    assert detail["status"] == "FAILED"
    # Step Functions says what its function said, in its own words.
    assert says.partition(": ")[0] in detail["reason"]
    assert says.partition(": ")[2].strip("'") in detail["reason"]
    assert detail["succeeded"] + detail["failed"] == 0
