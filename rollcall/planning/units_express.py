"""What EXPRESS executions are billed as. https://aws.amazon.com/step-functions/pricing/"""

import math

BASE_MB, STEP_MB, STEP_MS = 50, 64, 100
MB = 1024 * 1024


def memory_gb(definition_bytes: int, payload_bytes: float, parallel_steps: int = 0) -> float:
    """GB of one execution: 50 MB, its definition, and its payload for every step of a Parallel or Map, up to 64 MB."""
    used = BASE_MB + (definition_bytes + payload_bytes * parallel_steps) / MB
    return math.ceil(used / STEP_MB) * STEP_MB / 1024


def duration_ms(milliseconds: float) -> int:
    """Milliseconds of one execution as billed: up to 100."""
    return max(1, math.ceil(milliseconds / STEP_MS)) * STEP_MS


def gb_seconds(billed_ms: float, memory: float) -> float:
    """GB-seconds of so many billed milliseconds."""
    return billed_ms / 1000 * memory
