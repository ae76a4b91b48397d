"""Runs one batch through one way, from its start to its event, and counts its items."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.batches import Outcome, until_finished
from bench.cost.ways import Way
from bootstrap.problem import Problem
from costs.format import count, seconds
from rollcall.batches.batch import completion_lag
from rollcall.batches.function_logs import read
from rollcall.target.connection import Connection

# Log lines arrive up to half a second late.
LOG_SECONDS = 3
# The beginning of the baselines' log line (bench/baseline/functions/work.py).
WORKED = '{"workMs": '


@dataclass(frozen=True)
class Load:
    """A batch that every way gets. Its id determines the items, whatever the way; `max_value` is in milliseconds."""

    batch_id: str
    items: int
    items_per_chunk: int
    max_value: int


@dataclass(frozen=True)
class Run:
    """A batch that ended as wanted. `lag` is the time from its last item to its event in seconds, None if unknown."""

    seconds: float
    lag: float | None


def run(connection: Connection, way: Way, load: Load, progress: Callable[[str], None]) -> Run:
    """Run a batch. Raises Problem if it does not end well and in time, or processes another number of items."""
    what = f"{way.title}: {count(load.items, 'item')} of up to {load.max_value} ms"
    progress(what)
    request = {
        "batchId": load.batch_id,
        "items": load.items,
        "itemsPerChunk": load.items_per_chunk,
        "maxValue": load.max_value,
    }
    began, arrival = until_finished(
        connection, way.starter, request, what, progress, Outcome("SUCCEEDED", succeeded=load.items)
    )
    last_item_done_at: int | None
    if way.processor:
        last_item_done_at = counted(connection, way.processor, round(began * 1000), load.items, what)
    else:
        last_item_done_at = way.starter.last_chunk_done_at(load.batch_id)
    took = arrival.arrived_at / 1000 - began
    progress(f"{what}: done in {seconds(took)}")
    return Run(took, completion_lag(arrival.arrived_at, last_item_done_at))


def counted(connection: Connection, processor: str, since: int, items: int, what: str) -> int:
    """The time of the last of `items` items by the processor's log, in milliseconds since 1970, as `since` is.

    Raises Problem for more or fewer items: the bill would include repeats.
    """
    give_up = time.monotonic() + LOG_SECONDS
    while True:
        events = read(connection.client("logs"), f"/aws/lambda/{processor}", since)
        lines = [event for event in events if event["message"].startswith(WORKED)]
        found = sum(json.loads(line["message"])["items"] for line in lines)
        if found == items:
            return max(line["timestamp"] for line in lines)
        if time.monotonic() > give_up:
            raise Problem(f"{what}: by its processors' log {count(found)} were processed")
        time.sleep(0.2)
