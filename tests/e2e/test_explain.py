"""Standstills that are staged on the real engine, and the sentence of `rollcall explain` for each."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from handlers.sqs.standstill import clock_time
from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually

# Leases and retries are to be seen before the clock skips them.
pytestmark = pytest.mark.usefixtures("real_time")

# A call that hangs for long fails in the end.
FAILED = r"(the processor failed .*; )?"
# Children of several chunks say so.
EACH = r"(, each with up to \d+ chunks)?"
TIME = r"\d\d:\d\d:\d\d UTC"


@pytest.fixture(scope="module")
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path_factory.mktemp("explain"))


@pytest.fixture
def explained(rollcall: Rollcall) -> Callable[[str, str, str], dict]:
    """`explained(batch, cause, pattern)` waits until `explain` gives that cause, in a sentence of that pattern."""

    def wait(batch: str, cause: str, pattern: str) -> dict:
        told: list[str] = []

        def right() -> dict:
            found = rollcall.json("explain", batch)
            told.append(f"{found['cause']}: {found['sentence']}")
            assert found["cause"] == cause, told
            assert re.fullmatch(pattern, found["sentence"]), told
            return found

        return eventually(right, timeout=40)

    return wait


@contextmanager
def disabled(stacks: Stacks, function: str) -> Iterator[None]:
    """The function's event sources take nothing until the end."""
    client = stacks.aws("lambda")
    mappings = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]

    def enabled(wanted: bool) -> None:
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=wanted)
        for mapping in mappings:
            eventually(lambda uuid=mapping["UUID"]: assert_state(client, uuid, "Enabled" if wanted else "Disabled"))

    try:
        enabled(False)
        yield
    finally:
        enabled(True)


def assert_state(client: Any, uuid: str, state: str) -> None:
    assert client.get_event_source_mapping(UUID=uuid)["State"] == state


