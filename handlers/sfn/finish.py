"""Ends a batch: counts how it ended, stores that, and publishes Batch Finished. One finalizer does it only once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, cast

from handlers.aws.errors import CheckAgain
from handlers.aws.events import FINISHED, Events
from handlers.aws.results import ResultStore
from handlers.aws.telemetry import log_finished
from handlers.core.batch import Ending, Status, final_status
from handlers.core.clock import CLOCK_MARGIN_MS, Clock
from handlers.core.json_text import JsonObject
from handlers.sfn.handed_on import chunks_of, failures_in, failures_of, with_items
from handlers.sfn.map_runs import PROOF_SECONDS, CountsDoNotAddUp, MapRuns, OutOfTime, TokenExpired
from handlers.sfn.start import epoch_of
from handlers.sfn.states import ProcessorInput
from handlers.sfn.store import BatcherOutput, BatchObjects

# Children that lost their chunks: the Map Run's name for how they ended, and their status. If the whole execution was
# stopped, the chunks of aborted children count as remaining instead.
LOST = {"failed": "FAILED", "timedOut": "TIMED_OUT", "aborted": "ABORTED"}
ENDED = ("succeeded", *LOST)
# A Map Run that is not listed so long after the end of its execution was not started.
LISTED_SECONDS = 60
# With less than this left no more failures are counted.
STOP_COUNTING_MS = 5_000
# The clock is checked after this many failures.
COUNTED_TOGETHER = 1_000
# With less than this left the manifest of the results is cut short.
STOP_LISTING_MS = 10_000


class TooEarly(CheckAgain):
    """A function that the Map Run called may still run, for at most so many `seconds`."""

    def __init__(self, seconds: float):
        super().__init__(f"a function that a child called may run for {seconds:.0f} s more")
        self.seconds = seconds


class ChunksLeft(CheckAgain):
    """Children had no time for all of their chunks: another Map Run has to take them up."""


class NotYetAnnounced(CheckAgain):
    """Another finalizer has won this batch and may still publish its event: check again."""


class ListedChildren(NamedTuple):
    """The progress in a list of children: the next page's token, and the number of children before it."""

    token: str | None = None
    found: int = 0
    complete: bool = False


@dataclass(frozen=True)
class EarlyEnd:
    """How a batch ends if its execution ended early, at `at` in milliseconds since 1970."""

    status: Status
    reason: str | None
    at: int | None = None


