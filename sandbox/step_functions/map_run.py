"""The children of one Map Run: their counts, their outcomes, and whether too many of them failed."""

import datetime
import threading
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor import (
    map_run_record as records,
)
from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

from sandbox.meter.state_machines import ChildMeter


def now() -> datetime.datetime:
    return datetime.datetime.now(tz=datetime.UTC)


@dataclass(slots=True)
class Child:
    """One child execution. `frame` evaluates it. `interrupted`: it has ended, but not yet what it had called."""

    name: str
    index: int
    started: datetime.datetime
    input: Any
    status: str = "RUNNING"
    stopped: datetime.datetime | None = None
    error: str | None = None
    cause: str | None = None
    output: str | None = None
    meter: ChildMeter | None = None
    frame: Any = None
    interrupted: bool = False

    def pack(self) -> None:
        """Keep the input of an ended child in few bytes: 20,000 would stay in memory until the engine ends."""
        self.input = zlib.compress(to_json_str(self.input, separators=(",", ":")).encode(), 1)

    def input_text(self) -> str:
        """The input as JSON."""
        if self.stopped is None:
            return to_json_str(self.input, separators=(",", ":"))
        return zlib.decompress(self.input).decode()


class MapRun:
    """The progress of one Map Run. This class also updates the counters in LocalStack's `record` of it.

    Each child is counted once. When the Map Run ends early, its running STANDARD children count as aborted at that
    moment, whatever their outcome later; EXPRESS ones run on, and the Map Run with them.
    """

    def __init__(self, record: records.MapRunRecord, total: int, express: bool = False) -> None:
        self.record = record
        self.express = express
        self.children: list[Child] = []
        self.interrupt: Callable[[Child, str], object] = self.end
        """Ends a running child with a status, but not what it has called."""
        self._lock = threading.Lock()
        self._total = total
        self._failed = 0
        self._running = 0
        self._set_stop: Callable[[], None] | None = None
        self._counters = (record.item_counter, record.execution_counter)
        for counter in self._counters:
            counter.total.count(total)
            counter.pending.count(total)

    def start(self, index: int, item: Any) -> Child | None:
        """Count one more running child, and return it; None if the Map Run is to end."""
        child = Child(str(uuid.uuid4()), index, now(), item)
        with self._lock:
            if self._set_stop:
                return None
            self.children.append(child)
            self._running += 1
            for counter in self._counters:
                counter.pending.offset(-1)
                counter.running.count()
        return child

    def end(
        self, child: Child, status: str, error: str | None = None, cause: str | None = None, interrupted: bool = False
    ) -> bool:
        """Count the end of `child` with `status`; false if its end was counted before."""
        with self._lock:
            if child.status != "RUNNING":
                return False
            child.pack()
            child.status, child.error, child.cause, child.stopped = status, error, cause, now()
            child.interrupted = interrupted
            self._failed += status in ("FAILED", "TIMED_OUT")
            self._running -= 1
            for counter in self._counters:
                counter.running.offset(-1)
                getattr(counter, status.lower()).count()
                counter.results_written.count(int(status == "SUCCEEDED"))
            self._stop_if_over()
        return True

    def abort_running(self) -> None:
        """Count every running child as aborted."""
        for child in list(self.children):
            self.end(child, "ABORTED")

    def stop(self, set_stop: Callable[[], None]) -> None:
        """Call `set_stop`, which ends the record, once no child runs; of several calls the first one counts."""
        with self._lock:
            self._set_stop = self._set_stop or set_stop
            self._stop_if_over()

    def _stop_if_over(self) -> None:
        if self._set_stop and not self._running:
            self._set_stop()

    def too_many_failed(self) -> bool:
        """Whether more children failed or timed out than the Map tolerates.

        `ToleratedFailureCount` and `ToleratedFailurePercentage` are 0 if unset. The Map fails as soon as a set one is
        exceeded; if none is set, at the first failure.
        """
        count, percentage = self.record.tolerated_failure_count, self.record.tolerated_failure_percentage
        if not count and not percentage:
            return self._failed > 0
        beyond_percentage = percentage and 100 * self._failed > percentage * self._total
        return bool(beyond_percentage or (count and self._failed > count))
