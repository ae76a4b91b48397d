"""The Step Functions architecture over time: the batcher's rounds, then the Map's children, then the finalizer.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import math
from dataclasses import dataclass

import numpy as np

from costs.facts.assumptions import Assumptions
from costs.facts.quotas import Quotas
from costs.plan import fixed
from costs.plan.chunk_cost import ChunkWork, chunk_work
from costs.plan.curves import flat, lambda_limits
from costs.plan.limits import Impossible
from costs.plan.pool import Pool, steady
from costs.plan.settings import Settings, Workload
from costs.plan.sfn_batcher import rounds
from costs.plan.simulation_sqs import work_ms
from costs.plan.steps import Steps
from costs.plan.timing import Phase, Timing
from costs.plan.verdict import LATENCY, bottleneck_of, held_by_retries, held_by_work

# One batcher writes it all, with the CPU that its memory comes with: the template's, which is no parameter.
BATCHER = "BatcherFunction"
# States that a child enters at every call of the processor, beside the last: Process and Outcome; then Done, or a wait.
STATES_PER_CALL = 2
# Events of history: a task has five, a choice, a wait and a pass two each; an execution two beside.
EVENTS_PER_CALL, EVENTS_PER_WAIT, EVENTS_AROUND = 7, 2, 4
# The finalizer describes the Map Run, reads what was made, lists failures, writes the end and that it is announced.
FINALIZER_REQUESTS = 5


@dataclass(frozen=True)
class Children:
    """Child executions: `calls` of the processor each on average, `transitions` of a STANDARD one with its start.

    `seconds` is a sample of how long one lasts, `processor_seconds` how long its calls last together on average, and
    `retry_seconds` the retries of one with an item that fails.
    """

    calls: float
    transitions: float
    seconds: np.ndarray
    processor_seconds: float
    retry_seconds: float


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """A batch over time, expected values. Raises Impossible."""
    work = chunk_work(workload, settings)
    small = Steps(fixed.ORCHESTRATION_MEMORY, quotas, assumptions)
    made_by = rounds(workload, work.count, small)
    init = assumptions["lambda.init_ms"]
    step = assumptions["states.standard_transition_ms"]
    begin = assumptions["states.start_ms"] + step + init
    made = begin + made_by.milliseconds + made_by.rounds * 2 * step
    check_history(2 + made_by.rounds * EVENTS_PER_CALL + EVENTS_PER_CALL + EVENTS_AROUND, "the execution", quotas)

    child = children(work, settings, Steps(settings.processor_memory, quotas, assumptions))
    mean = float(child.seconds.mean())
    dispatch, held_by = dispatched(settings, quotas, child.transitions)
    arrive = steady((made + assumptions["states.map_start_ms"]) / 1000, dispatch, work.count, held_by)
    # A child that waits between attempts keeps its place in the Map, not one in Lambda.
    per_invocation = mean / child.processor_seconds
    in_lambda = lambda_limits(quotas, child.processor_seconds / child.calls)
    limits = {
        **{name: curve * per_invocation for name, curve in in_lambda.items()},
        "states.parallel_children": flat(quotas["states.parallel_children"]),
        "MaxConcurrency": flat(settings.max_concurrency),
    }
    worked = Pool(limits).work_off(work.count, child.seconds, arrive)
    # First attempts come all at once, where there is a place for them.
    environments = min(worked.peak, quotas["lambda.concurrency"])
    retrying = last_retries(work, settings, worked.peak, child)
    done = worked.end + init / 1000 + retrying
    finishing = small.overhead + FINALIZER_REQUESTS * small.s3 + small.events
    end = done * 1000 + assumptions["states.map_end_ms"] + step + init + finishing
    seconds = end / 1000

    bound_by = dict(worked.bound_by)
    # Of the last children's time, what they spend on retries on average; of the rest, the last one's beyond that.
    retrying += min(work.failing * child.retry_seconds, worked.end - worked.last_start)
    held_by_work(bound_by, done - retrying - worked.last_start, work, settings)
    held_by_retries(bound_by, retrying)
    bound_by[BATCHER] = (made - begin) / 1000
    bound_by[LATENCY] = worked.first_start + seconds - done - bound_by[BATCHER]
    processor_ms = child.processor_seconds * work.count * 1000 + environments * init
    # Every child's duration is rounded up to 100 ms.
    child_ms = (mean * 1000 + 50) * work.count
    return Timing(
        seconds=seconds,
        bottleneck=bottleneck_of(bound_by),
        batcher_invocations=made_by.rounds,
        batcher_ms=made_by.milliseconds + init,
        processor_invocations=child.calls * work.count,
        processor_ms=processor_ms,
        work_ms=work_ms(work, settings),
        finalizer_invocations=1,
        finalizer_ms=finishing + init,
        cold_starts=environments + 2,
        child_ms=child_ms,
        init_ms=(environments + 2) * init,
        chunks=work.count,
        retried=work.failing * work.count * (settings.max_attempts - 1),
        cut_short=float(work.rounds.mean() - 1) * work.count,
        concurrency=environments,
        chunk_seconds=work.times.mean / 1000,
        phases=(
            Phase("start", 0.0, begin / 1000),
            Phase("chunks are made", begin / 1000, made / 1000),
            Phase("chunks are processed", worked.first_start, done),
            Phase("finish", done, seconds),
        ),
        bound_by=bound_by,
    )


def children(work: ChunkWork, settings: Settings, steps: Steps) -> Children:
    """What a child execution does: calls until its chunk is done, retries of what fails. Raises Impossible."""
    express = settings.child_type == "EXPRESS"
    step = steps.assumptions["states.express_transition_ms" if express else "states.standard_transition_ms"] / 1000
    wall = work.times.wall / 1000
    calling = (steps.overhead + work.items * steps.take_item) / 1000
    first = wall + work.rounds * (calling + STATES_PER_CALL * step) + step
    rounds = settings.max_attempts - 1
    retry_calls = max(1, math.ceil(work.retry_seconds / work.progress_seconds))
    each_retry = work.retry_seconds + retry_calls * (calling + STATES_PER_CALL * step)
    retried = rounds * (settings.retry_delay_seconds + step + each_retry)
    if express:
        check_express_seconds(float(first.max()), retried if work.failing else 0.0, steps.quotas)
    else:
        events = work.rounds.max() * EVENTS_PER_CALL + rounds * (retry_calls * EVENTS_PER_CALL + EVENTS_PER_WAIT)
        check_history(events + EVENTS_PER_CALL + EVENTS_AROUND, "a child", steps.quotas)
    calls = float(work.rounds.mean()) + work.failing * rounds * retry_calls
    waits = work.failing * rounds
    return Children(
        calls=calls,
        transitions=1 + STATES_PER_CALL * calls + waits + 1,
        seconds=first + work.failing * retried,
        processor_seconds=float(wall.mean()) + work.failing * rounds * work.retry_seconds + calls * calling,
        retry_seconds=retried,
    )


def dispatched(settings: Settings, quotas: Quotas, transitions: float) -> tuple[float, str]:
    """Children that are started a second, and the quota that allows no more.

    Only STANDARD executions use up the transitions; the parent's are few, but for the start of each child.
    """
    if settings.child_type == "EXPRESS":
        return quotas["states.express_dispatch"], "states.express_dispatch"
    by_transitions = quotas["states.transitions"] / transitions
    if by_transitions < quotas["states.standard_dispatch"]:
        return by_transitions, "states.transitions"
    return quotas["states.standard_dispatch"], "states.standard_dispatch"


def check_express_seconds(first: float, retried: float, quotas: Quotas) -> None:
    """Raise Impossible where an EXPRESS child may end before its chunk is done, with all attempts and waits."""
    limit = quotas["states.express_seconds"]
    if first + retried > limit:
        told = f"{first + retried:,.0f} s{' with its retries' if retried else ''}"
        raise Impossible(
            "states.express_seconds",
            f"a chunk takes {told}, and an EXPRESS child ends after {limit:,.0f} s: raise ItemConcurrency, "
            f"lower ItemsPerChunk{', MaxAttempts or RetryDelaySeconds' if retried else ''}, or take ChildType=STANDARD",
        )


def check_history(events: float, whose: str, quotas: Quotas) -> None:
    """Raise Impossible where an execution's history would be longer than a STANDARD one's may be."""
    limit = quotas["states.history_events"]
    if events > limit:
        raise Impossible(
            "states.history_events",
            f"{whose} would have {events:,.0f} events, and {limit:,.0f} are the most: lower ItemsPerChunk, or raise "
            "ItemConcurrency",
        )


def last_retries(work: ChunkWork, settings: Settings, running: float, child: Children) -> float:
    """Seconds by which a child of the last ones in progress that has retries outlasts the average, on average."""
    if not work.failing or settings.max_attempts == 1:
        return 0.0
    none_fails = (1 - work.failing) ** max(1.0, min(work.count, running))
    return max(0.0, 1 - none_fails - work.failing) * child.retry_seconds
