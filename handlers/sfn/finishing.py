"""Ends a batch: one finalizer stores how, and publishes Batch Finished; another takes over if it dies."""

from handlers.aws.errors import LookAgain
from handlers.aws.events import FINISHED, Events
from handlers.aws.results import ResultStore
from handlers.aws.telemetry import log_finished
from handlers.core.batch import Ending
from handlers.core.clock import Clock
from handlers.sfn.counting import Counter, EarlyEnd
from handlers.sfn.map_runs import MapRuns
from handlers.sfn.store import BatchObjects, Made

# With less than this left no further page of children is begun.
STOP_MS = 10_000


class NotYetAnnounced(LookAgain):
    """Another finalizer has won this batch and may still publish its event: look again."""


class Finisher:
    """`results` is where results are collected, if they are."""

    def __init__(self, map_runs: MapRuns, events: Events, results: ResultStore | None):
        self.map_runs = map_runs
        self.events = events
        self.results = results

    def finish(
        self, objects: BatchObjects, made: Made, map_run_arn: str | None, clock: Clock, early: EarlyEnd | None = None
    ) -> dict:
        """End a batch. `early` is given when its execution did not come to its regular end; returns the detail.

        Raises NotYetAnnounced, and what Counter.count and Events.publish raise: look again.
        """
        if objects.find_ending() is None:
            ending = Counter(objects, self.map_runs, clock).count(made, map_run_arn, early)
            return self.end(objects, ending, clock)
        return self._announce_again(objects, clock)

    def end(self, objects: BatchObjects, ending: Ending, clock: Clock) -> dict:
        """End a batch so, unless it has an ending; returns the detail that is announced. Raises as `finish`."""
        if objects.put_ending(ending.detail(), clock.deadline):
            return self._announce(objects, ending.detail(), clock)
        return self._announce_again(objects, clock)

    def _announce(self, objects: BatchObjects, detail: dict, clock: Clock) -> dict:
        if self.results:
            self.results.put_manifest(objects.batch_id, objects.generation, lambda: clock.has(STOP_MS))
        self.events.publish(FINISHED, detail)
        objects.record_notified()
        log_finished(detail)
        return detail

    def _announce_again(self, objects: BatchObjects, clock: Clock) -> dict:
        """Take the announcement over from a finalizer that died, after the time it had."""
        found = objects.find_ending()
        if not found:
            raise NotYetAnnounced("its ending is not readable yet")
        ending, etag = found
        if objects.is_notified():
            return ending["detail"]
        if ending["announceUntil"] > clock.now() or not objects.take_announcement_over(
            ending["detail"], clock.deadline, etag
        ):
            raise NotYetAnnounced(f"{objects.name} is being announced")
        return self._announce(objects, ending["detail"], clock)
