"""Why a batch of the SQS architecture stands: what its records tell, and what its stack adds to that. Pure."""

from collections.abc import Iterator
from math import ceil

from handlers.core.batch import iso
from handlers.sqs.standstill import (
    Clause,
    TableLook,
    ending,
    failed,
    finished,
    held,
    lost,
    some,
    unmade,
    waiting,
    why_early,
)
from rollcall.batches.batch import titled
from rollcall.batches.explain.explanation import Explanation
from rollcall.batches.explain.sqs_facts import SqsFacts
from rollcall.batches.explain.stack import StackFacts
from rollcall.batches.explain.wording import answer, first_known, no_consumer


def explanation(facts: SqsFacts) -> Explanation:
    """The sentence for these facts."""
    batch, stack = facts.batch, facts.stack
    evidence = {"sealed": "yes" if batch.sealed else "no", "deadline": iso(batch.deadline), **stack.evidence()}
    if not facts.look:
        return answer("sqs", batch.batch_id, [ended(facts)], evidence)
    chunks = facts.look.chunks
    if chunks.left:
        evidence = {"chunks left": f"{chunks.left:,}, {chunks.held:,} of {chunks.seen:,} held", **evidence}
    if batch.progress_at:
        evidence = {"no change since": f"{iso(batch.progress_at)}, as the finalizer's checks saw it", **evidence}
    return answer("sqs", batch.batch_id, list(clauses(facts.look, stack)), evidence)


def ended(facts: SqsFacts) -> Clause:
    """A batch that has ended, and whose event is perhaps still to come."""
    batch, trouble = facts.batch, no_consumer(facts.stack, "finalizer")
    text = f"batch {titled(batch.batch_id, batch.generation)} does not stand: it ended {batch.status} at "
    text += iso(batch.finished_at or 0)
    if batch.notified:
        return Clause("ended", text)
    return Clause("announcing", f"{text}, and its Batch Finished event is to come{f'; {trouble}' if trouble else ''}")


def clauses(look: TableLook, stack: StackFacts) -> Iterator[Clause]:
    """All that holds the batch up, or may do so."""
    batch = look.batch
    if batch.unready and not batch.begun and not look.chunks.held:
        yield Clause("work-cannot-start", f"its work cannot start: {batch.why_unready}")
    if end := ending(look) or finished(look):
        yield at_its_end(look, stack, end)
        return
    yield from of_chunks(look, stack)
    if being_made := unmade(look):
        yield of_segments(stack, being_made)


def at_its_end(look: TableLook, stack: StackFacts, end: Clause) -> Clause:
    """What keeps a batch from its end that only the finalizer is to bring about."""
    if look.being_made or look.chunks.held:
        return end
    how = "every chunk is finished" if end.cause == "finishing" else why_early(look)
    if trouble := no_consumer(stack, "finalizer"):
        return Clause("no-consumer", f"{how}; {trouble}")
    if error := stack.error_of("finalizer"):
        return Clause("finalizer-fails", f"{how}; the {error}")
    return end


def of_chunks(look: TableLook, stack: StackFacts) -> Iterator[Clause]:
    """What the chunks that are left wait for."""
    chunks, limit = look.chunks, stack.limit("processor", "chunk")
    trouble = no_consumer(stack, "chunk")
    all_at_work = limit is not None and at_work(look, stack) >= limit
    if trouble and chunks.free:
        yield Clause("no-consumer", f"{trouble}; {some(chunks.free, look)}")
    elif all_at_work and chunks.free:
        yield Clause("concurrency-limit", f"the concurrency limit of {limit:,} is reached; {some(chunks.free, look)}")
    if work := held(look):
        yield work
    if trouble and chunks.free:
        return
    if tried := failed(look):
        again = "keep failing" if chunks.attempts > 1 else "have failed"
        errors = f"items {again} with {stack.failing_with}; " if stack.failing_with else ""
        yield tried._replace(text=errors + tried.text)
    if died := lost(look):
        yield died
    if (untaken := waiting(look)) and not all_at_work:
        yield of_waiting(look, stack, untaken)


def at_work(look: TableLook, stack: StackFacts) -> int:
    """So many processors hold chunks, at least: the leases of two that began in the same millisecond end together."""
    messages = stack.messages("processor", "chunk")
    return max(look.chunks.holders, ceil(look.chunks.held / messages) if messages else 0)


def of_waiting(look: TableLook, stack: StackFacts, untaken: Clause) -> Clause:
    """Why chunks are not taken by a processor, though one takes from their queue as far as is known."""
    queue, error = stack.queues.get("chunk"), stack.error_of("processor")
    if error and not look.chunks.held:
        return Clause("processor-fails", f"{untaken.text}, and the {error}", untaken.chunks)
    if queue and queue.empty:
        return Clause("no-message", f"{untaken.text}, and the chunk queue shows no message", untaken.chunks)
    if look.chunks.held or look.chunks.failed or look.chunks.lost:
        # There are processors: it is their turn soon.
        return untaken
    if queue and not queue.waiting:
        return Clause("in-flight", f"{untaken.text}, and every message is in flight or delayed: they come again")
    return Clause("unknown", f"{untaken.text}, and why none takes them is not known{may_be(stack)}")


def may_be(stack: StackFacts) -> str:
    """What would look the same."""
    return ": an account without concurrency left would look like this" if stack.functions else ""


def of_segments(stack: StackFacts, being_made: Clause) -> Clause:
    """Why the batch is not sealed."""
    if being_made.cause != "no-batcher":
        return being_made
    trouble = first_known(no_consumer(stack, "batcher"), stack.stopped("batcher"))
    if trouble:
        return Clause("no-consumer", f"{being_made.text}; {trouble}")
    if error := stack.error_of("batcher"):
        return Clause("batcher-fails", f"{being_made.text}; the {error}")
    queue = stack.queues.get("batcher")
    if queue and not queue.empty and not queue.waiting:
        return being_made._replace(text=f"{being_made.text}, until a message of the batcher queue is visible again")
    return being_made
