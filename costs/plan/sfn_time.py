"""The Step Functions architecture over time: the batcher's rounds, then the Map's children, then the finalizer.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import math
from dataclasses import dataclass

from costs.facts.figures import Assumptions, Quotas
from costs.plan.chunk_time import ChunkWork, StepTimes, any_failing, chunk_work, step_times
from costs.plan.limits import refuse_above
from costs.plan.queue import Limit, Places, run_jobs, steady
from costs.plan.settings import ORCHESTRATION_MEMORY, SFN_BATCHER_TIMEOUT, Settings, Workload
from costs.plan.shape import SfnShape, sfn_shape
from costs.plan.sizes import item_bytes
from costs.plan.throughput import lambda_limits
from costs.plan.timing import Timing, timing_of
from handlers.sfn.batcher import STOP_MS
from handlers.sfn.chunk_file import PART_BYTES
from handlers.sfn.fence import OPEN_MS
from sandbox.meter.rules import EXPRESS_STEP_MS

# One batcher writes all chunks. The template sets its memory, and so its CPU; no parameter changes that.
BATCHER = "BatcherFunction"
# The batcher's requests except those for parts: the owner, the batcher's output; in a later round, the owner only.
REQUESTS_FIRST, REQUESTS_AGAIN = 3, 1
PARTS_LISTED = 1000
# States that a child enters with every call of the processor: Process and Outcome; then Done, or a wait.
STATES_PER_CALL = 2
# Events of a history: five for a task, two for a choice, a wait or a pass; two more for an execution.
EVENTS_PER_CALL, EVENTS_PER_WAIT, EVENTS_AROUND = 7, 2, 4
# The finalizer's requests: Map Run, the batcher's output, list of failures, the ending, the announcement.
FINALIZER_REQUESTS = 5


def rounds(
    workload: Workload, shape: SfnShape, times: StepTimes, quotas: Quotas, upload_ms: float
) -> tuple[int, float]:
    """The number of the batcher's rounds, which run one after another, and their milliseconds without init.

    The upload of a byte takes `upload_ms`. Raises Impossible if the chunks exceed what an object or a Map Run can hold.
    """
    size, gigabytes = shape.object_bytes, f"{shape.object_bytes / 1e9:,.1f} GB"
    refuse_above(
        quotas, "states.input_file_bytes", size,
        f"{workload.items:,} items are {gigabytes} as the Map's input, which may have {{quota}} bytes: make items "
        "smaller, for example keys of objects in S3, or run several batches",
    )  # fmt: skip
    refuse_above(
        quotas, "states.map_items", shape.chunks,
        f"{shape.chunks:,} chunks are more than the {{quota}} that a Map Run reads: raise ItemsPerChunk",
    )  # fmt: skip
    refuse_above(
        quotas, "s3.multipart_parts", shape.parts,
        f"{gigabytes} are {shape.parts:,} parts of 8 MiB, but an upload has {{quota}} at most: run several batches",
    )  # fmt: skip
    work = workload.items * times.make_item + max(1, shape.parts) * (times.s3 + min(size, PART_BYTES) * upload_ms)
    work += (2 + shape.parts // PARTS_LISTED) * times.s3 if shape.parts else 0.0
    count = math.ceil(work / (SFN_BATCHER_TIMEOUT * 1000 - STOP_MS))
    requests = (REQUESTS_FIRST + (count - 1) * REQUESTS_AGAIN) * times.s3
    return count, work + requests + times.events + count * times.overhead


@dataclass(frozen=True, kw_only=True)
class Children:
    """The child executions. Numbers are averages per child, except `seconds`, a sample of durations.

    A child makes `calls` of the processor, which take `processor_seconds` together. A STANDARD child makes
    `transitions`, its start included. A child with a failing item takes `retry_seconds` for its retries.
    """

    calls: float
    transitions: float
    seconds: list[float]
    mean_seconds: float
    processor_seconds: float
    retry_seconds: float


def look_share(milliseconds: float) -> float:
    """The share of the processor's invocations that look whether their batch has ended, if each takes so long."""
    return 1 / max(1, math.ceil(OPEN_MS / max(1, milliseconds)))


def children(work: ChunkWork, settings: Settings, times: StepTimes, step: float, quotas: Quotas) -> Children:
    """The work of a child execution: calls until its chunk is done, and retries of failed items.

    `step` is the seconds of a transition. Raises Impossible.
    """
    calling = (times.overhead + work.items * times.take_item) / 1000
    calling += look_share((work.times.mean / work.rounds + calling) * 1000) * times.s3 / 1000
    each_call = calling + STATES_PER_CALL * step
    around = work.rounds * each_call + step
    retry_calls = max(1, math.ceil(work.retry_seconds / work.progress_seconds))
    retried = work.retries * (settings.retry_delay_seconds + step + work.retry_seconds + retry_calls * each_call)
    if settings.child_type == "EXPRESS":
        check_express_seconds(max(work.times.wall) + around, retried if work.failing else 0.0, quotas)
    else:
        events = work.most_rounds * EVENTS_PER_CALL
        events += work.retries * (retry_calls * EVENTS_PER_CALL + EVENTS_PER_WAIT)
        check_history(events + EVENTS_PER_CALL + EVENTS_AROUND, "a child", quotas)
    waits = work.failing * work.retries
    count = work.rounds + waits * retry_calls
    return Children(
        calls=count,
        transitions=1 + STATES_PER_CALL * count + waits + 1,
        mean_seconds=work.times.mean + around + work.failing * retried,
        seconds=[wall + around + work.failing * retried for wall in work.times.wall],
        processor_seconds=work.times.mean + waits * work.retry_seconds + count * calling,
        retry_seconds=retried,
    )


