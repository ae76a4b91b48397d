"""A queue over time: jobs arrive, and a limited number of them runs at a time.

A loop over time lets all but the last jobs flow through the queue; it takes as many steps for a thousand jobs as for a
hundred million. A heap schedules the last jobs one by one, so that waves and the slowest job show. More jobs never end
earlier; an earlier arrival or a higher limit never makes them end later.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapreplace, merge
from itertools import cycle, islice, pairwise
from math import inf
from statistics import fmean

# The number of jobs that are scheduled one by one.
SCHEDULED = 3_000
# Seconds at which the loop computes: every quarter to 25 s, then steps of 1 % to beyond what any batch takes.
TIMES = (*(step / 4 for step in range(100)), *(25 * 1.01**step for step in range(2700)))

type Rate = Callable[[float], tuple[float, str]]
"""The jobs per second that are allowed at a time, and the name of the limit that allows no more."""


@dataclass(frozen=True)
class Arrivals:
    """The number of jobs that have arrived: `counts` at `times`, evenly in between.

    `names` has, for each interval between two times, the limit that kept more jobs from arriving.
    """

    times: list[float]
    counts: list[float]
    names: list[str]

    def at(self, time: float) -> float:
        """The number of jobs that have arrived by then. After the last time it stays the same."""
        after = bisect_right(self.times, time)
        if after == len(self.times):
            return self.counts[-1]
        start, count = self.times[after - 1], self.counts[after - 1]
        return count + (self.counts[after] - count) * (time - start) / (self.times[after] - start) if after else 0.0

    def name_at(self, time: float) -> str:
        """The name of the limit that kept more jobs from arriving then."""
        return self.names[min(max(0, bisect_left(self.times, time) - 1), len(self.names) - 1)]

    def released(self, first: int, last: int) -> list[float]:
        """The times at which the jobs with these numbers arrive. The first job has the number 1."""
        found: list[float] = []
        for (start, count), (end, until) in pairwise(zip(self.times, self.counts, strict=True)):
            if numbers := range(first + len(found), min(last, int(until)) + 1):
                interval = (end - start) / (until - count)
                found += [start + (number - count) * interval for number in numbers]
        return found + [self.times[-1]] * (last - first + 1 - len(found))


def steady(start: float, rate: float, jobs: float, name: str) -> Arrivals:
    """Jobs that arrive at a steady rate per second; `name` is the limit of the rate."""
    return Arrivals([start, start + jobs / rate], [0.0, jobs], [name])


def steps(since: float, others: Sequence[float] = ()) -> Iterator[float]:
    """The times of the loop after `since`, merged with others."""
    return merge(TIMES[bisect_right(TIMES, since) :], others)


def behind(arrivals: Arrivals, rate: Rate) -> Arrivals:
    """The jobs as they leave a queue, at most `rate(time)` per second. Where jobs wait, the name is that limit's.

    If no job waits, these are the same `arrivals`.
    """
    total, last_arrival, start = arrivals.counts[-1], arrivals.times[-1], arrivals.times[0]
    departures, waited = Arrivals([start], [0.0], []), False
    speed, limit = rate(start)
    for end in steps(start, arrivals.times[1:]):
        next_speed, next_limit = rate(end)
        departed, arrived = departures.counts[-1], arrivals.at(end)
        possible = departed + (speed + next_speed) / 2 * (end - start)
        waits = arrived - possible > 1
        waited |= waits
        departures.names.append(limit if waits else arrivals.name_at(end))
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
    """A limit of the concurrent jobs: `at_first` when the batch starts, and `per_second` more each second."""

    name: str
    at_first: float
    per_second: float = 0.0

    def at(self, time: float) -> float:
        """The number of concurrent jobs that it allows at a time."""
        return self.at_first + self.per_second * time

    def crossing(self, flatter: "Limit") -> float:
        """The time from which `flatter` is the lower limit. At the start it must not be lower."""
        return (flatter.at_first - self.at_first) / (self.per_second - flatter.per_second)


class Places:
    """The number of jobs that may run at a time: the lowest limit of several, but at least one."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        """Keep the limit that is lowest at each time; of two equal limits, the first one."""
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
        """The times at which the first places open, at most `count` of them."""
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
    """The seconds at which the first job started, the last job started, and all jobs had ended.

    `peak` is the most concurrent jobs. `bound_by` maps each limit to the seconds for which it kept the next job from
    starting.
    """

    first_start: float
    last_start: float
    end: float
    peak: float
    bound_by: dict[str, float]


def run_jobs(jobs: int, durations: Sequence[float], arrivals: Arrivals, places: Places) -> QueueRun:
    """Run `jobs` jobs as they arrive. Their seconds are those of the sample `durations`, over and over."""
    bound_by: defaultdict[str, float] = defaultdict(float)
    scheduled = min(jobs, SCHEDULED)
    flowed = jobs - scheduled
    (first_start,), peak = arrivals.released(1, 1), 0.0
    began = first_start
    if flowed:
        mean = fmean(durations)
        flow = behind(arrivals, lambda time: ((allowed := places.at(time))[0] / mean, allowed[1]))
        (began,) = flow.released(flowed, flowed)
        points = pairwise(zip(flow.times, flow.counts, strict=True))
        for name, ((start, before), (end, after)) in zip(flow.names, points, strict=True):
            since, until = max(start, first_start), min(end, began)
            if since < until:
                bound_by[name] += until - since
                peak = max(peak, min(places.at(end)[0], mean * (after - before) / (end - start)))
    releases = arrivals.released(flowed + 1, jobs)
    openings = [max(began, releases[0], opening) for opening in places.openings(scheduled)]
    lengths = islice(cycle(durations), scheduled)
    starts, ends = scheduled_in_order(releases, lengths, openings)
    for last, start, release in zip([began, *starts], starts, releases, strict=False):
        if start > last:
            name = places.at(start)[1] if start > release + 1e-6 else arrivals.name_at(start)
            bound_by[name] += start - last
    ends.sort()
    running = max(number - bisect_right(ends, start) for number, start in enumerate(starts, 1))
    return QueueRun(first_start, starts[-1], ends[-1], max(peak, running), dict(bound_by))


def scheduled_in_order(
    releases: Sequence[float], lengths: Iterable[float], openings: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The starts and ends of jobs, each of which takes the place that is free first. `openings` must be sorted."""
    free = list(openings)
    starts: list[float] = []
    ends: list[float] = []
    for release, length in zip(releases, lengths, strict=True):
        start = max(free[0], release)
        starts.append(start)
        ends.append(start + length)
        heapreplace(free, start + length)
    return starts, ends
