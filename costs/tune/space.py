"""The search space: for each architecture its axes, and on each axis the settings to choose from, in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from costs.facts.figures import Quotas
from costs.plan.settings import Settings, parameter
from costs.tune.memory_curve import MemoryCurve

# Candidates for each field of Settings. The templates' bounds cut them to what an architecture's stack accepts.
LADDERS = {
    "items_per_chunk": (
        1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700,
        1000, 1500, 2000, 3000, 4000, 5000, 7000, 10_000,
    ),
    "item_concurrency": (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100),
    "batch_size": (1, 2, 3, 5, 7, 10, 20, 50, 100),
    "max_concurrency": (
        1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000,
    ),
    "chunks_per_segment": (100, 300, 1000, 3000, 10_000),
    "pollers": (2, 5, 10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10_000),
}  # fmt: skip
# The candidates of the coarse grid, where the search begins.
COARSE = {
    "items_per_chunk": {10, 50, 100, 500, 2000},
    "item_concurrency": {1, 10, 50, 100},
    "batch_size": {1, 10},
    "max_concurrency": {10, 100, 1000, 10_000},
    "chunks_per_segment": {10_000},
    "pollers": {20, 100, 1000},
}
INVOCATIONS_PER_POLLER = int(Quotas.load()["lambda.provisioned_poller_concurrency"])


@dataclass(frozen=True)
class Axis:
    """Fields of Settings that are chosen together: the choices in order, and the indexes of the coarse grid."""

    choices: tuple[Mapping[str, Any], ...]
    coarse: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Space:
    """The axes of each architecture. `base` has the settings that are not searched.

    `max_concurrency` and `max_item_concurrency` are the limits of the user's code, None if there are none.
    """

    axes: Mapping[str, tuple[Axis, ...]]
    base: Settings
    curve: MemoryCurve
    max_concurrency: int | None
    max_item_concurrency: int | None

    def settings(self, architecture: str, point: Iterable[int]) -> Settings:
        """The settings at `point`: an index on each axis."""
        fields: dict[str, Any] = {}
        for axis, index in zip(self.axes[architecture], point, strict=True):
            fields |= axis.choices[index]
        return replace(self.base, **fields)


def space(
    architectures: Iterable[str] = ("sqs", "sfn"),
    *,
    base: Settings | None = None,
    curve: MemoryCurve | None = None,
    max_concurrency: int | None = None,
    max_item_concurrency: int | None = None,
) -> Space:
    """The search space within the limits of the user's code.

    `max_concurrency` limits the concurrent processors, `max_item_concurrency` the concurrent items in each of them.
    """
    curve = curve or MemoryCurve()
    sizes = [{"processor_memory": size} for size in curve.sizes()]
    common = (
        numbers("items_per_chunk"),
        numbers("item_concurrency", max_item_concurrency),
        Axis(tuple(sizes), tuple(sorted({0, len(sizes) // 2, len(sizes) - 1}))),
    )
    axes = {
        "sqs": (
            *common,
            numbers("batch_size"),
            numbers("chunks_per_segment"),
            sqs_concurrency(max_concurrency),
        ),
        "sfn": (
            *common,
            Axis(({"child_type": "EXPRESS"}, {"child_type": "STANDARD"}), (0, 1)),
            numbers("max_concurrency", max_concurrency, "sfn"),
        ),
    }
    return Space(
        axes={name: axes[name] for name in architectures},
        base=base or Settings(),
        curve=curve,
        max_concurrency=max_concurrency,
        max_item_concurrency=max_item_concurrency,
    )


def numbers(field: str, limit: int | None = None, architecture: str | None = None) -> Axis:
    """The axis of a number up to `limit`, which is then the last choice and part of the coarse grid."""
    accepted = [value for value in LADDERS[field] if parameter(field, architecture).allows(value)]
    choices, coarse = accepted, COARSE[field]
    if limit is not None:
        choices = [value for value in accepted if value <= limit]
        if limit not in choices and accepted[0] < limit < accepted[-1]:
            choices.append(limit)
        coarse = coarse | set(choices[-1:])
    indexes = (index for index, value in enumerate(choices) if value in coarse)
    return Axis(tuple({field: value} for value in choices), tuple(indexes))


def sqs_concurrency(limit: int | None) -> Axis:
    """Concurrent processors through SQS: MaximumConcurrency, then the provisioned pollers, which exclude it."""
    default = numbers("max_concurrency", limit, "sqs")
    pollers = numbers("pollers", None if limit is None else limit // INVOCATIONS_PER_POLLER)
    first = len(default.choices)
    return Axis((*default.choices, *pollers.choices), (*default.coarse, *(first + index for index in pollers.coarse)))
