"""What a search may choose from: for each architecture its axes, and on each the settings in order. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from costs.facts.quotas import Quotas
from costs.plan.settings import Settings
from costs.tune.memory_curve import MemoryCurve

# Bounds are those of the stacks' parameters (bootstrap/templates) and, for pollers, of AWS::Lambda::EventSourceMapping.
ITEMS_PER_CHUNK = (
    1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700,
    1000, 1500, 2000, 3000, 4000, 5000, 7000, 10_000,
)  # fmt: skip
ITEM_CONCURRENCY = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100)
BATCH_SIZES = (1, 2, 3, 5, 7, 10, 20, 50, 100)
SQS_CONCURRENCY = (2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 700, 1000)
SFN_CONCURRENCY = (1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000)
CHUNKS_PER_SEGMENT = (100, 300, 1000, 3000, 10_000)
POLLERS = (2, 5, 10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10_000)
INVOCATIONS_PER_POLLER = int(Quotas.load()["lambda.provisioned_poller_concurrency"])

# Where the search begins; the rest it comes to from there.
COARSE = {
    "items_per_chunk": {10, 50, 100, 500, 2000},
    "item_concurrency": {1, 10, 50, 100},
    "batch_size": {1, 10},
    "concurrency": {10, 100, 1000, 10_000},
    "pollers": {20, 100, 1000},
    "chunks_per_segment": {10_000},
}

type Choice = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """Fields of Settings that are chosen together: the choices in order, and the indexes of those tried first."""

    choices: tuple[Choice, ...]
    coarse: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Space:
    """The axes of each architecture. `base` has the settings that are not searched."""

    axes: Mapping[str, tuple[Axis, ...]]
    base: Settings
    curve: MemoryCurve

    def settings(self, architecture: str, point: Iterable[int]) -> Settings:
        """The settings at `point`: an index on every axis."""
        fields: dict[str, Any] = {}
        for axis, index in zip(self.axes[architecture], point, strict=True):
            fields |= axis.choices[index]
        return replace(self.base, **fields)


def space(
    architectures: Iterable[str] = ("sqs", "sfn"),
    *,
    base: Settings | None = None,
    curve: MemoryCurve | None = None,
    most_concurrency: int | None = None,
    most_item_concurrency: int | None = None,
) -> Space:
    """The whole space, bounded by what the user's work stands.

    `most_concurrency` limits the processors at a time, `most_item_concurrency` the items at a time in each of them.
    """
    curve = curve or MemoryCurve()
    at_a_time = numbers("item_concurrency", ITEM_CONCURRENCY, "item_concurrency", most_item_concurrency)
    common = (
        numbers("items_per_chunk", ITEMS_PER_CHUNK, "items_per_chunk"),
        at_a_time,
        Axis(tuple({"processor_memory": size} for size in curve.sizes()), spread(len(curve.sizes()))),
    )
    axes = {
        "sqs": (
            *common,
            numbers("batch_size", BATCH_SIZES, "batch_size"),
            numbers("chunks_per_segment", CHUNKS_PER_SEGMENT, "chunks_per_segment"),
            sqs_concurrency(most_concurrency),
        ),
        "sfn": (
            *common,
            Axis(({"child_type": "EXPRESS"}, {"child_type": "STANDARD"}), (0, 1)),
            numbers("concurrency", SFN_CONCURRENCY, "max_concurrency", most_concurrency),
        ),
    }
    return Space(axes={name: axes[name] for name in architectures}, base=base or Settings(), curve=curve)


def numbers(name: str, values: Iterable[int], field: str, most: int | None = None) -> Axis:
    """An axis of one number, cut off at `most`, which is then the last choice and among the first tried."""
    allowed = sorted(value for value in values if most is None or value <= most)
    if most is not None and most not in allowed and most < max(values):
        allowed.append(most)
    coarse = COARSE[name] | ({allowed[-1]} if most is not None else set())
    return Axis(
        tuple({field: value} for value in allowed),
        tuple(index for index, value in enumerate(allowed) if value in coarse),
    )


def sqs_concurrency(most: int | None) -> Axis:
    """Processors at a time through SQS: MaximumConcurrency, then the provisioned pollers, which exclude it."""
    default = numbers("concurrency", SQS_CONCURRENCY, "max_concurrency", most)
    allowed = tuple(each for each in POLLERS if most is None or each * INVOCATIONS_PER_POLLER <= most)
    pollers = numbers("pollers", allowed, "pollers") if allowed else Axis((), ())
    shift = len(default.choices)
    return Axis(
        (*({**choice, "pollers": None} for choice in default.choices), *pollers.choices),
        (*default.coarse, *(index + shift for index in pollers.coarse)),
    )


def spread(count: int) -> tuple[int, ...]:
    """First, middle and last of `count` indexes."""
    return tuple(sorted({0, count // 2, count - 1}))