class Counter:
    """Counts the ending of one batch. If an invocation runs out of time the next one goes on, from `lost/`.

    `grace`: how long a function may run on after the child that called it has ended.
    """

    def __init__(self, objects: BatchObjects, map_runs: MapRuns, grace: timedelta, clock: Clock):
        self.objects = objects
        self.map_runs = map_runs
        self.grace = grace
        self.clock = clock
        self.progress = objects.find_counted()

    def count(self, made: BatcherOutput, map_run_arn: str | None, early: EarlyEnd | None) -> Ending:
        """The batch's ending. Raises OutOfTime, and TooEarly if a child ended before what it had called.

        Raises CountsDoNotAddUp until the Map Run's counts equal the children found, for at most 15 minutes: then the
        batch is FAILED, and the items of missing chunks count as remaining. Raises ChunksLeft if all children are
        accounted for, and some have handed chunks on.
        """
        part = self.objects.part(made)
        if self.progress.get("run", 1) != part.run:
            self.progress = {"run": part.run}
        run = self.map_runs.describe(map_run_arn) if map_run_arn else {}
        ended_at = ended_at_of(run, early)
        waited = ended_at is not None and self.clock.now() > ended_at + PROOF_SECONDS * 1000
        says = {name: run.get("itemCounts", {}).get(name, 0) for name in ENDED}
        if not waited and run.get("status") == "RUNNING":
            raise CountsDoNotAddUp(f"{map_run_arn} has not ended: {says}")
        if not map_run_arn and made.chunks and ended_at and self.clock.now() < ended_at + LISTED_SECONDS * 1000:
            raise CountsDoNotAddUp("no Map Run is listed, maybe not yet")
        if ended_at is not None and (early or any(says[name] for name in LOST)):
            self._let_functions_end(ended_at)
        if not waited and not early and sum(says.values()) != part.children:
            raise CountsDoNotAddUp(f"{sum(says.values())} of {part.children} children are accounted for: {says}")
        left = self._left_by(part.run)
        children = says["succeeded"]
        for name, status in LOST.items():
            if map_run_arn and says[name] and not (early and name == "aborted"):
                children += min(says[name], self._fail_lost_chunks(map_run_arn, status, says[name], waited, left))
        if left and not early and children == part.children:
            raise ChunksLeft(f"{len(left)} of {part.chunks} chunks")
        chunks = made.chunks - part.chunks + max(0, part.in_children(children) - len(left))
        return self._ending(made, chunks, self._count_failed(), early)

    def _let_functions_end(self, ended_at: int) -> None:
        """A child that succeeded had its answer from every function that it called. Any other may have left one."""
        left = ended_at + self.grace.total_seconds() * 1000 + CLOCK_MARGIN_MS - self.clock.now()
        if left > 0:
            raise TooEarly(left / 1000)

    def _ending(self, made: BatcherOutput, chunks: int, failed: int, early: EarlyEnd | None) -> Ending:
        """The ending, with `chunks` chunks accounted for. Its reason says if the input could not be read fully."""
        missing = made.chunks - chunks
        settled, reason = made.items, made.reason
        status = Status.FAILED if reason else final_status(made.items, failed, made.tolerated_failure_percentage)
        if early and (missing or not made.chunks):
            # Otherwise the execution had done everything but finalize.
            status = early.status
            reason = all_of(early.reason, made.reason) if made.chunks else made.reason or early.reason
        elif missing:
            status = Status.FAILED
            reason = all_of(
                f"{PROOF_SECONDS // 60} minutes after its Map Run's end {chunks:,} of {made.chunks:,} chunks are "
                "accounted for: the items of the others are counted as remaining",
                made.reason,
            )
        if early or missing:
            settled = max(failed, settled_at_least(made, chunks))
        return made.ending(status, settled, failed, reason, self.clock.now())

    def _left_by(self, run: int) -> set[int]:
        """The chunks that the children of a Map Run have handed on. Records the failures that none of them could."""
        left = set()
        for name in self.objects.names_left(run):
            seq, _, what = name.partition("/")[2].partition("-")
            if what != "failed":
                left.add(int(seq))
            elif not self.objects.has_failures(int(seq)):
                if not self.clock.has(STOP_COUNTING_MS):
                    raise OutOfTime(f"failures that no child could record, up to chunk {seq}")
                event = cast(ProcessorInput, self.objects.left(name))
                self.objects.put_failed(int(seq), failures_in(with_items(event, self.objects)))
        return left

    def _fail_lost_chunks(self, map_run_arn: str, status: str, expected: int, waited: bool, left: set[int]) -> int:
        """Fail all items of the chunks of children that died, but those `left` to others and those that have failures.

        Returns the number of children.
        """
        listed = ListedChildren(*self.progress.get(status) or ())
        while not listed.complete:
            try:
                children, token = self.map_runs.children(map_run_arn, status, listed.token, self.clock)
            except TokenExpired:
                listed = ListedChildren()
                continue
            for child in children:
                for event in chunks_of(child):
                    seq = event["chunk"]["seq"]
                    if seq not in left and not self.objects.has_failures(seq):
                        self.objects.put_failed(seq, failures_of(child, with_items(event, self.objects)))
            listed = ListedChildren(token, listed.found + len(children), complete=token is None)
            self._keep(self.progress | {status: listed})
        if listed.found != expected and not waited:
            # Begin again, with the failures too: some of those counted may be recorded only now.
            self._keep({"run": self.progress.get("run", 1)})
            raise CountsDoNotAddUp(f"{expected} children ended {status}, and {listed.found} can be found")
        return listed.found

    def _count_failed(self) -> int:
        """The number of failed items, once all of them are recorded. Raises OutOfTime."""
        next_seq, failed = self.progress.get("failures") or (0, 0)
        for number, (seq, count) in enumerate(self.objects.failures(next_seq), start=1):
            next_seq, failed = seq + 1, failed + count
            if not number % COUNTED_TOGETHER and not self.clock.has(STOP_COUNTING_MS):
                self._keep(self.progress | {"failures": (next_seq, failed)})
                raise OutOfTime(f"failures are counted up to chunk {seq}")
        return failed

    def _keep(self, progress: JsonObject) -> None:
        self.progress = progress
        self.objects.put_counted(progress)


