"""The children of one Map Run: their counts, their outcomes, and whether too many of them failed."""

import datetime
import threading
import uuid
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
    """One child execution. It keeps `input` while it runs and if it does not succeed; if it succeeds, `output`."""

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


class MapRun:
    """The progress of one Map Run. This class also updates the counters in LocalStack's `record` of it.

    Each child is counted once. When the Map Run ends early, its running children count as aborted at that moment,
    whatever their outcome later.
    """

    def __init__(self, record: records.MapRunRecord, total: int) -> None:
        self.record = record
        self.children: list[Child] = []
        self._lock = threading.Lock()
        self._total = total
        self._failed = 0
        self._counters = (record.item_counter, record.execution_counter)
        for counter in self._counters:
            counter.total.count(total)
            counter.pending.count(total)

    def start(self, index: int, item: Any) -> Child:
        """Count one more running child, and return it."""
        child = Child(str(uuid.uuid4()), index, now(), item)
        with self._lock:
            self.children.append(child)
            for counter in self._counters:
                counter.pending.offset(-1)
                counter.running.count()
        return child

    def end(self, child: Child, status: str, error: str | None = None, cause: str | None = None) -> None:
        """Count the end of `child` with `status`, unless its end was counted before."""
        with self._lock:
            if child.status != "RUNNING":
                return
            child.status, child.error, child.cause, child.stopped = status, error, cause, now()
            succeeded = status == "SUCCEEDED"
            # 20,000 inputs would stay in memory until the engine ends.
            child.input = None if succeeded else to_json_str(child.input)
            self._failed += status in ("FAILED", "TIMED_OUT")
            for counter in self._counters:
                counter.running.offset(-1)
                getattr(counter, status.lower()).count()
                counter.results_written.count(int(succeeded))

    def abort_running(self) -> None:
        """Count every running child as aborted."""
        for child in list(self.children):
            self.end(child, "ABORTED")

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
