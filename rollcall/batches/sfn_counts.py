"""How far a batch of the Step Functions architecture is, by the counts of its Map Runs. Pure.

A child has several chunks, and only its end is counted: until then nothing tells which of them are done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.sfn.store import BatcherOutput, Part


@dataclass(frozen=True)
class ChunkCounts:
    """Chunks by the state of the child that has them. Children that were `lost` failed, timed out or were aborted."""

    done: int
    lost: int
    running: int
    waiting: int

    @property
    def ended(self) -> int:
        """The chunks that no child has to process any more."""
        return self.done + self.lost

    def by_state(self) -> tuple[tuple[str, int], ...]:
        """The numbers by the names that the console gives the states."""
        return (("done", self.done), ("failed", self.lost), ("working", self.running), ("waiting", self.waiting))


def chunk_counts(made: BatcherOutput, part: Part, item_counts: Mapping[str, int], left: int) -> ChunkCounts:
    """The chunks of the batch by the `itemCounts` of the Map Run that has this part; an item of it is a child.

    `left` are the chunks that its children have handed on to a further Map Run: they wait. As many chunks as the
    children that ended have at least are counted, as the finalizer does.
    """
    lost = sum(item_counts.get(state, 0) for state in ("failed", "timedOut", "aborted"))
    ended = max(0, part.in_children(item_counts.get("succeeded", 0) + lost) - left)
    lost = min(ended, lost * part.per_child)
    running = min(part.chunks - ended, item_counts.get("running", 0) * part.per_child)
    done = made.chunks - part.chunks + ended - lost
    return ChunkCounts(done, lost, running, made.chunks - done - lost - running)
