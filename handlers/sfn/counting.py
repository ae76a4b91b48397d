"""How a batch ended, counted from what its Map Run did and from the failures that were recorded."""

from collections.abc import Callable, Mapping

from handlers.batch import Ending, Status, final_status
from handlers.sfn.map_runs import MapRuns, chunk_of
from handlers.sfn.objects import BatchObjects, Made
from handlers.sfn.redrive import OutOfTime

# A child that ended so on its own has lost its chunk; where the whole execution was stopped, one that was aborted
# with it counts as remaining.
LOST = ("FAILED", "TIMED_OUT", "ABORTED")
LOST_EARLY = ("FAILED", "TIMED_OUT")
CHILDREN_A_PAGE = 100
ENDED = ("succeeded", "failed", "timedOut", "aborted")


class CountsDoNotAddUp(Exception):
    """The Map Run does not yet account for every chunk, or has not yet ended: it is eventually consistent."""


class Counter:
    """Counts one batch. `has_time` tells whether this invocation may begin another page of children."""

    def __init__(self, objects: BatchObjects, map_runs: MapRuns, has_time: Callable[[], bool]):
        self.objects = objects
        self.map_runs = map_runs
        self.has_time = has_time

    def count(
        self, made: Made, map_run_arn: str | None, status: Status | None, reason: str | None, now: int
    ) -> Ending:  # fmt: skip
        """The batch's ending. `status` is given when its execution did not come to its regular end.

        Raises CountsDoNotAddUp, and OutOfTime when more children lost their chunks than one invocation can record.
        """
        ended = self._ended(made, map_run_arn, early=status is not None)
        statuses = LOST_EARLY if status else LOST
        if map_run_arn and ended["failed"] + ended["timedOut"] + (0 if status else ended["aborted"]):
            for each in statuses:
                self._fail_lost_chunks(map_run_arn, each)
        failed = sum(self.objects.failed_by_chunk().values())
        settled = made.items
        chunks = ended["succeeded"] + ended["failed"] + ended["timedOut"]
        if status and made.chunks and chunks == made.chunks:
            # Only its finalizer was missing, or it was stopped too late.
            status, reason = None, made.reason
        if status:
            settled = max(failed, settled_at_least(made, chunks))
        elif reason:
            status = Status.FAILED
        return Ending(
            batch_id=made.batch_id,
            generation=made.generation,
            architecture="sfn",
            status=status or final_status(made.items, failed, made.tolerated_failure_percentage),
            items=made.items,
            succeeded=settled - failed,
            failed=failed,
            remaining=made.items - settled,
            chunks=made.chunks,
            started_at=made.started_at,
            finished_at=now,
            reason=reason,
        )

    def _ended(self, made: Made, map_run_arn: str | None, early: bool) -> Mapping[str, int]:
        """How many children ended in which way."""
        run = self.map_runs.describe(map_run_arn) if map_run_arn else {}
        counts = run.get("itemCounts", {})
        ended = {name: counts.get(name, 0) for name in ENDED}
        if run.get("status") == "RUNNING":
            raise CountsDoNotAddUp(f"{map_run_arn} has not ended: {counts}")
        if not early and sum(ended.values()) != made.chunks:
            raise CountsDoNotAddUp(f"{sum(ended.values())} of {made.chunks} chunks are accounted for: {ended}")
        return ended

    def _fail_lost_chunks(self, map_run_arn: str, status: str) -> None:
        """A child that neither succeeded nor recorded anything fails all its items."""
        progress = self.objects.find_lost()
        recorded = self.objects.failed_by_chunk()
        token = progress.get(status, "")
        while token is not None:
            if not self.has_time():
                raise OutOfTime(f"children that ended {status} are being recorded")
            children, token = self.map_runs.children(map_run_arn, status, CHILDREN_A_PAGE, token)
            for child in children:
                chunk = chunk_of(child)
                if chunk["seq"] not in recorded:
                    self.objects.put_failed(chunk["seq"], failures_of(child, chunk["items"]))
            progress[status] = token
            self.objects.put_lost(progress)


def failures_of(child: Mapping, items: list[dict]) -> list[dict]:
    """The items of a child that died, as recorded."""
    error = f"its execution ended {child['status']}: {child.get('error', '')} {child.get('cause', '')}"[:1000]
    return [{"item": item, "error": error, "attempts": 1} for item in items]


def settled_at_least(made: Made, chunks: int) -> int:
    """The fewest items that `chunks` of the batch's chunks hold: which of them were settled is not known.

    So an item that was done may be counted as remaining, and none that remains as done.
    """
    if chunks >= made.chunks:
        return made.items if made.chunks else 0
    return min(made.last_chunk, made.smallest_chunk) + (chunks - 1) * made.smallest_chunk if chunks else 0
