"""How the time of a batch passes: what a simulation finds, and what the units that timing decides are computed from."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds and counts of one batch on AWS, expected values.

    `seconds` runs from the request to Batch Finished. Milliseconds are billed ones of all invocations together, init
    included; `work_ms` is the part of the processor's that is the user's own. `bottleneck` names the quota or setting
    that decides the duration.
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
