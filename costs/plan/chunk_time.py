"""How long a chunk takes: its items on `item_concurrency` threads, within the time that Lambda gives an invocation."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import fmean

import numpy as np

from costs.facts.assumptions import Assumptions
from costs.facts.quotas import Quotas
from costs.plan.distribution import Values
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload
from handlers.core.run_items import STOP_MS

SEED = 20_261_123
# The items that are drawn for a sample: enough for a mean that is good to a fraction of a percent, few enough for tune.
DRAWS = 200_000
FEWEST, MOST = 16, 2_000


@dataclass(frozen=True)
class CallTimes:
    """How long single steps of the handlers take: milliseconds in a function of `memory` MB.

    A function has CPU in proportion to its memory. Python's threads share one CPU, so more memory than one vCPU comes
    with makes no step faster. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
    """

    memory: int
    quotas: Quotas
    assumptions: Assumptions

    @property
    def vcpu(self) -> float:
        return min(1.0, self.memory / self.quotas["lambda.memory_per_vcpu"])

    @property
    def dynamodb(self) -> float:
        return self._call("dynamodb.call_ms")

    @property
    def dynamodb_batch(self) -> float:
        return self._call("dynamodb.batch_call_ms")

    @property
    def sqs(self) -> float:
        return self._call("sqs.call_ms")

    @property
    def s3(self) -> float:
        return self._call("s3.call_ms")

    @property
    def events(self) -> float:
        return self._call("events.call_ms")

    @property
    def overhead(self) -> float:
        """What every invocation takes beside its calls and items."""
        return self.assumptions["lambda.overhead_ms"]

    @property
    def make_item(self) -> float:
        """The batcher's CPU time for an item."""
        return self.assumptions["batcher.item_cpu_us"] / 1000 / self.vcpu

    @property
    def take_item(self) -> float:
        """The processor's CPU time for an item."""
        return self.assumptions["processor.item_cpu_us"] / 1000 / self.vcpu

    def upload(self, size: float) -> float:
        """Put an object or a part of `size` bytes."""
        return self.s3 + size / self.assumptions["s3.upload_bytes_per_second"] * 1000

    def _call(self, latency: str) -> float:
        """A call's latency, and the CPU time that it costs its caller."""
        return self.assumptions[latency] + self.assumptions["sdk.call_cpu_ms"] / self.vcpu


@dataclass(frozen=True, eq=False)
class ChunkTimes:
    """A sample of chunks: the seconds from first to last item, until its last item begins, and of its longest item."""

    wall: list[float]
    last_begin: list[float]
    longest: list[float]

    @cached_property
    def mean(self) -> float:
        """The average chunk's seconds."""
        return fmean(self.wall)


@lru_cache(maxsize=512)
def chunk_times(values: Values, items: int, slots: int) -> ChunkTimes:
    """Sampled times of chunks of `items` items; the same for the same arguments.

    The items of every chunk are drawn anew from the whole distribution. An item begins in the thread that is free
    first, as in `handlers.core.run_items`, so a chunk's time is the makespan of list scheduling.
    """
    slots = min(slots, items)
    if values.kind == "constant":
        wall = -(-items // slots) * values.low / 1000
        return ChunkTimes([wall], [wall - values.low / 1000], [values.low / 1000])
    count = min(MOST, max(FEWEST, DRAWS // items))
    # Item by item, from one seed: where there are as many chunks, a larger one has a smaller one's items and more.
    drawn = values.sample(np.random.default_rng(SEED), count * items).reshape(items, count).T / 1000
    # No bill should depend on the luck of the draw.
    drawn = drawn * (values.mean / 1000 / drawn.mean()) if drawn.any() else drawn
    wall, last_begin = makespans(drawn, slots)
    return ChunkTimes(wall.tolist(), last_begin.tolist(), drawn.max(axis=1).tolist())


def makespans(drawn: np.ndarray, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """For every row the time until all its items are done, `slots` at a time in order, and until the last one begins."""
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
    """The seconds that an invocation leaves of its timeout, by `handlers.core.clock`: at most a quarter of it."""
    return min(stop_ms / 1000, timeout / 4)


@dataclass(frozen=True, kw_only=True)
class ChunkWork:
    """The `count` chunks of a batch, of `items` items each on average, their times, and how invocations process them.

    An invocation begins and ends items within `room_seconds`. Of a chunk that outlasts that, an invocation processes
    `progress_seconds`; `rounds` is the number of invocations that each chunk of the sample needs.

    `failing` is the share of chunks with an item that fails. Such a chunk has `retries` more attempts, of
    `retry_seconds` of work each.
    """

    count: int
    items: float
    times: ChunkTimes
    room_seconds: float
    progress_seconds: float
    rounds: list[float]
    failing: float
    retry_seconds: float
    retries: int

    @property
    def mean_rounds(self) -> float:
        """The invocations that a chunk needs on average."""
        return fmean(self.rounds)

    @property
    def work_ms(self) -> float:
        """The milliseconds in which at least one item is processed, for all attempts of all chunks together."""
        return self.count * (self.times.mean + self.failing * self.retries * self.retry_seconds) * 1000

    @property
    def retried_chunks(self) -> float:
        """The second and further attempts of all chunks together."""
        return self.failing * self.count * self.retries


def chunk_work(workload: Workload, settings: Settings) -> ChunkWork:
    """The work of a batch in full chunks and a last one of what is left; `settings` ask for no more than fit a chunk.

    A failing item is taken to work as long as any other. Raises Impossible where an item outlasts an invocation.
    """
    count = math.ceil(workload.items / settings.items_per_chunk)
    items = min(workload.items, settings.items_per_chunk)
    times = chunk_times(workload.values, items, settings.item_concurrency)
    timeout = settings.function_timeout
    room = timeout - spare_seconds(STOP_MS, timeout)
    largest = workload.values.largest / 1000
    if largest > room:
        raise Impossible(
            "FunctionTimeout",
            f"an item may take {largest:,.1f} s, and of {timeout} s an invocation has {room:g} s for it: raise "
            "FunctionTimeout (120 at most), ProcessorMemory if it is CPU that the item waits for, or cut items smaller",
        )
    failing = -math.expm1(items * math.log1p(-workload.fail_rate)) if workload.fail_rate < 1 else 1.0
    progress = progress_seconds(workload.values, times, room)
    return ChunkWork(
        count=count,
        items=workload.items / count,
        times=times,
        room_seconds=room,
        progress_seconds=progress,
        rounds=[
            1.0 if last_begin + longest <= room else max(2.0, math.ceil(wall / progress))
            for wall, last_begin, longest in zip(times.wall, times.last_begin, times.longest, strict=True)
        ],
        failing=failing,
        retry_seconds=retry_seconds(workload, settings, items * workload.fail_rate / failing) if failing else 0.0,
        retries=settings.max_attempts - 1,
    )


def progress_seconds(values: Values, times: ChunkTimes, room: float) -> float:
    """The seconds of work that a thread does in an invocation that cannot finish a chunk: no item begins too late.

    Of equal items as many as fit. Of others those that begin in time, and half of an average item in what is left.
    """
    if values.kind == "constant":
        each = values.low / 1000
        return each * max(1, room // each) if each else room
    return max(room - fmean(times.longest) + values.mean / 2000, room / 10)


def retry_seconds(workload: Workload, settings: Settings, items: float) -> float:
    """How long the failed items of a chunk take at another attempt, interpolated between whole numbers of items."""
    low, share = int(items), items % 1
    each = [chunk_times(workload.values, max(1, n), settings.item_concurrency).mean for n in (low, low + 1)]
    return each[0] * (1 - share) + each[1] * share
