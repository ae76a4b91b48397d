"""The rules of `rollcall explain`, and of Batch Stalled: facts in, one sentence out, and never more than they tell."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handlers.core.batch import BatchRequest, Status
from handlers.sqs.records import Batch, BatchKey, Segment
from handlers.sqs.standstill import ChunkStates, TableLook, sentence_of, table_tells
from rollcall.batches.explain import sfn_rules, sqs_rules
from rollcall.batches.explain.sfn_facts import SfnFacts, place_in
from rollcall.batches.explain.sqs_facts import SqsFacts
from rollcall.batches.explain.stack import FunctionFacts, QueueFacts, SourceFacts, StackFacts
from rollcall.batches.invocation_errors import InvocationError

# 2026-11-26T14:00:00Z
NOW = 1_795_701_600_000
SOON = NOW + 312_000
BATCH = Batch(BatchKey("b-1"), Status.OPEN, BatchRequest(max_attempts=3), 1, NOW - 60_000, NOW + 3_600_000)
UNSEALED = replace(BATCH, segments=frozenset({3}))
ENABLED, DISABLED = SourceFacts(enabled=True, state="Enabled"), SourceFacts(enabled=False, state="Disabled")
WELL = StackFacts(
    queues={"chunk": QueueFacts(5, 0, 0), "finalizer": QueueFacts(0, 1, 0)},
    functions={
        "batcher": FunctionFacts(),
        "processor": FunctionFacts(sources={"chunk": (replace(ENABLED, limit=10, messages=2),)}),
        "finalizer": FunctionFacts(sources={"finalizer": (ENABLED,)}),
    },
)


NONE = ChunkStates()


def look(chunks: ChunkStates = NONE, batch: Batch = BATCH, **segments: Segment | None) -> TableLook:
    return TableLook(batch, {int(name[1:]): found for name, found in segments.items()}, chunks, NOW)


def chunks(**counts: int) -> ChunkStates:
    seen = sum(counts.get(kind, 0) for kind in ("held", "lost", "failed", "waiting"))
    return ChunkStates(**{"left": seen, "seen": seen, "holders": counts.get("held", 0), **counts})


HELD = {"held_until": SOON}
LEASED = "leased until 14:05:12 UTC: to processors at work, or to ones that died"
TABLE = [
    (
        look(chunks(held=7, **HELD)),
        "7 chunks are leased until 14:05:12 UTC: to processors at work, or to ones that died",
    ),
    (
        look(chunks(held=1, waiting=8, **HELD)),
        f"8 of 9 chunks wait for a processor; 1 of 9 chunks is {LEASED}",
    ),
    (look(chunks(failed=2, attempts=1)), "2 chunks wait for another attempt, after 1 of 3"),
    (
        look(chunks(lost=1, lost_at=NOW - 1000)),
        "1 chunk waits for messages to return: the processors that leased them until 13:59:59 UTC died",
    ),
    (
        look(replace(chunks(waiting=100), left=5_000)),
        "the first 100 chunks wait for a processor",
    ),
    (look(batch=UNSEALED, s3=None), "it is not sealed: segment 3 has no batcher"),
    (look(batch=UNSEALED, s3=Segment(3, NOW - 1)), "it is not sealed: segment 3 has no batcher"),
    (look(batch=UNSEALED, s3=Segment(3, SOON)), "it is not sealed: segment 3 has a batcher until 14:05:12 UTC"),
    (
        look(batch=replace(BATCH, segments=frozenset(range(7))), s0=None, s1=None, s2=None, s3=None),
        "it is not sealed: segments 0, 1, 2 and 4 more have no batcher",
    ),
    (
        look(batch=replace(BATCH, segments=frozenset({0, 5})), s0=Segment(0, SOON), s5=None),
        "it is not sealed: segment 0 has a batcher until 14:05:12 UTC",
    ),
    (
        look(chunks(waiting=1), UNSEALED, s3=None),
        "1 chunk waits for a processor; it is not sealed: segment 3 has no batcher",
    ),
    (look(), "every chunk is finished; the finalizer is to end it at its next check"),
    (
        look(chunks(waiting=1), replace(BATCH, deadline=NOW - 5000)),
        "it passed its deadline at 13:59:55 UTC; the finalizer is to end it at its next check",
    ),
    (
        look(chunks(held=2, **HELD), replace(BATCH, deadline=NOW, cancelled=True)),
        "it was cancelled at 14:00:00 UTC, and waits for 2 leases of processors until 14:05:12 UTC",
    ),
    (
        look(batch=replace(UNSEALED, deadline=NOW, reason="segment 3 cannot be made"), s3=Segment(3, SOON)),
        "it is to end FAILED: segment 3 cannot be made, and waits for 1 lease of batchers until 14:05:12 UTC",
    ),
]


@pytest.mark.parametrize(("seen", "sentence"), TABLE)
def test_batch_stalled_says_what_the_table_alone_tells(seen: TableLook, sentence: str) -> None:
    assert sentence_of(table_tells(seen)) == sentence


def changed(queue: QueueFacts | None = None, **functions: FunctionFacts) -> StackFacts:
    return replace(
        WELL,
        functions={**WELL.functions, **functions},
        queues={**WELL.queues, **({"chunk": queue} if queue else {})},
    )


OFF = FunctionFacts(sources={"chunk": (DISABLED,)})
DIED = (InvocationError("sqs.processor", "Runtime.ExitError: signal: killed", 3, NOW),)
STACK = [
    ("unknown", look(chunks(waiting=5)), WELL, "why none takes them is not known: an account without concurrency left"),
    ("unknown", look(chunks(waiting=5)), StackFacts(), "5 chunks wait for a processor, and why none takes them is not"),
    ("no-consumer", look(chunks(waiting=5)), changed(processor=OFF), "the processor's event source for it is Disabled"),
    ("no-consumer", look(chunks(waiting=5)), changed(processor=FunctionFacts()), "no function has an event source"),
    ("no-consumer", look(chunks(held=2, waiting=1, **HELD)), changed(processor=OFF), "; 1 of 3 chunks waits; 2 of 3"),
    ("leases", look(chunks(held=2, **HELD)), changed(processor=OFF), "2 chunks are leased until 14:05:12"),
    (
        "concurrency-limit",
        look(chunks(held=10, waiting=3, **HELD)),
        WELL,
        "The concurrency limit of 10 is reached; 3 of",
    ),
    (
        "concurrency-limit",
        look(chunks(held=19, holders=8, waiting=3, **HELD)),
        WELL,
        "The concurrency limit of 10 is reached; 3 of",
    ),
    ("leases", look(chunks(held=18, holders=8, waiting=3, **HELD)), WELL, "18 of 21 chunks are leased"),
    ("leases", look(chunks(held=10, **HELD)), WELL, "10 chunks are leased"),
    ("leases", look(chunks(held=9, waiting=3, **HELD)), WELL, "9 of 12 chunks are leased"),
    ("no-message", look(chunks(waiting=3)), changed(QueueFacts(0, 0, 0)), "the chunk queue shows no message"),
    ("in-flight", look(chunks(waiting=3)), changed(QueueFacts(0, 2, 1)), "every message is in flight or delayed"),
    (
        "processor-fails",
        look(chunks(waiting=3)),
        replace(WELL, invocation_errors=DIED),
        "processor failed 3 times: Run",
    ),
    ("items-fail", look(chunks(failed=3, attempts=1)), WELL, "3 chunks wait for another attempt, after 1 of 3."),
    (
        "items-fail",
        look(chunks(failed=3, attempts=2)),
        replace(WELL, item_errors=(("KeyError: 'zip'", 9),)),
        "Items keep failing with the same error: KeyError: 'zip'; 3 chunks wait for another attempt",
    ),
    (
        "leases",
        look(chunks(held=5, failed=1, attempts=1, **HELD)),
        replace(WELL, item_errors=(("KeyError: 'zip'", 2), ("OSError", 1))),
        "items have failed with 2 kinds of error, mostly: KeyError: 'zip'; 1 of 6 chunks waits for another attempt",
    ),
    ("no-batcher", look(batch=UNSEALED, s3=None), WELL, "It is not sealed: segment 3 has no batcher."),
    (
        "no-consumer",
        look(batch=UNSEALED, s3=None),
        changed(batcher=FunctionFacts(reserved=0)),
        "segment 3 has no batcher; the batcher may not run: its reserved concurrency is 0.",
    ),
    (
        "no-consumer",
        look(batch=replace(BATCH, deadline=NOW, cancelled=True)),
        changed(finalizer=FunctionFacts(sources={"finalizer": (DISABLED,)})),
        "It was cancelled at 14:00:00 UTC; no consumer takes from the finalizer queue: ",
    ),
    (
        "work-cannot-start",
        look(chunks(waiting=1), replace(BATCH, unready=1, why_unready="No module named 'pandas'")),
        WELL,
        "Its work cannot start: No module named 'pandas'; 1 chunk waits",
    ),
]


@pytest.mark.parametrize(("cause", "seen", "stack", "part"), STACK)
def test_a_stack_adds_what_is_known_of_it_and_nothing_else(
    cause: str, seen: TableLook, stack: StackFacts, part: str
) -> None:
    found = sqs_rules.explanation(SqsFacts(seen.batch, seen, stack))
    assert (found.cause, part in found.sentence) == (cause, True), found.sentence


def test_a_batch_that_has_ended_does_not_stand_and_its_event_may_be_to_come() -> None:
    ended = replace(BATCH, status=Status.FAILED, finished_at=NOW)
    found = sqs_rules.explanation(SqsFacts(ended, None, WELL))
    text = "Batch b-1 does not stand: it ended FAILED at 2026-11-26T14:00:00.000Z"
    assert (found.cause, found.sentence) == ("announcing", f"{text}, and its Batch Finished event is to come.")
    found = sqs_rules.explanation(SqsFacts(replace(ended, notified=True), None, WELL))
    assert (found.cause, found.sentence, found.command) == ("ended", f"{text}.", "status b-1")


RUNNING = SfnFacts("b-1", "b-1", WELL, NOW, execution={"status": "RUNNING"}, state="Process chunks", state_since=NOW)


def mapped(facts: SfnFacts = RUNNING, status: str = "RUNNING", **counts: int) -> SfnFacts:
    return replace(facts, map_run={"status": status, "maxConcurrency": 4, "executionCounts": counts})


EXECUTIONS = [
    ("children", mapped(running=3), "3 children run."),
    ("children", mapped(running=3, pending=1), "3 children run."),
    (
        "concurrency-limit",
        mapped(running=4, pending=1),
        "The limit of 4 children at once is reached; 1 child waits to begin",
    ),
    ("unknown", mapped(pending=2), "No child runs, 2 children wait, and why is not known."),
    ("finishing", mapped(succeeded=2), "Every child has ended, and the finalizer is called next."),
    ("children", mapped(replace(RUNNING, per_child=50), running=2), "2 children run, each with up to 50 chunks."),
    (
        "children",
        mapped(replace(RUNNING, state="Hand out what is left"), succeeded=2),
        "Every child has ended, and the chunks that they had no time for go to further children since 14:00:00",
    ),
    (
        "batcher-fails",
        mapped(replace(RUNNING, state="Hand out what is left", failure="SlowDown: no"), succeeded=2),
        "the batcher failed, and is called again: SlowDown: no.",
    ),
    (
        "not-sealed",
        replace(RUNNING, state=None),
        "It is not sealed: a batcher has been making its chunks since 14:00:00",
    ),
    ("batcher-fails", replace(RUNNING, state="Make chunks", failure="SlowDown: no"), "is called again: SlowDown: no."),
    (
        "work-cannot-start",
        replace(RUNNING, state="Try the work", failure="WorkCannotStart: no"),
        "WorkCannotStart: no.",
    ),
    (
        "finalizer-fails",
        replace(RUNNING, state="Finalize", failure="CountsDoNotAddUp: 3"),
        "again: CountsDoNotAddUp",
    ),
    (
        "ending",
        mapped(replace(RUNNING, execution={"status": "ABORTED"}), running=1),
        "its end waits for 1 child to end",
    ),
    ("ending", replace(RUNNING, execution={"status": "TIMED_OUT"}), "TIMED_OUT; the finalizer is to end it once no"),
    ("unknown", replace(RUNNING, execution=None), "Batch b-1 has no execution that can be found."),
]


@pytest.mark.parametrize(("cause", "facts", "part"), EXECUTIONS)
def test_an_execution_tells_where_the_batch_stands(cause: str, facts: SfnFacts, part: str) -> None:
    found = sfn_rules.explanation(facts)
    assert (found.cause, part in found.sentence or part.replace("up: ", "again: ") in found.sentence) == (
        cause,
        True,
    ), found.sentence


def test_a_history_tells_the_state_and_how_its_last_try_ended() -> None:
    at = datetime.fromtimestamp(NOW / 1000, UTC)
    entered = {"timestamp": at, "stateEnteredEventDetails": {"name": "Make chunks"}}
    failure = {
        "timestamp": at,
        "taskFailedEventDetails": {"error": "SlowDown", "cause": '{"errorMessage": "no\\nmore"}'},
    }
    before = {"timestamp": at, "taskFailedEventDetails": {"error": "Other"}}
    found = place_in(RUNNING, [{"timestamp": at}, failure, before, entered, before])
    assert (found.state, found.state_since, found.failure) == ("Make chunks", NOW, "SlowDown: no")
    assert place_in(RUNNING, [entered, failure]).failure is None
