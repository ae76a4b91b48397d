"""From which batch size on which architecture is cheaper, found by planning batches of many sizes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from costs.format import count
from costs.month.month import month_of
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import parameter

SIZES_PER_DECADE = 8
"""Sizes that are planned from one power of ten to the next; where the cheaper one differs, all between are searched."""
PARTS = 8
"""Into so many parts such a stretch is divided, and each of them again, down to a single item."""
LARGEST: int = parameter("items").high or 0
EITHER, NONE = "either", "none"
NARROW = 0.02
"""A stretch of less than this share of its sizes is a step of the costs, and says nothing of which one is cheaper."""


@dataclass(frozen=True)
class Stretch:
    """Batch sizes from `first` to `last` items for which `cheaper` costs the least.

    It is an architecture; EITHER where they are cheaper in turn by the steps of their costs; None where none can do it.
    """

    first: int
    last: int
    cheaper: str | None

    def to_json(self) -> dict[str, Any]:
        """The stretch as `--json` prints it."""
        return {"fromItems": self.first, "toItems": self.last, "cheaper": self.cheaper}


@dataclass(frozen=True)
class Comparison:
    """Compares a month of batches of any size, `per_day` a day, between the architectures of `plans`.

    Workload, but for the number of items, and settings are those of each architecture's plan. A batch that takes longer
    than `deadline_seconds` does not count.
    """

    planner: Planner
    plans: Mapping[str, Plan]
    per_day: float
    deadline_seconds: float = math.inf
    seen: dict[int, str | None] = field(default_factory=dict)

    def dollars(self, architecture: str, items: int) -> float:
        """A month's dollars of one architecture, with batches of `items` items; infinite if it cannot."""
        like = self.plans[architecture]
        try:
            plan = self.planner(architecture, replace(like.workload, items=items), like.settings)
        except Impossible:
            return math.inf
        if plan.seconds > self.deadline_seconds:
            return math.inf
        return month_of(plan, self.per_day, self.planner.book).dollars

    def cheaper(self, items: int) -> str | None:
        """The architecture whose month is cheaper with batches of `items` items. The first one, if they cost the same.

        None if none can run such a batch.
        """
        if items not in self.seen:
            months = {name: self.dollars(name, items) for name in self.plans}
            best = min(months, key=lambda name: months[name])
            self.seen[items] = best if months[best] < math.inf else None
        return self.seen[items]

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """All batch sizes, in stretches with the same cheaper architecture."""
        return without_steps(stretches(self.cheaper, LARGEST))


def stretches(cheaper: Callable[[int], str | None], largest: int) -> tuple[Stretch, ...]:
    """The stretches of sizes from 1 to `largest` in which `cheaper` is the same, by looking at some of the sizes."""
    decades = math.ceil(math.log10(largest))
    grid = {1, largest, *(round(10 ** (step / SIZES_PER_DECADE)) for step in range(decades * SIZES_PER_DECADE))}
    sizes = sorted(size for size in grid if size <= largest)
    changes = [change for low, high in pairwise(sizes) for change in changes_between(cheaper, low, high)]
    edges = [1, *changes, largest + 1]
    return tuple(Stretch(first, after - 1, cheaper(first)) for first, after in pairwise(edges))


def changes_between(cheaper: Callable[[int], str | None], low: int, high: int) -> list[int]:
    """The sizes above `low`, up to `high`, from which on another one is cheaper; none if both ends are alike."""
    if cheaper(low) == cheaper(high):
        return []
    if high - low == 1:
        return [high]
    parts = min(PARTS, high - low)
    edges = [low + (high - low) * part // parts for part in range(parts + 1)]
    return [change for first, last in pairwise(edges) for change in changes_between(cheaper, first, last)]


def without_steps(found: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """The stretches, with each run of several narrow ones as a single one of EITHER.

    Costs rise by steps: of chunks, segments, parts of an upload, and 100 ms. Where both cost nearly the same, steps
    make them cheaper in turn, every few items.
    """
    joined: list[Stretch] = []
    for narrow, run in groupby(found, key=lambda stretch: stretch.last + 1 - stretch.first < NARROW * stretch.first):
        same = list(run)
        joined += [Stretch(same[0].first, same[-1].last, EITHER)] if narrow and len(same) > 1 else same
    return tuple(joined)


def sentence(found: Sequence[Stretch], titles: Mapping[str, str]) -> str:
    """What is cheaper where: `Step Functions up to 900 items a batch, SQS and DynamoDB from 901 on`."""
    words = {**titles, EITHER: EITHER, NONE: "none in time"}
    if len(found) == 1:
        return f"{words[found[0].cheaper or NONE]} at every size"
    return ", ".join(f"{words[each.cheaper or NONE]} {reach(each)}" for each in found)


def reach(stretch: Stretch) -> str:
    """The sizes of a stretch in words."""
    if stretch.first == 1:
        return f"up to {count(stretch.last, 'item')} a batch"
    end = "on" if stretch.last == LARGEST else f"to {count(stretch.last)}"
    return f"from {count(stretch.first)} {end}"
