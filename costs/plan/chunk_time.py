"""How long a chunk takes: its items on `item_concurrency` threads, within the time that Lambda gives an invocation."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import fmean
from typing import NamedTuple

import numpy as np

from costs.facts.figures import Assumptions, Quotas
from costs.plan.distribution import Distribution
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload, parameter
from handlers.core.run_items import STOP_MS

SEED = 20_261_123
# The size of a sample in items: its mean is exact to a fraction of a percent, and tune still draws it quickly.
DRAWS = 200_000
FEWEST, MOST = 16, 2_000


class StepTimes(NamedTuple):
    """Milliseconds of the single steps of a function: the calls of services, and the CPU time for an item.

    `overhead` is the rest of an invocation, `init` a cold start, and `delivery` the time from a message's arrival in an
    empty queue to the start of its function.
    """

    dynamodb: float
    dynamodb_batch: float
    sqs: float
    s3: float
    events: float
    make_item: float
    take_item: float
    overhead: float
    init: float
    delivery: float


def step_times(memory: int, quotas: Quotas, assumptions: Assumptions) -> StepTimes:
    """The times in a function of `memory` MB, which has CPU in proportion.

    Python's threads share one CPU, so no step gets faster with more memory than comes with one vCPU.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """
    vcpu = min(1.0, memory / quotas["lambda.memory_per_vcpu"])
    call = assumptions["sdk.call_cpu_ms"] / vcpu
    return StepTimes(
        dynamodb=assumptions["dynamodb.call_ms"] + call,
        dynamodb_batch=assumptions["dynamodb.batch_call_ms"] + call,
        sqs=assumptions["sqs.call_ms"] + call,
        s3=assumptions["s3.call_ms"] + call,
        events=assumptions["events.call_ms"] + call,
        make_item=assumptions["batcher.item_cpu_us"] / 1000 / vcpu,
        take_item=assumptions["processor.item_cpu_us"] / 1000 / vcpu,
        overhead=assumptions["lambda.overhead_ms"],
        init=assumptions["lambda.init_ms"],
        delivery=assumptions["sqs.delivery_ms"],
    )


@dataclass(frozen=True, eq=False)
class ChunkTimes:
    """A sample of chunks, in seconds: `wall` until all items are done, `last_begin` until the last one begins.

    `longest` are the seconds of the longest item of each chunk.
    """

    wall: list[float]
    last_begin: list[float]
    longest: list[float]

    @cached_property
    def mean(self) -> float:
        """The seconds of a chunk on average."""
        return fmean(self.wall)


