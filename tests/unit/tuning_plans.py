"""Plans without a planner: small stand-ins with the shape that tuning needs, and a planner that is plain arithmetic."""

from dataclasses import dataclass, field

from costs.bill import Bill
from costs.plan.distribution import Distribution
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload

WORKLOAD = Workload(items=10_000, values=Distribution.parse("constant:100"))


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A plan of which only dollars, seconds and settings matter."""

    dollars: float
    seconds: float
    architecture: str = "sqs"
    settings: Settings = field(default_factory=Settings)
    workload: Workload = WORKLOAD
    bottleneck: str = "MaxConcurrency"
    warnings: tuple[str, ...] = ()
    bill: Bill = field(default_factory=lambda: Bill((), 10_000))

    @property
    def cost(self) -> float:
        return self.dollars


def arithmetic(architecture: str, workload: Workload, settings: Settings) -> StandIn:
    """Larger chunks and more at a time are cheaper, more processors faster; Step Functions is dearer."""
    chunk_seconds = settings.items_per_chunk * workload.values.mean / settings.item_concurrency / 1000
    if chunk_seconds > settings.processor_timeout:
        raise Impossible("ProcessorTimeout", "the chunk takes too long")
    chunks = workload.items / settings.items_per_chunk
    processors = settings.max_concurrency if settings.pollers is None else 10 * settings.pollers
    per_chunk = {"sqs": 1.0, "sfn": 8.0 if settings.child_type == "EXPRESS" else 15.0}[architecture]
    work = chunks * chunk_seconds * settings.processor_memory / 256
    return StandIn(
        dollars=(chunks * per_chunk + work + processors / 100) / 1_000_000,
        seconds=5 + max(chunk_seconds, chunks * chunk_seconds / processors),
        architecture=architecture,
        settings=settings,
        workload=workload,
    )
