"""The Step Functions architecture over time: the batcher's rounds, then the Map's children, then the finalizer.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import math
from dataclasses import dataclass

from costs.facts.figures import Assumptions, Quotas
from costs.plan.chunk_time import ChunkWork, StepTimes, any_failing, chunk_work, step_times
from costs.plan.limits import Impossible, refuse_above
from costs.plan.queue import Limit, Places, run_jobs, steady
from costs.plan.settings import ORCHESTRATION_MEMORY, SFN_BATCHER_TIMEOUT, Settings, Workload
from costs.plan.sfn_left import left
from costs.plan.shape import SfnShape, sfn_shape
from costs.plan.sizes import item_bytes
from costs.plan.throughput import lambda_limits
from costs.plan.timing import Timing, timing_of
from handlers.sfn.batcher import STOP_MS
from handlers.sfn.chunk_file import MAX_CHUNKS, PART_BYTES
from handlers.sfn.fence import OPEN_MS
from handlers.sfn.grouping import Grouping
from sandbox.meter.rules import EXPRESS_STEP_MS

# One batcher writes all chunks. Its memory sets its CPU.
BATCHER = "BatcherFunction"
# The batcher's requests except those for parts: the owner, the batcher's output; in a later round, the owner only.
REQUESTS_FIRST, REQUESTS_AGAIN = 3, 1
PARTS_LISTED = 1000
# States that a child enters with every call of the processor: Process and Outcome, in an EXPRESS one the clock's two
# before; then Done, or a wait.
STATES_PER_CALL = {"EXPRESS": 4, "STANDARD": 2}
# States of a child besides: Light enough?, Read its chunks, Its chunks.
STATES_OF_CHILD = 3
# Events of a history: five for a task, two for a choice, a wait or a pass; two more for an execution, or an iteration.
EVENTS_PER_CALL, EVENTS_PER_WAIT, EVENTS_AROUND, EVENTS_OF_CHILD = 7, 2, 4, 12
# The finalizer's requests: Map Run, the batcher's output, its part, what is left, list of failures, the ending, the
# announcement.
FINALIZER_REQUESTS = 7


def rounds(
    workload: Workload, shape: SfnShape, times: StepTimes, quotas: Quotas, upload_ms: float
) -> tuple[int, float]:
    """The number of the batcher's rounds, which run one after another, and their milliseconds without init.

    The upload of a byte takes `upload_ms`. Raises Impossible if the chunks exceed what an object or a Map Run can hold.
    """
    size, gigabytes = shape.object_bytes, f"{shape.object_bytes / 1e9:,.1f} GB"
    if shape.chunks > MAX_CHUNKS:
        raise Impossible(
            "ItemsPerChunk", f"{shape.chunks:,} chunks are more than the {MAX_CHUNKS:,} of a batch: raise ItemsPerChunk"
        )
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
    """The chunks in their child executions. Numbers are averages per chunk, except `seconds`, a sample of durations.

    A chunk takes `calls` of the processor, which take `processor_seconds` together. It takes its part of a STANDARD
    child's `transitions`, of which the start is one. A chunk with a failing item takes `retry_seconds` for its retries.
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


def children(
    work: ChunkWork, settings: Settings, shape: SfnShape, times: StepTimes, step: float, quotas: Quotas
) -> Children:
    """The work of chunks in child executions: calls until a chunk is done, and retries of failed items.

    `step` is the seconds of a transition. Raises Impossible.
    """
    calling = (times.overhead + work.items * times.take_item) / 1000
    calling += look_share((work.times.mean / work.rounds + calling) * 1000) * times.s3 / 1000
    calling += shape.read_alone / shape.chunks / work.rounds * times.s3 / 1000
    states_per_call = STATES_PER_CALL[settings.child_type]
    each_call = calling + states_per_call * step
    around = work.rounds * each_call + step
    retry_calls = max(1, math.ceil(work.retry_seconds / work.progress_seconds))
    retried = work.retries * (settings.retry_delay_seconds + step + work.retry_seconds + retry_calls * each_call)
    if settings.child_type == "STANDARD":
        events = work.most_rounds * EVENTS_PER_CALL
        events += work.retries * (retry_calls * EVENTS_PER_CALL + EVENTS_PER_WAIT)
        events += EVENTS_PER_CALL + EVENTS_AROUND
        check_history(shape.grouping.per_child * events + EVENTS_OF_CHILD, "a child", quotas)
    waits = work.failing * work.retries
    count = work.rounds + waits * retry_calls
    return Children(
        calls=count,
        transitions=states_per_call * count + waits + 1 + (1 + STATES_OF_CHILD) / shape.grouping.per_child,
        mean_seconds=work.times.mean + around + work.failing * retried,
        seconds=[wall + around + work.failing * retried for wall in work.times.wall],
        processor_seconds=work.times.mean + waits * work.retry_seconds + count * calling,
        retry_seconds=retried,
    )


