"""What every processor does with a chunk: its items within the time that Lambda leaves, and what fails once more."""

import math
from dataclasses import dataclass

import numpy as np

from costs.plan.chunk_time import ChunkTimes, chunk_times
from costs.plan.distribution import Values
from costs.plan.fixed import STOP_SECONDS
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload


def spare_seconds(stop: float, timeout: float) -> float:
    """What of its time an invocation leaves, as handlers.core.clock has it: a quarter where the whole is short."""
    return min(stop, timeout / 4)


@dataclass(frozen=True)
class ChunkWork:
    """A batch's chunks of `items` items each, their times, and what an invocation gets done of them.

    Items begin for `room_seconds` of an invocation's time, less the longest of them; of a chunk that outlasts that,
    `progress_seconds` are done, and `rounds` is how many invocations each of the sample needs by itself.

    `failing` is the share of chunks with an item that fails, `retried_items` how many of these it has then.
    """

    count: int
    items: float
    times: ChunkTimes
    room_seconds: float
    progress_seconds: float
    rounds: np.ndarray
    failing: float
    retried_items: float
    retry_seconds: float


def chunk_work(workload: Workload, settings: Settings) -> ChunkWork:
    """The chunks of a batch. A failing item is taken to work as long as any other. Raises Impossible."""
    count = math.ceil(workload.items / settings.items_per_chunk)
    items = min(workload.items, settings.items_per_chunk)
    times = chunk_times(workload.values, items, settings.item_concurrency)
    timeout = settings.function_timeout
    room = timeout - spare_seconds(STOP_SECONDS, timeout)
    longest = workload.values.largest / 1000
    if longest > room:
        raise Impossible(
            "FunctionTimeout",
            f"an item may take {longest:,.1f} s, and of {timeout} s an invocation has {room:g} s for it: raise "
            "FunctionTimeout (120 at most), ProcessorMemory if it is CPU that the item waits for, or cut items smaller",
        )
    failing = -math.expm1(items * math.log1p(-workload.fail_rate)) if workload.fail_rate < 1 else 1.0
    retried = items * workload.fail_rate / failing if failing else 0.0
    progress = progress_seconds(workload.values, times, room)
    whole = (times.last_begin + times.longest) / 1000 <= room
    return ChunkWork(
        count=count,
        items=workload.items / count,
        times=times,
        room_seconds=room,
        progress_seconds=progress,
        rounds=np.where(whole, 1.0, np.maximum(2, np.ceil(times.wall / 1000 / progress))),
        failing=failing,
        retried_items=retried,
        retry_seconds=retry_seconds(workload, settings, retried) if failing else 0.0,
    )


def progress_seconds(values: Values, times: ChunkTimes, room: float) -> float:
    """What a thread gets done in an invocation that does not suffice: none begins that might not fit, all begun end.

    Of equal items as many as fit; of others those that begin in time, and of the last the half that is left of it.
    """
    if values.kind == "constant":
        each = values.low / 1000
        return each * max(1, room // each) if each else room
    longest = float(times.longest.mean()) / 1000
    return max(room - longest + values.mean / 2000, room / 10)


def retry_seconds(workload: Workload, settings: Settings, items: float) -> float:
    """How long the failed items of a chunk take when they are tried again, interpolated between whole numbers."""
    low, share = int(items), items % 1
    each = [chunk_times(workload.values, max(1, n), settings.item_concurrency).mean for n in (low, low + 1)]
    return (each[0] * (1 - share) + each[1] * share) / 1000
