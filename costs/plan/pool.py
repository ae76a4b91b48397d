"""Jobs that arrive and are worked off, so many at a time: over time, for any number of them.

The last jobs are scheduled one by one, so that waves and the slowest job show; all before them flow, which takes the
same for a thousand as for a hundred million. Both keep one promise: more jobs never end sooner, and neither an earlier
arrival nor a higher limit makes them end later.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np

# So many jobs are scheduled one by one.
SCHEDULED = 20_000
# Seconds at which curves are known: every quarter to a minute, then steps of 1 % to beyond what any batch takes.
GRID = np.concatenate([np.arange(0, 60, 0.25), np.geomspace(60, 1e13, 2600)])

# More jobs than any batch has.
ENDLESS = 1e15


@dataclass(frozen=True)
class Arrivals:
    """How many jobs have arrived by when: `counts` at `times`, in between evenly.

    `names` are, for each time but the first, what holds them up until then.
    """

    times: np.ndarray
    counts: np.ndarray
    names: tuple[str, ...]

    def at(self, times: np.ndarray) -> np.ndarray:
        """How many have arrived by these times; after the last one there is no end of them, so that curves go on."""
        return np.where(times > self.times[-1], ENDLESS, np.interp(times, self.times, self.counts))

    def when(self, counts: np.ndarray) -> np.ndarray:
        """When so many have arrived."""
        return np.interp(counts, self.counts, self.times)

    def add_held_up(self, times: np.ndarray, seconds: np.ndarray, bound: dict[str, float]) -> None:
        """Add to `bound` the seconds for which, from these times on, the next job was waited for."""
        parts = np.clip(np.searchsorted(self.times, times, "right") - 1, 0, len(self.names) - 1)
        for name, spent in zip(self.names, np.bincount(parts, seconds, len(self.names)), strict=True):
            if spent:
                bound[name] = bound.get(name, 0.0) + float(spent)


def let_through(arrived: np.ndarray, rate: np.ndarray, times: np.ndarray) -> np.ndarray:
    """What has left a queue by these times, of what had `arrived` by them, where `rate` a second can leave.

    It is the least, over all s before t, of what had arrived by s and could leave from s to t (Reich's formula for a
    fluid queue).
    """
    could = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(times))])
    return np.minimum(np.minimum.accumulate(arrived - could) + could, arrived)


def throttled(arrivals: Arrivals, rate: np.ndarray, names: np.ndarray) -> tuple[Arrivals, np.ndarray]:
    """The arrivals behind something that lets `rate` a second through at each time of GRID; `names` is what it is then.

    Also for how many seconds after each time of GRID it held them up.
    """
    total = arrivals.counts[-1]
    grid = np.union1d(GRID, arrivals.times)
    arrived = arrivals.at(grid)
    through = let_through(arrived, np.interp(grid, GRID, rate), grid)
    held = arrived - through > 1
    end = int(np.searchsorted(through, total))
    last = grid[end - 1] + (total - through[end - 1]) / (through[end] - through[end - 1]) * (grid[end] - grid[end - 1])
    if last <= arrivals.times[-1] + 1e-6:
        return arrivals, np.zeros(len(GRID))
    first = int(np.searchsorted(grid, arrivals.times[0]))
    times = np.append(grid[first:end], last)
    counts = np.append(through[first:end], total)
    at_grid = np.maximum(np.searchsorted(GRID, times[:-1], "right") - 1, 0)
    parts = np.clip(np.searchsorted(arrivals.times, times[:-1], "right") - 1, 0, len(arrivals.names) - 1)
    known = held[first + 1 : end + 1]
    told = np.where(known, names[at_grid], np.array(arrivals.names)[parts])
    seconds = np.bincount(at_grid, np.where(known, np.diff(times), 0), len(GRID))
    return Arrivals(times, counts, tuple(told.tolist())), seconds


def steady(start: float, rate: float, jobs: float, name: str) -> Arrivals:
    """Jobs that arrive at a steady rate a second; `name` is what allows no more."""
    return Arrivals(np.array([start, start + jobs / rate]), np.array([0.0, jobs]), (name,))


@dataclass
class Worked:
    """When the last job began and ended, in seconds; `peak` is how many ran at a time.

    `bound_by` says for how many seconds what held the next job up.
    """

    first_start: float
    last_start: float
    end: float
    peak: float
    bound_by: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pool:
    """What may run at a time: of each limit how many, at every time of GRID; none falls."""

    limits: dict[str, np.ndarray]

    def size(self) -> np.ndarray:
        """How many may run at a time, one at least."""
        return np.maximum.accumulate(np.maximum(1, np.min(list(self.limits.values()), axis=0)))

    def work_off(self, jobs: int, seconds: np.ndarray, arrivals: Arrivals) -> Worked:
        """Work `jobs` off as they arrive; `seconds` is a sample of how long one takes."""
        size = self.size()
        scheduled = min(jobs, SCHEDULED)
        worked = Worked(0.0, 0.0, 0.0, 0.0)
        bound = dict.fromkeys(self.limits, 0.0)
        began = float(arrivals.times[0])
        if jobs > scheduled:
            began = self._flow(jobs - scheduled, float(seconds.mean()), size, arrivals, worked, bound)
        released = np.maximum(began, arrivals.when(np.arange(jobs - scheduled + 1, jobs + 1)))
        opened = np.maximum(slot_times(size, scheduled), released[0])
        starts, ends = scheduled_in_order(released, np.resize(seconds, scheduled), opened)
        self._bound_while_scheduled(starts, released, arrivals, worked, bound)
        worked.first_start = float(starts.min()) if jobs == scheduled else float(arrivals.times[0])
        worked.last_start, worked.end = float(starts.max()), float(ends.max())
        worked.peak = max(worked.peak, most_at_a_time(starts, ends))
        worked.bound_by = {name: seconds for name, seconds in bound.items() if seconds > 0}
        return worked

    def _flow(
        self,
        jobs: int,
        mean: float,
        size: np.ndarray,
        arrivals: Arrivals,
        worked: Worked,
        bound: dict[str, float],
    ) -> float:
        """Let the first jobs flow through; returns when the last of them has."""
        grid = np.union1d(GRID, arrivals.times)
        width = np.interp(grid, GRID, size)
        steps = np.diff(grid)
        arrived = arrivals.at(grid)
        left = let_through(arrived, width / mean, grid)
        end = int(np.searchsorted(left, jobs))
        share = (jobs - left[end - 1]) / (left[end] - left[end - 1])
        finish = float(grid[end - 1] + share * steps[end - 1])
        spent = steps[:end].copy()
        spent[-1] = finish - grid[end - 1]
        spent[grid[:end] < arrivals.times[0]] = 0
        waiting = arrived[1 : end + 1] - left[1 : end + 1] > 1
        names = self._binding(grid[:end])
        for name in self.limits:
            bound[name] += float(spent[waiting & (names == name)].sum())
        arrivals.add_held_up(grid[:end][~waiting], spent[~waiting], bound)
        # As many at once as there may be, unless they are done as fast as they come.
        rates = np.diff(left[: end + 1]) / steps[:end] * mean
        worked.peak = float(np.where(waiting, width[1 : end + 1], np.minimum(rates, width[1 : end + 1])).max())
        return finish

    def _binding(self, times: np.ndarray) -> np.ndarray:
        """The lowest limit's name at each time."""
        curves = np.array([np.interp(times, GRID, curve) for curve in self.limits.values()])
        return np.array(list(self.limits))[curves.argmin(axis=0)]

    def _bound_while_scheduled(
        self,
        starts: np.ndarray,
        released: np.ndarray,
        arrivals: Arrivals,
        worked: Worked,
        bound: dict[str, float],
    ) -> None:
        order = np.argsort(starts, kind="stable")
        begun = starts[order]
        gaps = np.diff(begun)
        waited = (begun - released[order])[1:] > 1e-6
        names = self._binding(begun[1:])
        for name in self.limits:
            bound[name] += float(gaps[waited & (names == name)].sum())
        arrivals.add_held_up(begun[:-1][~waited], gaps[~waited], bound)


def slot_times(size: np.ndarray, count: int) -> np.ndarray:
    """When the first, second, ... place is there, `count` of them at most."""
    wanted = np.arange(1, min(count, int(size[-1])) + 1)
    after = np.searchsorted(size, wanted)
    before = np.maximum(after - 1, 0)
    grown = size[after] - size[before]
    share = np.divide(wanted - size[before], grown, out=np.zeros(len(wanted)), where=grown > 0)
    return GRID[before] + share * (GRID[after] - GRID[before])


def scheduled_in_order(released: np.ndarray, seconds: np.ndarray, opened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of jobs that take, in their order, the place that is free first."""
    free = sorted(opened.tolist())
    starts = []
    for release, length in zip(released.tolist(), seconds.tolist(), strict=True):
        start = free[0] if free[0] > release else release
        heapq.heapreplace(free, start + length)
        starts.append(start)
    begun = np.array(starts)
    return begun, begun + seconds


def most_at_a_time(starts: np.ndarray, ends: np.ndarray) -> float:
    """The most jobs that ran at the same time."""
    running = np.arange(1, len(starts) + 1) - np.searchsorted(np.sort(ends), np.sort(starts), "right")
    return float(running.max())
