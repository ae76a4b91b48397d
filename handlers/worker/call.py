"""One call of the worker: which items run together, and who is to blame where their process ends."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handlers.aws.telemetry import logger
from handlers.core.json_text import Item
from handlers.core.run_items import Failure, Results, without_rejections
from handlers.worker.round import Outcome

# With so many suspects, they are processed before any other item.
MAX_SUSPECTS = 100
# A process that ends so often with no item under way is not started again in this call.
MAX_IDLE_ENDS = 3


class Group(NamedTuple):
    """Items that are processed together, by their indexes; `at_once` in one call of `process_chunk`."""

    indexes: list[int]
    concurrency: int
    at_once: bool = False


@dataclass
class Call:
    """The items of one call. Each index is in the results, in `waiting`, or in `suspects`."""

    items: Mapping[int, Item]
    concurrency: int
    about: Mapping[str, Any]
    alone: Collection[int]
    # Whether process_chunk is to be tried.
    at_once: bool = False
    results: Results = field(default_factory=Results)
    idle_ends: int = 0
    # Whether the first suspect is tried next: as the first item of a fresh process, it is told from what others left.
    retrial: bool = False

    def __post_init__(self) -> None:
        indexes = sorted(without_rejections(self.items, self.results))
        self.waiting = [index for index in indexes if index not in self.alone]
        self.suspects = [index for index in indexes if index in self.alone]

    def next_group(self) -> Group | None:
        """The items to be processed next: the suspects alone, one at a time, after all others."""
        if self.waiting and len(self.suspects) < MAX_SUSPECTS and not self.retrial:
            return Group(self.waiting, self.concurrency, self.at_once and len(self.waiting) > 1)
        return Group(self.suspects[:1], 1) if self.suspects else None

    def take(self, group: Group, outcome: Outcome) -> bool:
        """Record what became of a group; whether another process, or another command, may go on with what is left."""
        index_of, self.retrial = group.indexes, False
        done = [index_of[place] for place in [*outcome.done, *outcome.values]]
        self.results.done += done
        self.results.values |= {index_of[place]: value for place, value in outcome.values.items()}
        failures = {index_of[place]: failure for place, failure in outcome.failures.items()}
        self._fail(failures)
        self._remove({*done, *failures})
        self.results.work_ms += round(outcome.work_seconds * 1000)
        if outcome.raised:
            self._give_up_chunk(outcome.raised)
        elif outcome.cause:
            under_way = [index_of[place] for place in outcome.under_way]
            self._blame(group, under_way, outcome)
            self.idle_ends += not (under_way or done or failures)
            return self.idle_ends < MAX_IDLE_ENDS
        # Else there was no time for what is left of the group.
        return bool(outcome.raised or outcome.stopped or len(done) + len(failures) == len(group.indexes))

    def _blame(self, group: Group, under_way: list[int], outcome: Outcome) -> None:
        """The process has ended while these items were under way: one alone is to blame, several are suspects."""
        if group.at_once:
            self._give_up_chunk(outcome.cause)
        elif len(under_way) == 1 and outcome.judged:
            self.results.guilty.update(under_way)
            self._fail({under_way[0]: Failure(outcome.cause)})
            self._remove(under_way)
        else:
            logger.warning("process ended", **self.about, cause=outcome.cause, items=len(under_way))
            self._remove(under_way)
            self.suspects = under_way + self.suspects
            self.retrial = len(under_way) == 1

    def _give_up_chunk(self, cause: str) -> None:
        logger.warning("process_chunk failed, each item is tried alone", **self.about, cause=cause)
        self.at_once = False

    def _fail(self, failures: Mapping[int, Failure]) -> None:
        """Record failures. Each is a line of the log."""
        for index, failure in failures.items():
            self.results.failed[index] = failure.error
            if failure.permanent:
                self.results.permanent.add(index)
            error, _, _ = failure.error.partition("\n")
            item_id = self.items[index].get("id")
            logger.warning("item failed", id=item_id, **self.about, error=error, traceback=failure.traceback)

    def _remove(self, indexes: Collection[int]) -> None:
        """These are neither waiting nor suspects any more."""
        gone = set(indexes)
        self.waiting = [index for index in self.waiting if index not in gone]
        self.suspects = [index for index in self.suspects if index not in gone]

    def end(self) -> Results:
        """The results. What is not settled is left."""
        self.results.left = sorted([*self.waiting, *self.suspects])
        self.results.suspects = set(self.suspects)
        return self.results
