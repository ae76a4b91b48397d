"""Why a batch of the Step Functions architecture stands: what its execution, Map Run and stack tell. Pure."""

from collections.abc import Iterator

from handlers.core.batch import iso
from handlers.sqs.standstill import Clause, clock_time
from rollcall.batches.explain.explanation import Explanation
from rollcall.batches.explain.sfn_facts import SfnFacts
from rollcall.batches.explain.wording import answer, no_consumer

# The states of the state machine's definition.
TRYING, PROCESSING, FINALIZING, HANDING = "Try the work", "Process chunks", "Finalize", "Hand out what is left"
LOST = ("failed", "timedOut", "aborted")


def explanation(facts: SfnFacts) -> Explanation:
    """The sentence for these facts."""
    evidence = facts.stack.evidence()
    if facts.map_run:
        counts = {"run": ("running",), "wait": ("pending",), "succeeded": ("succeeded",), "lost": LOST}
        found = (f"{facts.children(*kinds):,} {what}" for what, kinds in counts.items() if facts.children(*kinds))
        evidence = {"children": ", ".join(found) or "none", **evidence}
    if facts.state and not facts.ended:
        since = iso(facts.state_since)
        evidence = {"state": f"{facts.state}, since {since}", **evidence}
    if facts.execution and not facts.ended:
        evidence = {"execution": facts.execution["status"], **evidence}
    return answer("sfn", facts.batch_id, list(clauses(facts)), evidence)


def clauses(facts: SfnFacts) -> Iterator[Clause]:
    """All that holds the batch up, or may do so."""
    if facts.ended:
        at = facts.ended.finished_at
        yield Clause("ended", f"batch {facts.title} does not stand: it ended {facts.ended.status} at {at}")
    elif not facts.execution:
        yield Clause("unknown", f"batch {facts.title} has no execution that can be found")
    elif facts.execution["status"] != "RUNNING":
        yield of_ended_execution(facts, facts.execution["status"])
    elif facts.state == TRYING:
        yield of_trial(facts)
    elif facts.state == FINALIZING:
        yield of_finalizer(facts)
    elif facts.state == HANDING:
        yield of_handing_out(facts)
    elif facts.state == PROCESSING or facts.map_run:
        yield from of_children(facts)
    else:
        yield of_batcher(facts)


def of_ended_execution(facts: SfnFacts, status: str) -> Clause:
    """An execution that ended without its finalizer: another way leads to the end."""
    how, running = f"its execution is {status}", facts.children("running")
    if running and facts.map_run and facts.map_run["status"] == "RUNNING":
        return Clause("ending", f"{how}, and its end waits for {children(running)} to end: EXPRESS ones have 5 minutes")
    if trouble := no_consumer(facts.stack, "finalizer"):
        return Clause("no-consumer", f"{how}; {trouble}")
    if stopped := facts.stack.stopped("finalizer"):
        return Clause("no-consumer", f"{how}; {stopped}")
    if error := facts.stack.error_of("finalizer"):
        return Clause("finalizer-fails", f"{how}; the {error}")
    return Clause("ending", f"{how}; the finalizer is to end it once no function can run any more")


def of_batcher(facts: SfnFacts) -> Clause:
    """An execution whose chunks are not made."""
    if stopped := facts.stack.stopped("batcher"):
        return Clause("no-consumer", f"it is not sealed: its chunks are not made, and {stopped}")
    if facts.failure:
        text = f"it is not sealed: its batcher failed, and is called again: {facts.failure}"
        return Clause("batcher-fails", text)
    since = f" since {clock_time(facts.state_since, facts.now)}" if facts.state_since else ""
    return Clause("not-sealed", f"it is not sealed: a batcher has been making its chunks{since}")


def of_trial(facts: SfnFacts) -> Clause:
    """An execution whose chunks are made, and whose work is tried before any child is started."""
    if stopped := facts.stack.stopped("processor"):
        return Clause("no-consumer", f"its work is to be tried before its first child, and {stopped}")
    if facts.failure:
        return Clause("work-cannot-start", f"its work was tried before its first child, and failed: {facts.failure}")
    since = clock_time(facts.state_since, facts.now)
    return Clause("children", f"its work is being tried since {since}, before its first child")


def of_handing_out(facts: SfnFacts) -> Clause:
    """An execution whose children have left chunks, which go to the children of a further Map Run."""
    what = "every child has ended, and the chunks that they had no time for go to further children"
    if stopped := facts.stack.stopped("batcher"):
        return Clause("no-consumer", f"{what}: {stopped}")
    if facts.failure:
        return Clause("batcher-fails", f"{what}: the batcher failed, and is called again: {facts.failure}")
    return Clause("children", f"{what} since {clock_time(facts.state_since, facts.now)}")


def of_children(facts: SfnFacts) -> Iterator[Clause]:
    """An execution whose Map Run is under way."""
    running, pending = facts.children("running"), facts.children("pending")
    stack, limit = facts.stack, facts.map_run["maxConcurrency"] if facts.map_run else 0
    stopped, reserved = stack.stopped("processor"), stack.reserved("processor")
    if stopped:
        yield Clause("no-consumer", f"Lambda refuses the calls of {children(running)}: {stopped}")
    elif limit and running >= limit and pending:
        text = f"the limit of {children(limit)} at once is reached; {waits(pending)} to begin"
        yield Clause("concurrency-limit", text)
    if reserved and running > reserved:
        text = f"{children(running)} share the processor's reserved concurrency of {reserved:,}"
        yield Clause("concurrency-limit", text)
    if error := stack.error_of("processor"):
        yield Clause("processor-fails", f"the {error}")
    if stack.failing_with and running and not stopped:
        again = "keep failing" if sum(count for _, count in stack.item_errors) > 1 else "have failed"
        # Where others wait to begin, these may be a few among many that succeed.
        yield Clause("items-fail", f"items {again} with {stack.failing_with}", 0 if pending else running + 1)
    if running and not stopped:
        each = f", each with up to {facts.per_child:,} chunks" if facts.per_child > 1 else ""
        yield Clause("children", f"{children(running)} run{'s' if running == 1 else ''}{each}", running)
    elif pending:
        yield Clause("unknown", f"no child runs, {waits(pending)}, and why is not known")
    elif not running:
        yield Clause("finishing", "every child has ended, and the finalizer is called next")


def of_finalizer(facts: SfnFacts) -> Clause:
    """An execution that only its finalizer is to end."""
    if stopped := facts.stack.stopped("finalizer"):
        return Clause("no-consumer", f"every child has ended, and {stopped}")
    if facts.failure:
        return Clause("finalizer-fails", f"every child has ended; its finalizer is called again: {facts.failure}")
    since = clock_time(facts.state_since, facts.now)
    return Clause("finishing", f"every child has ended, and its finalizer has been at work since {since}")


def children(count: int) -> str:
    return "1 child" if count == 1 else f"{count:,} children"


def waits(count: int) -> str:
    return f"{children(count)} wait{'s' if count == 1 else ''}"