def dispatched(settings: Settings, quotas: Quotas, transitions: float) -> tuple[float, str]:
    """The children that the Map starts per second, and the quota that limits them.

    Only STANDARD executions use up the quota of transitions. The parent makes few, except for the start of each child.
    """
    if settings.child_type == "EXPRESS":
        return quotas["states.express_dispatch"], "states.express_dispatch"
    by_transitions = quotas["states.transitions"] / transitions, "states.transitions"
    return min((quotas["states.standard_dispatch"], "states.standard_dispatch"), by_transitions)


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """Simulate a batch; all results are expected values. Raises Impossible."""
    shape = sfn_shape(workload, settings, item_bytes(workload).expected)
    work = chunk_work(workload, settings)
    small = step_times(ORCHESTRATION_MEMORY, quotas, assumptions)
    batcher_rounds, batcher_ms = rounds(
        workload, shape, small, quotas, 1000 / assumptions["s3.upload_bytes_per_second"]
    )
    init, step = small.init, assumptions["states.standard_transition_ms"]
    begin = assumptions["states.start_ms"] + step + init
    made = begin + batcher_ms + batcher_rounds * 2 * step
    check_history(2 + batcher_rounds * EVENTS_PER_CALL + EVENTS_PER_CALL + EVENTS_AROUND, "the execution", quotas)
    child_step = step if settings.child_type == "STANDARD" else assumptions["states.express_transition_ms"]
    times = step_times(settings.processor_memory, quotas, assumptions)
    child = children(work, settings, times, child_step / 1000, quotas)
    dispatch, quota = dispatched(settings, quotas, child.transitions)
    arrivals = steady((made + assumptions["states.map_start_ms"]) / 1000, dispatch, work.count, quota)
    run = run_jobs(work.count, child.seconds, arrivals, Places(child_limits(child, settings, quotas)))

    # All children that have a place call the processor at the same time at first, so each needs an environment.
    environments = min(run.peak, quotas["lambda.concurrency"])
    # Because of its retries, one of the last children takes this much longer than the average.
    retrying = max(0.0, any_failing(work, run.peak) - work.failing) * child.retry_seconds
    done = run.end + init / 1000 + retrying
    finishing = small.overhead + FINALIZER_REQUESTS * small.s3 + small.events
    return timing_of(
        work, settings, run, begin=begin / 1000, made=made / 1000, done=done,
        seconds=done + (assumptions["states.map_end_ms"] + step + init + finishing) / 1000,
        # The last children's average time for retries, and the additional time of the very last one.
        retrying=retrying + min(work.failing * child.retry_seconds, run.end - run.last_start),
        before={BATCHER: (made - begin) / 1000},
        batcher_invocations=batcher_rounds, batcher_ms=batcher_ms + init,
        processor_invocations=child.calls * work.count,
        processor_ms=child.processor_seconds * work.count * 1000 + environments * init,
        finalizer_invocations=1, finalizer_ms=finishing + init,
        # Every child's duration is rounded up to 100 ms, by half of that on average.
        child_ms=max(EXPRESS_STEP_MS, child.mean_seconds * 1000 + EXPRESS_STEP_MS / 2) * work.count,
        cold_starts=environments + 2, init_ms=(environments + 2) * init,
        concurrency=environments, cut_short=(work.rounds - 1) * work.count,
    )  # fmt: skip


def child_limits(child: Children, settings: Settings, quotas: Quotas) -> list[Limit]:
    """The limits of concurrent children. A child that waits between attempts takes a place in the Map only."""
    return [
        *lambda_limits(quotas, child.processor_seconds / child.calls, child.mean_seconds / child.processor_seconds),
        Limit("states.parallel_children", quotas["states.parallel_children"]),
        Limit("MaxConcurrency", settings.max_concurrency),
    ]


def check_express_seconds(first: float, retried: float, quotas: Quotas) -> None:
    """Raise Impossible if an EXPRESS child could end before its chunk is done, with all attempts and waits."""
    seconds = f"{first + retried:,.0f} s{' with its retries' if retried else ''}"
    lower = f"lower ItemsPerChunk{', MaxAttempts or RetryDelaySeconds' if retried else ''}"
    refuse_above(
        quotas, "states.express_seconds", first + retried,
        f"a chunk takes {seconds}, and an EXPRESS child ends after {{quota}} s: raise ItemConcurrency, {lower}, or "
        "take ChildType=STANDARD",
    )  # fmt: skip


def check_history(events: float, owner: str, quotas: Quotas) -> None:
    """Raise Impossible if an execution's history would exceed the quota of a STANDARD execution."""
    refuse_above(
        quotas, "states.history_events", events,
        f"{owner} would have {events:,.0f} events, but at most {{quota}} are allowed: lower ItemsPerChunk, or raise "
        "ItemConcurrency",
    )  # fmt: skip
