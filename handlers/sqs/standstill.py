"""Why a batch stands, as far as its records tell: rules over a look at them. docs/design.md lists the causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from handlers.sqs.records import Batch, Segment

NAMED_SEGMENTS = 3
NEXT_CHECK = "the finalizer is to end it at its next check"


class Clause(NamedTuple):
    """One part of the answer: the cause's name for scripts, what is the matter in words, and with how many chunks."""

    cause: str
    text: str
    chunks: int = 0


@dataclass(frozen=True)
class ChunkStates:
    """The chunk records that are left. `left` counts all of them, and the others only the first `seen`.

    `held`: leased by so many `holders` until `held_until` at the latest. `lost`: a lease that ended by `lost_at`, and
    that its holder never released. `failed`: released after an attempt, at most `attempts` of them. `waiting`: not
    tried. Times in milliseconds since 1970.
    """

    left: int = 0
    seen: int = 0
    held: int = 0
    holders: int = 0
    held_until: int = 0
    lost: int = 0
    lost_at: int = 0
    failed: int = 0
    attempts: int = 0
    waiting: int = 0

    @property
    def free(self) -> int:
        """The chunks that nobody holds."""
        return self.seen - self.held


@dataclass(frozen=True)
class TableLook:
    """A look at an open batch at `now`: its record, its first unmade segments by number, and its chunks."""

    batch: Batch
    segments: dict[int, Segment | None]
    chunks: ChunkStates
    now: int

    @property
    def being_made(self) -> dict[int, int]:
        """The segments that a batcher holds, each with the end of its lease."""
        leases = {number: found.lease_until for number, found in self.segments.items() if found}
        return {number: until for number, until in leases.items() if until >= self.now}


def table_tells(look: TableLook) -> list[Clause]:
    """What the table alone tells: of the most chunks first."""
    if end := ending(look) or finished(look):
        return [end]
    of_chunks = (clause for clause in (held(look), lost(look), failed(look), waiting(look)) if clause)
    return [*sorted(of_chunks, key=lambda clause: -clause.chunks), *filter(None, (unmade(look),))]


def ending(look: TableLook) -> Clause | None:
    """A batch that is past its deadline, or was made to end."""
    batch, chunks, now = look.batch, look.chunks, look.now
    if now < batch.deadline:
        return None
    how = why_early(look)
    if look.being_made:
        until = clock_time(max(look.being_made.values()), now)
        return Clause("ending", f"{how}, and waits for {leases(len(look.being_made), 'batcher')} until {until}")
    if chunks.held:
        until = clock_time(chunks.held_until, now)
        return Clause("ending", f"{how}, and waits for {leases(chunks.held, 'processor')} until {until}")
    return Clause("ending", f"{how}; {NEXT_CHECK}")


def why_early(look: TableLook) -> str:
    """Why the batch is ending before all of it is done."""
    batch = look.batch
    if batch.reason:
        return f"it is to end FAILED: {batch.reason}"
    at = clock_time(batch.deadline, look.now)
    return f"it was cancelled at {at}" if batch.cancelled else f"it passed its deadline at {at}"


def leases(count: int, holder: str) -> str:
    return f"{count:,} lease{'' if count == 1 else 's'} of {holder}s"


def finished(look: TableLook) -> Clause | None:
    """A batch of which nothing is left but to tell."""
    if look.chunks.left or not look.batch.sealed:
        return None
    return Clause("finishing", f"every chunk is finished; {NEXT_CHECK}")


def held(look: TableLook) -> Clause | None:
    """Chunks that somebody works on, or worked on when it died: until its lease ends nobody can tell."""
    chunks = look.chunks
    if not chunks.held:
        return None
    text = f"{some(chunks.held, look, 'is', 'are')} leased until {clock_time(chunks.held_until, look.now)}"
    return Clause("leases", f"{text}: to processors at work, or to ones that died", chunks.held)


def lost(look: TableLook) -> Clause | None:
    """Chunks whose holder died."""
    chunks = look.chunks
    if not chunks.lost:
        return None
    ended = clock_time(chunks.lost_at, look.now)
    return Clause(
        "processor-died",
        f"{some(chunks.lost, look)} for messages to return: the processors that leased them until {ended} died",
        chunks.lost,
    )


def failed(look: TableLook) -> Clause | None:
    """Chunks whose items have failed, and are tried again."""
    chunks = look.chunks
    if not chunks.failed:
        return None
    most = f"{chunks.attempts} of {look.batch.request.max_attempts}"
    return Clause("items-fail", f"{some(chunks.failed, look)} for another attempt, after {most}", chunks.failed)


def waiting(look: TableLook) -> Clause | None:
    """Chunks that nobody has tried."""
    count = look.chunks.waiting
    return Clause("not-taken", f"{some(count, look)} for a processor", count) if count else None


def unmade(look: TableLook) -> Clause | None:
    """Segments whose chunks are not all made."""
    if look.batch.sealed:
        return None
    if not look.being_made:
        more = len(look.batch.segments) - len(look.segments)
        return Clause("no-batcher", f"it is not sealed: {named(list(look.segments), more)} no batcher")
    # The other segments wait for these batchers.
    until = clock_time(max(look.being_made.values()), look.now)
    return Clause("not-sealed", f"it is not sealed: {named(list(look.being_made), 0)} a batcher until {until}")


def named(numbers: Sequence[int], more: int) -> str:
    """`segment 3 has`, `segments 3 and 4 have`, `segments 3, 4, 5 and 7 more have`."""
    total = len(numbers) + more
    shown = [str(number) for number in numbers[:NAMED_SEGMENTS]]
    if total == 1:
        return f"segment {shown[0]} has"
    if total > len(shown):
        return f"segments {', '.join(shown)} and {total - len(shown):,} more have"
    return f"segments {', '.join(shown[:-1])} and {shown[-1]} have"


def some(count: int, look: TableLook, one: str = "waits", several: str = "wait") -> str:
    """`7 of 9 chunks wait`, of those that were seen if these are not all."""
    chunks = look.chunks
    what = f"the first {chunks.seen:,} chunks" if chunks.seen < chunks.left else f"{chunks.seen:,} chunks"
    if count == chunks.seen:
        return f"1 chunk {one}" if count == 1 else f"{what} {several}"
    return f"{count:,} of {what} {one if count == 1 else several}"


def clock_time(at: int, now: int) -> str:
    """`14:05:12 UTC`, with the date if it is another day's."""
    time, today = (datetime.fromtimestamp(each / 1000, UTC) for each in (at, now))
    return f"{time:%H:%M:%S} UTC" if time.date() == today.date() else f"{time:%Y-%m-%d %H:%M:%S} UTC"


def sentence_of(clauses: Sequence[Clause]) -> str:
    """The clauses as one sentence, without its full stop."""
    return "; ".join(clause.text for clause in clauses)