@contextmanager
def reserved(stacks: Stacks, function: str, limit: int) -> Iterator[None]:
    """No more than `limit` of the function run at a time until the end."""
    client = stacks.aws("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=limit)
    try:
        yield
    finally:
        client.delete_function_concurrency(FunctionName=function)


def start(stacks: Stacks, architecture: str, rows: list[dict], **request: Any) -> str:
    """Start a batch with these items, one a chunk."""
    source = stacks.upload("orders.jsonl", json_lines(rows))
    return stacks.start(architecture, **{"input": source, "itemsPerChunk": 1, **request})


@contextmanager
def held_up(stacks: Stacks, plan: Plan, architecture: str) -> Iterator[None]:
    """Processors have time, and hang in a call of a service until the faults end."""
    outputs = stacks.sqs if architecture == "sqs" else stacks.sfn
    # With the first, chunks are deleted that are done; with the second a processor looks whether the batch has ended.
    call = {"operation": "BatchWriteItem"} if architecture == "sqs" else {"service": "s3"}
    with stacks.timeout_of("Processor", 30, architecture):
        plan({"kind": "hang", **call, "function": outputs["ProcessorFunctionName"]})
        yield


# ------------------------------------------------------------------------------------------ SQS and DynamoDB
def test_no_consumer_takes_from_the_chunk_queue(stacks: Stacks, explained):
    with disabled(stacks, stacks.sqs["ProcessorFunctionName"]):
        batch = start(stacks, "sqs", items(3)[1])
        found = explained(
            batch,
            "no-consumer",
            "No consumer takes from the chunk queue: the processor's event source for it is Disabled; 3 chunks wait.",
        )
        assert found["evidence"]["chunk queue"] == "3 waiting"
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_the_processor_may_not_run(stacks: Stacks, explained):
    with reserved(stacks, stacks.sqs["ProcessorFunctionName"], 0):
        batch = start(stacks, "sqs", items(3)[1])
        why = "the processor may not run: its reserved concurrency is 0"
        explained(batch, "no-consumer", f"No consumer takes from the chunk queue: {why}; 3 chunks wait.")
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_the_concurrency_limit_is_reached(stacks: Stacks, plan: Plan, explained):
    with held_up(stacks, plan, "sqs"):
        # Ten of them go to one processor.
        batch = start(stacks, "sqs", items(44)[1])
        explained(
            batch,
            "concurrency-limit",
            r"The concurrency limit of 4 is reached; \d+ of \d+ chunks wait; "
            rf"\d+ of \d+ chunks are leased until {TIME}: to processors at work, or to ones that died\.",
        )
        plan()
        assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_chunks_wait_for_a_processors_leases(stacks: Stacks, plan: Plan, explained):
    with held_up(stacks, plan, "sqs"):
        batch = start(stacks, "sqs", items(1)[1])
        found = explained(batch, "leases", rf"1 chunk is leased until {TIME}: to processors at work, or .*\.")
        look = stacks.table.look(stacks.table.get_batch(batch), stacks.clock.now_ms())
        assert clock_time(look.chunks.held_until, look.now) in found["sentence"]
        plan()
        assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_a_processor_died(stacks: Stacks, explained):
    [row] = items(1, do="die-once")[1]
    batch = start(stacks, "sqs", [row])
    explained(
        batch,
        "processor-died",
        rf"1 chunk waits for messages to return: the processors that leased them until {TIME} died\.",
    )
    stacks.clock.advance(30)
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_items_keep_failing_with_the_same_error(stacks: Stacks, explained):
    batch = start(stacks, "sqs", items(3, do="fail")[1], maxAttempts=10)
    explained(
        batch,
        "items-fail",
        r"Items keep failing with the same error: RuntimeError: \.\.\. was made to fail; "
        r"3 chunks wait for another attempt, after \d+ of 10\.",
    )
    cancel(stacks, batch)


def test_a_segment_has_no_batcher(stacks: Stacks, plan: Plan, explained):
    """Between the end of its lease and the next check, which comes late: else that is soon over."""
    batcher, checks = stacks.sqs["BatcherFunctionName"], stacks.sqs["FinalizerQueueUrl"].rpartition("/")[2]
    killed = {"kind": "kill", "when": "before", "operation": "BatchWriteItem", "function": batcher}
    plan(killed, {"kind": "late-message", "queue": checks, "seconds": 20})
    batch = start(stacks, "sqs", items(3)[1])
    found = explained(batch, "batcher-fails", r"It is not sealed: segment 0 has no batcher; the batcher failed .*")
    assert "Runtime.ExitError" in found["sentence"]
    cancel(stacks, batch)


def test_it_is_not_sealed(stacks: Stacks, plan: Plan, explained):
    with stacks.timeout_of("Batcher", 30, "sqs"):
        plan({"kind": "hang", "operation": "BatchWriteItem", "function": stacks.sqs["BatcherFunctionName"]})
        batch = start(stacks, "sqs", items(3)[1])
        explained(batch, "not-sealed", rf"It is not sealed: segment 0 has a batcher until {TIME}\.")
        plan()
        assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_the_messages_of_chunks_are_gone(stacks: Stacks, explained):
    with disabled(stacks, stacks.sqs["ProcessorFunctionName"]):
        batch = start(stacks, "sqs", items(3)[1])
        explained(batch, "no-consumer", ".*3 chunks wait.")
        stacks.aws("sqs").purge_queue(QueueUrl=stacks.sqs["ChunkQueueUrl"])
    explained(batch, "no-message", "3 chunks wait for a processor, and the chunk queue shows no message.")
    cancel(stacks, batch)


def test_all_is_finished_and_nobody_ends_it(stacks: Stacks, explained):
    with disabled(stacks, stacks.sqs["FinalizerFunctionName"]):
        batch = start(stacks, "sqs", items(3)[1])
        why = "the finalizer's event source for it is Disabled"
        explained(
            batch,
            "no-consumer",
            f"Every chunk is finished; no consumer takes from the finalizer queue: {why}.",
        )
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_a_cancelled_batch_waits_for_leases(stacks: Stacks, rollcall: Rollcall, plan: Plan, explained):
    with held_up(stacks, plan, "sqs"):
        batch = start(stacks, "sqs", items(1)[1])
        explained(batch, "leases", ".* leased .*")
        rollcall("cancel", batch, "--no-wait")
        explained(batch, "ending", rf"It was cancelled at {TIME}, and waits for 1 lease of processors until {TIME}\.")
        plan()
        # Its only item is done, if the processor could still record that.
        assert stacks.finished(batch)["status"] in ("SUCCEEDED", "CANCELLED")


def test_the_processor_cannot_be_started(stacks: Stacks, explained):
    client, function = stacks.aws("lambda"), stacks.sqs["ProcessorFunctionName"]
    before = client.get_function_configuration(FunctionName=function)["Handler"]
    with ExitStack() as undo:
        undo.callback(client.update_function_configuration, FunctionName=function, Handler=before)
        client.update_function_configuration(FunctionName=function, Handler="missing.handler")
        batch = start(stacks, "sqs", items(3)[1])
        explained(
            batch,
            "processor-fails",
            r"3 chunks wait for a processor, and the processor failed .*: Runtime.ImportModuleError: .* 'missing'.*",
        )
        cancel(stacks, batch)


def test_a_batch_that_has_ended_does_not_stand(stacks: Stacks, explained):
    for architecture in ("sqs", "sfn"):
        batch = start(stacks, architecture, items(3)[1])
        ended = stacks.finished(batch)
        at = ended["finishedAt"]
        explained(batch, "ended", rf"Batch {batch} does not stand: it ended SUCCEEDED at {at}\.")


# --------------------------------------------------------------------------------------------- Step Functions
def test_a_batcher_fails_and_is_called_again(stacks: Stacks, plan: Plan, explained):
    batcher = stacks.sfn["BatcherFunctionName"]
    refused = {"kind": "error", "error": "SlowDown", "status": 503}
    plan({**refused, "service": "s3", "operation": "PutObject", "function": batcher})
    batch = start(stacks, "sfn", items(3)[1])
    explained(
        batch, "batcher-fails", r"It is not sealed: its batcher failed, and is called again: .*(SlowDown|timed out).*"
    )
    plan()
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_the_maps_concurrency_limit_is_reached(stacks: Stacks, plan: Plan, explained):
    with held_up(stacks, plan, "sfn"):
        # Several chunks may share a child.
        batch = start(stacks, "sfn", items(120)[1])
        explained(
            batch,
            "concurrency-limit",
            rf"The limit of \d+ children at once is reached; \d+ child(ren)? waits? to begin; {FAILED}\d+ "
            rf"children run{EACH}\.",
        )
        plan()
        assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_children_run_and_items_keep_failing_with_the_same_error(stacks: Stacks, explained):
    # Ten attempts of a second and a half each, so that a busy machine looks before the last is over.
    batch = start(stacks, "sfn", items(3, do="fail", value=1500)[1], maxAttempts=10)
    explained(
        batch,
        "items-fail",
        rf"Items keep failing with the same error: RuntimeError: \.\.\. was made to fail; \d child(ren)? runs?{EACH}\.",
    )
    cancel(stacks, batch, "sfn")


def test_lambda_refuses_every_call_of_the_processor(stacks: Stacks, explained):
    processor, why = stacks.sfn["ProcessorFunctionName"], "the processor may not run: its reserved concurrency is 0"
    with reserved(stacks, processor, 0):
        batch = start(stacks, "sfn", items(3)[1])
        explained(batch, "no-consumer", f"Its work is to be tried before its first child, and {why}.")
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_children_share_the_processors_reserved_concurrency(stacks: Stacks, plan: Plan, explained):
    with held_up(stacks, plan, "sfn"), reserved(stacks, stacks.sfn["ProcessorFunctionName"], 1):
        batch = start(stacks, "sfn", items(3)[1])
        explained(batch, "concurrency-limit", r"\d children share the processor's reserved concurrency of 1; .*")
        plan()
        assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_a_finalizer_fails_and_is_called_again(stacks: Stacks, plan: Plan, explained):
    finalizer = stacks.sfn["FinalizerFunctionName"]
    refused = {"kind": "error", "error": "SlowDown", "status": 503}
    plan({**refused, "service": "s3", "operation": "PutObject", "function": finalizer})
    batch = start(stacks, "sfn", items(3)[1])
    explained(
        batch, "finalizer-fails", r"Every child has ended; its finalizer is called again: .*(SlowDown|timed out).*"
    )
    plan()
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


def test_a_stopped_execution_waits_for_its_children_and_then_for_the_finalizer(stacks: Stacks, plan: Plan, explained):
    with held_up(stacks, plan, "sfn"), disabled(stacks, stacks.sfn["FinalizerFunctionName"]):
        batch = start(stacks, "sfn", items(3)[1])
        explained(batch, "children", rf"\d child(ren)? runs?{EACH}\.")
        stop(stacks, batch)
        explained(
            batch,
            "ending",
            r"Its execution is ABORTED, and its end waits for \d child(ren)? to end: EXPRESS ones have 5 minutes\.",
        )
        plan()
        why = "no consumer takes from the finalizer queue: the finalizer's event source for it is Disabled"
        explained(batch, "no-consumer", f"Its execution is ABORTED; {why}.")
    stacks.clock.advance(60)
    assert stacks.finished(batch)["status"] in ("CANCELLED", "SUCCEEDED")


# ------------------------------------------------------------------------------------------------------ both
def test_a_request_that_nobody_takes_is_told_of_a_batch_that_is_not_there(stacks: Stacks, rollcall: Rollcall):
    with reserved(stacks, stacks.sqs["BatcherFunctionName"], 0):
        _, err = rollcall("explain", "not-there", expect=2)
    assert "there is no batch 'not-there'" in err
    assert "its request may wait: " in err
    assert "the batcher may not run: its reserved concurrency is 0" in err


def test_the_sentence_is_printed_with_what_shows_it_and_what_to_run_next(stacks: Stacks, rollcall: Rollcall):
    batch = start(stacks, "sqs", items(2)[1])
    stacks.finished(batch)
    out, _ = rollcall("explain", batch)
    assert out.startswith(f"Batch {batch} does not stand: it ended SUCCEEDED at ")
    assert "deadline" in out
    assert f"rollcall status {batch}" in out


def stop(stacks: Stacks, batch: str) -> None:
    arn = stacks.sfn["StateMachineArn"].replace(":stateMachine:", ":execution:")
    stacks.aws("stepfunctions").stop_execution(executionArn=f"{arn}:{batch}")


def cancel(stacks: Stacks, batch: str, architecture: str = "sqs") -> None:
    """End the batch, so that it is in no other test's way."""
    if architecture == "sfn":
        stop(stacks, batch)
    else:
        stacks.table.cancel(stacks.table.get_batch(batch).key, stacks.clock.now_ms())
    with stacks.clock.real():
        stacks.clock.advance(120)
    assert json.dumps(stacks.finished(batch))
