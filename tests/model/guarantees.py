"""G1 to G5, judged from outside the protocol: by what happens to the world, never by what the protocol says of itself.

Every change of the world is reported here as it takes effect. What breaks a guarantee raises Violation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from handlers.aws.events import FINISHED, SKIPPED
from handlers.core.bitmap import unmarked_indexes

type BatchId = tuple[str, int]
type ChunkId = tuple[str, int, int]
type Key = tuple[str, str]


class Violation(AssertionError):
    """A guarantee is broken; the message begins with its name."""


def demand(held: bool, guarantee: str, says: str) -> None:
    if not held:
        raise Violation(f"{guarantee}: {says}")


@dataclass
class Guarantees:
    """The witness of one run. `done`: items recorded as done. `holders`: who works on which chunk record.

    What its fields hold is replaced and never changed, so that copies share it.
    """

    inputs: dict[BatchId, frozenset[str]] = field(default_factory=dict)
    chunks: dict[ChunkId, tuple[str, ...]] = field(default_factory=dict)
    worked: frozenset[tuple[BatchId, str]] = frozenset()
    done: frozenset[tuple[BatchId, str]] = frozenset()
    failed: frozenset[tuple[BatchId, str]] = frozenset()
    gone: frozenset[ChunkId] = frozenset()
    holders: dict[Key, int] = field(default_factory=dict)
    statuses: dict[BatchId, str] = field(default_factory=dict)
    finished: dict[BatchId, str] = field(default_factory=dict)
    skipped: frozenset[BatchId] = frozenset()
    # Failed items that every redrive which was asked for is to leave alone.
    spared: dict[BatchId, frozenset[str]] = field(default_factory=dict)
    # Who has published and not recorded it yet; and how many have died of that, or never heard that they had.
    announcing: frozenset[tuple[BatchId, int]] = frozenset()
    excuses: dict[BatchId, int] = field(default_factory=dict)

    def copy(self) -> "Guarantees":
        return Guarantees(**vars(self))

    def state(self) -> tuple:
        """Hashable. Who holds or announces what is left out: what the invocations have been told says it too."""
        sets = (self.worked, self.done, self.failed, self.gone)
        return (*sets, frozenset(self.finished.items()), frozenset(self.excuses.items()))

    def expect(self, batch: BatchId, items: frozenset[str]) -> None:
        """A batch of these items was asked for."""
        self.inputs = {batch: items} | self.inputs

    def spare(self, batch: BatchId, items: frozenset[str]) -> None:
        """One more redrive is asked for, which is to leave these failed items alone."""
        self.spared = self.spared | {batch: self.spared.get(batch, items) & items}

    def left_over(self, batch: BatchId) -> frozenset[str]:
        """The items of an ended batch that a redrive runs again."""
        done = {item for of, item in self.done - self.failed if of == batch}
        return self.inputs[batch] - done

    # What takes effect

    def sent(self, queue: str, body: str) -> None:
        """A message was put in a queue."""
        if queue == "chunks":
            chunk = json.loads(body)
            named = (chunk["batchId"], chunk["generation"], chunk["seq"])
            self.chunks = self.chunks | {named: tuple(item["id"] for item in chunk["items"])}

    def written(self, key: Key, before: Mapping | None, after: Mapping | None, invocation: int, now: int) -> None:
        """A record was put, changed or deleted."""
        kind, *name = key[0].split("#")
        if kind == "chunks":
            self._chunk_written(key, (name[0], int(name[1])), before, after, invocation, now)
        elif kind == "failed" and after:
            self.failed |= {((name[0], int(name[1])), json.loads(after["item"]["S"])["id"])}
        elif kind == "batch" and after and key[1].isdigit():
            batch = (name[0], int(key[1]))
            if "notified" in after:
                self.announcing -= {(batch, invocation)}
            status = after["status"]["S"]
            if not before and status == "FAILED":
                # It could not be started: there is nothing to count, and nothing to redrive.
                self.inputs = self.inputs | {batch: frozenset()}
            demand(self.statuses.get(batch, "OPEN") in ("OPEN", status), "G3", f"{batch} ended twice: {status}")
            self.statuses = self.statuses | {batch: status}

    def _chunk_written(
        self, key: Key, batch: BatchId, before: Mapping | None, after: Mapping | None, invocation: int, now: int
    ) -> None:
        chunk = (*batch, int(key[1]))
        items = self.chunks.get(chunk, ())
        was, lease = lease_of(before), lease_of(after)
        if after is None:
            self.gone |= {chunk}
            self.done |= {(batch, item) for item in items if (batch, item) not in self.failed}
            self._let_go(key)
            return
        demand(chunk not in self.gone, "G5", f"chunk {chunk} came back to life")
        pending = unmarked_indexes(settled(after), len(items))
        self.done |= {(batch, item) for index, item in enumerate(items) if index not in pending}
        if lease > now and lease != was:
            demand(was < now, "G5", f"chunk {chunk} was taken from a live holder")
            # The one claimed last comes last.
            self._let_go(key)
            self.holders = self.holders | {key: invocation}
        elif lease <= now:
            self._let_go(key)

    def _let_go(self, key: Key) -> None:
        """Nobody works on the chunk record."""
        self.holders = {held: holder for held, holder in self.holders.items() if held != key}

    def processed(self, item: str, invocation: int, records: Mapping, now: int) -> None:
        """`process` was called for the item and returned."""
        held = [key for key, holder in self.holders.items() if holder == invocation and item in self._items(key)]
        demand(bool(held), "G5", f"item {item} was processed by somebody who does not hold its chunk")
        _, batch_id, generation, _ = held[-1][0].split("#")
        batch = (batch_id, int(generation))
        demand(lease_of(records.get(held[-1])) >= now, "G5", f"item {item} was processed after its lease had ended")
        demand(item not in self.spared.get(batch, ()), "G5", f"item {item} was to stay failed, and was processed")
        demand((batch, item) not in self.done, "G5", f"item {item} was recorded as done, and processed again")
        demand(self.statuses[batch] == "OPEN", "G1", f"item {item} was processed after its batch had ended")
        self.worked |= {(batch, item)}

    def _items(self, key: Key) -> tuple[str, ...]:
        _, batch_id, generation, _ = key[0].split("#")
        return self.chunks.get((batch_id, int(generation), int(key[1])), ())

    def published(self, kind: str, detail: dict, invocation: int) -> None:
        """EventBridge took an event."""
        batch = (detail["batchId"], detail["generation"])
        if kind == SKIPPED:
            self.skipped |= {batch}
        if kind != FINISHED:
            return
        said = json.dumps(detail, sort_keys=True)
        if batch in self.finished:
            demand(self.finished[batch] == said, "G3", f"a repeat says something else: {self.finished[batch]} {said}")
            demand(self.excuses.get(batch, 0) > 0, "G3", f"Batch Finished of {batch} was published twice")
            self._excuse(batch, -1)
        self.finished = self.finished | {batch: said}
        self.announcing |= {(batch, invocation)}
        self._counts_hold(batch, detail)

    def ended(self, invocation: int) -> None:
        """An invocation is over, whatever the reason."""
        for batch, announcer in self.announcing:
            if announcer == invocation:
                self.announcing -= {(batch, announcer)}
                self._excuse(batch, 1)

    def repeat_excused_for(self, detail: dict) -> None:
        """The answer to a PutEvents was lost: whoever tries again publishes again."""
        self._excuse((detail["batchId"], detail["generation"]), 1)

    def _excuse(self, batch: BatchId, repeats: int) -> None:
        """Excuse so many more repeats of the batch's Batch Finished."""
        self.excuses = self.excuses | {batch: self.excuses.get(batch, 0) + repeats}

    # What must hold

    def _counts_hold(self, batch: BatchId, detail: dict) -> None:
        if batch not in self.inputs:
            # A redrive that was asked for while the generation before it still ran.
            self.expect(batch, self.left_over((batch[0], batch[1] - 1)))
        expected = self.inputs[batch]
        worked, failed = self._of(batch, self.worked), self._of(batch, self.failed)
        missing = expected - worked - failed
        counts = {name: detail[name] for name in ("items", "succeeded", "failed", "remaining")}
        says = f"{detail['status']} {counts}, worked on {sorted(worked)}, failed {sorted(failed)}"
        demand(len(missing) <= detail["remaining"], "G1", f"{batch} finished without {sorted(missing)}: {says}")
        demand(detail["items"] == len(expected), "G4", f"{batch} has {len(expected)} items: {says}")
        demand(detail["failed"] == len(failed), "G4", f"{batch}: {says}")
        total = detail["succeeded"] + detail["failed"] + detail["remaining"]
        demand(total == detail["items"] and detail["succeeded"] >= 0, "G4", f"the sum is wrong: {says}")
        ended_early = detail["remaining"] > 0
        demand(not (ended_early and detail["status"] == "SUCCEEDED"), "G1", f"not all of it SUCCEEDED: {says}")

    def _of(self, batch: BatchId, pairs: set[tuple[BatchId, str]]) -> set[str]:
        return {item for of, item in pairs if of == batch}

    def at_end(self) -> None:
        """What must hold when nothing moves any more."""
        for batch in self.inputs.keys() | self.statuses.keys():
            if self.statuses.get(batch) == "SKIPPED":
                demand(batch in self.skipped, "G2", f"{batch} was skipped in silence")
                demand(not self._of(batch, self.worked), "G1", f"{batch} was skipped, and was worked on")
                continue
            demand(batch in self.finished, "G2", f"{batch} never ended")
            detail = json.loads(self.finished[batch])
            failed = self._of(batch, self.failed)
            demand(len(failed) == detail["failed"], "G4", f"items of {batch} failed after it had ended")


def lease_of(record: Mapping | None) -> int:
    return int(record["leaseUntil"]["N"]) if record and "leaseUntil" in record else 0


def settled(record: Mapping) -> bytes:
    return record["settled"]["B"] if "settled" in record else b""
