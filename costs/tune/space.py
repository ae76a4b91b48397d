"""The search space: for each architecture its axes, and on each axis the settings to choose from, in order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from costs.facts.quotas import Quotas
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


@dataclass(frozen=True)
class Axis:
    """Fields of Settings that are chosen together: the choices in order, and the indexes of the coarse grid."""

    choices: tuple[Mapping[str, Any], ...]
    coarse: tuple[int, ...]


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
        sizes = [{"processor_memory": size} for size in self.curve.sizes()]
        common = (
            numbers("items_per_chunk"),
            numbers("item_concurrency", self.max_item_concurrency),
            Axis(tuple(sizes), tuple(sorted({0, len(sizes) // 2, len(sizes) - 1}))),
        )
        child_types = Axis(({"child_type": "EXPRESS"}, {"child_type": "STANDARD"}), (0, 1))
        limit = self.max_concurrency
        axes = {
            "sqs": (*common, numbers("batch_size"), numbers("chunks_per_segment"), sqs_concurrency(limit)),
            "sfn": (*common, child_types, numbers("max_concurrency", limit, "sfn")),
        }
        return {name: axes[name] for name in self.architectures}

    def settings(self, architecture: str, point: Iterable[int]) -> Settings:
        """The settings at `point`: an index on each axis."""
        fields: dict[str, Any] = {}
        for axis, index in zip(self.axes[architecture], point, strict=True):
            fields |= axis.choices[index]
        return replace(self.base, **fields)


def numbers(name: str, limit: int | None = None, architecture: str | None = None) -> Axis:
    """The axis of a number within the template's bounds, up to `limit`, which is then part of the coarse grid."""
    steps, coarse = CANDIDATES[name]
    most = LARGEST if limit is None else min(limit, LARGEST)
    ladder = sorted({most, *(int(step * 10**power) for step in steps for power in range(5))})
    choices = [value for value in ladder if value <= most and parameter(name, architecture).allows(value)]
    indexes = tuple(index for index, value in enumerate(choices) if value in coarse | {limit})
    return Axis(tuple({name: value} for value in choices), indexes)


def sqs_concurrency(limit: int | None) -> Axis:
    """Concurrent processors through SQS: MaximumConcurrency, then the provisioned pollers, which exclude it."""
    default = numbers("max_concurrency", limit, "sqs")
    pollers = numbers("pollers", None if limit is None else limit // INVOCATIONS_PER_POLLER)
    first = len(default.choices)
    return Axis((*default.choices, *pollers.choices), (*default.coarse, *(first + index for index in pollers.coarse)))
