"""How a batch ended, counted from what its Map Run did and from the failures that were recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from handlers.aws.errors import LookAgain
from handlers.core.batch import Ending, Status, final_status
from handlers.core.clock import Clock
from handlers.sfn.map_runs import MapRuns, OutOfTime, TokenExpired, chunk_of
from handlers.sfn.store import BatchObjects, Made

# A child that ended so on its own has lost its chunk, by the Map Run's name for it; where the whole execution was
# stopped, one that was aborted with it counts as remaining.
LOST = {"failed": "FAILED", "timedOut": "TIMED_OUT", "aborted": "ABORTED"}
ENDED = ("succeeded", *LOST)
# How long after a Map Run's end what it says and what is found of it may differ: both are eventually consistent.
PROOF_SECONDS = 900
# With less than this left no more failures are counted.
STOP_MS = 5_000
COUNTED_AT_ONCE = 1_000


class CountsDoNotAddUp(LookAgain):
    """What the Map Run says does not, or not yet, account for every chunk: it is eventually consistent."""


class Seen(NamedTuple):
    """How far the children that ended in some way were gone through: the next page's token, and how many before it."""

    token: str | None = None
    found: int = 0
    through: bool = False


@dataclass(frozen=True)
class EarlyEnd:
    """How a batch ends whose execution did not come to its regular end, at `at` in milliseconds since 1970."""

    status: Status
    reason: str | None
    at: int | None = None


class Counter:
    """Counts one batch. What takes longer than an invocation goes on in the next, from `lost/`."""

    def __init__(self, objects: BatchObjects, map_runs: MapRuns, clock: Clock):
        self.objects = objects
        self.map_runs = map_runs
        self.clock = clock
        self.progress = objects.find_counted()

    def count(self, made: Made, map_run_arn: str | None, early: EarlyEnd | None) -> Ending:
        """The batch's ending.

        Raises CountsDoNotAddUp until what the Map Run says equals what is found, 15 minutes at most: after that the
        batch is FAILED, and what cannot be found is counted as remaining. Raises OutOfTime.
        """
        run = self.map_runs.describe(map_run_arn) if map_run_arn else {}
        waited = self._waited(run, early)
        says = {name: run.get("itemCounts", {}).get(name, 0) for name in ENDED}
        if not waited and run.get("status") == "RUNNING":
            raise CountsDoNotAddUp(f"{map_run_arn} has not ended: {says}")
        if not waited and not early and sum(says.values()) != made.chunks:
            raise CountsDoNotAddUp(f"{sum(says.values())} of {made.chunks} chunks are accounted for: {says}")
        chunks = says["succeeded"]
        for name, status in LOST.items():
            if map_run_arn and says[name] and not (early and name == "aborted"):
                chunks += min(says[name], self._fail_lost_chunks(map_run_arn, status, says[name], waited))
        return self._ending(made, chunks, self._count_failed(), early)

    def _waited(self, run: Mapping, early: EarlyEnd | None) -> bool:
        """Whether its Map Run's end, or else its execution's, is so long ago that no more is to be expected."""
        ended_at = early.at if early else None
        if "stopDate" in run:
            ended_at = round(run["stopDate"].timestamp() * 1000)
        return ended_at is not None and self.clock.now() > ended_at + PROOF_SECONDS * 1000

    def _ending(self, made: Made, chunks: int, failed: int, early: EarlyEnd | None) -> Ending:
        """`chunks` of those made are accounted for. A batch whose input broke off also says so."""
        missing = made.chunks - chunks
        settled, reason = made.items, made.reason
        status = Status.FAILED if reason else final_status(made.items, failed, made.tolerated_failure_percentage)
        if early and (missing or not made.chunks):
            # Else only its finalizer was missing, or it was stopped too late.
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
        return Ending(
            batch_id=made.batch_id,
            generation=made.generation,
            architecture="sfn",
            status=status,
            items=made.items,
            succeeded=settled - failed,
            failed=failed,
            remaining=made.items - settled,
            chunks=made.chunks,
            started_at=made.started_at,
            finished_at=self.clock.now(),
            reason=reason,
        )

    def _fail_lost_chunks(self, map_run_arn: str, status: str, expected: int, waited: bool) -> int:
        """A child that neither succeeded nor recorded anything fails all its items; returns how many were found."""
        seen = Seen(*self.progress.get(status) or ())
        while not seen.through:
            try:
                children, token = self.map_runs.children(map_run_arn, status, seen.token, self.clock)
            except TokenExpired:
                seen = Seen()
                continue
            for child in children:
                chunk = chunk_of(child)
                if not self.objects.has_failures(chunk["seq"]):
                    self.objects.put_failed(chunk["seq"], failures_of(child, chunk["items"]))
            seen = Seen(token, seen.found + len(children), through=token is None)
            self._keep(self.progress | {status: seen})
        if seen.found != expected and not waited:
            # From the start, the failures too: some of what was counted may come to be recorded only now.
            self._keep({})
            raise CountsDoNotAddUp(f"{expected} children ended {status}, and {seen.found} can be found")
        return seen.found

    def _count_failed(self) -> int:
        """How many items have failed for good, once all of them are recorded."""
        next_seq, failed = self.progress.get("failures") or (0, 0)
        for number, (seq, count) in enumerate(self.objects.failures(next_seq), start=1):
            next_seq, failed = seq + 1, failed + count
            if not number % COUNTED_AT_ONCE and not self.clock.has(STOP_MS):
                self._keep(self.progress | {"failures": (next_seq, failed)})
                raise OutOfTime(f"failures are counted up to chunk {seq}")
        return failed

    def _keep(self, progress: dict) -> None:
        self.progress = progress
        self.objects.put_counted(progress)


def all_of(*reasons: str | None) -> str | None:
    """The reasons that there are, as one."""
    return "; ".join(filter(None, reasons)) or None


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
