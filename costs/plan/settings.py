"""What a plan is made for: the batch's items, and how the stacks are set."""

from dataclasses import dataclass

from costs.plan.distribution import Values


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The items of a batch. `values` are the milliseconds of work of an item; `item_bytes` is one as JSON, in bytes.

    `fail_rate` is the share of items that fail at every attempt.
    """

    items: int
    values: Values
    item_bytes: float | None = None
    fail_rate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The stacks' parameters and the request's fields that decide cost or duration, with their names and defaults.

    `pollers` is the event source's provisioned mode, its most pollers; None is the default mode.
    """

    items_per_chunk: int = 100
    batch_size: int = 2
    item_concurrency: int = 10
    processor_memory: int = 256
    max_concurrency: int = 10
    child_type: str = "EXPRESS"
    cpu_architecture: str = "arm64"
    chunks_per_segment: int = 10_000
    max_attempts: int = 3
    retry_delay_seconds: int = 10
    function_timeout: int = 60
    check_interval_seconds: int = 60
    deadline_seconds: int = 21_600
    pollers: int | None = None