def dispatched(settings: Settings, quotas: Quotas, transitions: float, per_child: int) -> tuple[float, str]:
    """The chunks whose children the Map starts per second, and the quota that limits them.

    Only STANDARD executions use up the quota of transitions. The parent makes few, except for the start of each child.
    """
    if settings.child_type == "EXPRESS":
        return quotas["states.express_dispatch"] * per_child, "states.express_dispatch"
    by_transitions = quotas["states.transitions"] / transitions, "states.transitions"
    return min((quotas["states.standard_dispatch"] * per_child, "states.standard_dispatch"), by_transitions)


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """Simulate a batch; all results are expected values. Raises Impossible."""
    shape = sfn_shape(workload, settings, item_bytes(workload).expected)
    work = chunk_work(workload, settings)
    small = step_times(ORCHESTRATION_MEMORY, quotas, assumptions)
    making = step_times(settings.batcher_memory, quotas, assumptions)
    batcher_rounds, batcher_ms = rounds(
        workload, shape, making, quotas, 1000 / assumptions["s3.upload_bytes_per_second"]
    )
    init, step = small.init, assumptions["states.standard_transition_ms"]
    begin = assumptions["states.start_ms"] + step + init
    made = begin + batcher_ms + batcher_rounds * 2 * step
    check_history(2 + batcher_rounds * EVENTS_PER_CALL + EVENTS_PER_CALL + EVENTS_AROUND, "the execution", quotas)
    child_step = step if settings.child_type == "STANDARD" else assumptions["states.express_transition_ms"]
    times = step_times(settings.processor_memory, quotas, assumptions)
    grouping = shape.grouping
    child = children(work, settings, shape, times, child_step / 1000, quotas)
    dispatch, quota = dispatched(settings, quotas, child.transitions, grouping.per_child)
    arrivals = steady((made + assumptions["states.map_start_ms"]) / 1000, dispatch, work.count, quota)
    run = run_jobs(work.count, child.seconds, arrivals, Places(child_limits(child, settings, quotas)))

    # All children that have a place call the processor at the same time at first, so each needs an environment.
    environments = min(run.peak, quotas["lambda.concurrency"])
    # Because of its retries, one of the last children takes this much longer than the average.
    retrying = max(0.0, any_failing(work, run.peak) - work.failing) * child.retry_seconds
    # Further Map Runs, for what children have no time to begin.
    further = left(workload, settings, shape, work.times.mean).runs - 1
    between = (assumptions["states.map_end_ms"] + assumptions["states.map_start_ms"]) / 1000
    done = run.end + init / 1000 + retrying + further * between
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
        child_ms=child_ms(child, grouping, work.count, STATES_OF_CHILD * child_step + small.s3),
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


def child_ms(child: Children, grouping: Grouping, chunks: float, around_ms: float) -> float:
    """The durations of all children. Their chunks take turns in the places that there are for them.

    A child begins and ends with `around_ms`. Its duration is rounded up to 100 ms, by half of that on average.
    """
    turns = max(1.0, chunks / grouping.children / grouping.chunks_at_once)
    lasts = turns * child.mean_seconds * 1000 + around_ms + EXPRESS_STEP_MS / 2
    return grouping.children * max(EXPRESS_STEP_MS, lasts)


def check_history(events: float, owner: str, quotas: Quotas) -> None:
    """Raise Impossible if an execution's history would exceed the quota of a STANDARD execution."""
    refuse_above(
        quotas, "states.history_events", events,
        f"{owner} would have {events:,.0f} events, but at most {{quota}} are allowed: lower ItemsPerChunk, or raise "
        "ItemConcurrency",
    )  # fmt: skip