@dataclass
class Finisher:
    """Ends batches. `results` is None if the stack does not collect results. `grace`: see Counter."""

    map_runs: MapRuns
    events: Events
    results: ResultStore | None
    grace: timedelta

    def finish(
        self, objects: BatchObjects, made: BatcherOutput, map_run_arn: str | None, clock: Clock, early: EarlyEnd | None
    ) -> JsonObject:
        """End a batch; return the event's detail. `early` is given if its execution did not end regularly.

        Raises NotYetAnnounced, and the errors of Counter.count and Events.publish: check again.
        """
        if early:
            objects.put_stopped()
        if objects.find_ending() is None:
            ending = Counter(objects, self.map_runs, self.grace, clock).count(made, map_run_arn, early)
            return self.end(objects, ending, clock)
        return self._announce_again(objects, clock)

    def end(self, objects: BatchObjects, ending: Ending, clock: Clock) -> JsonObject:
        """End a batch this way, unless it has ended. Returns the detail that is announced. Raises as `finish` does."""
        if ending.remaining:
            objects.put_stopped()
        if objects.put_ending(ending.detail(), clock.deadline):
            return self._announce(objects, ending.detail(), clock)
        return self._announce_again(objects, clock)

    def _announce(self, objects: BatchObjects, detail: JsonObject, clock: Clock) -> JsonObject:
        if self.results:
            self.results.put_manifest(objects.batch_id, objects.generation, lambda: clock.has(STOP_LISTING_MS))
        self.events.publish(FINISHED, detail)
        objects.record_notified()
        log_finished(detail)
        return detail

    def _announce_again(self, objects: BatchObjects, clock: Clock) -> JsonObject:
        """Take the announcement over from a finalizer that died, once its time is over."""
        found = objects.find_ending()
        if not found:
            raise NotYetAnnounced("its ending is not readable yet")
        ending, etag = found
        detail: JsonObject = ending["detail"]
        if objects.is_notified():
            return detail
        if ending["announceUntil"] > clock.now() or not objects.take_announcement_over(detail, clock.deadline, etag):
            raise NotYetAnnounced(f"{objects.name} is being announced")
        return self._announce(objects, detail, clock)


def ended_at_of(run: JsonObject, early: EarlyEnd | None) -> int | None:
    """The end of the Map Run, or else of its execution, in milliseconds since 1970; None if it is not known."""
    if "stopDate" in run:
        return epoch_of(run["stopDate"])
    return early.at if early else None


def all_of(*reasons: str | None) -> str | None:
    """The reasons, without those that are None, as one text."""
    return "; ".join(filter(None, reasons)) or None


def settled_at_least(made: BatcherOutput, chunks: int) -> int:
    """The fewest items that `chunks` of the batch's chunks can hold, because it is not known which chunks finished.

    So a done item may be counted as remaining, but no remaining item as done.
    """
    if chunks >= made.chunks:
        return made.items if made.chunks else 0
    return min(made.last_chunk, made.smallest_chunk) + (chunks - 1) * made.smallest_chunk if chunks else 0
