"""How the time of a batch passes: what a simulation finds, and what the units that timing decides are computed from."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phase:
    """A part of the batch's time, in seconds from the request; phases may overlap."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds and counts of one batch on AWS, expected values.

    `seconds` runs from the request to Batch Finished. Milliseconds are billed ones of all invocations together, init
    included; `init_ms` is that part of all of them, `work_ms` the part of the processor's in which an item was
    processed. `child_ms` are the durations of all child executions together, each rounded up to 100 ms (Step Functions
    only). `bottleneck` names the quota or setting that decides the duration; `bound_by` says for how many seconds each
    did. `retried` and `cut_short` count how often a chunk's items came again, because some failed or because the
    function's time ran out; `waited` how often a message was handed back untouched for want of time.
    """

    seconds: float
    bottleneck: str
    batcher_invocations: float
    batcher_ms: float
    processor_invocations: float
    processor_ms: float
    work_ms: float
    finalizer_invocations: float
    finalizer_ms: float
    cold_starts: float
    child_ms: float
    init_ms: float = 0.0
    chunks: int = 0
    retried: float = 0.0
    cut_short: float = 0.0
    waited: float = 0.0
    concurrency: float = 0.0
    """The most processors at a time."""
    chunk_seconds: float = 0.0
    """One chunk's work on average, of one attempt at all of its items."""
    phases: tuple[Phase, ...] = ()
    bound_by: dict[str, float] = field(default_factory=dict)
