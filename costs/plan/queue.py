"""A queue over time: jobs arrive, and a limited number of them runs at a time.

A loop over time lets all but the last jobs flow through the queue; it takes as many steps for a thousand jobs as for a
hundred million. A heap schedules the last jobs one by one, so that waves and the slowest job show. More jobs never end
earlier; an earlier arrival or a higher limit never makes them end later.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapreplace, merge
from itertools import pairwise
from math import inf
from operator import add
from statistics import fmean

# The number of jobs that are scheduled one by one.
SCHEDULED = 10_000
# Seconds at which the loop computes: every quarter to 25 s, then steps of 1 % to beyond what any batch takes.
TIMES = (*(step / 4 for step in range(100)), *(25 * 1.01**step for step in range(2700)))

type Rate = Callable[[float], tuple[float, str]]
"""Jobs a second that something lets through at a time, and the name of the limit that allows no more."""


@dataclass(frozen=True)
class Arrivals:
    """The number of jobs that have arrived: `counts` at `times`, evenly in between.

    `names` says for each stretch between two times what kept more jobs from arriving.
    """

    times: list[float]
    counts: list[float]
    names: list[str]

    def at(self, time: float) -> float:
        """The number of jobs that have arrived by then."""
        after = bisect_right(self.times, time)
        if after == len(self.times):
            return self.counts[-1]
        start, count = self.times[after - 1], self.counts[after - 1]
        return count + (self.counts[after] - count) * (time - start) / (self.times[after] - start) if after else 0.0

    def released(self, first: int, last: int) -> list[float]:
        """The times at which the jobs with these numbers arrive; the first job of all has the number 1."""
        found: list[float] = []
        for (start, count), (end, until) in pairwise(zip(self.times, self.counts, strict=True)):
            if numbers := range(first + len(found), min(last, int(until)) + 1):
                each = (end - start) / (until - count)
                found += [start + (number - count) * each for number in numbers]
        return found + [self.times[-1]] * (last - first + 1 - len(found))


def steady(start: float, rate: float, jobs: float, name: str) -> Arrivals:
    """Jobs that arrive at a steady rate a second; `name` says what allows no more."""
    return Arrivals([start, start + jobs / rate], [0.0, jobs], [name])


def steps(since: float, others: Sequence[float] = ()) -> Iterator[float]:
    """The times of the loop after `since`, merged with others."""
    return merge(TIMES[bisect_right(TIMES, since) :], others)


def behind(arrivals: Arrivals, rate: Rate) -> Arrivals:
    """The jobs as they leave a queue, `rate(time)` a second at most; where jobs wait, with the name of that limit.

    The very same arrivals if no job waits.
    """
    total, last_arrival, start = arrivals.counts[-1], arrivals.times[-1], arrivals.times[0]
    departures, waited, stretch = Arrivals([start], [0.0], []), False, 0
    speed, limit = rate(start)
    for end in steps(start, arrivals.times[1:]):
        while stretch + 1 < len(arrivals.names) and arrivals.times[stretch + 1] <= start:
            stretch += 1
        next_speed, next_limit = rate(end)
        departed, arrived = departures.counts[-1], arrivals.at(end)
        possible = departed + (speed + next_speed) / 2 * (end - start)
        waits = arrived - possible > 1
        waited |= waits
        departures.names.append(limit if waits else arrivals.names[stretch])
        departures.counts.append(min(possible, arrived))
        if possible >= total and end >= last_arrival:
            within_step = start + (total - departed) / (possible - departed) * (end - start)
            departures.times.append(max(last_arrival, within_step))
            break
        departures.times.append(end)
        start, speed, limit = end, next_speed, next_limit
    return departures if waited else arrivals


@dataclass(frozen=True)
class Limit:
    """A limit of the jobs at a time: `at_first` when the batch starts, and `per_second` more with every second."""

    name: str
    at_first: float
    per_second: float = 0.0

    def at(self, time: float) -> float:
        """The jobs at a time that it allows then."""
        return self.at_first + self.per_second * time

    def crossing(self, flatter: "Limit") -> float:
        """The time from which on `flatter`, which is not lower at first, is the lower limit."""
        return (flatter.at_first - self.at_first) / (self.per_second - flatter.per_second)


class Places:
    """The number of jobs that may run at a time: the lowest of some limits, but one at least."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        """Keep the lowest limit of each time; of two that are equally low, the first one."""
        lowest = min(limits, key=lambda limit: limit.at_first)
        self.since, self.limits = [0.0], [lowest]
        while flatter := [limit for limit in limits if limit.per_second < lowest.per_second]:
            following = min(flatter, key=lowest.crossing)
            self.since.append(lowest.crossing(following))
            self.limits.append(following)
            lowest = following

    def at(self, time: float) -> tuple[float, str]:
        """The number of places at a time, and the name of the lowest limit."""
        limit = self.limits[bisect_right(self.since, time) - 1]
        return max(1.0, limit.at(time)), limit.name

    def openings(self, count: int) -> list[float]:
        """The times at which the first places open, `count` of them at most."""
        found = [0.0]
        for limit, since, until in zip(self.limits, self.since, [*self.since[1:], inf], strict=True):
            open_then = limit.at(since)
            found += [since] * (min(count, int(open_then)) - len(found))
            if limit.per_second:
                last = count if until == inf else min(count, int(limit.at(until)))
                numbers = range(len(found) + 1, last + 1)
                found += [since + (number - open_then) / limit.per_second for number in numbers]
        return found


@dataclass(frozen=True)
class QueueRun:
    """The seconds at which the first and the last job started and all had ended; `peak` is the most jobs at a time.

    `bound_by` has each limit with the seconds for which it kept the next job from starting.
    """

    first_start: float
    last_start: float
    end: float
    peak: float
    bound_by: dict[str, float]


def run_jobs(jobs: int, durations: Sequence[float], arrivals: Arrivals, places: Places) -> QueueRun:
    """Run `jobs` as they arrive; `durations` is a sample of their seconds, which is repeated."""
    bound_by: defaultdict[str, float] = defaultdict(float)
    scheduled = min(jobs, SCHEDULED)
    flowed = jobs - scheduled
    (first_start,), peak = arrivals.released(1, 1), 0.0
    began = first_start
    if flowed:
        mean = fmean(durations)
        flow = behind(arrivals, lambda time: (places.at(time)[0] / mean, places.at(time)[1]))
        (until,) = flow.released(flowed, flowed)
        add_seconds(bound_by, flow.times, flow.names, began, until)
        peak = min(places.at(until)[0], most_in_flow(flow, until, mean))
        began = until
    releases = arrivals.released(flowed + 1, jobs)
    lengths = (list(durations) * (scheduled // len(durations) + 1))[:scheduled]
    openings = [max(began, releases[0], opening) for opening in places.openings(scheduled)]
    starts, waits = scheduled_in_order(releases, lengths, openings)
    for since, until, waited in waits:
        if waited:
            add_seconds(bound_by, places.since, [limit.name for limit in places.limits], since, until)
        else:
            add_seconds(bound_by, arrivals.times, arrivals.names, since, until)
    ends = list(map(add, starts, lengths))
    # A job waits only while every open place is taken; jobs need to be counted only after the last one that waited.
    waited_until = max((until for _, until, waited in waits if waited), default=-inf)
    taken = bisect_right(openings, waited_until)
    running = most_at_a_time(starts, ends, bisect_right(starts, waited_until))
    return QueueRun(
        first_start=first_start,
        last_start=starts[-1],
        end=max(ends),
        peak=max(peak, taken, running),
        bound_by=dict(bound_by),
    )


def most_in_flow(flow: Arrivals, until: float, mean: float) -> float:
    """The most jobs at a time of those that leave a queue until then, each for `mean` seconds."""
    stretches = pairwise(zip(flow.times, flow.counts, strict=True))
    return max(
        mean * (after - before) / (end - start)
        for (start, before), (end, after) in stretches
        if start < min(end, until)
    )


def scheduled_in_order(
    releases: Sequence[float], lengths: Sequence[float], openings: Sequence[float]
) -> tuple[list[float], list[tuple[float, float, bool]]]:
    """The starts of jobs that each take the place that is free first; `openings` says when places open, in order.

    Also the stretches of time between starts, each with whether the next job waited for a place rather than arrived.
    """
    free = list(openings)
    starts: list[float] = []
    stretches: list[tuple[float, float, bool]] = []
    since = last = max(free[0], releases[0])
    waiting = False
    for release, length in zip(releases, lengths, strict=True):
        start = free[0]
        waits = start > release + 1e-6
        start = max(start, release)
        if waits is not waiting:
            stretches.append((since, last, waiting))
            since, waiting = last, waits
        heapreplace(free, start + length)
        starts.append(start)
        last = start
    return starts, [*stretches, (since, last, waiting)]


def most_at_a_time(starts: Sequence[float], ends: Sequence[float], first: int = 0) -> int:
    """The most jobs that run at the same time from when the job with the index `first` starts; starts are in order."""
    most = ended = 0
    in_order = sorted(ends) if first < len(starts) else []
    for begun in range(first, len(starts)):
        while in_order[ended] <= starts[begun]:
            ended += 1
        most = max(most, begun + 1 - ended)
    return most


def add_seconds(
    bound_by: dict[str, float], starts: Sequence[float], names: Sequence[str], since: float, until: float
) -> None:
    """Add the seconds from `since` to `until` to the names that hold then: each from its start to the next one's."""
    number = max(0, bisect_right(starts, since, hi=len(names)) - 1)
    while since < until:
        end = min(until, starts[number + 1]) if number + 1 < len(names) else until
        bound_by[names[number]] += end - since
        since, number = end, number + 1
