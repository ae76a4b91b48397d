"""What holds a batch up for most of its time, by name."""

from costs.plan.chunk_cost import ChunkWork
from costs.plan.settings import Settings

# Beside quotas and parameters: what no setting changes.
LATENCY = "latency"
WORK = "work"


def held_by_work(
    bound_by: dict[str, float], seconds: float, work: ChunkWork, settings: Settings, together: int = 1
) -> None:
    """Add the time after the last chunk has begun: more items at a time would shorten it, if any are left.

    `together` chunks of an invocation come one after the other, so all but one of them wait.
    """
    name = "ItemConcurrency" if settings.item_concurrency < work.items else WORK
    bound_by[name] = bound_by.get(name, 0.0) + seconds / together
    if together > 1:
        bound_by["BatchSize"] = seconds * (together - 1) / together


def held_by_retries(bound_by: dict[str, float], seconds: float) -> None:
    """Add the time for which only chunks are left whose items have failed and are tried again."""
    if seconds:
        bound_by["RetryDelaySeconds"] = seconds


def bottleneck_of(bound_by: dict[str, float]) -> str:
    """What bound for the longest."""
    return max(bound_by, key=lambda name: bound_by[name])
