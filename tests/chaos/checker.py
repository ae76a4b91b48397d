"""Judges one batch by what was seen of it from outside. Pure.

- early: Batch Finished was accepted while the witness had not seen the end of an item that is neither listed as failed
  nor counted as remaining; or an item was begun or listed as failed after it.
- silent: no Batch Finished was accepted until `due`, the deadline and the stated grace.
- double: two Batch Finished that differ, at the publisher or at the consumer; or a repeat although a finalizer had
  recorded that it published before the repeat was begun. A call of PutEvents that took effect while its caller was
  told otherwise is repeated by the SDK, so a copy for each of those is none.
- lost: an item of the input that was neither processed, nor listed as failed, nor counted as remaining; or an event
  that counts other than as many items as the input has, or more failures than are listed.
- repeated: an item was begun after it was recorded as done, in this generation or the one before, or while another
  living process was at it.

Recorded as done, SQS: the table has answered the call that says so. Step Functions: the processor's answer that says so
has been taken, which is known where its process went on to serve another invocation: one that dies before its answer is
out is heard of no more. Where the call of the function took effect and its caller was told otherwise, it is made again
with the same input: as often as that was done in the round, the answer before does not count.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.evidence import Announcement, Evidence, Line

COLUMNS = ("early", "silent", "double", "lost", "repeated")
TOLD_AT_MOST = 3


@dataclass(frozen=True)
class Finding:
    """Something that must not be: the column it counts in, and what was seen."""

    column: str
    text: str


def judge(evidence: Evidence) -> list[Finding]:
    """Everything that must not be, of one batch; nothing when all is well."""
    findings = list(repeated(evidence))
    if not evidence.published:
        return [Finding("silent", f"no event by {evidence.due}"), *findings]
    first = min(evidence.published, key=lambda announcement: announcement.at)
    if first.at > evidence.due:
        findings.append(Finding("silent", f"the event came {(first.at - evidence.due) / 1000:.1f} s too late"))
    return [*findings, *double(evidence), *early_or_lost(evidence, first)]


def early_or_lost(evidence: Evidence, first: Announcement) -> Iterator[Finding]:
    """Items that the event forgets, for a while or for good, or counts wrongly; and work after it."""
    ended = {line.item: line.at for line in reversed(evidence.lines) if line.what == "end"}
    items, remaining, failed = (first.detail[name] for name in ("items", "remaining", "failed"))
    if not evidence.read_whole:
        remaining += max(0, len(evidence.items) - items)
    elif evidence.generation == 1 and items != len(evidence.items):
        yield Finding("lost", f"the event counts {items} items of {len(evidence.items)}")
    never = [item for item in evidence.items if item not in ended and item not in evidence.failed]
    undone = [item for item in evidence.items if ended.get(item, math.inf) > last_ns(first.at)]
    not_yet = [item for item in undone if item not in evidence.failed]
    if len(never) > remaining:
        text = f"{len(never)} items were never done and are not listed as failed, {remaining} remain"
        yield Finding("lost", f"{text}: {some(never)}")
    elif len(not_yet) > remaining:
        text = f"{len(not_yet)} items were not done and are not listed as failed, {remaining} remain"
        yield Finding("early", f"{text}: {some(not_yet)}")
    if len(evidence.failed) != failed:
        column = "early" if len(evidence.failed) > failed else "lost"
        yield Finding(column, f"{len(evidence.failed)} items are listed as failed, the event counts {failed}")
    after = [line.item for line in evidence.lines if line.what == "begin" and line.at > last_ns(first.at)]
    if after:
        yield Finding("early", f"{len(after)} items were begun after the event: {some(after)}")


def last_ns(ms: int) -> int:
    """The last nanosecond of a millisecond."""
    return ms * 1_000_000 + 999_999


def double(evidence: Evidence) -> Iterator[Finding]:
    """Events that contradict each other, and repeats without need."""
    details = [announcement.detail for announcement in evidence.published]
    distinct = [detail for n, detail in enumerate([*details, *evidence.heard]) if detail not in details[:n]]
    if len(distinct) > 1:
        yield Finding("double", f"{len(distinct)} different events: {distinct}")
    told = [line for line in evidence.lines if line.what in ("publishing", "notified")]
    announcements = 0
    notified_by = None
    for line in told:
        if line.what == "notified":
            notified_by = notified_by or line.process
        else:
            announcements += 1
            if notified_by:
                yield Finding("double", f"published by {line.process} after {notified_by} had recorded that it was")
    if announcements and len(details) > announcements + evidence.lost_answers:
        yield Finding("double", f"{len(details)} events of {announcements} announcements")


def repeated(evidence: Evidence) -> Iterator[Finding]:
    """Items that were begun although they were recorded as done, or while somebody else was at them."""
    places: dict[tuple[int, str], int] = {}
    chunks_done: set[int] = set()
    indexes_done: set[tuple[int, int]] = set()
    answered = Answered(evidence)
    at_it: dict[tuple[int, str], str] = {}
    again, twice = [], []
    for line in evidence.lines:
        key = (line.seq, line.item)
        if line.what == "chunk":
            places |= {(line.seq, item): index for index, item in enumerate(line.items)}
        elif line.what == "recorded" and line.indexes is None:
            chunks_done.add(line.seq)
        elif line.what == "recorded":
            indexes_done |= {(line.seq, index) for index in line.indexes or ()}
        elif line.what in ("invoked", "answer"):
            answered.hear(line)
        elif line.what in ("end", "raised"):
            at_it.pop(key, None)
        elif line.what == "begin":
            recorded = line.seq in chunks_done or (line.seq, places.get(key, -1)) in indexes_done
            if recorded or key in answered.done or line.item in evidence.done_before:
                again.append(f"{line.item} of chunk {line.seq}")
            other = at_it.get(key, line.process)
            if other != line.process and evidence.last_heard[other] > line.number:
                twice.append(f"{line.item} of chunk {line.seq} by {line.process} and {other}")
            at_it[key] = line.process
    if again:
        yield Finding("repeated", f"{len(again)} times begun after it was recorded as done: {some(again)}")
    if twice:
        yield Finding("repeated", f"{len(twice)} times by two at once: {some(twice)}")


class Answered:
    """What Step Functions was told is done, as (number of the chunk, item), as far as the lines were heard."""

    def __init__(self, evidence: Evidence):
        self.done: set[tuple[int, str]] = set()
        self._last_heard = evidence.last_heard
        self._lost_invokes = evidence.lost_invokes
        self._given: dict[int, tuple[str, ...]] = {}
        self._told: dict[int, set[tuple[int, str]]] = {}

    def hear(self, line: Line) -> None:
        """Of an invocation and its answer."""
        if line.what == "answer":
            if self._last_heard[line.process] > line.number:
                self._told[line.seq] = {(line.seq, item) for item in line.items}
                self.done |= self._told[line.seq]
            return
        told = self._told.pop(line.seq, set())
        if told and self._lost_invokes and line.items == self._given.get(line.seq):
            self._lost_invokes -= 1
            self.done -= told
        self._given[line.seq] = line.items


def never_done(evidence: Evidence) -> tuple[str, ...]:
    """The items that a redrive has to run: those that failed, and those that nobody is known to have done."""
    ended = {line.item for line in evidence.lines if line.what == "end"}
    return tuple(item for item in evidence.items if item in evidence.failed or item not in ended)


def done_for_good(evidence: Evidence) -> frozenset[str]:
    """The items that a redrive must not run: the table has them recorded as done.

    Of Step Functions none: a child that was stopped runs its whole chunk again, whatever its processor had answered.
    """
    items: dict[int, tuple[str, ...]] = {}
    done: set[str] = set()
    for line in evidence.lines:
        if line.what == "chunk":
            items[line.seq] = line.items
        elif line.what == "recorded" and line.indexes is None:
            done.update(items.get(line.seq, ()))
        elif line.what == "recorded":
            done.update(items[line.seq][index] for index in line.indexes or ())
    return frozenset(done - evidence.failed)


def some(items: list[str]) -> str:
    """The first few."""
    return ", ".join(items[:TOLD_AT_MOST]) + (", ..." if len(items) > TOLD_AT_MOST else "")
