"""What the console has seen of batches since it began: points over time, and events. Times in ms since 1970."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rollcall.batches.batch import Progress
from rollcall.batches.sight import Key, Sight

# Every second point is dropped when there are more, so that a batch of days has as many as one of minutes.
MOST_POINTS = 600
MOST_BATCHES = 200
LEAST_APART_MS = 2_000


class Point(NamedTuple):
    """Items at one moment; see rollcall.batches.sight.Counts."""

    at: int
    done: int
    failed: int
    working: int
    waiting: int
    unmade: int

    @property
    def finished(self) -> int:
        """The items that are done or failed."""
        return self.done + self.failed


class Event(NamedTuple):
    """Something that happened to a batch. `by`: it happened then or, unless the records say when, a little before."""

    at: int
    what: str
    by: bool = False


@dataclass
class Story:
    """One generation since the console began to look at it."""

    points: list[Point] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    arrived_at: int | None = None
    last: Sight | None = None

    def add(self, sight: Sight) -> None:
        """Record what was seen, if it is later than all before."""
        counts = sight.counts
        if self.points and sight.at <= self.points[-1].at:
            return
        self.events += news(self.last, sight)
        self.last = sight
        at = sight.finished_at or sight.at
        point = Point(at, counts.done, counts.failed, counts.working, counts.waiting, counts.unmade or 0)
        if not sight.result or not self.points or self.points[-1].finished != point.finished:
            self.points.append(point)
        if len(self.points) > MOST_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]

    def timeline(self) -> list[Event]:
        """The events in order of time, with the arrival of the batch's own events."""
        arrived = [Event(self.arrived_at, "Batch Finished arrived")] if self.arrived_at else []
        return sorted([*self.events, *arrived], key=lambda event: event.at)


class History:
    """The stories of the latest batches. May be used by many threads."""

    def __init__(self) -> None:
        self._stories: OrderedDict[Key, Story] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, sight: Sight) -> None:
        """Record what was seen of a batch."""
        with self._lock:
            self._story(sight.key).add(sight)

    def arrived(self, key: Key, at: int) -> None:
        """Record when the batch's Batch Finished event arrived."""
        with self._lock:
            self._story(key).arrived_at = at

    def last_arrival(self, architecture: str) -> tuple[int, float | None] | None:
        """When the architecture's last Batch Finished event arrived, and the seconds since its batch's last item."""
        with self._lock:
            stories = [story for key, story in self._stories.items() if key.architecture == architecture]
            last = max(stories, key=lambda story: story.arrived_at or 0, default=None)
            if not last or not last.arrived_at:
                return None
            drained_at = last.last.drained_at if last.last else None
            return last.arrived_at, (last.arrived_at - drained_at) / 1000 if drained_at else None

    def of(self, key: Key) -> Story:
        """A copy of what is known; empty if nothing is."""
        with self._lock:
            story = self._stories.get(key) or Story()
            return Story(list(story.points), list(story.events), story.arrived_at, story.last)

    def _story(self, key: Key) -> Story:
        story = self._stories.setdefault(key, Story())
        while len(self._stories) > MOST_BATCHES:
            self._stories.popitem(last=False)
        return story


def spaced(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` of the points, and two seconds or more between them: rates of less time are noise."""
    if not points:
        return []
    apart = max(LEAST_APART_MS, (points[-1].at - points[0].at) / most)
    chosen = [points[-1]]
    for point in reversed(points):
        if chosen[-1].at - point.at >= apart:
            chosen.append(point)
    return chosen[::-1]


def news(before: Sight | None, now: Sight) -> Sequence[Event]:
    """The events between two sights of a batch; from the first one, those whose time its record tells."""
    found: list[Event] = []
    if before is None and now.started_at:
        found.append(Event(now.started_at, "started"))
    if now.sealed and before is not None and before.sealed is False:
        found.append(Event(now.at, f"sealed: {now.counts.known:,} items in {now.chunk_count:,} chunks", by=True))
    stage, stage_before = (
        sight.seen.stage if sight and isinstance(sight.seen, Progress) else "" for sight in (now, before)
    )
    if stage != stage_before and stage in ("stalled", "being cancelled"):
        found.append(Event(now.at, stage, by=True))
    if stage and stage_before == "stalled":
        found.append(Event(now.at, "goes on", by=True))
    if now.result and (before is None or not before.result):
        if now.drained_at:
            found.append(Event(now.drained_at, "last chunk done"))
        if now.finished_at:
            found.append(Event(now.finished_at, f"ended {now.status}"))
    return found
