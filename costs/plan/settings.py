"""The input of a plan: a batch's items, and the stacks' parameters with defaults and bounds from their templates."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from bootstrap.parameters import declared
from bootstrap.stacks import STACK_NAMES, template
from costs.plan.distribution import Distribution


@dataclass(frozen=True)
class Parameter:
    """A stack parameter as the templates declare it.

    `low` and `high` are the bounds of a number, None if there is no bound. `allowed` are the values that the template
    lists; it is empty if the template lists none.
    """

    name: str
    default: Any
    low: int | None
    high: int | None
    allowed: tuple[Any, ...]

    def allows(self, value: float) -> bool:
        """Whether a number is within the bounds."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@cache
def parameter(field: str, architecture: str | None = None) -> Parameter:
    """The parameter that a field of Settings stands for: `items_per_chunk` is `ItemsPerChunk`.

    Without an architecture the bounds are the widest of the templates that have the parameter.
    """
    name = {"pollers": "ProvisionedPollers"}.get(field, field.title().replace("_", ""))
    templates = [parameters_of(stack) for stack in STACK_NAMES if architecture in (None, stack)]
    found = [parameters[name] for parameters in templates if name in parameters]
    if field == "pollers":
        # The template has a pattern: 0, which is the default mode, or at least 2. AWS's quota has the greatest number.
        return Parameter(name, int(found[0]["Default"]) or None, 2, None, ())
    return Parameter(
        name=name,
        default=found[0]["Default"],
        low=min([entry["MinValue"] for entry in found if "MinValue" in entry], default=None),
        high=max([entry["MaxValue"] for entry in found if "MaxValue" in entry], default=None),
        allowed=tuple(found[0].get("AllowedValues", ())),
    )


@cache
def parameters_of(architecture: str) -> dict[str, dict[str, Any]]:
    """The parameters of one architecture's template, by name."""
    return declared(template(architecture))


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The items of a batch. `values` are the milliseconds of work of an item, `item_bytes` the bytes of one as JSON.

    `fail_rate` is the share of items that fail at every attempt.
    """

    items: int
    values: Distribution
    item_bytes: float | None = None
    fail_rate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The stack parameters, and fields of the request, that decide cost or duration.

    `pollers` is the maximum of the event source's provisioned mode; None is the default mode.
    """

    items_per_chunk: int = parameter("items_per_chunk").default
    batch_size: int = parameter("batch_size").default
    item_concurrency: int = parameter("item_concurrency").default
    processor_memory: int = parameter("processor_memory").default
    batcher_memory: int = parameter("batcher_memory").default
    max_concurrency: int = parameter("max_concurrency").default
    child_type: str = parameter("child_type").default
    chunks_per_child: int = parameter("chunks_per_child").default
    cpu_architecture: str = parameter("cpu_architecture").default
    chunks_per_segment: int = parameter("chunks_per_segment").default
    max_attempts: int = parameter("max_attempts").default
    retry_delay_seconds: int = parameter("retry_delay_seconds").default
    processor_timeout: int = parameter("processor_timeout").default
    function_timeout: int = parameter("function_timeout").default
    check_interval_seconds: int = parameter("check_interval_seconds").default
    deadline_seconds: int = parameter("deadline_seconds").default
    pollers: int | None = parameter("pollers").default
    custom_metrics: str = parameter("custom_metrics").default

    @property
    def makes_metrics(self) -> bool:
        """Whether CloudWatch makes metrics of what the functions log."""
        return self.custom_metrics == "ENABLED"


# Seconds of the longest deadline that each stack takes.
LONGEST_DEADLINE: dict[str, int] = {name: parameters_of(name)["DeadlineSeconds"]["MaxValue"] for name in STACK_NAMES}

# What the templates set and no parameter changes: MB of the finalizer and the failure recorder, ...
ORCHESTRATION_MEMORY = 256
# ... the seconds of the Step Functions batcher's timeout, ...
SFN_BATCHER_TIMEOUT = 900
# ... and the seconds that the processor's event source waits for more messages than the first few.
UNBATCHED_MESSAGES, BATCHING_SECONDS = 10, 1
