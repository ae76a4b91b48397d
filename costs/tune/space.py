"""The search space: for each architecture its axes, and on each axis the settings to choose from, in order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from costs.facts.figures import Quotas
from costs.plan.settings import Settings, parameter
from costs.tune.memory_curve import MemoryCurve

LARGEST = 10_000
FINE, COARSE = (1, 1.5, 2, 3, 4, 5, 7), (1, 2, 3, 5, 7)
# For each number in Settings: candidates, which go on in powers of ten, and the coarse grid, where the search begins.
CANDIDATES = {
    "items_per_chunk": (FINE, {10, 100, 1000, 10_000}),
    "item_concurrency": (FINE, {1, 10, 50, 100}),
    "batch_size": (COARSE, {1, 10}),
    "max_concurrency": (FINE, {10, 100, 1000, 10_000}),
    "chunks_per_segment": ((100, 300), {10_000}),
    "pollers": (COARSE, {20, 100, 1000}),
}
INVOCATIONS_PER_POLLER = int(Quotas.load()["lambda.provisioned_poller_concurrency"])


type Axis = list[tuple[dict[str, Any], bool]]
"""The choices of fields of Settings that are chosen together, in order, each with whether the coarse grid has it."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """The search space. `base` has the settings that are not searched.

    `max_concurrency` limits the concurrent processors, `max_item_concurrency` the concurrent items in each of them.
    They are the limits of the user's code, None if there are none.
    """

    architectures: Sequence[str] = ("sqs", "sfn")
    base: Settings = field(default_factory=Settings)
    curve: MemoryCurve = field(default_factory=MemoryCurve)
    max_concurrency: int | None = None
    max_item_concurrency: int | None = None

    @cached_property
    def axes(self) -> Mapping[str, tuple[Axis, ...]]:
        """The axes of each architecture."""
        sizes, limit = self.curve.sizes(), self.max_concurrency
        coarse = (sizes[0], sizes[len(sizes) // 2], sizes[-1])
        common = (
            numbers("items_per_chunk"),
            numbers("item_concurrency", self.max_item_concurrency),
            [({"processor_memory": size}, size in coarse) for size in sizes],
        )
        # Provisioned pollers exclude MaximumConcurrency, so they follow it on the same axis.
        pollers = numbers("pollers", None if limit is None else limit // INVOCATIONS_PER_POLLER)
        concurrency = numbers("max_concurrency", limit, "sqs") + pollers
        child_types = [({"child_type": name}, True) for name in parameter("child_type").allowed]
        axes: dict[str, tuple[Axis, ...]] = {
            "sqs": (*common, numbers("batch_size"), numbers("chunks_per_segment"), concurrency),
            "sfn": (*common, child_types, numbers("max_concurrency", limit, "sfn")),
        }
        return {name: axes[name] for name in self.architectures}

    def settings(self, architecture: str, point: Iterable[int]) -> Settings:
        """The settings at `point`: an index on each axis."""
        fields: dict[str, Any] = {}
        for axis, index in zip(self.axes[architecture], point, strict=True):
            fields |= axis[index][0]
        return replace(self.base, **fields)


def numbers(name: str, limit: int | None = None, architecture: str | None = None) -> Axis:
    """The axis of a number within the template's bounds, up to `limit`, which is then part of the coarse grid."""
    steps, coarse = CANDIDATES[name]
    largest = LARGEST if limit is None else min(limit, LARGEST)
    ladder = sorted({largest, *(int(step * 10**power) for step in steps for power in range(5))})
    choices = [value for value in ladder if value <= largest and parameter(name, architecture).allows(value)]
    return [({name: value}, value in coarse | {limit}) for value in choices]
