"""What holds a batch up for most of its time, by name."""

from rollcall.planning.chunk_cost import ChunkWork
from rollcall.planning.settings import Settings

# Beside quotas and parameters: what no setting changes.
LATENCY = "latency"
WORK = "work"


def held_by_work(bound_by: dict[str, float], seconds: float, work: ChunkWork, settings: Settings) -> None:
    """Add the time after the last chunk has begun: more items at a time would shorten it, if any are left."""
    name = "ItemConcurrency" if settings.item_concurrency < work.items else WORK
    bound_by[name] = bound_by.get(name, 0.0) + seconds


def bottleneck_of(bound_by: dict[str, float]) -> str:
    """What bound for the longest."""
    return max(bound_by, key=lambda name: bound_by[name])
