"""One bad item costs one item: it fails with its cause, and its neighbours get through."""

import json
import uuid

from handlers.core.json_text import JsonObject
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.probes import eventually

CAUSES = {
    "hang": "not done when the function's time ran out (",
    "exit": "its process ended with exit code 3",
    "crash": "its process ended with signal SIGSEGV",
}


def run(stacks: Stacks, architecture: str, rows: list[dict], **request: int) -> tuple[JsonObject, dict[str, str]]:
    """The batch's ending, and item id -> error."""
    place = stacks.upload("items.jsonl", json_lines(rows))
    detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=10, **request))
    return detail, {each["item"]["id"]: each["error"] for each in stacks.failures(architecture, detail["batchId"])}


def test_of_ten_items_one_that_hangs_or_ends_its_process_fails_alone_and_costs_no_invocation(
    stacks: Stacks, architecture
):
    processor = (stacks.sqs if architecture == "sqs" else stacks.sfn)["ProcessorFunctionName"]
    cut_short = stacks.cut_short(processor)
    prefix, rows = items(30)
    bad = dict(zip(CAUSES, (3, 14, 25), strict=True))
    for what, index in bad.items():
        rows[index]["do"] = what
    detail, errors = run(stacks, architecture, rows, maxAttempts=1)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 27, 3)
    found = {what: errors[rows[index]["id"]] for what, index in bad.items()}
    assert all(found[what].startswith(cause) for what, cause in CAUSES.items()), found
    assert set(stacks.witnessed(architecture, prefix)) == {row["id"] for row in rows}
    assert stacks.cut_short(processor) == cut_short


def test_of_ten_items_one_that_eats_the_memory_fails_alone_with_that_cause(stacks: Stacks, architecture):
    _, rows = items(10)
    rows[6]["do"] = "eat"
    # On a busy machine the memory is eaten slowly.
    with stacks.timeout_of("Processor", 30, architecture):
        detail, errors = run(stacks, architecture, rows, maxAttempts=1)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 9, 1)
    # Ended by us, by the kernel, or by the sandbox in its place: the cause names the memory.
    assert "256 MB" in errors[rows[6]["id"]]


def test_a_failed_items_error_has_its_line_and_the_log_has_its_traceback_and_your_own_lines(
    stacks: Stacks, architecture
):
    prefix, rows = items(2)
    rows[0]["do"], rows[1]["do"] = "fail", "log"
    _, errors = run(stacks, architecture, rows, maxAttempts=2)
    [error] = errors.values()
    message, frame = error.split("\n")
    assert message == f"RuntimeError: {prefix}0 was made to fail"
    assert frame.startswith("  handlers/work.py, line ")
    assert frame.endswith(", in process")

    def logged() -> None:
        lines = stacks.log_of(architecture, "Processor", prefix)
        told = [json.loads(line) for line in lines if '"item failed"' in line]
        assert [(line["id"], line["attempt"], line["error"]) for line in told] == [
            (f"{prefix}0", attempt, message) for attempt in (1, 2)
        ]
        assert all(line["traceback"].startswith("Traceback (most recent call last):\n") for line in told)
        [own] = [line.split("\t") for line in lines if f"told by {prefix}1" in line]
        assert own[0] == "[INFO]"
        assert uuid.UUID(own[2])  # the invocation's id, which the process's init did not know

    eventually(logged)
