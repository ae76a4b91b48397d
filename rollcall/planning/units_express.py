"""What EXPRESS executions are billed as. https://aws.amazon.com/step-functions/pricing/"""

import math

BASE_MB, STEP_MB = 50, 64
MB = 1024 * 1024


def memory_gb(definition_bytes: int, payload_bytes: float, parallel_steps: int = 0) -> float:
    """GB of one execution: 50 MB, its definition, and its payload for every step of a Parallel or Map, up to 64 MB."""
    used = BASE_MB + (definition_bytes + payload_bytes * parallel_steps) / MB
    return math.ceil(used / STEP_MB) * STEP_MB / 1024


def gb_seconds(billed_ms: float, memory: float) -> float:
    """GB-seconds of milliseconds as billed: each execution's up to 100."""
    return billed_ms / 1000 * memory