@lru_cache(maxsize=512)
def chunk_times(values: Distribution, items: int, slots: int) -> ChunkTimes:
    """Sampled times of chunks of `items` items; the same for the same arguments.

    The items of every chunk are drawn anew from the whole distribution. An item begins in the thread that is free
    first, as in `handlers.core.run_items`, so a chunk's time is the makespan of list scheduling.
    """
    slots = min(slots, items)
    if values.kind == "constant":
        wall = -(-items // slots) * values.low / 1000
        return ChunkTimes([wall], [wall - values.low / 1000], [values.low / 1000])
    count = min(MOST, max(FEWEST, DRAWS // items))
    # One seed, item by item: of two samples with the same number of chunks, the larger one contains the smaller one.
    drawn = values.sample(np.random.default_rng(SEED), count * items).reshape(items, count).T / 1000
    # The sample gets the distribution's exact mean, so that chance changes no bill.
    drawn = drawn * (values.mean / 1000 / drawn.mean()) if drawn.any() else drawn
    walls, last_begins = makespans(drawn, slots)
    return ChunkTimes(walls.tolist(), last_begins.tolist(), drawn.max(axis=1).tolist())


def makespans(drawn: np.ndarray, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """For each row: the time until all its items are done, and the time at which its last item begins.

    The items begin in their order, `slots` at a time.
    """
    rows, items = drawn.shape
    if slots >= items:
        return drawn.max(axis=1), np.zeros(rows)
    free = drawn[:, :slots].copy()
    every = np.arange(rows)
    begin = np.zeros(rows)
    for index in range(slots, items):
        first = free.argmin(axis=1)
        begin = free[every, first]
        free[every, first] += drawn[:, index]
    return free.max(axis=1), begin


def spare_seconds(stop_ms: float, timeout: float) -> float:
    """The part of its timeout that an invocation does not use: at most a quarter, as in `handlers.core.clock`."""
    return min(stop_ms / 1000, timeout / 4)


@dataclass(frozen=True, kw_only=True)
class ChunkWork:
    """The `count` chunks of a batch with `items` items on average, and how invocations process them.

    An invocation begins and ends items within `room_seconds`. If a chunk takes longer, an invocation processes
    `progress_seconds` of it; a chunk needs `rounds` invocations on average, and at most `most_rounds`.

    `failing` is the share of chunks that have a failing item. Such a chunk has `retries` more attempts, each with
    `retry_seconds` of work.
    """

    count: int
    items: float
    times: ChunkTimes
    room_seconds: float
    progress_seconds: float
    rounds: float
    most_rounds: float
    failing: float
    retry_seconds: float
    retries: int

    @property
    def retried_chunks(self) -> float:
        """The second and further attempts of all chunks together."""
        return self.failing * self.count * self.retries


def chunk_work(workload: Workload, settings: Settings) -> ChunkWork:
    """The work of a batch: full chunks, and a last one that may be shorter. `items_per_chunk` must fit a chunk.

    The model assumes that a failing item takes as long as any other. Raises Impossible if an item outlasts an
    invocation.
    """
    count = math.ceil(workload.items / settings.items_per_chunk)
    items = min(workload.items, settings.items_per_chunk)
    times = chunk_times(workload.values, items, settings.item_concurrency)
    timeout = settings.processor_timeout
    room = timeout - spare_seconds(STOP_MS, timeout)
    largest = workload.values.largest / 1000
    if largest > room:
        raise Impossible(
            "ProcessorTimeout",
            f"an item may take {largest:,.1f} s, but an invocation of {timeout} s has {room:g} s for it: raise "
            f"ProcessorTimeout ({parameter('processor_timeout').high} at most), or ProcessorMemory if the item is "
            "CPU-bound, or make items smaller",
        )
    failing = -math.expm1(items * math.log1p(-workload.fail_rate)) if workload.fail_rate < 1 else 1.0
    progress = progress_seconds(workload.values, times, room)
    rounds = [
        1.0 if last_begin + longest <= room else max(2.0, math.ceil(wall / progress))
        for wall, last_begin, longest in zip(times.wall, times.last_begin, times.longest, strict=True)
    ]
    return ChunkWork(
        count=count, items=workload.items / count, times=times,
        room_seconds=room, progress_seconds=progress, rounds=fmean(rounds), most_rounds=max(rounds),
        failing=failing, retries=settings.max_attempts - 1,
        retry_seconds=retry_seconds(workload, settings, items * workload.fail_rate / failing) if failing else 0.0,
    )  # fmt: skip


def any_failing(work: ChunkWork, in_progress: float) -> float:
    """The chance that one of the last chunks in progress, at least one and at most all, has a failing item."""
    chunks = max(1.0, min(work.count, in_progress))
    return -math.expm1(chunks * math.log1p(-work.failing)) if work.failing < 1 else 1.0


def progress_seconds(values: Distribution, times: ChunkTimes, room: float) -> float:
    """The seconds of work that a thread does in an invocation that is too short for a chunk.

    Equal items: as many as fit. Other items: all that may begin, and on average half an item after that.
    """
    if values.kind == "constant":
        item_seconds = values.low / 1000
        return item_seconds * max(1, room // item_seconds) if item_seconds else room
    return max(room - fmean(times.longest) + values.mean / 2000, room / 10)


def retry_seconds(workload: Workload, settings: Settings, items: float) -> float:
    """The seconds that a chunk's failed items take at another attempt, interpolated between whole numbers of items."""
    low, share = int(items), items % 1
    below, above = (chunk_times(workload.values, max(1, n), settings.item_concurrency).mean for n in (low, low + 1))
    return below * (1 - share) + above * share
